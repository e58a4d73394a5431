"""Boards for tests: random ones, and engine and reference playing the same game side by side."""

import random
from dataclasses import dataclass, field

import numpy as np
from tests.engine.reference import Reference

from engine.game import Game
from engine.layout import Layout
from engine.rulesets import RULESETS, replay_ruleset
from engine.tiles import KINDS

KIND_NAMES = [kind.name for kind in KINDS]
STATUS_NAMES = ["alive", "away", "out"]
DIRECTIONS = [(-1, 0), (1, 0), (0, -1), (0, 1)]


def ruleset_of(version):
    """The engine's name for what the reference calls a version."""
    return RULESETS["competition"] if version == "competition" else replay_ruleset(version)


@dataclass
class Board:
    """A start of a game, as rows of names and numbers."""

    version: object
    kinds: list
    armies: list
    owners: list
    generals: list
    teams: list = field(default_factory=list)
    turn: int = 0
    memory: bool = True

    @property
    def tiles(self):
        return len(self.kinds) * len(self.kinds[0])

    @property
    def seats(self):
        return len(self.generals)

    @property
    def layout(self):
        return Layout(
            kinds=np.array([[KIND_NAMES.index(kind) for kind in row] for row in self.kinds], np.uint8),
            armies=np.array(self.armies, np.int32),
            owners=np.array(self.owners, np.int8),
            generals=tuple(self.generals),
            teams=tuple(self.teams),
        )

    def game(self, **options):
        return Game(ruleset_of(self.version), self.layout, self.turn, memory=self.memory, **options)

    def reference(self):
        return Reference(
            self.version,
            self.kinds,
            self.armies,
            self.owners,
            self.generals,
            teams=self.teams,
            turn=self.turn,
            memory=self.memory,
        )


