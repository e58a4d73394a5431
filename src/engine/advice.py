"""What the seeker would do, from nothing but what a seat observes: advice for networks (`learner.advice`).

An observation is laid out as a game's row that shows one seat's view, and the seeker chooses there as it does in games.
Among prizes worth the same it draws by the turn, since nobody else's dice are known here.
"""

from functools import cache

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
    tile_count,
    vector_size,
)
from engine.bots.desk import BY_TABLES
from engine.bots.hunter import choose_hunter
from engine.chance import draw
from engine.compile import call, kernel
from engine.rulesets import RULESETS

MARKS = 5  # numbers of a tile that advice stands in
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


@kernel
def advise(words: Int32, vector: Int32, header: Int32, row: Int32, desk: Int32) -> int:
    """The seeker's action code: words (H, W), vector (V,), header (HEADER,), row and desk scratch, `advice_words` and
    `engine.bots.desk.desk_words`.
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
    return choose_hunter(row, 0, draw(FOR_ADVICE, int(vector[0])), BY_TABLES, desk)


@kernel
def mark_advice(words: Int32, vector: Int32, header: Int32, out: Float32, row: Int32, desk: Int32) -> None:
    """`advise` as numbers of tiles, out float32 (H, W, MARKS): 1 where the army moves from, up, down, left or right,
    and where a castle is built; 0 elsewhere.
    """
    action = advise(words, vector, header, row, desk) - 1
    width = words.shape[1]
    for r in range(words.shape[0]):
        for c in range(width):
            for kind in range(MARKS):
                out[r, c, kind] = 0.0
    tiles = tile_count(row)
    if action >= 8 * tiles:
        t = action - 8 * tiles
        out[t // width, t % width, 4] = 1.0
    elif action >= 0:
        out[(action >> 3) // width, (action >> 3) % width, (action >> 1) & 3] = 1.0


@call
def advise_boards(words: Int32, vectors: Int32, header: Int32, out: Float32, row: Int32, desk: Int32) -> None:
    """`mark_advice` of N observations, on the calling thread: words (N, H, W), vectors (N, V), out (N, H, W, MARKS)."""
    for n in range(len(words)):
        mark_advice(words[n], vectors[n], header, out[n], row, desk)
