"""Two processes that train together, started by `torchrun`: the same policy as one process with all rows."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tests.learner.fused_games import fragment_of
from tests.learner.two_processes import updated

from learner.snapshot import load_checkpoint, load_policy
from learner.world import ALONE, World

ROOT = Path(__file__).resolve().parents[2]
TRAIN = (
    "-m", "stratagem.cli", "train", "--device", "cpu", "--size", "tiny", "--board", "small", "--games", "8",
    "--turns", "4", "--float32", "--max-turns", "40",
)  # fmt: skip


def torchrun(folder, *arguments, cwd):
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    options = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2", "--log-dir", str(folder / "logs")]
    command = [sys.executable, "-m", "torch.distributed.run", *options, *arguments]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_two_processes_learn_what_one_with_all_rows_does(tmp_path):
    _, fragment = fragment_of(games=6)
    torch.save(fragment._asdict(), tmp_path / "fragment.pt")
    process = torchrun(tmp_path, "-m", "tests.learner.two_processes", str(tmp_path), cwd=ROOT)
    assert process.wait(240) == 0, process.stdout.read()
    weights, notes = updated(fragment, ALONE)
    halves = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for name, weight in weights.items():
        assert torch.equal(halves[0][0][name], halves[1][0][name]), name
        torch.testing.assert_close(halves[0][0][name], weight, rtol=1e-3, atol=1e-5)
    for together, alone in zip(halves[0][1], notes, strict=True):
        for name in ("policy", "value", "entropy", "divergence", "grad_norm", "learning_rate"):
            assert together[name] == pytest.approx(alone[name], rel=1e-2, abs=1e-4), name


def test_a_run_of_two_processes_is_stopped_and_goes_on(tmp_path):
    """SIGTERM reaches one of them first; both end after the same gradient step."""
    process = torchrun(tmp_path, *TRAIN, "--minutes", "10", cwd=tmp_path)
    metrics = tmp_path / "runs/train/metrics.jsonl"
    patience = time.monotonic() + 240
    while not (metrics.exists() and len(metrics.read_text().splitlines()) >= 3):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < patience
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=120)[0]
    assert "holds all of it" in told
    tensors, facts = load_checkpoint(tmp_path / "runs/train/checkpoint.safetensors")
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert facts["progress"]["iterations"] == len(lines)
    assert facts["progress"]["env_steps"] == lines[-1]["env_steps"] == len(lines) * 4 * 8
    assert torch.equal(tensors["policy/value.weight"], load_policy(tmp_path / "runs/train/policy").policy.value.weight)

    minutes = (lines[-1]["seconds"] + 0.5) / 60
    again = torchrun(tmp_path, *TRAIN, "--minutes", f"{minutes:.4f}", cwd=tmp_path)
    told = again.communicate(timeout=240)[0]
    assert again.returncode == 0, told
    assert len(metrics.read_text().splitlines()) > len(lines)
    _, facts = load_checkpoint(tmp_path / "runs/train/checkpoint.safetensors")
    assert facts["progress"]["sittings"] == 2


def test_games_are_dealt_out_evenly_or_refused():
    assert World(1, 4).share_of(64, "games") == 16
    with pytest.raises(ValueError, match="games is 6; accepted: a multiple of 4"):
        World(0, 4).share_of(6, "games")
