"""Whether long random games on a GPU are the CPU's, bit for bit."""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from engine.batch import GameBatch
from engine.rewards import Shaping
from gpu_bench import LIMIT, Bench, Scale

LAST_WAIT = 20.0  # seconds beyond its time in which the CPU's games are waited for, fewer than GRACE of gpu.py
COMPARED = (("generalsio", "site", "same"), ("classic", "site", "next"), ("competition", "competition", "same"))


def play_digests(scale: Scale, device: str) -> list[str]:
    """What long random games come to on a device: a digest of all that is seen and told, ruleset by ruleset."""
    digests = []
    for ruleset, board, autoreset in COMPARED:
        spec = board if scale.device == "cuda" else scale.board
        batch = GameBatch(
            ruleset,
            scale.checked_games,
            7,
            device,
            board=spec,
            autoreset=autoreset,
            max_turns=LIMIT,
            shaping=Shaping(),
        )
        batch.reset()
        told = hashlib.sha256()
        for turn in range(scale.checked_turns):
            seen, reward, terminated, truncated, info = batch.step(batch.bot_actions("random"))
            arrays = [reward, terminated, truncated, *info.values()]
            if turn % 10 == 9:
                arrays += [seen.words, seen.vector]
            for array in arrays:
                host = torch.as_tensor(array, device=device).contiguous().cpu().numpy()
                told.update(host.tobytes())
        digests.append(told.hexdigest())
    return digests


def start_cpu_games(scale: Scale, folder: Path, script: str) -> subprocess.Popen[bytes]:
    """The same games on the CPU, by `script --cpu-games` in a process of its own, which compiles meanwhile."""
    options = ["--smoke"] if scale.device == "cpu" else []
    out = (folder / "cpu.json").open("wb")
    return subprocess.Popen([sys.executable, script, "--cpu-games", *options], stdout=out)


def check_equality(bench: Bench, cpu: "subprocess.Popen[bytes]", folder: Path, mine: list[str]) -> None:
    """Compare with the CPU's games."""
    if len(mine) != len(COMPARED):
        raise RuntimeError("the GPU's games were not played")
    if cpu.wait(timeout=max(LAST_WAIT, bench.end - time.monotonic())):
        raise RuntimeError(f"the CPU's games ended with {cpu.returncode}")
    theirs = json.loads((folder / "cpu.json").read_text())
    bench.figures["equal_to_cpu"] = float(theirs == mine)
    bench.figures["compared_game_turns"] = len(mine) * bench.scale.checked_games * bench.scale.checked_turns
    if theirs != mine:
        wrong = [name for (name, _, _), a, b in zip(COMPARED, theirs, mine, strict=True) if a != b]
        raise AssertionError(f"games differ from the CPU's: {', '.join(wrong)}")
