"""A game is one row of int32: where everything of it lies, and the functions that read and write it.

A batch of G games is one array of shape (G, N). One contiguous row a game means that a turn touches few cache lines,
that copying a row copies the game, and that a kernel takes one array on CPU and GPU alike. Kernels go through the
functions below; they return Python ints, so the rules calculate in one type.

    header    HEADER words: sizes and switches (the same in all rows), the ruleset's integers, the game's own counters
    seats     SEAT_FIELDS words a seat
    vectors   1 + 3 * S words a seat: what it always knows
    cells     a few words a tile:
                  its armies;
                  then bytes: owner + 1, ground, and one count of sight a seat;
                  then a word a seat, its view: the observation (bits 0-7 flags, 8-15 mask, 16-31 army);
                  then a word a seat, the surcharge: only where castles can be built
    ticking   one word for each tile that changes on even turns (room for all)

All of a tile lies together because a move touches all of few tiles: for two seats a tile is 16 bytes, four tiles a
cache line. Functions named `..._of` take a tile; those named `..._at` take its address, the word at which its cell
begins, so that where several things of a tile are asked for it is found once, by `cell`.

S seats, T = height * width tiles.
"""

from typing import NamedTuple

import numpy as np

from engine.arrays import Int32
from engine.compile import inlined
from engine.rulesets import Ruleset
from engine.tiles import EXIT_SHIFT, KIND_BITS

RUNNING = -2  # winner of a game that goes on
NOBODY = -1  # owner of neutral tiles
DRAW = -1  # winner of a drawn game
MAX_SEATS = 16
MAX_TILES = 65535
LINE = 16  # words of a cache line: rows and cells begin on one
ADDRESS = 0x3FFFFFFF  # addresses are masked where they are used: so compilers see that none is an index from the end

# A seat's status.
ALIVE, AWAY, OUT = range(3)  # playing; surrendered or AFK, its land remains; its land is gone

# Header: sizes and switches, ruleset, counters, and where each part begins.
HEIGHT, WIDTH, SEATS, OBSERVED, MEMORY = range(5)
RULES = 5
RULE_COUNT = 8
TURN, WINNER, TICKING, INVALID, EPISODE, MAP_HEIGHT, MAP_WIDTH, FAR_SIGHT_USED = range(13, 21)
TILES, AT_VECTORS, AT_CELLS, CELL_WORDS, VIEWS, SURCHARGES, AT_TICKING = range(21, 28)
UNSETTLED, NEWLY_SEEN = 28, 29  # left to do at the end of a turn: name the winner; remember what came into sight
SEEN_WIDELY = 1 << 16  # in NEWLY_SEEN: anything may have; bits below: of a seat, what is near the end of its move
HEADER = 32

# A seat's fields.
LAND, ARMY, STRUCTURES, GENERAL_AT, STATUS, TEAM, RANK, TOUCHED = range(8)
SEAT_FIELDS = 8

# View word, bits 0-7: flags.
VISIBLE = 1  # bit 0
RELATION_SHIFT = 1  # bits 1-2: whose the tile is
UNOWNED, MINE, ALLY, ENEMY = range(4)
KIND_SHIFT = 3  # bits 3-6: the kind of tile as this seat knows it
DISCOVERED = 128  # bit 7: seen at some time, so its kind is remembered
# Bits 8-15: mask.
MASK_SHIFT = 8
MASK_MOVES = 15  # bits 0-3: up, down, left, right
MASK_BUILD = 16  # bit 4, two seats: a castle can be built
MASK_OWNER_SHIFT = 4  # bits 4-7, more seats: (owner - seat) mod S of an ally's or enemy's tile
# Bits 16-31: army.
ARMY_SHIFT = 16
ARMY_LIMIT = 32767

VECTOR_SEAT = 3  # numbers a vector holds of each seat: land, army, status


def vector_size(seats: int) -> int:
    """Length of a seat's vector: the turn, then three numbers a seat."""
    return 1 + VECTOR_SEAT * seats


