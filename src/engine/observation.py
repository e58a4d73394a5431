"""What a seat observes: compact arrays, documented bit by bit, and the planes they stand for.

flags, one byte a tile:
    bit 0     the tile is in sight
    bits 1-2  whose it is: 0 nobody's or unknown, 1 mine, 2 an ally's, 3 an enemy's
    bits 3-6  the kind as this seat knows it: 0 plain, 1 mountain, 2 city, 3 general, 4 swamp, 5 desert, 6 lookout,
              7 observatory, 8 obstacle in fog (a mountain or city never seen)
    bit 7     seen at some time (or beyond the map's edge): the kind is the true one even in fog
army, int16 a tile: armies in sight, at most 32767 (below 0 only on neutral tiles of some maps); 0 in fog.
mask, one byte a tile: legal actions of this seat from there; bits 0-3 a move up, down, left, right, bit 4 building.
owner, uint8 a tile, with more than two seats: 0 nobody or unknown, 1 + (owner - seat) mod seats.
vector, int32: the turn, then land, army and status (0 alive, 1 surrendered, 2 out) of each seat, itself first.
"""

from dataclasses import dataclass

import numpy as np

from engine.arrays import Bool, Float32, Int16, Int32, UInt8
from engine.board import (
    ALLY,
    ARMY_LIMIT,
    DISCOVERED,
    ENEMY,
    KIND_SHIFT,
    MASK_BUILD,
    MASK_MOVES,
    MASK_OWNER_SHIFT,
    MINE,
    RELATION_SHIFT,
    UNOWNED,
    VISIBLE,
)
from engine.tiles import CITY, DESERT, GENERAL, KIND_BITS, LOOKOUT, MOUNTAIN, OBSERVATORY, OBSTACLE, SWAMP
from engine.views import BoardView

# The planes of `planes`, in order: what learners read, float32 (PLANES, H, W).
PLANES = (
    "in sight",
    "mine",
    "ally's",
    "enemy's",
    "mountain",
    "city",
    "general",
    "swamp",
    "desert",
    "lookout or observatory",
    "obstacle in fog",
    "seen before",
    "my army",
    "ally's army",
    "enemy's army",
    "neutral army",
)
ARMY_SCALE = 6.0  # army planes hold log2(1 + army) / ARMY_SCALE: 1.0 at 63 armies
BEYOND = DISCOVERED | MOUNTAIN << KIND_SHIFT  # the flags of a tile beyond the map's edge: a mountain that all know of


@dataclass(frozen=True)
class Observation:
    """One seat's observation of a board; the module's docstring says what each bit means."""

    flags: UInt8  # (H, W)
    army: Int16  # (H, W)
    mask: UInt8  # (H, W)
    owner: UInt8 | None  # (H, W) where seats > 2
    vector: Int32  # (1 + 3 * seats,)

    @classmethod
    def of(cls, view: BoardView, seat: int) -> "Observation":
        """A copy of what one seat of a game sees."""
        flags = view.flags[seat].copy()
        mask = view.mask[seat]
        owner = None
        seats = view.seat.shape[0]
        if seats > 2:
            known = (flags >> RELATION_SHIFT) & 3
            owner = np.where(known == UNOWNED, 0, 1 + (mask >> MASK_OWNER_SHIFT)).astype(np.uint8)
        return cls(
            flags=flags,
            army=view.seen_army[seat].copy(),
            mask=(mask & (MASK_MOVES if seats > 2 else MASK_MOVES | MASK_BUILD)).astype(np.uint8),
            owner=owner,
            vector=view.vector[seat].copy(),
        )

    @property
    def visible(self) -> Bool:
        """Where the seat sees, (H, W) bool."""
        visible: Bool = self.flags & VISIBLE != 0
        return visible

    @property
    def kinds(self) -> UInt8:
        """Kinds of tile as the seat knows them, (H, W) uint8."""
        return ((self.flags >> KIND_SHIFT) & KIND_BITS).astype(np.uint8)

    @property
    def relation(self) -> UInt8:
        """Whose each tile is, (H, W) uint8: 0 nobody's or unknown, 1 mine, 2 an ally's, 3 an enemy's."""
        return ((self.flags >> RELATION_SHIFT) & 3).astype(np.uint8)

    def planes(self) -> Float32:
        """The observation as float32 planes (len(PLANES), H, W)."""
        return planes(self.flags, self.army)


_SIZES = np.log2(1.0 + np.arange(ARMY_LIMIT + 1, dtype=np.float32)) / np.float32(ARMY_SCALE)


def planes(flags: UInt8, army: Int16, out: Float32 | None = None) -> Float32:
    """Flags and armies (..., H, W) as float32 planes (..., len(PLANES), H, W), written into `out` where it is given."""
    kind = (flags >> KIND_SHIFT) & KIND_BITS
    relation = (flags >> RELATION_SHIFT) & 3
    mine, ally, enemy, unowned = (relation == whose for whose in (MINE, ALLY, ENEMY, UNOWNED))
    layers = [
        flags & VISIBLE != 0,
        mine,
        ally,
        enemy,
        kind == MOUNTAIN,
        kind == CITY,
        kind == GENERAL,
        kind == SWAMP,
        kind == DESERT,
        (kind == LOOKOUT) | (kind == OBSERVATORY),
        kind == OBSTACLE,
        flags & DISCOVERED != 0,
    ]
    if out is None:
        out = np.empty((*flags.shape[:-2], len(PLANES), *flags.shape[-2:]), np.float32)
    for plane, layer in enumerate(layers):
        out[..., plane, :, :] = layer
    size = _SIZES[np.maximum(army, 0)]
    for plane, whose in enumerate((mine, ally, enemy, unowned), start=len(layers)):
        np.multiply(size, whose, out=out[..., plane, :, :])
    return out


def widened(words: Int32, height: int, width: int) -> Int32:
    """An observation's words (h, w) as on a board (height, width) with room for larger maps, this one in its corner.

    What is beyond the map are mountains that all know of, in sight beside the team's land.
    """
    relation = (words >> RELATION_SHIFT) & 3
    land = (relation == MINE) | (relation == ALLY)
    near = np.zeros((height + 2, width + 2), np.int32)
    for down in range(3):
        for right in range(3):
            near[down : down + words.shape[0], right : right + words.shape[1]] |= land
    wide: Int32 = BEYOND | VISIBLE * near[1:-1, 1:-1]
    wide[: words.shape[0], : words.shape[1]] = words
    return wide
