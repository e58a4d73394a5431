"""Breadth-first searches over what a seat sees, in an int32 scratch array: nothing is allocated."""

from engine.arrays import Int32
from engine.board import ALLY, ENEMY, HEIGHT, MINE, WIDTH, get, tile_count
from engine.bots.sight import beside, is_passable, kind_in, relation_in, view_step
from engine.compile import inlined, kernel
from engine.tiles import CITY, DOWN, LEFT, UP

NO_STEP = -1  # a direction where there is no way


@inlined
def within(t: int, direction: int, height: int, width: int) -> bool:
    """Whether the board goes on from tile `t` in a direction."""
    if direction == UP:
        return t >= width
    if direction == DOWN:
        return t < (height - 1) * width
    if direction == LEFT:
        return t % width > 0
    return t % width < width - 1


@kernel
def first_step(board: Int32, view: int, start: int, scratch: Int32) -> int:
    """The direction from `start` towards the nearest tile that is not the team's and not a neutral city, or NO_STEP.

    The way leads over the team's land. scratch: 2 * tiles words.
    """
    height = get(board, HEIGHT)
    width = get(board, WIDTH)
    tiles = tile_count(board)
    step = view_step(board)
    for t in range(tiles):
        scratch[t] = NO_STEP
    head = 0
    tail = 1
    scratch[tiles] = start
    scratch[start] = 4
    while head < tail:
        t = int(scratch[tiles + head])
        head += 1
        for direction in range(4):
            if within(t, direction, height, width):
                other = beside(t, direction, width)
                word = int(board[view + other * step])
                if scratch[other] == NO_STEP and is_passable(word):
                    first = direction if t == start else int(scratch[t])
                    relation = relation_in(word)
                    if relation == MINE or relation == ALLY:
                        scratch[other] = first
                        scratch[tiles + tail] = other
                        tail += 1
                    elif relation == ENEMY or kind_in(word) != CITY:
                        return first
    return NO_STEP
