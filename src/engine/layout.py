"""A map to start a game on: what each tile is, who owns it, and who plays with whom."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from engine.arrays import Int8, Int32, UInt8
from engine.board import MAX_SEATS, MAX_TILES
from engine.tiles import CITY, GENERAL, IMPASSABLE, MOUNTAIN, OBSTACLE, PLAIN

MAX_ARMIES = 2**29 - 1  # on a map, all together: they can grow for a million turns before int32 ends
FIRST_CITY = 10  # in `tiles` notation, numbers from here on are cities of that many armies


@dataclass(frozen=True)
class Layout:
    """A map. Arrays have shape (H, W); owners hold a seat or -1. Raises ValueError for anything inconsistent."""

    kinds: UInt8
    armies: Int32
    owners: Int8
    generals: tuple[int, ...]  # tile of each seat's general, -1 for a seat that is out
    teams: tuple[int, ...] = field(default=())  # team of each seat; empty: everybody for themselves

    def __post_init__(self) -> None:
        if self.kinds.ndim != 2 or not 1 <= self.kinds.size <= MAX_TILES:
            raise ValueError(f"map has shape {self.kinds.shape}; accepted: (H, W) with 1 to {MAX_TILES} tiles")
        if self.armies.shape != self.kinds.shape or self.owners.shape != self.kinds.shape:
            raise ValueError(
                f"armies {self.armies.shape} and owners {self.owners.shape} differ from the map's {self.kinds.shape}"
            )
        if self.kinds.max() >= OBSTACLE:
            raise ValueError(f"kind of tile {self.kinds.max()} is unknown; accepted: 0 to {OBSTACLE - 1}")
        seats = len(self.generals)
        if not 1 <= seats <= MAX_SEATS:
            raise ValueError(f"map has {seats} generals; accepted: 1 to {MAX_SEATS}")
        if len(self.teams) not in (0, seats):
            raise ValueError(f"{len(self.teams)} teams are named for {seats} seats; accepted: one a seat, or none")
        for seat, tile in enumerate(self.generals):
            if not -1 <= tile < self.kinds.size or (tile >= 0 and self.kinds.flat[tile] != GENERAL):
                raise ValueError(f"general of seat {seat} is at tile {tile}, which is no general's tile")
            if tile >= 0 and self.owners.flat[tile] != seat:
                raise ValueError(f"general of seat {seat} is at tile {tile}, which seat {self.owners.flat[tile]} owns")
        strays = set(np.flatnonzero(self.kinds == GENERAL).tolist()) - set(self.generals)
        if strays:
            raise ValueError(f"tile {min(strays)} is a general's, but no seat's general is there")
        if self.owners.min() < -1 or self.owners.max() >= seats:
            raise ValueError(
                f"owners reach from {self.owners.min()} to {self.owners.max()}; accepted: -1 to {seats - 1}"
            )
        blocked = IMPASSABLE[self.kinds]
        if (blocked & (self.owners >= 0)).any():
            raise ValueError(f"tile {int(np.argmax(blocked & (self.owners >= 0)))} cannot be entered but has an owner")
        if (self.armies[self.owners >= 0] < 0).any():
            raise ValueError(f"armies reach down to {self.armies.min()}; accepted: 0 and more on tiles with an owner")
        armies = int(np.abs(self.armies.astype(np.int64)).sum())
        if armies > MAX_ARMIES:
            raise ValueError(f"armies add up to {armies}; accepted: at most {MAX_ARMIES}")
        if any(not 0 <= team < 2**31 for team in self.teams):
            raise ValueError(f"teams are {list(self.teams)}; accepted: numbers from 0 to {2**31 - 1}")

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.kinds.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.kinds.shape[1])

    @property
    def seats(self) -> int:
        """Number of players."""
        return len(self.generals)

    @classmethod
    def from_tiles(cls, tiles: ArrayLike, teams: Sequence[int] = ()) -> "Layout":
        """A map from integers (H, W): -2 mountain, 0 plain, 1..P general of seat p - 1, >= 10 city of that army."""
        grid = np.asarray(tiles)
        if grid.ndim != 2 or grid.dtype.kind not in "iu" or grid.size == 0:
            raise ValueError(f"tiles have shape {grid.shape} and type {grid.dtype}; accepted: (H, W) integers")
        unknown = (grid != -2) & (grid < 0) | (grid >= MAX_SEATS + 1) & (grid < FIRST_CITY)
        if unknown.any():
            raise ValueError(f"tile value {int(grid[unknown][0])} is unknown; accepted: -2, 0, 1 to P, 10 and more")
        if teams and len(teams) >= FIRST_CITY:
            raise ValueError(f"{len(teams)} teams are named; tiles can hold the generals of at most {FIRST_CITY - 1}")
        cities = grid >= FIRST_CITY
        if int(grid.max()) > MAX_ARMIES:
            raise ValueError(f"a city has {int(grid.max())} armies; accepted: {FIRST_CITY} to {MAX_ARMIES}")
        generals = (grid >= 1) & (grid < FIRST_CITY)
        seats = int(grid[generals].max()) if generals.any() else 0
        places = []
        for seat in range(seats):
            found = np.flatnonzero(grid == seat + 1)
            if len(found) != 1:
                raise ValueError(f"general {seat + 1} stands on {len(found)} tiles; accepted: exactly one")
            places.append(int(found[0]))
        kinds = np.select([grid == -2, cities, generals], [MOUNTAIN, CITY, GENERAL], PLAIN)
        return cls(
            kinds=kinds.astype(np.uint8),
            armies=np.where(cities, grid, generals).astype(np.int32),
            owners=np.where(generals, grid - 1, -1).astype(np.int8),
            generals=tuple(places),
            teams=tuple(teams),
        )
