"""What the tests of the GPU batch do in processes of their own.

    python -m tests.engine.cuda_game ptx       compile all kernels for a GPU, which need not be there
    python -m tests.engine.cuda_game play      play games in a CUDA batch (numba's simulator will do), print digests
    python -m tests.engine.cuda_game use       what else a batch offers, in a few turns
    python -m tests.engine.cuda_game survey    searches over what seats see (the simulator will do), digests of them

`play_games` plays the same games in any batch.
"""

import hashlib
import json
import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np
from numba import boolean, cuda, float32, int8, int32, int64, void

from engine import advice, belief
from engine.batch import GameBatch
from engine.board import HEADER, RANK, SEAT_FIELDS, TICKING, TOUCHED
from engine.maps import MapSpec
from engine.observation import planes
from engine.rewards import Shaping
from engine.ways import FOUND_ORDERED, MAPS, map_places, survey_boards

SEED = 11
TURNS = 70
GAMES = 3
BOARD = MapSpec.plain(4, 5, mountains=0.1, cities=1, apart=2)
MATCHES = (
    ("generalsio", "same", ("hunter", "expander")),
    ("classic", "next", ("expander", "random", "hunter")),
    ("competition", "same", ("expander", "random")),
    ("generalsio", "same", ("seeker", "strategist")),
)
CAPABILITY = (9, 0)


def games_of(ruleset, autoreset, seats, device):
    """Fresh games on small boards, truncated now and then so that new maps are drawn as well."""
    if device == "cuda":
        from engine.cuda import CudaGameBatch

        CudaGameBatch.threads = 2  # two blocks of games, one of them half empty
    return GameBatch(
        ruleset,
        GAMES,
        SEED,
        device,
        board=BOARD,
        seats=seats,
        autoreset=autoreset,
        max_turns=30,
        shaping=Shaping(),
    )


def host(array):
    """A host array of a batch on any device, the simulator's too."""
    return np.array(array)


def meaning(rows, shape):
    """Rows without what a turn or a map leaves behind and nothing reads again."""
    rows = rows.copy()
    seats = rows[:, HEADER : HEADER + shape.seats * SEAT_FIELDS].reshape(len(rows), shape.seats, SEAT_FIELDS)
    seats[:, :, [RANK, TOUCHED]] = 0
    for row in rows:
        row[shape.ticking + row[TICKING] :] = 0
    return rows


def play_games(device):
    """The digests of all matches: all that a step tells, turn by turn, and in the end the games themselves."""
    digests = []
    for ruleset, autoreset, bots in MATCHES:
        batch = games_of(ruleset, autoreset, len(bots), device)
        batch.reset()
        told = hashlib.sha256()
        episodes = 0
        for turn in range(TURNS):
            if device == "cuda" and turn == 40:
                batch.draw_spares()  # those of the first 40 turns were drawn in place
            seen, reward, terminated, truncated, info = batch.step(batch.bot_actions(bots))
            for array in (reward, terminated, truncated, *info.values(), seen.words, seen.vector):
                told.update(np.ascontiguousarray(host(array)).tobytes())
            episodes = int(host(info["episode"]).sum())
        told.update(meaning(host(batch.rows), batch.shape).tobytes())
        digests.append([episodes, told.hexdigest()])
    return digests


def use_batch():
    """Facts of a CUDA batch that a test can check; see `test_a_batch_on_the_gpu_offers_what_one_on_the_cpu_does`."""
    facts = {}
    batches = {device: games_of("competition", "same", 2, device) for device in ("cpu", "cuda")}
    gpu, cpu = batches["cuda"], batches["cpu"]
    for batch in batches.values():
        batch.reset()
        batch.step(batch.bot_actions("expander"))
    facts["masks"] = bool((host(gpu.action_masks()) == cpu.action_masks()).all())
    kept = gpu.snapshot(0)
    gpu.fork(1, 0)
    facts["fork"] = bool((gpu.snapshot(0) == gpu.snapshot(1)).all())
    gpu.restore(0, kept)
    facts["restore"] = bool((gpu.snapshot(0) == kept).all() and not (kept == gpu.snapshot(1)).all())
    facts["game"] = gpu.game(0).turn
    chosen = np.arange(GAMES) == 1
    for batch in batches.values():
        batch.reset(games=chosen)
    same = meaning(host(gpu.rows), gpu.shape) == meaning(cpu.rows, cpu.shape)
    facts["some anew"] = bool(same.all())
    for batch in batches.values():
        batch.reset(seed=5)
    facts["seed"] = bool((meaning(host(gpu.rows), gpu.shape) == meaning(cpu.rows, cpu.shape)).all())
    for batch in batches.values():
        batch.change_maps(BOARD.vary(cities=(0, 0)))
        for _ in range(31):
            batch.step(np.zeros((GAMES, 2), np.int32))
    same = meaning(host(gpu.rows), gpu.shape) == meaning(cpu.rows, cpu.shape)
    facts["other maps"] = bool(same.all() and not cpu.game(0).cities.any())
    for name, call in {
        "shape": lambda: gpu.step(np.zeros((GAMES, 3), np.int32)),
        "games": lambda: gpu.step(np.zeros((GAMES, 2), np.int32), games=np.zeros(1, np.int32)),
    }.items():
        try:
            call()
        except ValueError as error:
            facts[name] = str(error)
    return facts


