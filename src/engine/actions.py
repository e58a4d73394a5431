"""Action codes: one int32 a seat and turn.

    0                                             pass
    1 + (tile * 4 + direction) * 2 + half         move; directions 0 up, 1 down, 2 left, 3 right; half 0 or 1
    1 + 8 * T + tile                              build a castle (competition), T = tiles of the board

So a board of T tiles has 1 + 8 * T actions, and T more where castles can be built. Anything else is invalid: it counts
as such and is a pass.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from engine.arrays import Bool, Int32, UInt8
from engine.tiles import DOWN, LEFT, RIGHT, UP

PASS = 0
INVALID = -1  # stands for a move that no action code describes


def as_codes(actions: ArrayLike, shape: tuple[int, ...]) -> Int32:
    """Actions as int32 in memory of one piece; what int32 cannot hold becomes INVALID. Raises ValueError otherwise."""
    codes = np.asarray(actions)
    if codes.shape != shape or codes.dtype.kind not in "iu":
        raise ValueError(f"actions are {codes.dtype} of shape {codes.shape}; accepted: integers of shape {shape}")
    if codes.dtype.itemsize > np.dtype(np.int32).itemsize or codes.dtype == np.uint32:
        limits = np.iinfo(np.int32)
        codes = np.where((codes < limits.min) | (codes > limits.max), INVALID, codes)
    return np.ascontiguousarray(codes, np.int32)


def action_count(tiles: int, castles: bool) -> int:
    """Number of action codes of a board."""
    return 1 + 8 * tiles + (tiles if castles else 0)


def move_code(tile: int, direction: int, half: bool) -> int:
    """The code of a move."""
    return 1 + (tile * 4 + direction) * 2 + bool(half)


def build_code(tile: int, tiles: int) -> int:
    """The code of building a castle."""
    return 1 + 8 * tiles + tile


def _direction(start: int, end: int, width: int) -> int:
    if end == start - width:
        return UP
    if end == start + width:
        return DOWN
    if end == start - 1 and start % width > 0:
        return LEFT
    if end == start + 1 and end % width > 0:
        return RIGHT
    return INVALID


def encode(move: Sequence[Any] | None, height: int, width: int) -> int:
    """The code of None, (start, end, half) or ("build", tile); INVALID for tiles off the board or not neighbours.

    Raises ValueError for what is no move at all.
    """
    if move is None:
        return PASS
    tiles = height * width
    try:
        if len(move) == 2 and move[0] == "build":
            tile = int(move[1])
            return build_code(tile, tiles) if 0 <= tile < tiles else INVALID
        start, end, half = (int(part) for part in move)
    except (TypeError, ValueError):
        raise ValueError(
            f'move {move!r} is not understood; accepted: None, (start, end, half), ("build", tile)'
        ) from None
    if not (0 <= start < tiles and 0 <= end < tiles):
        return INVALID
    direction = _direction(start, end, width)
    return INVALID if direction == INVALID else move_code(start, direction, bool(half))


def decode(action: int, height: int, width: int) -> tuple[Any, ...] | None:
    """The move of a code: None, (start, end, half) or ("build", tile). Raises ValueError for a code of no move."""
    tiles = height * width
    if action == PASS:
        return None
    if 8 * tiles < action <= 9 * tiles:
        return ("build", action - 1 - 8 * tiles)
    if not 0 < action <= 8 * tiles:
        raise ValueError(f"action is {action}; accepted: 0 to {9 * tiles}")
    start, rest = divmod(action - 1, 8)
    direction, half = divmod(rest, 2)
    return (start, start + (-width, width, -1, 1)[direction], half)


def recode(action: int, board: tuple[int, int], other: tuple[int, int]) -> int:
    """An action code of a board, height and width, as that of another with the same upper left corner; INVALID beyond.

    Raises ValueError for a code of no move.
    """
    move = decode(action, *board)
    if move is None:
        return PASS
    tiles = [divmod(part, board[1]) for part in (move[:2] if len(move) == 3 else move[1:])]
    if any(row >= other[0] or column >= other[1] for row, column in tiles):
        return INVALID
    places = [row * other[1] + column for row, column in tiles]
    return encode((*places, move[2]) if len(move) == 3 else (move[0], *places), *other)


# For each mask byte the eight moves of its tile, one byte each: four directions, each full and half.
_EIGHT_MOVES = np.array(
    [[mask >> direction & 1 for direction in range(4) for _ in range(2)] for mask in range(256)], np.uint8
).view(np.uint64)[:, 0]


def expand_mask(mask: UInt8, castles: bool) -> Bool:
    """Mask bytes (..., T) as one bool an action, (..., action_count): what to index with an action code.

    A pass is always legal; wherever a full move is legal the half move is.
    """
    tiles = mask.shape[-1]
    legal = np.empty((*mask.shape[:-1], action_count(tiles, castles)), np.bool_)
    legal[..., 0] = True
    legal[..., 1 : 1 + 8 * tiles] = _EIGHT_MOVES[np.ascontiguousarray(mask)].view(np.bool_)
    if castles:
        legal[..., 1 + 8 * tiles :] = mask & 16 != 0
    return legal
