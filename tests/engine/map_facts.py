"""What maps are like, measured on many at once: drawn ones, and those of recorded games.

    python -m tests.engine.map_facts FILE      a table: the site's maps as drawn, and those of a file of recorded games

Maps lie in arrays of shape (G, H, W), smaller ones in the upper left corner and mountains around.
"""

import gzip
import itertools
import json
import sys
from dataclasses import dataclass

import numpy as np

from engine.board import GENERAL_AT, MAP_HEIGHT, MAP_WIDTH, Shape, allocate
from engine.maps import draw_maps, find_map
from engine.rulesets import RULESETS
from engine.tiles import CITY, GENERAL, MOUNTAIN, PLAIN
from engine.views import BoardView

UNREACHED = 10_000


@dataclass
class Maps:
    """Some maps: kinds (G, H, W), heights and widths (G,), generals (G, S) as tiles of the board, armies (G, H, W)."""

    kinds: np.ndarray
    heights: np.ndarray
    widths: np.ndarray
    generals: np.ndarray
    armies: np.ndarray

    @property
    def area(self):
        return self.heights * self.widths

    @property
    def inside(self):
        rows, columns = np.indices(self.kinds.shape[1:])
        return (rows < self.heights[:, None, None]) & (columns < self.widths[:, None, None])

    def count(self, kind):
        return ((self.kinds == kind) & self.inside).sum((1, 2))

    def places(self, seat):
        """Rows and columns of a seat's general."""
        return np.divmod(self.generals[:, seat], self.kinds.shape[2])

    def manhattan(self):
        """Between the first two generals."""
        (r0, c0), (r1, c1) = self.places(0), self.places(1)
        return abs(r0 - r1) + abs(c0 - c1)

    def border(self, seat):
        """From a general to the nearest side of the map."""
        r, c = self.places(seat)
        return np.minimum.reduce([r, c, self.heights - 1 - r, self.widths - 1 - c])

    def steps(self, seat, through_cities):
        """Steps from a general to each tile, (G, H, W); cities are entered, but left only if walked through."""
        games = np.arange(len(self.kinds))
        steps = np.full(self.kinds.shape, UNREACHED)
        steps[games, *self.places(seat)] = 0
        left = (self.kinds != MOUNTAIN) & ((self.kinds != CITY) | through_cities)
        front = steps == 0
        for step in itertools.count(1):
            beside = around(front & left).any(0) & (steps == UNREACHED) & (self.kinds != MOUNTAIN)
            if not beside.any():
                return steps
            steps[beside] = step
            front = beside
        raise AssertionError

    def walk(self, through_cities=True):
        """Steps from the first general to the second."""
        return self.steps(0, through_cities)[np.arange(len(self.kinds)), *self.places(1)]

    def nearest_cities(self, seat, rank=1):
        """Steps from a general to the city that is nearest, second nearest and so on, not through other cities."""
        steps = np.where(self.kinds == CITY, self.steps(seat, False), UNREACHED)
        return np.sort(steps.reshape(len(steps), -1), 1)[:, rank - 1]

    def clustering(self):
        """How often a mountain lies beside a mountain, for the share of mountains: 1 where they lie anywhere."""
        mountains = (self.kinds == MOUNTAIN) & self.inside
        pairs = (around(mountains) & mountains).sum((0, 2, 3))
        sides = (around(self.inside) & mountains).sum((0, 2, 3))
        return pairs / sides / (self.count(MOUNTAIN) / self.area)

    def edge_mountains(self):
        """Share of mountains along the sides of the map, for their share everywhere."""
        edge = self.inside & ~around(self.inside).all(0)
        return ((self.kinds == MOUNTAIN) & edge).sum((1, 2)) / edge.sum((1, 2)) / (self.count(MOUNTAIN) / self.area)


def around(where):
    """Whether the tile above, below, left and right is in `where`, (4, G, H, W)."""
    wide = np.pad(where, ((0, 0), (1, 1), (1, 1)))
    return np.stack([wide[:, :-2, 1:-1], wide[:, 2:, 1:-1], wide[:, 1:-1, :-2], wide[:, 1:-1, 2:]])