def signatures():
    """The types each kernel is called with."""
    rows, flat = int32[:, ::1], int32[::1]
    boards, tiles = float32[:, :, :, ::1], float32[:, :, ::1]
    return {
        "play": void(rows, rows, float32[:, ::1], rows, float32[::1], flat, int64, int64),
        "renew": void(rows, rows, rows, flat, int64, int64, int64),
        "list_spent": void(rows, rows, flat),
        "draw_spares": void(rows, rows, flat, int64, flat),
        "begin_games": void(rows, flat, int64, boolean[::1]),
        "forget_episodes": void(rows, boolean[::1]),
        "lay_out": void(rows, flat),
        "play_random": void(rows, int8[:, ::1], int64, rows, rows),
        "play_expander": void(rows, int8[:, ::1], int64, rows, rows),
        "play_hunters": void(rows, int8[:, ::1], int64, rows, rows),
        "play_strategist": void(rows, int8[:, ::1], int64, rows, rows),
        "expand_masks": void(rows, boolean[:, :, ::1], boolean),
        "survey_each": void(boards, tiles, tiles, boards, int32[:, :, ::1]),
        "believe_each": void(boards, rows, boards, rows),
        "mark_seekers_each": void(int32[:, :, ::1], rows, flat, boards, rows, rows),
        "mark_strategists_each": void(int32[:, :, ::1], rows, flat, boards, rows, rows),
    }


def survey_games(device):
    """What `engine.belief`, the searches of `engine.ways` and `engine.advice` find in a few games: a digest a turn."""
    batch = GameBatch("generalsio", 2, SEED, board=BOARD)
    seen = batch.reset()
    digests = []
    for turn in range(40):
        if turn % 13 == 12:
            boards = np.stack(
                [
                    planes(*sides)
                    for game in zip(seen.flags, seen.army, strict=True)
                    for sides in zip(*game, strict=True)
                ]
            )
            boards = np.ascontiguousarray(np.moveaxis(boards, 1, -1))
            armies = np.where((seen.flags >> 1) & 3 == 1, seen.army, 0).reshape(boards.shape[:3]).astype(np.float32)
            count, tiles = len(boards), armies[0].size
            told = np.ascontiguousarray(seen.vector.reshape(count, -1)[:, [0, 4, 6]])  # neither has castles nor is dead
            guessed = np.zeros((*armies.shape, belief.FOUND), np.float32)
            desks = np.zeros((count, advice.adviser_words("strategist", tiles)), np.int32)
            found = np.zeros((*armies.shape, FOUND_ORDERED), np.float32)
            maps = np.zeros((count, MAPS, map_places(*armies.shape[1:])), np.int32)
            words, vectors = seen.words.reshape(boards.shape[:3]).copy(), seen.vector.reshape(count, -1).copy()
            header = advice.advice_header(False, 2, *armies.shape[1:])
            marks = np.zeros((2, *armies.shape, advice.MARKS), np.float32)
            rows = np.zeros((count, advice.advice_words(2, tiles)), np.int32)
            if device == "cpu":
                for adviser in (advice.BY_SEEKER, advice.BY_STRATEGIST):
                    advice.advise_boards(adviser, words, vectors, header, marks[adviser], rows[0], desks[0])
                belief.believe_boards(boards, told, guessed, desks[0])
                survey_boards(boards, armies, guessed[..., belief.LIKELY].copy(), found, maps[0])
            else:
                from engine.cuda.kernels import believe_each, mark_seekers_each, mark_strategists_each, survey_each

                for kernel, out in zip((mark_seekers_each, mark_strategists_each), marks, strict=True):
                    kernel[2, 3](words, vectors, header, out, rows, desks)
                believe_each[2, 3](boards, told, guessed, desks)
                survey_each[2, 3](boards, armies, guessed[..., belief.LIKELY].copy(), found, maps)
            digests += [hashlib.sha256(what.tobytes()).hexdigest() for what in (guessed, found, marks)]
            assert guessed.any()
            assert marks.any((1, 2, 3, 4)).all()
        seen, *_ = batch.step(batch.bot_actions("expander"))
    return digests


def compile_to_ptx():
    """Entry points of every kernel's PTX for a GPU of `CAPABILITY`, which need not be there."""
    from engine.cuda import kernels

    there = SimpleNamespace(compute_capability=CAPABILITY)
    entries = {}
    for name, signature in signatures().items():
        with mock.patch("numba.cuda.dispatcher.get_current_device", return_value=there):
            # Optimising would take half as long again and show nothing more.
            function = getattr(kernels, name).py_func
            ptx, _ = cuda.compile(function, signature, cc=CAPABILITY, device=False, abi="numba", opt=False)
        entries[name] = [line for line in ptx.splitlines() if line.startswith((".target", ".visible .entry"))]
    return entries


if __name__ == "__main__":
    commands = {
        "ptx": compile_to_ptx,
        "play": lambda: play_games("cuda"),
        "use": use_batch,
        "survey": lambda: survey_games("cuda"),
    }
    print(json.dumps(commands[sys.argv[1]]()))
