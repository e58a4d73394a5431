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


def test_all_kernels_compile_to_ptx():
    pytest.importorskip("nvidia.cu13", reason="libNVVM (nvidia-nvvm) is not installed")
    from tests.engine.cuda_game import signatures

    found = run("ptx")
    assert found.keys() == signatures().keys()
    for name, (target, *entries) in found.items():
        assert target == ".target sm_90"
        assert [name in entry for entry in entries] == [True]


SIMULATOR = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}


def test_the_simulator_plays_the_games_of_the_cpu():
    from tests.engine.cuda_game import play_games

    digests = run("play", **SIMULATOR)
    assert all(episodes >= 3 for episodes, _ in digests)  # every game came to a new map
    assert len({digest for _, digest in digests}) == 4
    assert digests == play_games("cpu")


def test_the_simulator_finds_ways_beliefs_and_advice_of_the_cpu():
    from tests.engine.cuda_game import survey_games

    found = run("survey", **SIMULATOR)
    assert len(set(found)) == 9
    assert found == survey_games("cpu")


def test_a_batch_on_the_gpu_offers_what_one_on_the_cpu_does():
    facts = run("use", **SIMULATOR)
    assert facts.pop("shape") == "actions are int32 of shape (3, 3); accepted: integers of shape (3, 2)"
    assert facts.pop("games") == "games are named; a batch on the GPU steps them all: accepted: None"
    assert facts.pop("game") == 1
    assert facts == {"masks": True, "fork": True, "restore": True, "some anew": True, "seed": True, "other maps": True}


def test_without_a_gpu_a_batch_says_what_is_missing():
    from numba import cuda

    from engine import GameBatch

    if cuda.is_available():
        pytest.skip("a GPU is there")
    with pytest.raises(RuntimeError, match="needs an NVIDIA GPU"):
        GameBatch(device="cuda")
    with pytest.raises(ValueError, match='device "gpu" is unknown; known: cpu, cuda'):
        GameBatch(device="gpu")