def random_board(version, height, width, seats, seed, siege=0.5):
    """A crowded board: land scattered over all seats, small armies, generals near each other, turns near an event.

    `siege` is how likely strong armies stand beside the generals.
    """
    rng = random.Random(seed)
    count = height * width
    grounds = ["plain"] * 12 + ["mountain"] * rng.randrange(6) + ["city"] * rng.randrange(4)
    if version != "competition" and rng.random() < 0.4:
        grounds += ["swamp", "desert", "desert", "lookout", "observatory"][: rng.randrange(6)]
    kinds = [rng.choice(grounds) for _ in range(count)]
    generals = rng.sample(range(count), seats)
    owned = rng.choice([0.0, 0.3, 0.8, 1.0])
    strength = rng.choice([[0, 1, 1, 2, 2, 3, 4, 5], [1, 1, 2, 3, 8, 20, 45], [0, 2, 30, 60, 70, 40000]])
    owners, armies = [-1] * count, [0] * count
    for tile in range(count):
        if tile in generals:
            kinds[tile], owners[tile] = "general", generals.index(tile)
            armies[tile] = rng.choice([*strength, 1, 1, 2])
        elif kinds[tile] in ("plain", "city", "swamp", "desert"):
            if rng.random() < owned:
                owners[tile], armies[tile] = rng.randrange(seats), rng.choice(strength)
            elif kinds[tile] == "city":
                armies[tile] = rng.choice([2, 10, 38, 39, 40, 45])
            elif rng.random() < 0.1:
                armies[tile] = rng.choice(strength)
    if rng.random() < siege:
        besiege(rng, height, width, generals, kinds, owners, armies)
    turns = [0, 1, 46, 47, 48, 49]
    if version == "competition":
        turns += [795, 798, 799, 800, 801, 1150, 1195, 1197]
    if seats > 2 and rng.random() < 0.2:
        out = rng.randrange(seats)  # a seat of the list that does not play
        kinds[generals[out]], generals[out] = "city", -1
    teams = []
    if version != "competition" and seats > 2 and rng.random() < 0.5:
        teams = [rng.randrange(max(2, seats // 2)) * 3 for _ in range(seats)]
    return Board(
        version,
        [kinds[row * width : (row + 1) * width] for row in range(height)],
        [armies[row * width : (row + 1) * width] for row in range(height)],
        [owners[row * width : (row + 1) * width] for row in range(height)],
        generals,
        teams,
        rng.choice(turns),
        rng.random() < 0.85,
    )


def besiege(rng, height, width, generals, kinds, owners, armies):
    """Put strong armies of the other of a pair next to each general: captures, trades and draws are frequent then."""
    for seat, general in enumerate(generals):
        row, column = divmod(general, width)
        down, right = rng.choice(DIRECTIONS)
        tile = (row + down) * width + column + right
        if 0 <= row + down < height and 0 <= column + right < width and tile not in generals:
            kinds[tile], armies[tile] = "plain", rng.choice([5, 9, 30, 60])
            owners[tile] = seat ^ 1 if seat ^ 1 < len(generals) else 0
            armies[general] = rng.choice([1, 2, 4, 10])


def decode(code, reference):
    """What an action code says, read from the documentation of codes: a move of tiles, a build, or None."""
    height, width = reference.height, reference.width
    tiles = height * width
    if 1 <= code <= 8 * tiles:
        (start, way), half = divmod((code - 1) // 2, 4), (code - 1) % 2
        row, column = start // width + DIRECTIONS[way][0], start % width + DIRECTIONS[way][1]
        if 0 <= row < height and 0 <= column < width:
            return start, row * width + column, half
    if 8 * tiles < code <= 9 * tiles:
        return "build", code - 1 - 8 * tiles
    return None


def random_actions(reference, rng):
    """One action code a seat: most of them to the point, many invalid, some aimed at what others are about to leave."""
    tiles = reference.height * reference.width
    codes = []
    starts = []
    for seat in reference.seats:
        land = [tile for tile in reference.land(seat) if reference.army[tile] > 1]
        whim = rng.random()
        if whim < 0.06:
            codes.append(0)
        elif whim < 0.14 or not land:
            codes.append(rng.choice([rng.randrange(-3, 9 * tiles + 4), rng.randrange(1, 8 * tiles + 1)]))
        elif whim < 0.26 and reference.version == "competition":
            rich = [tile for tile in land if reference.army[tile] >= 35]
            codes.append(1 + 8 * tiles + reference.number(rng.choice(rich if rich and rng.random() < 0.8 else land)))
        else:
            generals = [tile for tile in reference.generals if tile and reference.owner[tile] != seat]
            prey = generals + starts
            close = [tile for tile in land if any(end in generals for end in reference.neighbours(tile))]
            best = None
            for tile in rng.sample(land, min(len(land), 12)) + close[:1]:
                for way, (row, column) in enumerate(DIRECTIONS):
                    end = (tile[0] + row, tile[1] + column)
                    if best is None or rng.random() < 0.15 or (end in prey and rng.random() < 0.8):
                        best = tile, way
            starts.append(best[0])
            codes.append(1 + (reference.number(best[0]) * 4 + best[1]) * 2 + (rng.random() < 0.2))
    return codes


def assert_same_board(game, reference):
    """The engine's board, counters, winner and masks are the reference's."""
    shape = (reference.height, reference.width)
    impassable = ("mountain", "lookout", "observatory")
    owners = [-2 if reference.kind[tile] in impassable else reference.owner[tile] for tile in reference.tiles]
    assert game.turn == reference.turn
    np.testing.assert_array_equal(game.armies, np.reshape([reference.army[t] for t in reference.tiles], shape))
    np.testing.assert_array_equal(game.owners, np.reshape(owners, shape))
    assert [KIND_NAMES[kind] for kind in game.kinds.flat] == [reference.kind[t] for t in reference.tiles]
    assert game.generals == [-1 if tile is None else reference.number(tile) for tile in reference.generals]
    assert [STATUS_NAMES[status] for status in game.status] == reference.status
    assert game.land == [len(reference.land(seat)) for seat in reference.seats]
    assert game.totals == [reference.total(seat) for seat in reference.seats]
    assert game.winner == reference.winner


def legal_moves(observation):
    """The mask of an observation as the reference writes legal actions."""
    height, width = observation.mask.shape
    moves = set()
    for row, column in zip(*np.nonzero(observation.mask), strict=True):
        tile = int(row * width + column)
        for way, (down, right) in enumerate(DIRECTIONS):
            if observation.mask[row, column] >> way & 1:
                assert 0 <= row + down < height
                assert 0 <= column + right < width
                moves.add((tile, int(tile + down * width + right)))
        if observation.mask[row, column] & 16:
            moves.add(("build", tile))
        assert observation.mask[row, column] < 32
    return moves


def assert_same_view(game, reference, seat):
    """What the engine shows a seat, and lets it do, is what the reference does."""
    observation = game.observe(seat)
    seats = len(reference.seats)
    assert legal_moves(observation) == reference.legal(seat)
    expected = {"flags": [], "army": [], "owner": []}
    for tile in reference.tiles:
        in_sight, owner, kind, seen, army = reference.sees(seat, tile)
        relation = 0 if owner < 0 else 1 if owner == seat else 2 if reference.allied(seat, owner) else 3
        expected["flags"].append(in_sight | relation << 1 | KIND_NAMES.index(kind) << 3 | seen << 7)
        expected["army"].append(min(army, 32767))
        expected["owner"].append(0 if owner < 0 else 1 + (owner - seat) % seats)
    np.testing.assert_array_equal(observation.flags.ravel(), expected["flags"])
    np.testing.assert_array_equal(observation.army.ravel(), expected["army"])
    if seats > 2:
        np.testing.assert_array_equal(observation.owner.ravel(), expected["owner"])
    vector = [reference.turn]
    for step in range(seats):
        other = (seat + step) % seats
        vector += [len(reference.land(other)), reference.total(other), STATUS_NAMES.index(reference.status[other])]
    assert observation.vector.tolist() == vector