class Shape(NamedTuple):
    """Sizes of a batch's board, and where the parts of a row and of a cell begin, in words."""

    height: int
    width: int
    seats: int
    vectors: int
    cells: int
    cell_words: int
    views: int  # within a cell
    surcharges: int  # within a cell
    ticking: int
    words: int

    @property
    def tiles(self) -> int:
        """Tiles of the board."""
        return self.height * self.width

    @classmethod
    def of(cls, ruleset: Ruleset, seats: int, height: int, width: int) -> "Shape":
        """The shape for a ruleset and board. Raises ValueError for sizes that are not supported."""
        tiles = height * width
        if min(height, width) < 1 or tiles > MAX_TILES:
            raise ValueError(f"board is {height}x{width}; accepted: sides of at least 1, at most {MAX_TILES} tiles")
        if not 1 <= seats <= MAX_SEATS:
            raise ValueError(f"seats is {seats}; accepted: 1 to {MAX_SEATS}")
        if ruleset.two_seats and seats != 2:
            raise ValueError(f'ruleset "{ruleset.name}" is for 2 seats; seats is {seats}')
        vectors = HEADER + seats * SEAT_FIELDS
        cells = vectors + seats * vector_size(seats)
        cells += -cells % LINE
        views = 1 + (2 + seats + 3) // 4
        surcharges = views + seats
        cell_words = surcharges + (seats if ruleset.castle_price else 0)
        ticking = cells + tiles * cell_words
        words = ticking + tiles
        words += -words % LINE
        return cls(height, width, seats, vectors, cells, cell_words, views, surcharges, ticking, words)


def header_of(shape: Shape, ruleset: Ruleset, observed: bool, memory: bool) -> Int32:
    """The header that all rows of a batch begin with."""
    header = np.zeros(HEADER, np.int32)
    header[[HEIGHT, WIDTH, SEATS, OBSERVED, MEMORY]] = shape.height, shape.width, shape.seats, observed, memory
    header[RULES : RULES + RULE_COUNT] = ruleset.integers()
    header[TILES : AT_TICKING + 1] = (
        shape.tiles,
        shape.vectors,
        shape.cells,
        shape.cell_words,
        shape.views,
        shape.surcharges,
        shape.ticking,
    )
    return header


def allocate(shape: Shape, ruleset: Ruleset, games: int, *, observed: bool = True, memory: bool = True) -> Int32:
    """Rows for a number of games, int32 (games, shape.words), with their headers written and no map yet."""
    rows = np.zeros((games, shape.words), np.int32)
    rows[:, :HEADER] = header_of(shape, ruleset, observed, memory)
    return rows


@inlined
def get(board: Int32, word: int) -> int:
    """A word of the header."""
    return int(board[word & ADDRESS])


@inlined
def rule(board: Int32, index: int) -> int:
    """One option of the ruleset: see RULE_* in `engine.rulesets`."""
    return int(board[RULES + index])


@inlined
def tile_count(board: Int32) -> int:
    """Tiles of the board."""
    return int(board[TILES])


@inlined
def seat(board: Int32, s: int, field: int) -> int:
    """A field of seat `s`."""
    return int(board[(HEADER + s * SEAT_FIELDS + field) & ADDRESS])


@inlined
def set_seat(board: Int32, s: int, field: int, value: int) -> None:
    """Set a field of seat `s`."""
    board[(HEADER + s * SEAT_FIELDS + field) & ADDRESS] = value


@inlined
def add_seat(board: Int32, s: int, field: int, change: int) -> None:
    """Add to a field of seat `s`."""
    board[(HEADER + s * SEAT_FIELDS + field) & ADDRESS] += change


@inlined
def same_team(board: Int32, s: int, other: int) -> bool:
    """Whether two seats play together; a seat plays with itself."""
    return seat(board, s, TEAM) == seat(board, other, TEAM)


@inlined
def cell(board: Int32, t: int) -> int:
    """The address of tile `t`: the word at which its cell begins."""
    return int(board[AT_CELLS]) + t * int(board[CELL_WORDS])


