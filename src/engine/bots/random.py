"""`random`: any legal move, each as likely as the others; one in ten takes half the army along."""

from engine.actions import PASS
from engine.arrays import Int32
from engine.board import tile_count
from engine.bots.sight import MOVES, exits_in, move_action, view_start, view_step
from engine.chance import draw_below
from engine.compile import kernel

RANDOM = 0
ONE_IN_HALF = 10  # one move in so many is a half move


@kernel
def choose_random(board: Int32, s: int, key: int, scratch: Int32) -> int:
    """The action of seat `s`; a pass only when it has no move. `scratch` is int32 of `scratch_words(tiles)`."""
    view = view_start(board, s)
    step = view_step(board)
    found = 0
    for t in range(tile_count(board)):
        if int(board[view + t * step]) & MOVES:
            exits = exits_in(int(board[view + t * step]))
            for direction in range(4):
                if (exits >> direction) & 1:
                    scratch[found] = move_action(t, direction, 0)
                    found += 1
    if found == 0:
        return PASS
    half = 1 if draw_below(key, 1, ONE_IN_HALF) == 0 else 0
    return int(scratch[draw_below(key, 0, found)]) + half
