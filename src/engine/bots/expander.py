"""`expander`: takes what it can beside its land, and otherwise sends its largest army to the nearest tile not its own.

It values an enemy's general above an enemy's city, that above other enemy land, then plain tiles, then neutral cities
that it can afford, then swamps; among equals it draws. It neither defends nor gathers nor remembers.
"""

from engine.actions import PASS
from engine.arrays import Int32
from engine.board import ENEMY, UNOWNED, WIDTH, get, tile_count
from engine.bots.paths import NO_STEP, first_step
from engine.bots.sight import (
    MOVES,
    army_in,
    beside,
    exits_in,
    kind_in,
    move_action,
    relation_in,
    view_start,
    view_step,
)
from engine.chance import draw
from engine.compile import inlined, kernel
from engine.tiles import CITY, GENERAL, SWAMP

EXPANDER = 1


@inlined
def prize(word: int) -> int:
    """How much the expander likes to take a tile that is not its own."""
    kind = kind_in(word)
    if relation_in(word) == ENEMY:
        if kind == GENERAL:
            return 6
        return 5 if kind == CITY else 4
    if kind == SWAMP:
        return 1
    return 2 if kind == CITY else 3


@kernel
def choose_expander(board: Int32, s: int, key: int, scratch: Int32) -> int:
    """The action of seat `s`. `scratch` is int32 of `scratch_words(tiles)`."""
    view = view_start(board, s)
    step = view_step(board)
    width = get(board, WIDTH)
    best = 0
    action = PASS
    largest = 1
    largest_at = -1
    for t in range(tile_count(board)):
        word = int(board[view + t * step])
        if word & MOVES:
            army = army_in(word)
            if army > largest:
                largest = army
                largest_at = t
            exits = exits_in(word)
            for direction in range(4):
                if (exits >> direction) & 1:
                    other = int(board[view + beside(t, direction, width) * step])
                    relation = relation_in(other)
                    if (relation == UNOWNED or relation == ENEMY) and army - 1 > army_in(other):
                        code = move_action(t, direction, 0)
                        value = (prize(other) << 32) | draw(key, code)
                        if value > best:
                            best = value
                            action = code
    if action == PASS and largest_at >= 0:
        direction = first_step(board, view, largest_at, scratch)
        if direction != NO_STEP:
            action = move_action(largest_at, direction, 0)
    return action