def drawn(board, count, seats=2, seed=1, episode=0):
    """The maps of the first games of a batch, drawn as the batch does."""
    spec = find_map(board, seats)
    ruleset = RULESETS["generalsio"]
    shape = Shape.of(ruleset, seats, spec.board_height, spec.board_width)
    rows = allocate(shape, ruleset, count, observed=False)
    draw_maps(rows, spec.integers(), seed, 0, episode)
    view = BoardView.of(rows, shape)
    return Maps(
        view.kind.copy(),
        rows[:, MAP_HEIGHT].copy(),
        rows[:, MAP_WIDTH].copy(),
        view.seat[:, :, GENERAL_AT].copy(),
        view.army.copy(),
    )


def recorded(file, count):
    """The maps of the first games of a file of recorded ones, one positional array a line."""
    with gzip.open(file, "rt") as lines:
        games = [json.loads(line) for line in itertools.islice(lines, count)]
    side = max(max(game[2], game[3]) for game in games)
    kinds = np.full((len(games), side, side), MOUNTAIN, np.uint8)
    armies = np.zeros(kinds.shape, np.int32)
    generals = np.empty((len(games), 2), int)
    for g, game in enumerate(games):
        width, height, cities, city_armies, places, mountains = game[2], game[3], *game[6:10]
        kinds[g, :height, :width] = PLAIN
        for kind, tiles in ((MOUNTAIN, mountains), (CITY, cities), (GENERAL, places)):
            rows, columns = np.divmod(np.array(tiles), width)
            kinds[g, rows, columns] = kind
            if kind == CITY:
                armies[g, rows, columns] = city_armies
            if kind == GENERAL:
                armies[g, rows, columns] = 1
                generals[g] = rows * side + columns
    sizes = np.array([(game[3], game[2]) for game in games])
    return Maps(kinds, sizes[:, 0], sizes[:, 1], generals, armies)


MEASURES = {
    "rows": lambda maps: maps.heights,
    "columns": lambda maps: maps.widths,
    "mountains": lambda maps: maps.count(MOUNTAIN) / maps.area,
    "mountains beside mountains": Maps.clustering,
    "mountains along the sides": Maps.edge_mountains,
    "cities": lambda maps: maps.count(CITY),
    "distance of generals": Maps.manhattan,
    "steps between generals": Maps.walk,
    "steps between generals, around cities": lambda maps: maps.walk(through_cities=False),
    "general to side of map": lambda maps: maps.border(0),
    "other general to side of map": lambda maps: maps.border(1),
    "nearest city": lambda maps: maps.nearest_cities(0),
    "other's nearest city": lambda maps: maps.nearest_cities(1),
    "third nearest city": lambda maps: maps.nearest_cities(0, 3),
    "advantage in nearest city": lambda maps: maps.nearest_cities(0) - maps.nearest_cities(1),
    "advantage in third city": lambda maps: maps.nearest_cities(0, 3) - maps.nearest_cities(1, 3),
    "land within 8 steps": lambda maps: (maps.steps(0, False) <= 8).sum((1, 2)),
}


def difference(some, others):
    """The most by which the shares of values up to any one differ (Kolmogorov and Smirnov's statistic)."""
    values = np.union1d(some, others)
    shares = [np.searchsorted(np.sort(each), values, "right") / len(each) for each in (some, others)]
    return np.abs(shares[0] - shares[1]).max()


def main(file, count=3848):
    ours, theirs = drawn("site", count), recorded(file, count)
    print(f"{'mean, and at 5, 50 and 95 %':38} {'drawn':>27} {'recorded':>27}   apart")
    for name, measure in MEASURES.items():
        columns = [measure(ours), measure(theirs)]
        line = f"{name:38}"
        for values in columns:
            low, middle, high = np.percentile(values, [5, 50, 95])
            line += f" {values.mean():6.2f} {low:6.2f} {middle:6.2f} {high:6.2f}"
        print(f"{line}   {difference(*columns):.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
