"""Moves that the hunter and its kind like as well as the one made: who learns from them need not guess which they took.

Of prizes worth the same it draws one; a tree is gathered from any of its leaves; of ways equally short and good one is
the first.
"""

from engine.actions import PASS
from engine.arrays import Int32, UInt8
from engine.board import OBSERVED, SEATS, get
from engine.bots.desk import (
    EXPAND,
    GATHER,
    GOAL_WAY,
    LINK,
    MARCH,
    PLACES,
    PULL,
    QUEUE,
    REASON,
    REASON_PLACE,
    REASON_VALUE,
    STRIDE,
    WORDS,
    map_at,
    shift,
    tile_at,
)
from engine.bots.dispatch import choose_in_game
from engine.bots.hunter import TIES, is_open_prize, prize
from engine.bots.march import step_value
from engine.bots.sight import army_in, exits_in
from engine.compile import kernel, loop, prange

INNER = 1 << 30  # set in the pull of a place that others move onto


@kernel
def mark_prizes(desk: Int32, moves_out: UInt8) -> None:
    """Mark all prizes worth as much as the one taken."""
    words = map_at(desk, WORDS)
    stride = int(desk[STRIDE])
    for p in range(stride, int(desk[PLACES]) - stride):
        exits = exits_in(int(desk[words + p]))
        for direction in range(4):
            q = p + shift(direction, stride)
            if (exits >> direction) & 1 and is_open_prize(desk, p, q):
                if prize(desk, p, q, 0) >> TIES == int(desk[REASON_VALUE]):
                    moves_out[tile_at(p, stride)] |= 1 << direction


@kernel
def mark_leaves(desk: Int32, moves_out: UInt8) -> None:
    """Mark all leaves of the tree that is gathered."""
    words = map_at(desk, WORDS)
    link = map_at(desk, LINK)
    queue = map_at(desk, QUEUE)
    pull = map_at(desk, PULL)
    stride = int(desk[STRIDE])
    for i in range(int(desk[REASON_VALUE]) - 1, 0, -1):  # children come behind their parents in the queue
        p = int(desk[queue + i])
        worth = int(desk[pull + p])
        if worth > 0:
            onto = int(desk[link + p])
            desk[pull + onto] = int(desk[pull + onto]) | INNER
            if worth & INNER == 0:
                exits = exits_in(int(desk[words + p]))
                for direction in range(4):
                    if (exits >> direction) & 1 and p + shift(direction, stride) == onto:
                        moves_out[tile_at(p, stride)] |= 1 << direction


@kernel
def mark_steps(desk: Int32, moves_out: UInt8) -> None:
    """Mark all steps as good as the one of the army that marches."""
    words = map_at(desk, WORDS)
    goal_way = map_at(desk, GOAL_WAY)
    stride = int(desk[STRIDE])
    start = int(desk[REASON_PLACE])
    word = int(desk[words + start])
    for direction in range(4):
        q = start + shift(direction, stride)
        if (exits_in(word) >> direction) & 1 and int(desk[goal_way + q]) == int(desk[goal_way + start]) - 1:
            if step_value(int(desk[words + q]), army_in(word)) == int(desk[REASON_VALUE]):
                moves_out[tile_at(start, stride)] |= 1 << direction


@kernel
def mark_equals(desk: Int32, action: int, moves_out: UInt8) -> None:
    """Mark an action just chosen by the hunter at this desk, and all moves that it likes as well."""
    tiles = len(moves_out)
    for t in range(tiles):
        moves_out[t] = 0
    if action == PASS or action > 8 * tiles:
        return
    reason = int(desk[REASON])
    if reason == EXPAND:
        mark_prizes(desk, moves_out)
    elif reason == GATHER:
        mark_leaves(desk, moves_out)
    elif reason == MARCH:
        mark_steps(desk, moves_out)
    moves_out[(action - 1) >> 3] |= 1 << (((action - 1) >> 1) & 3)


@loop
def hunter_equals(rows: Int32, bot: int, seed: int, actions_out: Int32, moves_out: UInt8, scratch: Int32) -> None:
    """The actions of one of HUNTERS for all seats, as `bot_actions` fills them in, and all moves it likes as well.

    rows, actions_out, scratch: as of `bot_actions`. moves_out: uint8 (G, S, tiles), bits 0-3 a move of the whole army
    up, down, left, right; none for a pass and for building a castle.
    """
    games = rows.shape[0]
    runs = scratch.shape[0]
    for run in prange(runs):
        for g in range(games * run // runs, games * (run + 1) // runs):
            board = rows[g]
            if get(board, OBSERVED) != 0:
                for s in range(get(board, SEATS)):
                    actions_out[g, s] = choose_in_game(board, g, s, bot, seed, scratch[run])
                    mark_equals(scratch[run], int(actions_out[g, s]), moves_out[g, s])
