"""The same kernels on a GPU: they compile for one, and in numba's CUDA simulator play the games that the CPU plays."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")

ROOT = Path(__file__).parents[2]


def run(command, **environment):
    """What `tests.engine.cuda_game` prints in a process of its own: CUDA's switches are read when numba is imported."""
    switches = {"STRATAGEM_PLAIN": "", "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), **environment}
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.cuda_game", command],
        cwd=ROOT,
        env=os.environ | switches,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_whole_games_compile_to_ptx():
    pytest.importorskip("nvidia.cu13", reason="libNVVM (nvidia-nvvm) is not installed")
    lines = run("ptx")
    assert lines[0] == ".target sm_90"
    assert len([line for line in lines if "play" in line]) == 1


def test_the_simulator_plays_the_games_of_the_cpu():
    from tests.engine.cuda_game import play_on_cpu

    digests = run("play", NUMBA_ENABLE_CUDASIM="1", NUMBA_DISABLE_JIT="1")
    assert len(set(digests)) == 3
    assert digests == play_on_cpu()
