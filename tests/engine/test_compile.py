"""Compiled loops: on one thread the same games as on all, beside forks and threads; others' functions are let be."""

import os
import subprocess
import sys

import numpy as np
import pytest

from engine.batch import GameBatch
from engine.compile import COMPILED, OneThread
from engine.kernel_cache import kernel_cache
from engine.map_specs import MapSpec
from engine.rules import play_turn

BOARD = MapSpec.plain(6, 6)

TOGETHER = """
import multiprocessing, sys, threading
from engine.batch import GameBatch
from engine.compile import OneThread
from engine.map_specs import MapSpec

def play():
    with OneThread():
        batch = GameBatch("generalsio", 3, board=MapSpec.plain(6, 6), max_turns=50)
        batch.reset()
        for _ in range(200):
            batch.step(batch.bot_actions("expander"))

threads = [threading.Thread(target=play) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
child = multiprocessing.get_context("fork").Process(target=play)
child.start()
child.join()
sys.exit(child.exitcode)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_on_one_thread_a_process_may_fork_and_have_others(layer):
    environment = {**os.environ, "NUMBA_THREADING_LAYER": layer, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def play():
    batch = GameBatch("generalsio", 130, 5, board=BOARD, max_turns=10)
    batch.reset()
    for _ in range(15):
        batch.step(batch.bot_actions("expander"))
    return batch.rows


def test_one_thread_plays_what_all_play():
    with OneThread():
        alone = play()
    np.testing.assert_array_equal(alone, play())


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_only_the_engines_functions_are_kept_in_its_place():
    import numba

    assert os.environ.get("NUMBA_CACHE_DIR", "") == numba.config.CACHE_DIR
    assert play_turn.stats.cache_path.startswith(str(kernel_cache()))
