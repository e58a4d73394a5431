"""Whole games inside one CUDA kernel: maps, bots, turns, rewards and autoreset, one thread a game.

    python -m tests.engine.cuda_game ptx       compile it for a GPU, which need not be there; print some of the PTX
    python -m tests.engine.cuda_game play      play games in it (numba's CUDA simulator will do); print their digests

`play_on_cpu` plays the same games in a `GameBatch`.
"""

import hashlib
import json
import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np
from numba import cuda, float32, int8, int32, int64, void

from engine.batch import END_FIELDS, SAME, GameBatch, next_episode, step_game
from engine.board import EPISODE, MAX_SEATS, SEATS, TURN, get
from engine.bots import choose, find_bot, scratch_words
from engine.chance import FOR_PLAY, draw, make_key
from engine.maps import MapSpec
from engine.rewards import Shaping

SEED = 11
TURNS = 80
GAMES = 2
BOARD = MapSpec.plain(4, 5, mountains=0.1, cities=1, apart=2)
MATCHES = (
    ("generalsio", ("hunter", "expander")),
    ("classic", ("expander", "random", "hunter")),
    ("competition", ("expander", "random")),
)
CAPABILITY = (9, 0)


def games_of(ruleset, bots):
    """Fresh games on small boards, truncated now and then so that new maps are drawn as well."""
    return GameBatch(ruleset, GAMES, SEED, board=BOARD, seats=len(bots), max_turns=50, shaping=Shaping())


def digest(rows, rewards):
    """What games came to: all words of them, and what was earned on the way."""
    return hashlib.sha256(rows.tobytes() + rewards.tobytes()).hexdigest()


def play_on_cpu():
    """The digests of all matches, from batches."""
    digests = []
    for ruleset, bots in MATCHES:
        batch = games_of(ruleset, bots)
        batch.reset()
        rewards = np.zeros((TURNS, GAMES, len(bots)), np.float32)
        for turn in range(TURNS):
            rewards[turn] = batch.step(batch.bot_actions(bots))[1]
        digests.append(digest(batch.rows, rewards))
    return digests


def play(rows, spec, seed, max_turns, bots, actions, rewards, ended, weights, scratch):
    """The kernel, of nothing but the engine's own functions."""
    g = cuda.grid(1)
    if g < rows.shape[0]:
        board = rows[g]
        next_episode(board, spec, seed, g, 0)
        for turn in range(rewards.shape[0]):
            stream = make_key(seed, g, get(board, EPISODE), FOR_PLAY)
            for s in range(get(board, SEATS)):
                key = draw(stream, get(board, TURN) * MAX_SEATS + s)
                actions[g, s] = choose(board, s, int(bots[s]), key, scratch[g])
            step_game(board, actions[g], rewards[turn, g], ended[g], weights, spec, seed, g, max_turns, SAME)


def compile_to_ptx():
    """The kernel's PTX for a GPU of `CAPABILITY`, which need not be there."""
    signature = void(
        *(int32[:, ::1], int32[::1], int64, int64, int8[::1], int32[:, ::1]),
        *(float32[:, :, ::1], int32[:, ::1], float32[::1], int32[:, ::1]),
    )
    there = SimpleNamespace(compute_capability=CAPABILITY)
    with mock.patch("numba.cuda.dispatcher.get_current_device", return_value=there):
        # Optimising would take half as long again and show nothing more.
        ptx, _ = cuda.compile(play, signature, cc=CAPABILITY, device=False, abi="numba", opt=False)
    return ptx


def play_in_kernel():
    """The digests of all matches, from the kernel."""
    kernel = cuda.jit(play)
    digests = []
    for ruleset, bots in MATCHES:
        batch = games_of(ruleset, bots)
        rewards = np.zeros((TURNS, GAMES, len(bots)), np.float32)
        kernel[1, GAMES](
            *(batch.rows, BOARD.integers(), SEED, batch.max_turns, np.array([find_bot(bot) for bot in bots], np.int8)),
            *(np.zeros((GAMES, len(bots)), np.int32), rewards),
            *(np.zeros((GAMES, END_FIELDS), np.int32), Shaping().numbers()),
            np.zeros((GAMES, scratch_words(batch.tiles)), np.int32),
        )
        digests.append(digest(batch.rows, rewards))
    return digests


if __name__ == "__main__":
    if sys.argv[1] == "ptx":
        lines = compile_to_ptx().splitlines()
        print(json.dumps([line for line in lines if line.startswith((".target", ".visible .entry"))]))
    else:
        print(json.dumps(play_in_kernel()))
