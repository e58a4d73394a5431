"""The zip for the bot competition: `run.sh`, the program, the policy, and of this project what they need.

The competition's machine has torch (RULES.md), so the policy runs there as it runs here, from the same source files.
numba is there too, but has no time to compile: the scripted bot runs plain.
"""

import ast
import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np

from actors.competition import STAND_IN
from engine.bots import HUNTERS
from engine.bots.scout import SCOUT

SOURCES = Path(__file__).resolve().parents[1]
MAX_BYTES = 50_000_000
SLOWEST_MOVE = 0.075  # seconds on one core: half of what the competition allows
PROGRAM = "actors.competition"
SCOUT_WEIGHTS = "learner/scout.safetensors"
BOTS = (*HUNTERS, SCOUT)

RUN = """#!/bin/sh
# Plays one game of the competition on standard input and output.
cd "$(dirname "$0")" || exit 1
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
for python in python3 python3.12 python; do
    command -v "$python" >/dev/null 2>&1 && exec "$python" -u main.py
done
echo "no python found" >&2
exit 1
"""

MAIN = '''"""Start the bot. numba is hidden: compiling would take minutes."""

import sys
from pathlib import Path

sys.modules["numba"] = None
folder = Path(__file__).resolve().parent
sys.path.insert(0, str(folder))

from actors.competition import main  # noqa: E402

main(folder)
'''


class ExportError(ValueError):
    """A policy that cannot play in the competition; the message says why."""


def needed_modules(start: str) -> dict[str, Path]:
    """The modules of this project that one imports, however deep: file name in the zip -> file, packages included."""
    found: dict[str, Path] = {}
    todo = [start]
    while todo:
        name = todo.pop()
        path = SOURCES / name.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        key = path.relative_to(SOURCES).as_posix()
        if key in found or not path.is_file():
            continue
        found[key] = path
        parts = name.split(".")
        todo += [".".join(parts[:depth]) for depth in range(1, len(parts))]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                todo += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def move_seconds(policy: Path, moves: int = 8) -> float:
    """What a policy takes for a move on one thread of this machine, the median of some; the first is left out.

    Ways are searched as in the competition, where kernels are not compiled.

    Raises SnapshotError, and ExportError for more than SLOWEST_MOVE.
    """
    import torch

    from actors.foreign_view import ForeignView
    from actors.policy_mind import PolicyMind
    from engine.rulesets import RULESETS
    from learner import ways

    threads, compiled = torch.get_num_threads(), ways.KERNELS
    torch.set_num_threads(1)
    ways.KERNELS = False
    try:
        mind = PolicyMind.load(policy)
        view = ForeignView(RULESETS["competition"], 0, 2, 21, 21, mind.board)
        mind.begin(view)
        seconds = []
        for _ in range(1 + moves):
            begin = time.perf_counter()
            mind.decide(view)
            seconds.append(time.perf_counter() - begin)
    finally:
        torch.set_num_threads(threads)
        ways.KERNELS = compiled
    middle = float(np.median(seconds[1:]))
    if middle > SLOWEST_MOVE:
        raise ExportError(f"{policy}: takes {1000 * middle:.0f} ms a move; accepted: {1000 * SLOWEST_MOVE:.0f} ms")
    return middle


def competition_zip(
    policy: Path | None, temperature: float = 1.0, bot: str = STAND_IN, weights: Path | None = None
) -> bytes:
    """The zip's bytes, the same for the same policy; None packs the bot alone, one of BOTS.

    `policy` is a path without a suffix, as `load_policy` takes it; `temperature` as in `PolicyMind`; `weights` are the
    scout's, None for those in the box. Raises OSError for files that cannot be read, ExportError for what cannot play
    in the competition.
    """
    if bot not in BOTS:
        raise ExportError(f'bot "{bot}" is unknown; known: {", ".join(BOTS)}')
    files: list[tuple[str, bytes, int]] = [("run.sh", RUN.encode(), 0o755), ("main.py", MAIN.encode(), 0o644)]
    if policy is not None:
        for suffix in (".json", ".safetensors"):
            files.append((f"policy{suffix}", policy.with_name(f"{policy.name}{suffix}").read_bytes(), 0o644))
        seats = json.loads(files[2][1])["network"]["seats"]
        if seats != 2:
            raise ExportError(f"{policy}: plays games of {seats} seats; the competition's have 2")
    files.append(("play.json", json.dumps({"bot": bot, "temperature": temperature}).encode(), 0o644))
    if bot == SCOUT:
        files.append((SCOUT_WEIGHTS, (weights or SOURCES / SCOUT_WEIGHTS).read_bytes(), 0o644))
    files += [(name, path.read_bytes(), 0o644) for name, path in sorted(needed_modules(PROGRAM).items())]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in files:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    data = packed.getvalue()
    if len(data) > MAX_BYTES:
        raise ExportError(f"{policy}: the zip would have {len(data):,} bytes; accepted: {MAX_BYTES:,}")
    return data
