"""Moves that the hunter likes as well as the one that it makes."""

import numpy as np
import pytest
from tests.engine.ascii import read

from engine.actions import PASS, decode, expand_mask
from engine.batch import GameBatch
from engine.board import WINNER
from engine.bots import bot_actions, find_bot, scratch_words
from engine.bots.desk import ARMY, GATHER, HOME, MARCH, OTHER, REASON, survey
from engine.bots.equals import hunter_equals, mark_equals
from engine.bots.gather import gather
from engine.bots.hunter import HUNTER
from engine.bots.march import advance, aim
from engine.map_specs import MapSpec


def played(ruleset, board, turns, seed=3):
    """Games of hunters, turn by turn: the batch, what the hunters do, and the equals."""
    batch = GameBatch(ruleset, 16, seed, board=board, autoreset="next", max_turns=300)
    batch.reset()
    for _ in range(turns):
        actions, moves = batch.hunter_equals()
        yield batch, actions, moves
        batch.step(actions)


def marked(moves):
    """Action codes of moves (H, W)."""
    tile, direction = np.nonzero((moves.reshape(-1, 1) >> np.arange(4)) & 1)
    return set((1 + (tile * 4 + direction) * 2).tolist())


@pytest.mark.parametrize("ruleset", ["generalsio", "competition"])
def test_actions_are_the_hunters_own_and_all_equals_are_legal(ruleset):
    several = 0
    for batch, actions, moves in played(ruleset, MapSpec.site() if ruleset == "generalsio" else "competition", 150):
        assert np.array_equal(actions, batch.bot_actions("hunter"))
        legal = expand_mask(batch.observe().mask.reshape(32, -1), castles=ruleset == "competition")
        for row, action in enumerate(actions.reshape(-1)):
            codes = marked(moves.reshape(32, batch.height, batch.width)[row])
            several += len(codes) > 1
            assert legal[row, sorted(codes)].all()
            is_move = 0 < action <= 8 * batch.tiles
            assert (action in codes) if is_move else not codes
    assert several > 500


def test_what_is_drawn_by_another_seed_is_among_the_equals():
    other = 0
    bots = np.full((16, 2), find_bot("hunter"), np.int8)
    scratch = np.zeros((1, scratch_words(24 * 24)), np.int32)
    for batch, actions, moves in played("generalsio", "site", 120):
        running = batch.rows[:, WINNER] == -2
        for seed in (100, 200):
            drawn = np.zeros((16, 2), np.int32)
            bot_actions(batch.rows, bots, seed, drawn, scratch)
            for g, s in np.argwhere((drawn != actions) & running[:, None]):
                assert int(drawn[g, s]) in marked(moves[g, s])
                other += 1
    assert other > 100


def equals_of(text, choose):
    """Moves, as (row, column, row, column) of start and end, that are marked beside what `choose` does at a desk."""
    game = read(16, text).game()
    desk = np.zeros(scratch_words(game.height * game.width), np.int32)
    survey(game.row, 0, desk)
    action = choose(desk)
    moves = np.full(game.height * game.width, 255, np.uint8)
    mark_equals(desk, action, moves)
    return int(desk[REASON]), {decode(code, game.height, game.width)[:2] for code in marked(moves)}, action


def test_a_tree_is_gathered_from_any_leaf():
    reason, moves, action = equals_of("a4 a2 a8\nA1 ^ B1\na6 a1 a1", lambda desk: gather(desk, int(desk[HOME]), 4))
    assert reason == GATHER
    assert action != PASS
    assert moves == {(2, 1), (6, 3)}  # the ends of both branches; 2 and 4 armies have others behind them


def test_of_two_ways_as_short_both_are_as_good():
    def march(desk):
        aim(desk)
        assert int(desk[ARMY]) == 32
        return advance(desk, int(desk[HOME]))

    reason, moves, _ = equals_of("A30 a1\na1 B1", march)
    assert reason == MARCH
    assert moves == {(0, 1), (0, 2)}


def test_prizes_alike_are_all_named():
    game = read(16, ". . .\n. A20 .\n. . .\n^ ^ ^\n. B1 .").game()
    rows = game.row[None]
    desk = np.zeros((1, scratch_words(15)), np.int32)
    actions, moves = np.zeros((1, 2), np.int32), np.zeros((1, 2, 15), np.uint8)
    hunter_equals(rows, HUNTER, 0, actions, moves, desk)
    # Up leads on to two free tiles, as left and right do; below it are mountains, but two free tiles beside as well.
    assert moves[0, 0].tolist() == [0, 0, 0, 0, 0b1111] + [0] * 10
    assert len({int(_drawn(rows, seed)) for seed in range(40)}) == 4


def _drawn(rows, seed):
    actions = np.zeros((1, 2), np.int32)
    bots = np.full((1, 2), find_bot("hunter"), np.int8)
    bot_actions(rows, bots, seed, actions, np.zeros((1, scratch_words(15)), np.int32))
    return actions[0, 0]


def test_a_pass_has_no_equals():
    reason, moves, _ = equals_of("A1 . .\n. . .\n. . B1", lambda desk: PASS)
    assert (reason, moves) == (OTHER, set())
