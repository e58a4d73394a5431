"""`strategist`: scores every move by a small network that learned it in self-play, and draws one.

The network reads the facts of `engine.bots.situation` and a move's features (`engine.bots.moves`), and has one hidden
layer. All of it is whole numbers, so that every machine, compiled or not, plays alike:

    hidden = max(0, PHASES[turn % 50] + facts @ INPUTS + features @ MOVES)
    score  = features @ SKIPS + hidden @ OUTPUTS, in halvings of the odds

Taking a general, and the opening until an enemy is met, come before it (`engine.bots.options.settled`).
`learner.strategist` learns such networks and writes `engine.bots.strategist_weights`.
"""

import numpy as np

from engine.actions import PASS
from engine.arrays import Int16, Int32
from engine.bots.desk import MOVABLE, OTHER, REASON
from engine.bots.moves import FEATURE, FEATURES, ask_advisers, describe, list_moves, listed
from engine.bots.options import OPEN, settled
from engine.bots.situation import FACT_COUNT, FACTS, assess
from engine.bots.strategist_weights import INPUTS, MOVES, OUTPUTS, PHASES, SKIPS
from engine.chance import draw
from engine.compile import COMPILED, kernel

STRATEGIST = 4
HIDDEN = 96
COMMON = FACTS + FACT_COUNT  # first word, on a desk, of what the hidden layer reads of the facts,
UNITS = COMMON + HIDDEN  # and of the hidden layer for one move

# A weight is stored in 1024ths. A fact is 16 times what the network was trained on, so a hidden unit is 16,384 times;
# it is cut to 256 times.
PHASE_SHIFT, UNIT_SHIFT = 4, 6
HALVING = 18  # a score is 2**18 times the halvings
SKIP_SHIFT = HALVING - 14
STEPS = 64  # parts of a halving that are told apart,
STEP_SHIFT = HALVING - 6
ODDS = tuple(round(2**20 * 2 ** (-i / STEPS)) for i in range(STEPS))  # and the odds for each, of 2**20
LEAST = 20  # halvings beyond which a move is never drawn
BOUND = 1 << 30  # of scores, in words
FOR_MOVE = 1 << 24  # counter of the draw: beyond those of prizes


@kernel
def weigh_facts(desk: Int32, phases: Int16, inputs: Int16) -> None:
    """Fill in COMMON from FACTS: phases (50, HIDDEN), inputs (FACT_COUNT, HIDDEN)."""
    for j in range(HIDDEN):
        desk[COMMON + j] = int(phases[int(desk[FACTS]), j]) << PHASE_SHIFT
    for i in range(1, FACT_COUNT):
        fact = int(desk[FACTS + i])
        if fact != 0:
            for j in range(HIDDEN):
                desk[COMMON + j] += fact * int(inputs[i, j])


@kernel
def score_move(desk: Int32, moves: Int16, outputs: Int16, skips: Int16) -> int:
    """The score of the move whose features are on the desk: moves (FEATURES, HIDDEN), outputs (HIDDEN,), skips
    (FEATURES,).
    """
    for j in range(HIDDEN):
        desk[UNITS + j] = desk[COMMON + j]
    skipped, judged = 0, 0
    for i in range(FEATURES):
        feature = int(desk[FEATURE + i])
        if feature != 0:
            skipped += feature * int(skips[i])
            for j in range(HIDDEN):
                desk[UNITS + j] += feature * int(moves[i, j])
    for j in range(HIDDEN):
        judged += (max(0, int(desk[UNITS + j])) >> UNIT_SHIFT) * int(outputs[j])
    return (skipped << SKIP_SHIFT) + judged


@kernel
def score_next(desk: Int32, k: int, first: int, moves: Int16, outputs: Int16, skips: Int16) -> int:
    """Score the move numbered `k` of those listed, which is described on the desk, from the first one's score, which is
    returned.

    What all of a turn's moves have in common may be more than a word holds: learning leaves it to chance.
    """
    score = score_move(desk, moves, outputs, skips)
    if k == 0:
        first = score
    desk[listed(desk, k) + 1] = min(max(score - first, -BOUND), BOUND)
    return first


@kernel
def score_by_loops(
    desk: Int32, count: int, phases: Int16, inputs: Int16, moves: Int16, outputs: Int16, skips: Int16
) -> None:
    """Score the moves that are listed, by a network of these weights."""
    weigh_facts(desk, phases, inputs)
    first = 0
    for k in range(count):
        describe(desk, int(desk[listed(desk, k)]))
        first = score_next(desk, k, first, moves, outputs, skips)


def score_by_numpy(
    desk: Int32, count: int, phases: Int16, inputs: Int16, moves: Int16, outputs: Int16, skips: Int16
) -> None:
    """The same where kernels are plain."""
    described = []
    for k in range(count):
        describe(desk, desk[listed(desk, k)])
        described.append(list(desk[FEATURE : FEATURE + FEATURES]))
    facts = np.array(list(desk[FACTS : FACTS + FACT_COUNT]), np.int64)
    features = np.array(described, np.int64)
    hidden = (phases[facts[0]].astype(np.int64) << PHASE_SHIFT) + facts[1:] @ inputs[1:] + features @ moves
    scores = (features @ skips << SKIP_SHIFT) + (np.maximum(hidden, 0) >> UNIT_SHIFT) @ outputs
    scores = np.clip(scores - scores[0], -BOUND, BOUND)
    for k in range(count):
        desk[listed(desk, k) + 1] = int(scores[k])


score_moves = score_by_loops if COMPILED else score_by_numpy


@kernel
def odds_of(desk: Int32, k: int, best: int) -> int:
    """The odds of a move, 2**20 for the best; `best` is its score."""
    behind = (best - int(desk[listed(desk, k) + 1])) >> STEP_SHIFT
    if behind >= LEAST * STEPS:
        return 0
    return ODDS[behind % STEPS] >> (behind // STEPS)


@kernel
def draw_move(desk: Int32, count: int, key: int) -> int:
    """The number of a move, drawn by the scores of the `count` that are listed."""
    best = int(desk[listed(desk, 0) + 1])
    for k in range(1, count):
        best = max(best, int(desk[listed(desk, k) + 1]))
    total = 0
    for k in range(count):
        total += odds_of(desk, k, best)
    left = (draw(key, FOR_MOVE) * total) >> 32
    for k in range(count):
        left -= odds_of(desk, k, best)
        if left < 0:
            return k
    return 0


@kernel
def weigh_moves(board: Int32, s: int, key: int, guessing: int, desk: Int32) -> int:
    """List the moves of seat `s` and score them; returns how many. One alone where there is nothing to choose.

    guessing: BY_TABLES, or TOLD. `desk` is int32 of `scratch_words(tiles)`.
    """
    action = PASS
    if assess(board, s, guessing, desk) and int(desk[MOVABLE]) > 0:
        action = settled(board, desk, key)
        if action == OPEN:
            ask_advisers(board, desk, key)
            count = list_moves(desk)
            score_moves(desk, count, PHASES, INPUTS, MOVES, OUTPUTS, SKIPS)
            desk[REASON] = OTHER
            return count
    desk[listed(desk, 0)] = action
    return 1


@kernel
def choose_strategist(board: Int32, s: int, key: int, guessing: int, desk: Int32) -> int:
    """The action of seat `s`, as `weigh_moves` takes its arguments."""
    count = weigh_moves(board, s, key, guessing, desk)
    return int(desk[listed(desk, draw_move(desk, count, key))])
