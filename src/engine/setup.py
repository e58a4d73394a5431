"""From a bare map to a board at turn 0: everything that is derived from kinds, owners, armies, generals and teams."""

from engine.arrays import Int32
from engine.board import (
    ADDRESS,
    ALIVE,
    ARMY,
    AT_TICKING,
    CELL_WORDS,
    DISCOVERED,
    FAR_SIGHT_USED,
    GENERAL_AT,
    HEIGHT,
    INVALID,
    KIND_SHIFT,
    LAND,
    MAP_HEIGHT,
    MAP_WIDTH,
    MEMORY,
    NEWLY_SEEN,
    OBSERVED,
    OUT,
    RUNNING,
    SEATS,
    STATUS,
    STRUCTURES,
    SURCHARGES,
    TICKING,
    TURN,
    VIEWS,
    WIDTH,
    WINNER,
    army_at,
    cell,
    get,
    kind_at,
    owner_at,
    rule,
    seat,
    set_owner_at,
    set_seat,
    set_view_at,
    tile_count,
)
from engine.compile import inlined, kernel
from engine.rules import TICKS, put, settle
from engine.rulesets import RULE_CITY_REGROWTH
from engine.tiles import EXIT_SHIFT, FAR_SIGHT_KINDS, HIDES, OBSTACLE, PASSABLE, PLAIN
from engine.vision import remember_all, remember_around, write_vectors


@inlined
def enterable(board: Int32, a: int) -> int:
    """1 where armies can stand, else 0."""
    return (PASSABLE >> kind_at(board, a)) & 1


@inlined
def find_exits(board: Int32, a: int, up: int, down: int, left: int, right: int) -> int:
    """Bits of the directions in which the tile at address `a` can be left, given its neighbours' addresses.

    A neighbour beyond the board has the address of the tile itself.
    """
    exits = 0
    if up != a:
        exits = enterable(board, up)
    if down != a:
        exits |= enterable(board, down) << 1
    if left != a:
        exits |= enterable(board, left) << 2
    if right != a:
        exits |= enterable(board, right) << 3
    return exits * enterable(board, a)


@kernel
def begin(board: Int32, height: int, width: int, turn: int) -> None:
    """Start a game on the map that is written in the row.

    Written before: kind, owner and armies of each tile, each seat's GENERAL_AT (-1: none, the seat is out) and TEAM.
    `height` and `width` are the map's own; tiles beyond them are mountains everybody knows of.
    """
    seats = get(board, SEATS)
    words = get(board, CELL_WORDS)
    board[TURN] = turn
    board[WINNER] = RUNNING
    board[INVALID] = 0
    board[MAP_HEIGHT] = height
    board[MAP_WIDTH] = width
    for s in range(seats):
        set_seat(board, s, LAND, 0)
        set_seat(board, s, ARMY, 0)
        set_seat(board, s, STRUCTURES, 0)
        set_seat(board, s, STATUS, ALIVE if seat(board, s, GENERAL_AT) >= 0 else OUT)
    regrowth = rule(board, RULE_CITY_REGROWTH)
    rows = get(board, HEIGHT)
    columns = get(board, WIDTH)
    views = get(board, VIEWS)
    surcharges = get(board, SURCHARGES)
    below = columns * words
    ticking = 0
    far = 0
    a = cell(board, 0)
    for row in range(rows):
        for column in range(columns):
            kind = kind_at(board, a)
            exits = find_exits(
                board,
                a,
                a - below if row > 0 else a,
                a + below if row < rows - 1 else a,
                a - words if column > 0 else a,
                a + words if column < columns - 1 else a,
            )
            ground = (kind << 8) | (exits << (8 + EXIT_SHIFT))
            board[(a + 1) & ADDRESS] = (owner_at(board, a) + 1) | ground  # in nobody's sight
            if views > 2:  # for two seats nothing is there; a loop would cost a call all the same
                for word in range(a + 2, a + views):
                    board[word & ADDRESS] = 0
            if row >= height or column >= width:
                unseen = DISCOVERED | (kind << KIND_SHIFT)
            else:
                unseen = (OBSTACLE if (HIDES >> kind) & 1 else PLAIN) << KIND_SHIFT
            for s in range(seats):
                set_view_at(board, a, s, unseen)
            if words > surcharges:
                for word in range(a + surcharges, a + words):
                    board[word & ADDRESS] = 0
            if regrowth != 0 and (TICKS >> kind) & 1:
                board[get(board, AT_TICKING) + ticking] = row * columns + column
                ticking += 1
            far |= (FAR_SIGHT_KINDS >> kind) & 1
            a += words
    board[TICKING] = ticking
    board[FAR_SIGHT_USED] = far
    remembers = get(board, OBSERVED) != 0 and get(board, MEMORY) != 0
    for t in range(tile_count(board)):
        a = cell(board, t)
        owner = owner_at(board, a)
        if owner >= 0:
            army = army_at(board, a)
            set_owner_at(board, a, -1)
            put(board, t, owner, army)
            if remembers and far == 0:
                remember_around(board, owner, t)
    settle(board)
    board[NEWLY_SEEN] = 0
    if remembers and far != 0:
        remember_all(board)
    if get(board, OBSERVED) != 0:
        write_vectors(board)
