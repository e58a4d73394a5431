"""Compile the kernels before they are needed, on two cores at once: `python -m engine.warm`.

Compiling everything takes minutes of one core. Numba keeps what it compiled in a cache that all processes share, and
what one kernel calls is kept by itself, so two processes that begin at different ends do it in half the time.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np

from engine.kernel_cache import kernel_cache
from engine.map_specs import MapSpec


def single_games() -> None:
    """One game, then a batch's turn."""
    from engine.batch import GameBatch
    from engine.compile import OneThread
    from engine.game import Game

    game = Game.from_tiles("classic", np.array([[1, 0, 0], [0, -2, 40], [0, 0, 2]]))
    game.step([None, None])
    game.surrender(0)
    batch = GameBatch("generalsio", 2, board=MapSpec.plain(6, 6))
    batch.reset()
    batch.step(np.zeros((2, 2), np.int32))
    with OneThread():
        batch.step(np.zeros((2, 2), np.int32))


def maps_and_bots() -> None:
    """Maps, then bots."""
    from engine.batch import GameBatch
    from engine.compile import OneThread

    batch = GameBatch("generalsio", 2, board=MapSpec.plain(6, 6))
    batch.reset()
    batch.bot_actions(["hunter", "expander"])
    with OneThread():
        batch.reset()
        batch.bot_actions(["hunter", "expander"])


PARTS: dict[str, Callable[[], None]] = {"single_games": single_games, "maps_and_bots": maps_and_bots}


def is_cold() -> bool:
    """Whether kernels are compiled here, and none is yet for the rules as they are now."""
    if importlib.util.find_spec("numba") is None or os.environ.get("STRATAGEM_PLAIN", "") == "1":
        return False
    place = kernel_cache()
    return place is not None and not any(place.rglob("*.nbi"))


def compile_kernels() -> None:
    """Compile all kernels, in two processes, unless it has been done. What fails here fails again where it is told."""
    if not is_cold():
        return
    sources = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": sources}
    command = [sys.executable, "-m", "engine.warm"]
    # In groups of their own Ctrl-C does not reach them; whatever ends this process's wait ends them as well.
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for part in PARTS:
            processes.append(subprocess.Popen([*command, part], env=environment, process_group=0))
        for process in processes:
            process.wait()
    finally:
        for process in processes:
            process.terminate()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        PARTS[sys.argv[1]]()
    else:
        compile_kernels()
