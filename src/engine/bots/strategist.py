"""`strategist`: chooses among the options of `engine.bots.options` by a small network that learned it in self-play.

The network reads the facts of `engine.bots.situation`, has one hidden layer, and says how likely each option should be;
one is drawn. All of it is whole numbers, so that every machine, compiled or not, plays alike:

    hidden = max(0, PHASES[turn % 50] + facts @ INPUTS)
    score  = BIASES + hidden @ OUTPUTS, in halvings of the odds

`learner.strategist` learns such networks and writes `engine.bots.strategist_weights`.
"""

from engine.actions import PASS
from engine.arrays import Int32
from engine.bots.desk import MOVABLE
from engine.bots.options import OPEN, OPTIONS, follow, settled
from engine.bots.situation import FACT_COUNT, FACTS, assess
from engine.bots.strategist_weights import BIASES, INPUTS, OUTPUTS, PHASES
from engine.chance import draw
from engine.compile import kernel

STRATEGIST = 4
HIDDEN = 96
OPTION_COUNT = len(OPTIONS)
UNITS = FACTS + FACT_COUNT  # first word of the hidden layer on a desk, and of the scores
SCORES = UNITS + HIDDEN

# A weight is stored in 1024ths. A fact is 16 times what the network was trained on, so a hidden unit is 16,384 times;
# it is cut to 256 times.
PHASE_SHIFT, UNIT_SHIFT, BIAS_SHIFT = 4, 6, 8
HALVING = 18  # a score is 2**18 times the halvings
STEPS = 64  # parts of a halving that are told apart,
STEP_SHIFT = HALVING - 6
ODDS = tuple(round(2**20 * 2 ** (-i / STEPS)) for i in range(STEPS))  # and the odds for each, of 2**20
LEAST = 20  # halvings beyond which an option is never drawn
FOR_OPTION = 1 << 24  # counter of the draw: beyond those of prizes


@kernel
def score_options(desk: Int32) -> None:
    """Fill in SCORES from FACTS."""
    for j in range(HIDDEN):
        desk[UNITS + j] = int(PHASES[int(desk[FACTS]), j]) << PHASE_SHIFT
    for i in range(1, FACT_COUNT):
        fact = int(desk[FACTS + i])
        if fact != 0:
            for j in range(HIDDEN):
                desk[UNITS + j] += fact * int(INPUTS[i, j])
    for k in range(OPTION_COUNT):
        desk[SCORES + k] = int(BIASES[k]) << BIAS_SHIFT
    for j in range(HIDDEN):
        unit = int(desk[UNITS + j]) >> UNIT_SHIFT
        if unit > 0:
            for k in range(OPTION_COUNT):
                desk[SCORES + k] += unit * int(OUTPUTS[j, k])


@kernel
def odds_of(desk: Int32, k: int, best: int) -> int:
    """The odds of an option, 2**20 for the best; `best` is its score."""
    behind = (best - int(desk[SCORES + k])) >> STEP_SHIFT
    if behind >= LEAST * STEPS:
        return 0
    return ODDS[behind % STEPS] >> (behind // STEPS)


@kernel
def draw_option(desk: Int32, key: int) -> int:
    """An option, drawn by its scores."""
    best = int(desk[SCORES])
    for k in range(1, OPTION_COUNT):
        best = max(best, int(desk[SCORES + k]))
    total = 0
    for k in range(OPTION_COUNT):
        total += odds_of(desk, k, best)
    left = (draw(key, FOR_OPTION) * total) >> 32
    for k in range(OPTION_COUNT):
        left -= odds_of(desk, k, best)
        if left < 0:
            return k
    return 0


@kernel
def choose_strategist(board: Int32, s: int, key: int, desk: Int32) -> int:
    """The action of seat `s`. `desk` is int32 of `scratch_words(tiles)`."""
    if not assess(board, s, desk) or int(desk[MOVABLE]) == 0:
        return PASS
    action = settled(board, desk, key)
    if action != OPEN:
        return action
    score_options(desk)
    return follow(board, desk, draw_option(desk, key), key)
