"""The kinds of tile, as data: what each one is, and the bit sets that the kernels test.

A new structure of the site is one more line in `KINDS` (and, where it sees farther than its neighbours, its shape in
`engine/vision.py`). A kind fits in four bits: the upper four bits of a tile's `ground` byte hold its exits.
"""

from typing import NamedTuple

import numpy as np


class TileKind(NamedTuple):
    """What the rules need to know of a kind of tile."""

    name: str
    passable: bool = True  # may an army stand here
    hides: bool = False  # in fog it looks like any obstacle
    grows: bool = False  # +1 every even turn while owned
    drains: bool = False  # -1 every even turn while owned, lost at 0
    harvest: bool = True  # +1 every 50th turn while owned
    symbol: str = " "


KINDS = (
    TileKind("plain", symbol="."),
    TileKind("mountain", passable=False, hides=True, symbol="^"),
    TileKind("city", hides=True, grows=True, symbol="C"),
    TileKind("general", grows=True, symbol="G"),
    TileKind("swamp", drains=True, symbol="~"),
    TileKind("desert", harvest=False, symbol=":"),
    TileKind("lookout", passable=False, hides=True, symbol="L"),
    TileKind("observatory", passable=False, hides=True, symbol="O"),
    TileKind("obstacle", passable=False, symbol="?"),  # only ever observed: a mountain or city in fog
)
PLAIN, MOUNTAIN, CITY, GENERAL, SWAMP, DESERT, LOOKOUT, OBSERVATORY, OBSTACLE = range(len(KINDS))


def _bits(field: str) -> int:
    return sum(1 << code for code, kind in enumerate(KINDS) if getattr(kind, field))


PASSABLE = _bits("passable")
HIDES = _bits("hides")
GROWS = _bits("grows")
DRAINS = _bits("drains")
HARVEST = _bits("harvest")
STRUCTURE_KINDS = (1 << CITY) | (1 << GENERAL)
FAR_SIGHT_KINDS = (1 << LOOKOUT) | (1 << OBSERVATORY)

IMPASSABLE = np.array([not kind.passable for kind in KINDS])  # (kinds,) bool, for numpy code outside the kernels

KIND_BITS = 15  # ground & KIND_BITS is the kind, ground >> EXIT_SHIFT the exits
EXIT_SHIFT = 4

# Directions as action codes and exit bits name them: up, down, left, right.
UP, DOWN, LEFT, RIGHT = range(4)
