"""What a bot may read: the words of its seat's view, and nothing else of the board.

A view word holds flags, mask and armies of one tile (`engine.board`). `view` is the word at which the view of the bot's
seat begins and `step` lies between two tiles' words, so tile `t` is `board[view + t * step]`.
"""

from engine.arrays import Int32
from engine.board import (
    ARMY_SHIFT,
    AT_CELLS,
    AT_VECTORS,
    CELL_WORDS,
    KIND_SHIFT,
    MASK_MOVES,
    MASK_SHIFT,
    MINE,
    RELATION_SHIFT,
    SEATS,
    VECTOR_SEAT,
    VIEWS,
    get,
)
from engine.compile import inlined
from engine.tiles import DOWN, KIND_BITS, LEFT, PASSABLE, UP

MOVES = MASK_MOVES << MASK_SHIFT  # the bits of a word that say in which directions an army can leave


@inlined
def view_start(board: Int32, s: int) -> int:
    """The word that holds what seat `s` sees of tile 0."""
    return get(board, AT_CELLS) + get(board, VIEWS) + s


@inlined
def view_step(board: Int32) -> int:
    """Words from one tile of a view to the next."""
    return get(board, CELL_WORDS)


@inlined
def vector_start(board: Int32, s: int) -> int:
    """The word at which the vector of seat `s` begins: turn, then land, army and status of each seat."""
    return get(board, AT_VECTORS) + s * (1 + VECTOR_SEAT * get(board, SEATS))


@inlined
def relation_in(word: int) -> int:
    """Whose the tile is: UNOWNED, MINE, ALLY or ENEMY."""
    return (word >> RELATION_SHIFT) & 3


@inlined
def is_mine(word: int) -> bool:
    """Whether the tile is the bot's own."""
    return (word >> RELATION_SHIFT) & 3 == MINE


@inlined
def kind_in(word: int) -> int:
    """The kind of tile as the seat knows it."""
    return (word >> KIND_SHIFT) & KIND_BITS


@inlined
def is_passable(word: int) -> bool:
    """Whether armies can enter the tile, for all that the seat knows."""
    return (PASSABLE >> kind_in(word)) & 1 == 1


@inlined
def army_in(word: int) -> int:
    """Armies on the tile, 0 in fog."""
    return word >> ARMY_SHIFT


@inlined
def exits_in(word: int) -> int:
    """Directions in which an army of the bot can leave the tile now, as bits: up, down, left, right."""
    return (word >> MASK_SHIFT) & MASK_MOVES


@inlined
def beside(t: int, direction: int, width: int) -> int:
    """The tile next to `t` in a direction; asked only where the board goes on."""
    if direction == UP:
        return t - width
    if direction == DOWN:
        return t + width
    if direction == LEFT:
        return t - 1
    return t + 1


@inlined
def move_action(t: int, direction: int, half: int) -> int:
    """The action code of a move."""
    return 1 + (t * 4 + direction) * 2 + half
