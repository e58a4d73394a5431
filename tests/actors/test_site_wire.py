"""The site's messages: diffs go there and back, boards say what the engine says, nonsense is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.bot_mind import BotMind
from actors.foreign_view import ForeignView
from actors.site_game import Queued, SiteGame, draw_layout
from actors.site_wire import ShownGame, WireError, apply_diff, make_diff
from engine.rulesets import RULESETS

NUMBERS = st.lists(st.integers(-4, 3), max_size=12)


@given(NUMBERS, NUMBERS)
def test_a_diff_makes_the_new_of_the_old(old, new):
    assert apply_diff(old, make_diff(old, new)) == new


def test_a_diff_is_runs_of_unchanged_and_changed():
    assert make_diff([], [7, 8]) == [0, 2, 7, 8]
    assert make_diff([1, 2, 3, 4], [1, 2, 9, 4]) == [2, 1, 9, 1]
    assert make_diff([1, 2], [1, 2]) == [2]


@pytest.mark.parametrize("diff", [None, "2", [5], [-1], [0, 3, 1], [1, -1], [0, True], [1.5], {}])
def test_a_diff_that_is_none_is_refused(diff):
    with pytest.raises(WireError):
        apply_diff([1, 2, 3], diff)


def new_game(seats=2, bots=("hunter", "expander"), seed=5):
    minds = [bot and BotMind(bot, seed) for bot in bots]
    return SiteGame("id", RULESETS["generalsio"], draw_layout(seats, seed), [str(s) for s in range(seats)], minds)


@pytest.mark.parametrize(("seats", "bots"), [(2, ("hunter", "expander")), (3, ("hunter", "hunter", "random"))])
def test_what_a_client_hears_is_what_the_engine_shows(seats, bots):
    """Every update of a game, taken in by a client, as the engine's observation of the same turn."""
    match = new_game(seats, bots)
    shown = [ShownGame(seats) for _ in range(seats)]
    views = [ForeignView(RULESETS["generalsio"], s, seats, match.game.height, match.game.width) for s in range(seats)]
    for _ in range(150):
        for seat in range(seats):
            views[seat].show(shown[seat].take(match.update(seat)))
            expected = match.game.observe(seat)
            words = views[seat].words
            assert np.array_equal(words & 255, expected.flags)
            assert np.array_equal(words >> 16, expected.army)
            assert np.array_equal((words >> 8 & 255) & (31 if seats == 2 else 15), expected.mask)
            assert np.array_equal(views[seat].vector, expected.vector)
        match.step()
    assert match.game.turn > 50


class Wide:
    """A mind that wants a board larger than the map; it notes what it is shown and makes its first legal move."""

    name, board = "wide", (30, 31)

    def begin(self, view):
        self.shown = []

    def decide(self, view):
        self.shown.append((view.words, view.vector))
        masks = (view.words >> 8 & 15).ravel()
        tile = int(masks.argmax())
        direction = next((d for d in range(4) if masks[tile] >> d & 1), None)
        self.move = None if direction is None else (divmod(tile, 31), direction)
        return 0 if direction is None else 1 + (tile * 4 + direction) * 2


def test_a_resident_sees_what_the_engine_shows_and_moves_on_the_map():
    mind = Wide()
    match = SiteGame("id", RULESETS["generalsio"], draw_layout(2, 5), ["a", "b"], [mind, BotMind("random", 5)])
    game, moved = match.game, 0
    height, width = game.height, game.width
    assert (height, width) < (30, 31)
    for turn in range(60):
        expected, before = game.observe(0), game.armies.copy()
        match.step()
        words, vector = mind.shown[turn]
        assert words.shape == (30, 31)
        assert np.array_equal(words[:height, :width] & 255, expected.flags)
        assert np.array_equal(words[:height, :width] >> 8 & 255, expected.mask)
        assert np.array_equal(vector, expected.vector)
        if mind.move is not None:
            (r, c), direction = mind.move
            assert match.actions[-1][0] == 1 + ((r * width + c) * 4 + direction) * 2
            moved += game.armies[r, c] < before[r, c]
    assert moved > 10


class TestGame:
    def test_a_queue_is_dropped_until_its_first_valid_move(self):
        match = new_game(bots=(None, None))
        game = match.game
        while game.turn < 4:
            match.step()
        general = game.generals[0]
        neighbours = [general - 1, general + 1, general - game.width, general + game.width]
        end = next(tile for tile in neighbours if 0 <= tile < game.kinds.size and game.kinds.flat[tile] == 0)
        for index, (start, goal) in enumerate(
            [(game.generals[1], 0), (general, general + 2), (general, end), (end, general)]
        ):
            match.queue(0, Queued(start, goal, False, index))
        match.step()
        assert match.played[0] == 2
        assert game.owners.flat[end] == 0
        assert len(match.queues[0]) == 1

    def test_who_never_moves_is_out(self):
        match = new_game(bots=(None, "hunter"))
        while not match.over:
            match.step()
        assert (match.game.turn, match.game.winner) == (72, 1)
        assert match.record().result().winner == 1

    def test_moves_off_the_map_are_refused(self):
        with pytest.raises(ValueError, match="accepted: tiles 0 to"):
            new_game().queue(0, Queued(0, 10**6, False, 0))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"map_diff": [0, 3, 5, 5, 1]}, "5x5 has 3 numbers"),
        ({"map_diff": []}, "has 0 numbers"),
        ({"turn": "now"}, "turn is 'now'"),
        ({"scores": None}, "scores are no list"),
        ({"scores": [{"i": 7, "total": 1, "tiles": 1}]}, "i is 7"),
        ({"cities_diff": [9]}, "keeps 9 numbers"),
    ],
)
def test_an_update_that_is_none_is_refused_by_name(change, complaint):
    update = {**new_game().update(0), **change}
    with pytest.raises(WireError, match=complaint):
        ShownGame(2).take(update)


def test_places_off_the_map_are_passed_over():
    update = new_game().update(0)
    update["generals"] = [10**9, -1, "x"]
    assert ShownGame(2).take(update).turn == 0
