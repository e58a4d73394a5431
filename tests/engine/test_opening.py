"""The planned opening: when it sets out, where it does not go, and how much land it comes to."""

import numpy as np
import pytest
from tests.engine.ascii import read

from engine.actions import PASS, decode
from engine.batch import GameBatch
from engine.bots import scratch_words
from engine.bots.desk import CONTACT, HOME, HOME_WAY, MOVABLE, flood_from, map_at, survey
from engine.bots.opening import GROWTH, LAUNCH, PLANS, find_line, mark_places, open_by_plan, play_plan
from engine.bots.sight import vector_start


def sit_down(row, s, tiles):
    """A seat's desk, surveyed, the ways from home filled in."""
    desk = np.zeros(scratch_words(tiles), np.int32)
    survey(row, s, desk)
    flood_from(desk, map_at(desk, HOME_WAY), int(desk[HOME]))
    return desk


def opened(text, turn, version=16):
    """The move (start, end, half) of seat 0 on a board, or None for passing."""
    game = read(version, text, turn=turn).game()
    desk = sit_down(game.row, 0, game.height * game.width)
    action = open_by_plan(desk)
    return None if action == PASS else decode(int(action), game.height, game.width)


def play_openings(ruleset, board, games, seed, choose):
    """Land of all seats at turn 50, (games, 2)."""
    batch = GameBatch(ruleset, games, seed, board=board, autoreset="off")
    batch.reset()
    for _ in range(GROWTH):
        batch.step(choose(batch))
    return np.array([[row[vector_start(row, s) + 1] for s in range(2)] for row in batch.rows])


def by_plan(batch):
    """Actions of seats that go by plans alone, (games, 2)."""
    actions = np.zeros((batch.num_games, 2), np.int32)
    for g in range(batch.num_games):
        for s in range(2):
            desk = sit_down(batch.rows[g], s, batch.tiles)
            if desk[MOVABLE] > 0:
                actions[g, s] = open_by_plan(desk)
    return actions


def test_it_waits_until_it_sets_out():
    text = "A{army} . . . .\n. . . . .\n. . . . .\n. . . . B1"
    assert opened(text.format(army=12), LAUNCH - 1) is None
    start, end, half = opened(text.format(army=13), LAUNCH)
    assert (start, half) == (0, 0)
    assert end in (1, 5)


def test_it_goes_on_with_a_line_and_into_neither_cities_nor_swamps():
    assert opened("A1 a1 a3 . . ^ B1", 30) == (2, 3, 0)
    assert opened("A1 a1 a3 ~ . ^ B1\n^ ^ . . . ^ ^", 30) == (2, 9, 0)
    assert opened("A1 a1 a50 #40 . ^ B1\n^ ^ . . . ^ ^", 30) == (2, 9, 0)
    assert opened("A1 a1 a3 ^ B1", 30) is None  # no land is left


def test_it_walks_over_its_own_land_to_where_more_is():
    assert opened("A5 a1 a1 . . . ^ B1", 40) == (0, 1, 0)
    assert opened("a1 A1 a5 ^ B1\n. ^ ^ ^ ^", 40) == (2, 1, 0)  # a line that is shut in turns back


@pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
def test_it_comes_to_more_land_than_the_hunters_opening(ruleset, board):
    planned = play_openings(ruleset, board, 40, 3, by_plan)
    hunters = play_openings(ruleset, board, 40, 3, lambda batch: batch.bot_actions("hunter"))
    assert planned.mean() > hunters.mean() + 0.7
    assert planned.max() == 25  # no more can be: 24 armies grow in time to take a tile each


def test_what_is_planned_is_reached_and_planned_anew_gets_better():
    batch = GameBatch("generalsio", 24, 8, board="site", autoreset="off")
    batch.reset()
    planned, alone = np.zeros((24, 2)), np.ones((24, 2), np.bool_)
    for turn in range(GROWTH):
        for g in range(24):
            for s in range(2):
                desk = sit_down(batch.rows[g], s, batch.tiles)
                alone[g, s] &= desk[CONTACT] == 0
                if turn == LAUNCH:
                    mark_places(desk)
                    planned[g, s] = 1 + max(play_plan(desk, plan, find_line(desk), 0) for plan in range(PLANS))
        batch.step(by_plan(batch))
    land = np.array([[row[vector_start(row, s) + 1] for s in range(2)] for row in batch.rows])
    assert alone.mean() > 0.5
    assert (land >= planned)[alone].mean() > 0.8  # a line that walks over own land may leave it earlier than planned
    assert (land > planned)[alone].any()
