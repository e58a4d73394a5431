"""A referee of the bot competition: the engine's rules, the protocol of RULES.md, one core and 2 GB for each bot."""

import os
import resource
import select
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import psutil
import torch

from actors.competition_wire import FOG, KINDS, OBSTACLE_IN_FOG
from engine.board import MAP_HEIGHT, MAP_WIDTH, VISIBLE
from engine.tiles import HIDES, KIND_BITS, OBSTACLE

MEMORY = 2 << 30
FIRST_MOVE, HUNG = 120.0, 60.0  # seconds; tests share their machine, so its limits are asked of processor time alone
TYPES = {int(kind): number for number, kind in enumerate(KINDS) if number not in (FOG, OBSTACLE_IN_FOG)}
assert OBSTACLE not in TYPES


def map_size(batch, game=0):
    return int(batch.rows[game, MAP_HEIGHT]), int(batch.rows[game, MAP_WIDTH])


def handshake(batch, seat, game=0):
    height, width = map_size(batch, game)
    return f"{seat} {height} {width}"


def frame(batch, seat, game=0):
    """The lines of one turn."""
    height, width = map_size(batch, game)
    view = batch.view
    visible = (view.flags[game, seat, :height, :width] & VISIBLE) != 0
    kinds = view.place[game, :height, :width, 1].astype(np.int64) & KIND_BITS
    types = np.vectorize(TYPES.get)(kinds)
    hidden = np.where((HIDES >> kinds) & 1 == 1, OBSTACLE_IN_FOG, FOG)
    owner = view.owner[game, :height, :width]
    whose = np.where(owner == seat, 1, np.where(owner == 1 - seat, 2, 0))
    grids = [
        np.where(visible, types, hidden),
        np.where(visible, whose, 0),
        np.where(visible, view.army[game, :height, :width], 0),
    ]
    lines = [" ".join(str(number) for number in view.vector[game, seat, [0, 1, 2, 4, 5]])]
    for grid in grids:
        lines += [" ".join(map(str, row)) for row in grid.tolist()]
    return lines


def action_of(answer, batch):
    """The action code of an answer."""
    kind, row, column, direction, split = (int(word) for word in answer.split())
    tile = row * batch.width + column
    return {0: 1 + (tile * 4 + direction) * 2 + split, 1: 0, 2: 1 + 8 * batch.tiles + tile}[kind]


class Program:
    """A zip of a bot, unpacked and running."""

    def __init__(self, zipped, folder):
        with zipfile.ZipFile(zipped) as archive:
            archive.extractall(folder)
        self.process = subprocess.Popen(
            ["sh", str(folder / "run.sh")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)},
            preexec_fn=self._confine,
        )
        self._patience = FIRST_MOVE
        self._rest = b""

    @staticmethod
    def _confine():
        if torch.version.cuda is None:  # a build for GPUs maps more than that of libraries alone
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    def send(self, *lines):
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def ask(self, *lines):
        """Send lines; the answer."""
        self.send(*lines)
        deadline = time.perf_counter() + self._patience
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.perf_counter()))
            assert ready, "no answer"
            piece = os.read(self.process.stdout.fileno(), 4096)
            assert piece, self.process.stderr.read().decode()
            self._rest += piece
        answer, _, self._rest = self._rest.partition(b"\n")
        self._patience = HUNG
        return answer.decode()

    def cpu_seconds(self):
        """Seconds of a core it has used: other than an answer's delay, the same on a busy machine."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def close(self):
        """End its input; its exit status, what else it wrote, and its complaints."""
        out, complaints = self.process.communicate(timeout=HUNG)
        return self.process.returncode, self._rest + out, complaints.decode()
