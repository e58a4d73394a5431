"""Intervals and ratings against data whose truth is known."""

import itertools
import math

import numpy as np
import pytest

from learner.rating import (
    ELO_SCALE,
    PRIOR_DRAWS,
    Match,
    bradley_terry,
    pair_interval,
    rate_players,
    wilson,
)


@pytest.mark.parametrize(
    ("won", "played", "low", "high"),
    [(0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662), (10, 10, 0.7225, 1.0), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(won, played, low, high):
    """81 of 263 and 1 of 29: Newcombe 1998, table I."""
    assert wilson(won / played, played) == pytest.approx((low, high), abs=2e-4)


def test_pairs_that_go_together_count_as_half_the_games():
    together = np.repeat(np.arange(100) < 60, 2).reshape(100, 2)
    found = pair_interval(together)
    assert found.games == 200
    assert (found.low, found.high) == pytest.approx(wilson(0.6, 100), abs=2e-3)


def test_pairs_that_go_apart_give_no_narrower_interval_than_their_games():
    apart = np.tile([True, False], (100, 1))
    found = pair_interval(apart)
    assert (found.low, found.high) == wilson(0.5, 200)


def test_intervals_hold_the_truth_19_times_in_20():
    draw = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        map_luck = draw.random((60, 1)) < 0.3  # on some maps both games go alike
        alike = np.repeat(draw.random((60, 1)) < 0.7, 2, axis=1)
        found = pair_interval(np.where(map_luck, alike, draw.random((60, 2)) < 0.7))
        held += found.low <= 0.7 <= found.high
    assert 0.93 <= held / 2000 <= 0.97


def test_two_players_have_the_ratings_of_the_closed_form():
    games = np.array([[0.0, 30.0], [30.0, 0.0]])
    points = np.array([[0.0, 24.0], [6.0, 0.0]])
    strength = bradley_terry(points, games)
    odds = (24 + PRIOR_DRAWS / 2) / (6 + PRIOR_DRAWS / 2)
    assert strength[0] - strength[1] == pytest.approx(math.log(odds), abs=1e-9)


def test_strengths_make_every_player_score_what_was_expected():
    draw = np.random.default_rng(1)
    games = np.triu(draw.integers(5, 60, (6, 6)), 1).astype(float)
    games += games.T
    points = np.triu(draw.random((6, 6)), 1) * games
    points += np.tril(games - points.T, -1)
    strength = bradley_terry(points, games)
    prior = PRIOR_DRAWS * (games > 0)
    expected = (games + prior) / (1 + np.exp(strength[None, :] - strength[:, None]))
    np.testing.assert_allclose(expected.sum(1), (points + prior / 2).sum(1), atol=1e-6)
    assert strength.mean() == pytest.approx(0, abs=1e-9)


def tournament(elos, pairs, seed):
    """Matches of players with true Elo ratings, no draws."""
    draw = np.random.default_rng(seed)
    matches = []
    for a, b in itertools.combinations(elos, 2):
        chance = 1 / (1 + math.exp((elos[b] - elos[a]) / ELO_SCALE))
        scores = (draw.random((pairs, 2)) < chance).astype(np.float32)
        matches.append(Match(a, b, scores, np.zeros((pairs, 2), np.int32)))
    return matches


def test_ratings_of_a_synthetic_tournament_hold_the_true_ones():
    elos = {"weak": -300.0, "anchor": 0.0, "good": 120.0, "strong": 400.0}
    held = 0
    for seed in range(40):
        table = rate_players(tournament(elos, 100, seed), "anchor", seed)
        assert [rating.name for rating in table] == ["strong", "good", "anchor", "weak"]
        by_name = {rating.name: rating for rating in table}
        assert by_name["anchor"].elo == 0.0
        held += sum(by_name[name].low <= elos[name] <= by_name[name].high for name in ("weak", "good", "strong"))
    assert 0.88 <= held / 120 <= 0.99


def test_who_won_all_has_a_finite_rating_above_the_others():
    all_won = Match("a", "b", np.ones((50, 2), np.float32), np.zeros((50, 2), np.int32))
    even = Match("b", "c", np.tile(np.float32([1, 0]), (50, 1)), np.zeros((50, 2), np.int32))
    table = rate_players([all_won, even], "b")
    assert next(rating.name for rating in table) == "a"
    assert 500 < table[0].elo < 2000
    assert all(rating.low <= rating.elo <= rating.high for rating in table)


def test_a_draw_is_half_a_point_and_no_win():
    match = Match("a", "b", np.full((10, 2), 0.5, np.float32), np.zeros((10, 2), np.int32))
    assert (match.win_rate.mean, match.loss_rate.mean, match.drawn) == (0.0, 0.0, 1.0)
    ratings = rate_players([match], "a")
    assert [rating.score for rating in ratings] == [0.5, 0.5]
    assert [rating.elo for rating in ratings] == pytest.approx([0.0, 0.0], abs=1e-6)


def test_an_anchor_that_never_played_is_refused():
    match = Match("a", "b", np.ones((2, 2), np.float32), np.zeros((2, 2), np.int32))
    with pytest.raises(ValueError, match='anchor "c" played no match; players: a, b'):
        rate_players([match], "c")
