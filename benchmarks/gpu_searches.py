"""What takes searches, and the scout, on a GPU: boards a second, and whether answers are the CPU's."""

from functools import partial

import numpy as np
import torch

from engine.advice import ADVISERS
from engine.board import DISCOVERED
from engine.bots.told import NEVER
from gpu_bench import Bench
from learner.advice import advise
from learner.belief import believe_compiled, believe_plain, told_of
from learner.scout import load_scout
from learner.scouting import CPU, Lessons, Report, learn_from, train
from learner.sight import Sight
from learner.ways import MY_ARMY, Ways, army_of, survey_compiled, survey_plain

ADVISED_ON_CPU = 512  # boards whose advice is compared


def seen_in_mid_game(bench: Bench) -> tuple[torch.Tensor, torch.Tensor]:
    """Words (N, H, W) and vectors (N, V) of both seats, after an opening of random moves."""
    batch = bench.batch(bench.scale.trained_games)
    batch.reset()
    for _ in range(bench.scale.opening):
        batch.step(batch.bot_actions("random"))
    seen = batch.observe()
    return bench.tensor(seen.words).flatten(0, 1).clone(), bench.tensor(seen.vector).flatten(0, 1).clone()


def measure_ways(bench: Bench) -> None:
    """Boards a second whose ways are searched, generals guessed, and on which advice is given; and whether kernels find
    what torch does, or for advice the CPU.
    """
    words, vector = seen_in_mid_game(bench)
    board = Sight().to(bench.device)(words)
    told = told_of(vector, castles=False)
    armies = army_of(board[:, MY_ARMY])
    believed = believe_plain(board, told)
    likely = believed.likely
    searches = {
        "ways": (survey_compiled(board, armies, True, likely), survey_plain(board, armies, True, likely)),
        "belief": (believe_compiled(board, told), believed),
    }
    ways = Ways(ordered=True)
    calls = {"ways": lambda: ways(board, likely), "belief": lambda: believe_compiled(board, told)}
    for name, (found, plain) in searches.items():
        is_equal = all(torch.allclose(mine, theirs, atol=1e-3) for mine, theirs in zip(found, plain, strict=True))
        bench.figures[f"{name}_equal_to_torch"] = float(is_equal)
        bench.figures[f"{name}_boards_per_s"] = len(board) / min(bench.seconds_of(calls[name]) for _ in range(3))
        if not is_equal:
            raise AssertionError(f"{name}: kernels differ from torch")
    few = slice(ADVISED_ON_CPU)
    for name in ADVISERS:
        wanted = advise(name, words[few].cpu(), vector[few].cpu(), castles=False)
        is_equal = torch.equal(advise(name, words[few], vector[few], castles=False).cpu(), wanted)
        bench.figures[f"advice_of_{name}_equal_to_cpu"] = float(is_equal)
        bench.figures[f"advice_of_{name}_boards_per_s"] = len(words) / min(
            bench.seconds_of(partial(advise, name, words, vector, castles=False)) for _ in range(3)
        )
        if not is_equal:
            raise AssertionError(f"advice of the {name}: the GPU's differs from the CPU's")


def lessons_of(bench: Bench) -> Lessons:
    """Positions in mid-game for the scout to learn from; points and generals are drawn from all places unseen."""
    words, vector = (tensor.cpu().numpy() for tensor in seen_in_mid_game(bench))
    chance = np.random.default_rng(1)
    maybe = words & DISCOVERED == 0
    points = np.where(maybe, chance.integers(-256, 256, words.shape), NEVER).astype(np.int32)
    count = len(words)
    truth = np.where(maybe, chance.random(words.shape), -1.0).reshape(count, -1).argmax(1)
    turns = vector[:, :1, None].astype(np.int16)
    last = np.where(chance.random(words.shape) < 0.1, turns, np.int16(0))
    return Lessons(words, vector, last // 2, last, points, truth, np.arange(count))


def measure_scout(bench: Bench) -> None:
    """Positions a second that the scout learns from; and whether its loss is the CPU's."""
    lessons = lessons_of(bench)
    few = np.arange(min(64, len(lessons.truth)))
    network = load_scout()
    wanted, _ = learn_from(network, lessons.on(CPU), 3, few)
    found, _ = learn_from(network.to(bench.device), lessons.on(bench.device), 3, few)
    if abs(float(found) / float(wanted) - 1.0) > 0.02:  # bfloat16
        raise AssertionError(f"the scout's loss is {float(found)}, on the CPU {float(wanted)}")
    reports: list[Report] = []
    for minutes in (0.05, bench.scale.scouted_minutes):  # what comes first warms up
        train(lessons, minutes, 1, reports.append, device=bench.device, batch=bench.scale.scouted)
    bench.figures["scout_positions_per_s"] = reports[-1].steps * bench.scale.scouted / (60 * minutes)