@inlined
def row_of(board: Int32, t: int) -> int:
    """The row of tile `t`. Masked as addresses are, since a GPU divides 32 bits much faster than 64 with signs."""
    return (t & ADDRESS) // (int(board[WIDTH]) & ADDRESS)


@inlined
def column_of(board: Int32, t: int) -> int:
    """The column of tile `t`."""
    return (t & ADDRESS) % (int(board[WIDTH]) & ADDRESS)


@inlined
def army_at(board: Int32, a: int) -> int:
    """Armies on the tile at address `a`."""
    return int(board[a & ADDRESS])


@inlined
def owner_at(board: Int32, a: int) -> int:
    """Seat that owns the tile at address `a`, or NOBODY."""
    return (int(board[(a + 1) & ADDRESS]) & 255) - 1


@inlined
def set_owner_at(board: Int32, a: int, owner: int) -> None:
    """Set the owner of the tile at address `a`."""
    at = (a + 1) & ADDRESS
    board[at] = (int(board[at]) & ~255) | (owner + 1)


@inlined
def kind_at(board: Int32, a: int) -> int:
    """Kind of the tile at address `a`: see `engine.tiles`."""
    return (int(board[(a + 1) & ADDRESS]) >> 8) & KIND_BITS


@inlined
def exits_at(board: Int32, a: int) -> int:
    """Directions in which the tile at address `a` can be left, as bits: up, down, left, right."""
    return (int(board[(a + 1) & ADDRESS]) >> (8 + EXIT_SHIFT)) & 15


@inlined
def set_ground_at(board: Int32, a: int, kind: int, exits: int) -> None:
    """Set kind and exits of the tile at address `a`."""
    at = (a + 1) & ADDRESS
    board[at] = (int(board[at]) & ~0xFF00) | (kind << 8) | (exits << (8 + EXIT_SHIFT))


@inlined
def sight_at(board: Int32, a: int, s: int) -> int:
    """How many tiles of the team of seat `s` have the tile at address `a` in sight."""
    return (int(board[(a + 1 + ((2 + s) >> 2)) & ADDRESS]) >> (((2 + s) & 3) * 8)) & 255


@inlined
def add_to_sight(board: Int32, a: int, s: int, change: int) -> int:
    """Change that count and return it; it stays within 0 to 255, so that its byte never runs over."""
    at = (a + 1 + ((2 + s) >> 2)) & ADDRESS
    shift = ((2 + s) & 3) * 8
    word = int(board[at]) + (change << shift)
    board[at] = ((word + 0x80000000) & 0xFFFFFFFF) - 0x80000000  # lookouts can take a count into the word's sign
    return (word >> shift) & 255


@inlined
def view_at(board: Int32, a: int, s: int) -> int:
    """What seat `s` observes of the tile at address `a`."""
    return int(board[(a + int(board[VIEWS]) + s) & ADDRESS])


@inlined
def set_view_at(board: Int32, a: int, s: int, view: int) -> None:
    """Set what seat `s` observes of the tile at address `a`."""
    board[(a + int(board[VIEWS]) + s) & ADDRESS] = view


@inlined
def surcharge_at(board: Int32, a: int, s: int) -> int:
    """What near structures add to the price of a castle on the tile at address `a` for seat `s`."""
    return int(board[(a + int(board[SURCHARGES]) + s) & ADDRESS])


@inlined
def add_surcharge_at(board: Int32, a: int, s: int, change: int) -> None:
    """Change that surcharge."""
    board[(a + int(board[SURCHARGES]) + s) & ADDRESS] += change


@inlined
def army_of(board: Int32, t: int) -> int:
    """Armies on a tile."""
    return army_at(board, cell(board, t))


@inlined
def owner_of(board: Int32, t: int) -> int:
    """Seat that owns a tile, or NOBODY."""
    return owner_at(board, cell(board, t))


@inlined
def kind_of(board: Int32, t: int) -> int:
    """Kind of a tile: see `engine.tiles`."""
    return kind_at(board, cell(board, t))


@inlined
def exits_of(board: Int32, t: int) -> int:
    """Directions in which a tile can be left, as bits: up, down, left, right."""
    return exits_at(board, cell(board, t))
