"""From a bare map to a board at turn 0: everything that is derived from kinds, owners, armies, generals and teams."""

from engine.arrays import Int32
from engine.board import (
    ALIVE,
    ARMY,
    AT_SURCHARGE,
    AT_TICKING,
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
    OBSERVED,
    OUT,
    RUNNING,
    SEATS,
    STATUS,
    STRUCTURES,
    TICKING,
    TURN,
    WIDELY_SEEN,
    WIDTH,
    WINNER,
    army_of,
    clear_sight,
    get,
    kind_of,
    owner_of,
    rule,
    seat,
    set_ground,
    set_owner,
    set_seat,
    set_view,
)
from engine.compile import inlined, kernel
from engine.rules import put, settle
from engine.rulesets import RULE_CASTLE_PRICE
from engine.tiles import DRAINS, FAR_SIGHT_KINDS, GROWS, HIDES, OBSTACLE, PASSABLE, PLAIN
from engine.vision import remember_all, write_vectors


@inlined
def enterable(board: Int32, t: int) -> int:
    """1 where armies can stand, else 0."""
    return (PASSABLE >> kind_of(board, t)) & 1


@inlined
def find_exits(board: Int32, t: int) -> int:
    """Bits of the directions in which tile `t` can be left: up, down, left, right."""
    height = get(board, HEIGHT)
    width = get(board, WIDTH)
    r, c = t // width, t % width
    exits = 0
    if enterable(board, t):
        if r > 0 and enterable(board, t - width):
            exits |= 1
        if r < height - 1 and enterable(board, t + width):
            exits |= 2
        if c > 0 and enterable(board, t - 1):
            exits |= 4
        if c < width - 1 and enterable(board, t + 1):
            exits |= 8
    return exits


@kernel
def begin(board: Int32, height: int, width: int, turn: int) -> None:
    """Start a game on the map that is written in the row.

    Written before: kind, owner and armies of each tile, each seat's GENERAL_AT (-1: none, the seat is out) and TEAM.
    `height` and `width` are the map's own; tiles beyond them are mountains everybody knows of.
    """
    columns = get(board, WIDTH)
    tiles = get(board, HEIGHT) * columns
    seats = get(board, SEATS)
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
    if rule(board, RULE_CASTLE_PRICE) > 0:
        for word in range(get(board, AT_SURCHARGE), get(board, AT_SURCHARGE) + seats * tiles):
            board[word] = 0
    ticking = 0
    far = 0
    for t in range(tiles):
        kind = kind_of(board, t)
        set_ground(board, t, kind, find_exits(board, t))
        if ((GROWS | DRAINS) >> kind) & 1:
            board[get(board, AT_TICKING) + ticking] = t
            ticking += 1
        far |= (FAR_SIGHT_KINDS >> kind) & 1
        clear_sight(board, t)
        if t // columns >= height or t % columns >= width:
            unseen = DISCOVERED | (kind << KIND_SHIFT)
        else:
            unseen = (OBSTACLE if (HIDES >> kind) & 1 else PLAIN) << KIND_SHIFT
        for s in range(seats):
            set_view(board, s, t, unseen)
    board[TICKING] = ticking
    board[FAR_SIGHT_USED] = far
    for t in range(tiles):
        owner = owner_of(board, t)
        if owner >= 0:
            army = army_of(board, t)
            set_owner(board, t, -1)
            put(board, t, owner, army)
    settle(board)
    board[WIDELY_SEEN] = 0
    if get(board, OBSERVED) != 0:
        if get(board, MEMORY) != 0:
            remember_all(board)
        write_vectors(board)
