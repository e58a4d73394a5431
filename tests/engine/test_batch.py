"""`GameBatch` plays the games that are named and the seeds that are given, or says what is wrong with them."""

import re

import numpy as np
import pytest

from engine.batch import GameBatch
from engine.board import EPISODE, TURN
from engine.maps import MapSpec

BOARD = MapSpec.plain(4, 4, mountains=0.0, cities=0)


def batch(games=4, **options):
    made = GameBatch("generalsio", games, 1, **{"board": BOARD, "autoreset": "off", **options})
    made.reset()
    return made


@pytest.mark.parametrize("games", [np.array([False, True, False, True]), [False, True, False, True], [3, 1]])
def test_games_are_named_by_marks_or_by_numbers(games):
    played = batch()
    _, reward, *_ = played.step(np.zeros((2, 2), np.int32), games)
    assert reward.shape == (2, 2)
    assert played.rows[:, TURN].tolist() == [0, 1, 0, 1]
    assert played.bot_actions("random", games).shape == (2, 2)
    played.reset(games=games)
    assert played.rows[:, TURN].tolist() == [0, 0, 0, 0]
    assert played.rows[:, EPISODE].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("games", "message"),
    [
        ([1, 1], "games name a game twice: [1, 1]"),
        ([0.0, 1.0], "games are float64 of shape (2,)"),
        ([[0, 1]], "games are int64 of shape (1, 2)"),
        ([True, False], "games are bool of shape (2,); accepted: bool of shape (4,), or different integers"),
        ([0, 4], "games reach from 0 to 4; accepted: 0 to 3"),
        ([-1], "games reach from -1 to -1"),
        ([2**40], "games reach from 1099511627776"),
    ],
)
def test_games_that_cannot_be_named_are_refused(games, message):
    played = batch()
    before = played.rows.copy()
    count = np.size(games)
    for use in (
        lambda: played.step(np.zeros((count, 2), np.int32), games),
        lambda: played.reset(games=games),
        lambda: played.bot_actions("random", games),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            use()
    np.testing.assert_array_equal(played.rows, before)


@pytest.mark.parametrize("seed", [-1, 2**62, 2**64, 1.5, "1"])
def test_seeds_are_checked(seed):
    played = batch()
    for use in (lambda: played.reset(seed), lambda: GameBatch(seed=seed, board=BOARD)):
        with pytest.raises(ValueError, match=r"seed is .*; accepted: an integer, 0 to 2\*\*62 - 1"):
            use()
    assert played.seed == 1


def test_a_seed_is_all_games():
    played = batch()
    with pytest.raises(ValueError, match="seed is 5, and games are named"):
        played.reset(5, games=[0])
    assert played.seed == 1


def test_stepped_before_the_first_reset_it_says_so():
    unbegun = GameBatch("generalsio", 2, board=BOARD)
    with pytest.raises(ValueError, match=r"call reset\(\) before step"):
        unbegun.step(np.zeros((2, 2), np.int32))
    unbegun.restore(1, batch().snapshot(0))
    unbegun.step(np.zeros((2, 2), np.int32))
    assert unbegun.rows[:, TURN].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seats": 1}, "seats is 1; a game is played by 2 and more"),
        ({"board": BOARD.vary(teams=(3, 3))}, "teams of the map are (3, 3), one team alone"),
        ({"board": (8, 8)}, "board is (8, 8); accepted: a MapSpec, or one of site"),
        ({"board": None}, "board is None; accepted: a MapSpec"),
    ],
)
def test_games_nobody_can_play_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        batch(**options)


@pytest.mark.parametrize(
    ("ruleset", "options"),
    [
        ("classic", {}),
        ("generalsio", {"observed": False}),
        ("generalsio", {"memory": False}),
        ("generalsio", {"board": MapSpec.plain(2, 8, mountains=0.0, cities=0)}),
    ],
)
def test_a_game_of_another_kind_is_not_restored(ruleset, options):
    played = batch()
    other = GameBatch(ruleset, 1, 1, **{"board": BOARD, **options})
    other.reset()
    snapshot = other.snapshot(0)
    assert snapshot.shape == played.snapshot(0).shape
    with pytest.raises(ValueError, match="snapshot is of a game with other rules, board or switches"):
        played.restore(0, snapshot)
