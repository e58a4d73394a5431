"""What generals.io sends of a game, in both directions: boards as the wire holds them, and diffs of them.

    map = [width, height, armies..., terrain...]
    terrain: -1 open land, -2 mountain, -3 fog, -4 obstacle in fog, else the owner
    diff = runs of (count unchanged, count changed, the changed values...)

Source: RULES.md, "Live protocol of the site".
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from actors.foreign_view import Sighting, status_of
from engine.arrays import Int32
from engine.board import ALIVE, VISIBLE
from engine.game import Game
from engine.tiles import CITY, GENERAL, HIDES, IMPASSABLE, MOUNTAIN, OBSTACLE, PLAIN

LAND, ROCK, FOG, FOG_OBSTACLE = -1, -2, -3, -4
MAX_SIDE = 1000
MAX_MAP = 2 + 2 * 65535


class WireError(ValueError):
    """A message that does not keep to the protocol; says what is wrong."""


def make_diff(old: Sequence[int], new: Sequence[int]) -> list[int]:
    """What `apply_diff` makes `new` of `old` by."""
    before, after = np.full(len(new), -(2**31), np.int64), np.asarray(new, np.int64)
    shared = min(len(old), len(new))
    before[:shared] = old[:shared]
    same = before == after
    same[shared:] = False
    edges = [0, *(np.flatnonzero(np.diff(same)) + 1).tolist(), len(new)] if len(new) else []
    diff: list[int] = []
    for begin, end in pairwise(edges):
        if same[begin]:
            diff.append(end - begin)
        else:
            diff += ([0] if not diff else []) + [end - begin, *after[begin:end].tolist()]
    return diff


def apply_diff(old: Sequence[int], diff: object) -> list[int]:
    """The list that a diff makes of an old one. Raises WireError."""
    if not isinstance(diff, list) or not all(type(number) is int for number in diff):
        raise WireError("a diff is no list of integers")
    new: list[int] = []
    at = 0
    while at < len(diff):
        kept = diff[at]
        if not 0 <= kept <= len(old) - len(new) and kept != 0:
            raise WireError(f"a diff keeps {kept} numbers from {len(new)} on; there are {len(old)}")
        new += old[len(new) : len(new) + kept]
        at += 1
        if at < len(diff):
            changed = diff[at]
            if not 0 <= changed <= len(diff) - at - 1:
                raise WireError(f"a diff changes {changed} numbers; it has {len(diff) - at - 1} left")
            new += diff[at + 1 : at + 1 + changed]
            at += 1 + changed
        if len(new) > MAX_MAP:
            raise WireError(f"a diff makes more than {MAX_MAP} numbers")
    return new


def shown_board(game: Game, seat: int) -> tuple[list[int], list[int], list[int]]:
    """What the site shows a seat of a game without memory: the map, the cities in sight, each seat's general or -1."""
    visible = (game.observe(seat).flags & VISIBLE) != 0
    kinds = game.kinds
    hides = (HIDES >> kinds.astype(np.int64)) & 1 == 1
    terrain = np.where(visible, np.where(IMPASSABLE[kinds], ROCK, game.owners), np.where(hides, FOG_OBSTACLE, FOG))
    armies = np.where(visible, game.armies, 0)
    board = [game.width, game.height, *armies.ravel().tolist(), *terrain.ravel().tolist()]
    cities = np.flatnonzero(visible & (kinds == CITY)).tolist()
    generals = [tile if tile >= 0 and visible.flat[tile] else -1 for tile in game.generals]
    return board, cities, generals


def scores_of(game: Game) -> list[dict[str, Any]]:
    """Every seat's army and land, the strongest first, as the site lists them."""
    rows = [
        {"i": s, "total": total, "tiles": land, "dead": status != ALIVE}
        for s, (total, land, status) in enumerate(zip(game.totals, game.land, game.status, strict=True))
    ]
    return sorted(rows, key=lambda row: (-int(row["total"]), -int(row["tiles"])))


class ShownGame:
    """A game as a client hears of it: the lists that diffs change, and what they say."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self.forget()

    def forget(self) -> None:
        """Begin the lists anew, as the server does for a client that has come back."""
        self.map: list[int] = []
        self.cities: list[int] = []

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the map."""
        return self.map[1], self.map[0]

    def take(self, update: object) -> Sighting:
        """What a `game_update` shows. Raises WireError."""
        if not isinstance(update, Mapping):
            raise WireError(f"a game_update is {type(update).__name__}; accepted: an object")
        self.map = apply_diff(self.map, update.get("map_diff"))
        self.cities = apply_diff(self.cities, update.get("cities_diff"))
        armies, terrain = self._grids()
        tiles = terrain.size
        visible = terrain > FOG
        kinds = np.select([terrain == ROCK, terrain == FOG_OBSTACLE], [MOUNTAIN, OBSTACLE], PLAIN).astype(np.uint8)
        for kind, places in ((CITY, self.cities), (GENERAL, self._generals(update.get("generals")))):
            inside = [tile for tile in places if 0 <= tile < tiles and visible.flat[tile]]
            kinds.flat[inside] = kind
        return Sighting(
            turn=_whole("turn", update.get("turn"), 0, 10**9),
            visible=visible,
            kinds=kinds,
            owners=np.where((terrain >= 0) & (terrain < self.seats), terrain, -1).astype(np.int8),
            armies=np.where(visible, armies, 0).astype(np.int32),
            totals=self._totals(update.get("scores")),
        )

    def _grids(self) -> tuple[Int32, Int32]:
        """Armies and terrain (H, W)."""
        if len(self.map) < 2:
            raise WireError(f"a map has {len(self.map)} numbers; its width and height come first")
        height, width = self.size
        if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE and len(self.map) == 2 + 2 * height * width):
            raise WireError(f"a map of {height}x{width} has {len(self.map)} numbers; accepted: 2 + 2 a tile")
        numbers = np.clip(np.array(self.map[2:], np.int64), -(2**29), 2**29).astype(np.int32)
        armies, terrain = numbers.reshape(2, height, width)
        return armies, terrain

    def _generals(self, value: object) -> list[int]:
        return [tile for tile in value if type(tile) is int] if isinstance(value, list) else []

    def _totals(self, scores: object) -> Int32:
        totals = np.zeros((self.seats, 3), np.int32)
        if not isinstance(scores, list) or not all(isinstance(row, Mapping) for row in scores):
            raise WireError("scores are no list of objects")
        for row in scores:
            seat = _whole("i", row.get("i"), 0, self.seats - 1)
            land, army = _whole("tiles", row.get("tiles"), 0, 2**29), _whole("total", row.get("total"), 0, 2**29)
            totals[seat] = land, army, status_of(bool(row.get("dead")), land)
        return totals


def _whole(name: str, value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise WireError(f"{name} is {value!r}; accepted: {low} to {high}")
    return value
