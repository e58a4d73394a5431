"""The strategist that is told where to look: what it begins with, and that it marches by what it is told."""

import numpy as np
import pytest

from engine.batch import GameBatch
from engine.board import DISCOVERED, GENERAL_AT, HEADER, SEAT_FIELDS, VISIBLE, WINNER
from engine.bots import scratch_words
from engine.bots.told import NEVER, guesses, told_actions

RULESETS = [("generalsio", "site"), ("competition", "competition")]


def guess_of(batch, seat):
    games = np.arange(batch.num_games, dtype=np.int32)
    points = np.zeros((batch.num_games, batch.tiles), np.int32)
    is_guess = np.zeros(batch.num_games, np.int32)
    scratch = np.zeros((2, scratch_words(batch.tiles)), np.int32)
    guesses(batch.rows, games, seat, points, is_guess, scratch)
    return games, points, is_guess, scratch


@pytest.mark.parametrize(("ruleset", "board"), RULESETS)
def test_told_what_its_tables_say_it_plays_as_the_strategist(ruleset, board):
    batch = GameBatch(ruleset, 6, 3, board=board, autoreset="off")
    batch.reset()
    guessed = 0
    for _ in range(220):
        actions = batch.bot_actions(["strategist", "hunter"])
        games, points, is_guess, scratch = guess_of(batch, 0)
        told = np.full(batch.num_games, -1, np.int32)
        told_actions(batch.rows, games, 0, batch.seed, points, told, scratch)
        running = batch.rows[:, WINNER] < -1
        assert (told == actions[:, 0])[running].all()
        guessed += int(is_guess.sum())
        batch.step(actions)
    assert guessed > 200


def test_it_guesses_only_where_nobody_has_been():
    batch = GameBatch("generalsio", 8, 5, board="site", autoreset="off")
    batch.reset()
    for _ in range(90):
        batch.step(batch.bot_actions("hunter"))
    _, points, is_guess, _ = guess_of(batch, 1)
    flags = batch.view.flags[:, 1].reshape(8, -1)
    general = batch.rows[:, HEADER + GENERAL_AT]
    assert is_guess.any()
    for g in np.flatnonzero(is_guess):
        assert (points[g][flags[g] & (VISIBLE | DISCOVERED) != 0] == NEVER).all()
        assert points[g, general[g]] > NEVER


def test_told_the_generals_place_it_hardly_loses_to_the_hunter():
    batch = GameBatch("generalsio", 64, 11, board="site", autoreset="off")
    batch.reset()
    scratch = np.zeros((2, scratch_words(batch.tiles)), np.int32)
    games = np.arange(64, dtype=np.int32)
    points = np.full((64, batch.tiles), NEVER, np.int32)
    points[games, batch.rows[:, HEADER + SEAT_FIELDS + GENERAL_AT]] = 0
    for _ in range(500):
        actions = batch.bot_actions([None, "hunter"])
        told = np.zeros(64, np.int32)
        told_actions(batch.rows, games, 0, batch.seed, points, told, scratch)
        actions[:, 0] = told
        batch.step(actions)
    assert (batch.rows[:, WINNER] == 0).sum() >= 54
