"""The checks and measurements of a GPU, in little on the CPU: who has one for minutes must find no mistake in them."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_part_runs_and_reports():
    command = [sys.executable, "benchmarks/gpu.py", "--smoke"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    figures = json.loads((ROOT / "build/bench/gpu_smoke.json").read_text())
    assert figures["equal_to_cpu"] == 1.0
    assert not [name for name in figures if name.startswith("failed")]
