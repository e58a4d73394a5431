"""The facts that the strategist reads, and its network in whole numbers."""

import numpy as np
import pytest
from tests.engine.ascii import read

from engine.batch import GameBatch
from engine.bots import scratch_words
from engine.bots.desk import NOTES
from engine.bots.situation import FACT_COUNT, FACTS, FLAG, assess, doublings
from engine.bots.strategist import OPTION_COUNT, SCORES, draw_option, odds_of, score_options
from engine.bots.strategist_weights import BIASES, INPUTS, OUTPUTS, PHASES


def facts_of(text, version=16, turn=60):
    """Seat 0's facts on a board."""
    game = read(version, text, turn=turn).game()
    desk = np.zeros(scratch_words(game.height * game.width), np.int32)
    assert assess(game.row, 0, desk)
    return desk[FACTS : FACTS + FACT_COUNT]


def positions(ruleset, board, turns):
    """Desks of both seats in games of hunters, now and then."""
    batch = GameBatch(ruleset, 4, 9, board=board, autoreset="same")
    batch.reset()
    desk = np.zeros(scratch_words(batch.tiles), np.int32)
    for turn in range(turns):
        if turn % 7 == 0:
            for g in range(4):
                for s in range(2):
                    assert assess(batch.rows[g], s, desk)
                    yield desk
        batch.step(batch.bot_actions("hunter"))


@pytest.mark.parametrize(("amount", "eighths"), [(-3, 0), (0, 0), (1, 8), (3, 16), (7, 24), (5, 20), (1023, 80)])
def test_amounts_stand_as_their_logarithm(amount, eighths):
    assert doublings(amount) == eighths


def test_facts_of_a_small_board():
    facts = facts_of("A5 a1 . b9\na3 . . .\n. . . B1", turn=63)
    assert facts[:5].tolist() == [13, FLAG, 0, FLAG, 2]  # turn of the cycle, one, beyond the first cycle, in the second
    assert facts[7] == 3 - 2  # land
    quiet, threatened = facts_of("A5 a1 . .\n. . . B1"), facts_of("A5 b30 . .\n. . . B1")
    assert quiet[25] == 0  # an army would take the general
    assert threatened[25] == FLAG


def test_a_seat_without_a_general_is_told_apart():
    game = read(16, "a1 . . B9\n. . . b9").game()
    assert not assess(game.row, 0, np.zeros(scratch_words(8), np.int32))


@pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
def test_facts_stay_small_enough_for_whole_numbers(ruleset, board):
    most = np.zeros(FACT_COUNT, np.int64)
    for desk in positions(ruleset, board, 300):
        most = np.maximum(most, np.abs(desk[FACTS : FACTS + FACT_COUNT].astype(np.int64)))
    assert most.max() <= 127
    assert (most > 0).sum() > 45


def test_scores_are_those_of_the_network_in_floating_point():
    weights = [array.astype(np.float64) / 1024 for array in (PHASES, INPUTS, OUTPUTS, BIASES)]
    phases, inputs, outputs, biases = weights
    for desk in positions("generalsio", "site", 200):
        facts = desk[FACTS : FACTS + FACT_COUNT] / 16
        hidden = np.maximum(0.0, phases[desk[FACTS]] + facts[1:] @ inputs[1:])
        score_options(desk)
        found = desk[SCORES : SCORES + OPTION_COUNT] / 2**18
        np.testing.assert_allclose(found, biases + hidden @ outputs, atol=0.4)


def test_a_decision_has_room_on_a_desk():
    assert SCORES + OPTION_COUNT <= NOTES


def test_options_are_drawn_by_their_odds():
    desk = np.zeros(scratch_words(9), np.int32)
    halvings = np.array([0, 1, 2, 30] + [40] * (OPTION_COUNT - 4))
    desk[SCORES : SCORES + OPTION_COUNT] = -(halvings << 18)
    assert [odds_of(desk, k, 0) for k in range(4)] == [2**20, 2**19, 2**18, 0]
    drawn = np.bincount([draw_option(desk, key * 2654435761 % 2**32) for key in range(7000)], minlength=OPTION_COUNT)
    assert drawn[3:].sum() == 0
    np.testing.assert_allclose(drawn[:3] / 7000, [4 / 7, 2 / 7, 1 / 7], atol=0.03)
