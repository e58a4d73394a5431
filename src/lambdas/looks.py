"""How a board is told to a page: two integers a tile, the same for a seat's view, a spectator's and a replay's.

look    bit 0     the tile is in sight
        bit 1     it was seen at some time, so its kind is the true one
        bits 2-5  its kind, see `engine.tiles`: 0 plain, 1 mountain, 2 city, 3 general, 4 swamp, 5 desert, 6 lookout,
                  7 observatory, 8 obstacle in fog
        bits 6-10 whose it is, as far as is known: 0 nobody's, 1 + seat
army    armies in sight, 0 in fog
"""

import numpy as np

from engine.arrays import Int32
from engine.board import DISCOVERED, ENEMY, MINE, RELATION_SHIFT, VISIBLE
from engine.game import Game

IN_SIGHT, KNOWN = 1, 2
KIND_SHIFT, OWNER_SHIFT = 2, 6


def look_at(game: Game, seat: int | None) -> Int32:
    """A board as a seat knows it, or all of it where `seat` is None: int32 (2, T), looks and armies."""
    if seat is None:
        owner = np.maximum(game.owners, -1).astype(np.int32) + 1
        look = (IN_SIGHT | KNOWN) + (game.kinds.astype(np.int32) << KIND_SHIFT) + (owner << OWNER_SHIFT)
        return np.stack([look.ravel(), game.armies.ravel()]).astype(np.int32)
    seen = game.observe(seat)
    if seen.owner is not None:
        owner = np.where(seen.owner > 0, 1 + (seat + seen.owner.astype(np.int32) - 1) % game.seats, 0)
    else:
        relation = (seen.flags >> RELATION_SHIFT) & 3
        owner = np.select([relation == MINE, relation == ENEMY], [1 + seat, 1 + (1 - seat) % 2], 0)
    look = (seen.flags & VISIBLE != 0) * IN_SIGHT + (seen.flags & DISCOVERED != 0) * KNOWN
    look = look + (seen.kinds.astype(np.int32) << KIND_SHIFT) + (owner << OWNER_SHIFT)
    return np.stack([look.ravel(), seen.army.ravel()]).astype(np.int32)


def differing(before: Int32, after: Int32) -> Int32:
    """The tiles at which two boards differ, int32 (K,)."""
    return np.flatnonzero((before != after).any(axis=0)).astype(np.int32)


def told(board: Int32, tiles: Int32) -> list[int]:
    """Some tiles of a board as a flat list: tile, look, army, and so on."""
    told: list[int] = np.column_stack([tiles, board[0, tiles], board[1, tiles]]).ravel().tolist()
    return told
