"""What a bot would do, from nothing but what a seat observes: advice for networks (`learner.advice`).

The seeker tells what it would play, the strategist how it likes every move. An observation is laid out as a game's row
that shows one seat's view, and they choose there as they do in games. Where they draw, they draw by the turn, since
nobody else's dice are known here. Advice stands in marks, MARKS numbers of a tile: how much its army should go up,
down, left or right; how much one should pass, the same on all tiles; and whether a castle should be built there.
"""

from functools import cache

from engine.actions import PASS
from engine.arrays import Float32, Int32
from engine.board import (
    AT_CELLS,
    AT_TICKING,
    AT_VECTORS,
    CELL_WORDS,
    HEADER,
    SURCHARGES,
    VIEWS,
    Shape,
    get,
    header_of,
    vector_size,
)
from engine.bots import scratch_words
from engine.bots.desk import BY_TABLES, desk_words
from engine.bots.hunter import choose_hunter
from engine.bots.moves import listed
from engine.bots.strategist import STEP_SHIFT, weigh_moves
from engine.chance import draw
from engine.compile import call, kernel
from engine.rulesets import RULESETS

ADVISERS = ("seeker", "strategist")
BY_SEEKER, BY_STRATEGIST = range(2)
MARKS = 6
PASSING, BUILDING = 4, 5
SPAN = 1024  # 64ths of a halving
PART = 1.0 / SPAN
FOR_ADVICE = 0x5EE4E5  # key of the draws
OBSERVATION = HEADER  # first word of the vector in such a row, where bots read no seats; behind it are the words


@cache
def advice_header(castles: bool, seats: int, height: int, width: int) -> Int32:
    """What a row begins with, int32 (HEADER,): of the competition's rules where castles are built, else the site's."""
    ruleset = RULESETS["competition" if castles else "generalsio"]
    header = header_of(Shape.of(ruleset, seats, height, width), ruleset, observed=True, memory=True)
    cells = OBSERVATION + vector_size(seats)
    header[[AT_VECTORS, AT_CELLS, CELL_WORDS, VIEWS, SURCHARGES]] = OBSERVATION, cells, 1, 0, 0
    header[AT_TICKING] = cells + height * width
    return header


def advice_words(seats: int, tiles: int) -> int:
    """Length of a row to lay an observation out in."""
    return OBSERVATION + vector_size(seats) + tiles


def adviser_words(adviser: str, tiles: int) -> int:
    """Length of an adviser's desk."""
    return scratch_words(tiles) if adviser == ADVISERS[BY_STRATEGIST] else desk_words(tiles)


@kernel
def lay_out_row(words: Int32, vector: Int32, header: Int32, row: Int32) -> int:
    """Lay an observation out in a row of `advice_words`; returns the key of the draws.

    words (H, W), vector (V,), header (HEADER,).
    """
    for i in range(HEADER):
        row[i] = header[i]
    for i in range(len(vector)):
        row[OBSERVATION + i] = vector[i]
    at = get(row, AT_CELLS)
    for r in range(words.shape[0]):
        for c in range(words.shape[1]):
            row[at] = words[r, c]
            at += 1
    return draw(FOR_ADVICE, int(vector[0]))


@kernel
def clear(out: Float32) -> None:
    """Take all marks away, float32 (H, W, MARKS)."""
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            for kind in range(MARKS):
                out[r, c, kind] = 0.0


@kernel
def mark(action: int, amount: float, out: Float32) -> None:
    """Mark a whole army's step, passing or a castle."""
    width = out.shape[1]
    tiles = out.shape[0] * width
    if action == PASS:
        for r in range(out.shape[0]):
            for c in range(width):
                out[r, c, PASSING] = amount
    elif action > 8 * tiles:
        t = action - 1 - 8 * tiles
        out[t // width, t % width, BUILDING] = amount
    else:
        t = (action - 1) >> 3
        out[t // width, t % width, ((action - 1) >> 1) & 3] = amount


@kernel
def mark_seekers(words: Int32, vector: Int32, header: Int32, out: Float32, row: Int32, desk: Int32) -> None:
    """Mark what the seeker would do: 1 there, 0 elsewhere. out (H, W, MARKS); row and desk are scratch."""
    key = lay_out_row(words, vector, header, row)
    clear(out)
    mark(choose_hunter(row, 0, key, BY_TABLES, desk), 1.0, out)


@kernel
def mark_strategists(words: Int32, vector: Int32, header: Int32, out: Float32, row: Int32, desk: Int32) -> None:
    """Mark every move by how the strategist likes it: 1 the best, 1/SPAN less for each 64th of a halving of its odds.

    0 is what it never plays, or at less than 2**-(SPAN/64) times the odds. out (H, W, MARKS); row and desk are scratch.
    """
    key = lay_out_row(words, vector, header, row)
    count = weigh_moves(row, 0, key, BY_TABLES, desk)
    best = int(desk[listed(desk, 0) + 1])
    for k in range(1, count):
        best = max(best, int(desk[listed(desk, k) + 1]))
    clear(out)
    for k in range(count):
        behind = (best - int(desk[listed(desk, k) + 1])) >> STEP_SHIFT
        if behind < SPAN:
            mark(int(desk[listed(desk, k)]), (SPAN - behind) * PART, out)


@call
def advise_boards(
    adviser: int, words: Int32, vectors: Int32, header: Int32, out: Float32, row: Int32, desk: Int32
) -> None:
    """Marks of N observations by an adviser, an index of ADVISERS, on the calling thread: words (N, H, W), vectors
    (N, V), header (HEADER,), out float32 (N, H, W, MARKS), row `advice_words`, desk `adviser_words`.
    """
    for n in range(len(words)):
        if adviser == BY_SEEKER:
            mark_seekers(words[n], vectors[n], header, out[n], row, desk)
        else:
            mark_strategists(words[n], vectors[n], header, out[n], row, desk)
