"""Maps are legal whatever is asked, the same on every machine, and like the site's and the competition's."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.engine.ascii import lines, show
from tests.engine.map_facts import MEASURES, difference, drawn, recorded

from engine.board import MAX_SEATS
from engine.compile import COMPILED
from engine.game import Game
from engine.maps import MAPS, MapSpec, find_map, generate
from engine.tiles import CITY, GENERAL, MOUNTAIN, PLAIN

MANY = 2000
statistics = pytest.mark.skipif(not COMPILED, reason="drawing thousands of maps takes compiled kernels")


@pytest.fixture(scope="module")
def site():
    return drawn("site", MANY)


@pytest.fixture(scope="module")
def competition():
    return drawn("competition", MANY)


@pytest.fixture(scope="module")
def human(replays):
    return recorded(replays / "human_1v1_v13.jsonl.gz", MANY)


def reached(layout):
    """Tiles that the first general walks to, where cities are entered and not left, as bool (H, W)."""
    wide = np.pad(layout.kinds, 1, constant_values=MOUNTAIN)
    todo = [tuple(np.add(divmod(layout.generals[0], layout.width), 1))]
    seen = set(todo)
    for row, column in todo:
        if wide[row, column] != CITY:
            beside = {(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)} - seen
            found = [tile for tile in beside if wide[tile] != MOUNTAIN]
            seen.update(found)
            todo.extend(found)
    where = np.zeros(wide.shape, bool)
    where[tuple(np.transpose(list(seen)))] = True
    return where[1:-1, 1:-1]


def digest(layouts):
    text = hashlib.sha256()
    for layout in layouts:
        text.update(repr((layout.height, layout.width, layout.generals, layout.teams)).encode())
        text.update(layout.kinds.tobytes() + layout.armies.tobytes() + layout.owners.tobytes())
    return text.hexdigest()


def sample():
    """Maps of every kind, few enough for plain Python."""
    boards = [("site", 2), ("competition", 2), ("small", 2), (MapSpec.site(4, teams=(0, 1, 0, 1)), 4)]
    boards += [(MapSpec.plain(3, 4), 2), (MapSpec.plain(6, 6, apart=9), 5)]
    return [generate(board, seats, 2**40 + 3, game, 1) for board, seats in boards for game in range(3)]


class TestAnyMap:
    @given(
        height=st.integers(2, 40),
        width=st.integers(2, 40),
        seats=st.integers(1, MAX_SEATS),
        mountains=st.floats(0, 0.6),
        cities=st.integers(0, 12),
        reach=st.integers(0, 8),
        walking=st.integers(0, 30),
        game=st.integers(0, 2**31 - 1),
    )
    @example(height=2, width=2, seats=2, mountains=0.15, cities=2, reach=0, walking=0, game=0)
    @example(height=2, width=2, seats=4, mountains=0.6, cities=12, reach=2, walking=30, game=1)
    @example(height=4, width=4, seats=16, mountains=0.6, cities=3, reach=0, walking=0, game=2)
    @example(height=40, width=40, seats=16, mountains=0.2, cities=12, reach=6, walking=9, game=3)
    def test_is_legal(self, height, width, seats, mountains, cities, reach, walking, game):
        seats = min(seats, height * width)
        spec = MapSpec.plain(height, width, mountains=mountains, cities=cities, city_reach=reach, apart_walking=walking)
        layout = generate(spec, seats, 1, game, 0)
        kinds = layout.kinds
        assert kinds.shape == (height, width)
        assert (reached(layout) == (kinds != MOUNTAIN)).all()
        assert len(set(layout.generals)) == (kinds == GENERAL).sum() == seats
        assert [layout.owners.flat[tile] for tile in layout.generals] == list(range(seats))
        assert (layout.owners >= 0).sum() == seats
        assert (layout.armies[kinds == GENERAL] == 1).all()
        assert ((layout.armies[kinds == CITY] >= 40) & (layout.armies[kinds == CITY] <= 50)).all()
        assert (layout.armies[(kinds == MOUNTAIN) | (kinds == PLAIN)] == 0).all()
        assert (kinds == CITY).sum() <= cities
        raised = min(round(mountains * 1e6) * kinds.size / 1e6 + cities, kinds.size - seats)
        assert abs(((kinds == MOUNTAIN) | (kinds == CITY)).sum() - raised) <= 0.5

    def test_has_the_cities_asked_for_where_there_is_room(self):
        spec = MapSpec.plain(6, 6, mountains=0.1, cities=4)
        assert [(generate(spec, 2, 1, game, 0).kinds == CITY).sum() for game in range(50)] == [4] * 50

    @pytest.mark.parametrize(("apart", "most"), [(1, 5), (4, 8), (9, 9)])
    def test_keeps_generals_within_the_distance_asked_for(self, apart, most):
        spec = MapSpec.plain(16, 16, cities=2, apart=apart, apart_most=most)
        found = []
        for game in range(60):
            rows, columns = np.divmod(generate(spec, 2, 1, game, 0).generals, 16)
            found.append(abs(rows[0] - rows[1]) + abs(columns[0] - columns[1]))
        assert apart <= min(found) <= max(found) <= most

    def test_gives_seats_the_teams_asked_for(self):
        assert generate(MapSpec.plain(9, 9, teams=(1, 0, 1)), 3, 1, 0, 0).teams == (1, 0, 1)
        assert generate(MapSpec.plain(9, 9), 3, 1, 0, 0).teams == ()

    def test_gives_a_seat_any_place(self):
        layouts = [generate(MapSpec.plain(4, 4, mountains=0, cities=0), 2, 1, game, 0) for game in range(300)]
        for seat in range(2):
            assert {layout.generals[seat] for layout in layouts} == set(range(16))


class TestChance:
    def test_the_same_numbers_draw_the_same_map(self):
        assert digest([generate("site", 2, 5, 6, 7)]) == digest([generate("site", 2, 5, 6, 7)])

    @pytest.mark.parametrize("other", [(6, 6, 7), (5 + 2**32, 6, 7), (5, 7, 7), (5, 6, 8)])
    def test_another_seed_game_or_episode_draws_another(self, other):
        assert digest([generate("small", 2, 5, 6, 7)]) != digest([generate("small", 2, *other)])

    def test_a_map_stays_what_it_was(self):
        """Records may name a map by its numbers alone."""
        game = Game("generalsio", generate("small", 2, 1, 3, 0))
        assert show(game) == lines(GOLDEN)

    @pytest.mark.skipif(not COMPILED, reason="compares compiled kernels with plain ones")
    def test_compiled_and_plain_kernels_draw_the_same(self):
        code = "from tests.engine.test_maps import digest, sample; print(digest(sample()))"
        root = Path(__file__).parents[2]
        environment = os.environ | {"STRATAGEM_PLAIN": "1", "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
        plain = subprocess.run(
            [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=True
        )
        assert plain.stdout.strip() == digest(sample())


class TestSpecification:
    @pytest.mark.parametrize(
        ("seats", "least", "most", "board"), [(2, 18, 23, 24), (3, 19, 24, 24), (4, 20, 26, 28), (8, 25, 33, 36)]
    )
    def test_the_boards_of_the_site_hold_its_longest_sides(self, seats, least, most, board):
        spec = MapSpec.site(seats)
        layouts = [generate(spec, seats, 1, game, 0) for game in range(150 if COMPILED else 10)]
        sides = [side for layout in layouts for side in layout.kinds.shape]
        assert least <= min(sides) <= max(sides) <= most
        assert spec.board_height == spec.board_width == board

    @pytest.mark.parametrize(
        ("teams", "apart", "kept"),
        [((), 10, 10), ((0, 0, 0, 0, 1, 1, 1, 1), 15, 10), ((0, 1, 2, 0, 1, 2, 0, 1), 14, 10)],
    )
    def test_generals_of_the_site_keep_the_distance_of_its_formula_where_they_can(self, teams, apart, kept):
        spec = MapSpec.site(8, teams)
        assert spec.apart == apart
        for game in range(10 if COMPILED else 2):
            layout = generate(spec, 8, 1, game, 0)
            places = np.transpose(np.divmod(layout.generals, layout.width))
            distances = np.abs(places[:, None] - places).sum(2)
            assert distances[np.triu_indices(8, 1)].min() >= kept

    def test_a_board_of_one_size_is_as_large_as_its_maps(self):
        assert (MapSpec.plain(7, 9).board_height, MapSpec.plain(7, 9).board_width) == (7, 9)
        assert (MAPS["competition"].board_height, MAPS["small"].board_width) == (24, 8)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"height": 0}, "heights of the map are 0 to 0; accepted: whole numbers or halves from 1"),
            ({"height": 300, "width": 300}, "a board of 300x300; accepted: 65535 tiles"),
            ({"mountains": 0.95}, "mountains of the map are 0.95 to 0.95; accepted: 0 to 0.9"),
            ({"cities": -1}, "cities of the map are -1 to -1; accepted: 0 to"),
            ({"city_armies": (50, 40)}, "city_armies of the map are 50 to 40; accepted: 0 to 32767, least first"),
            ({"city_choice": 0}, "city_choice of the map is 0; accepted: 1 to 64"),
            ({"apart": -1}, "apart of the map is -1; accepted: 0 to 65535"),
            ({"teams": (0, 16)}, r"teams of the map are \(0, 16\); accepted: up to 16 of 0 to 15"),
        ],
    )
    def test_what_no_map_can_have_is_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            MapSpec.plain(**({"height": 8, "width": 8} | options))

    @pytest.mark.parametrize(
        ("board", "seats", "message"),
        [
            ("sight", 2, 'map "sight" is unknown; known: site, competition, small'),
            (MapSpec.plain(2, 2), 5, 'seats is 5; accepted on map "plain": 1 to 4'),
            ("site", 17, 'seats is 17; accepted on map "site": 1 to 16'),
            (MapSpec.plain(8, 8, teams=(0, 1)), 3, 'map "plain" names 2 teams for 3 seats; accepted: one a seat'),
        ],
    )
    def test_a_map_that_cannot_be_found_is_refused(self, board, seats, message):
        with pytest.raises(ValueError, match=message):
            find_map(board, seats)


@statistics
class TestCompetition:
    def test_sides_are_18_to_21_each_as_likely(self, competition):
        for sides in (competition.heights, competition.widths):
            assert set(sides) == {18, 19, 20, 21}
            assert np.allclose(np.bincount(sides)[18:] / MANY, 1 / 4, atol=0.04)
        assert abs(np.corrcoef(competition.heights, competition.widths)[0, 1]) < 0.06

    def test_mountains_are_24_to_26_percent(self, competition):
        share = competition.count(MOUNTAIN) / competition.area
        assert 0.24 <= share.min() <= 0.242
        assert 0.258 <= share.max() <= 0.26

    def test_generals_are_at_least_17_steps_apart(self, competition):
        walk = competition.walk()
        assert walk.min() == 17
        assert np.percentile(walk, 99) < 50

    def test_there_are_no_cities(self, competition):
        assert not competition.count(CITY).any()


@statistics
class TestSite:
    """RULES.md, "Map generation of the site": what was measured over human 1v1 games of version 13."""

    def test_sides(self, site):
        for sides in (site.heights, site.widths):
            expected = np.diff(np.sqrt(np.clip((np.arange(18, 25) - 18.5) / 5, 0, 1)))
            assert np.allclose(np.bincount(sides)[18:] / MANY, expected, atol=0.035)
        assert abs(np.corrcoef(site.heights, site.widths)[0, 1]) < 0.06

    def test_cities(self, site):
        assert abs((site.count(CITY) == 10).mean() - 0.5) < 0.04
        assert abs((site.count(CITY) == 11).mean() - 0.5) < 0.04
        armies = np.bincount(site.armies[site.kinds == CITY]) / site.count(CITY).sum()
        assert np.allclose(armies[40:], [0.05, *[0.1] * 9, 0.05], atol=0.01)

    def test_mountains(self, site):
        share = site.count(MOUNTAIN) / site.area
        assert abs(share.mean() - 0.212) < 0.002
        assert share.min() > 0.145
        assert share.max() < 0.275

    def test_distance_of_generals(self, site):
        distance = site.manhattan()
        assert distance.min() == 15
        assert 18 <= np.median(distance) <= 19
        assert distance.max() <= 44  # two corners of the largest map
        assert np.percentile(distance, 99.9) <= 37
        walk = site.walk()
        assert walk.min() == 15
        assert np.percentile(walk, 99.9) <= 44

    def test_both_sides_reach_a_city_equally_soon(self, site):
        nearest = [site.nearest_cities(seat) for seat in range(2)]
        for steps in nearest:
            assert np.median(steps) == 3
            assert np.percentile(steps, 95) <= 7
        assert abs(nearest[0].mean() - nearest[1].mean()) < 0.2
        assert np.abs(nearest[0] - nearest[1]).mean() < 2.2


# How far the shares of maps up to a value may differ, at most over all values. Chance alone makes it 0.05 once in a
# hundred comparisons. Here pieces of land are joined, which moves some mountains, mostly away from the map's sides.
MOST = dict.fromkeys(MEASURES, 0.06) | {
    "mountains beside mountains": 0.11,
    "mountains along the sides": 0.12,
    "nearest city": 0.07,
    "other's nearest city": 0.07,
    "third nearest city": 0.07,
    "advantage in nearest city": 0.07,
    "advantage in third city": 0.07,
}


@statistics
class TestRecordedGames:
    @pytest.mark.parametrize("measure", MEASURES)
    def test_maps_are_like_those_of_the_site(self, site, human, measure):
        assert difference(MEASURES[measure](site), MEASURES[measure](human)) < MOST[measure]


GOLDEN = """
.    A1   .    ^    .    .    ^    .
.    .    .    .    .    .    #43  .
.    .    .    .    .    .    .    .
.    .    .    .    B1   .    .    .
.    .    .    .    .    .    .    .
.    .    .    .    .    .    .    .
.    .    .    .    .    ^    .    ^
.    ^    .    .    .    ^    .    .
"""
