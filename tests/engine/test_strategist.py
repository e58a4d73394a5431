"""The facts that the strategist reads, and its network in whole numbers."""

import numpy as np
import pytest
from tests.engine.ascii import read

from engine.batch import GameBatch
from engine.bots import scratch_words
from engine.bots.desk import ALONE, BY_TABLES, FAR, FRONT, GAIN, GOAL_SHARE, PLACE_ENTRIES, PLACES, map_at
from engine.bots.moves import (
    ADVICE,
    FEATURE,
    FEATURES,
    ask_advisers,
    describe,
    list_moves,
    listed,
    most_moves,
    moves_words,
)
from engine.bots.situation import CHANCES, COUNTED, COUNTS, FACT_COUNT, FACTS, FLAG, assess, doublings
from engine.bots.strategist import (
    BOUND,
    HIDDEN,
    UNITS,
    draw_move,
    odds_of,
    score_by_loops,
    score_by_numpy,
    score_move,
    weigh_facts,
)
from engine.bots.strategist_weights import INPUTS, MOVES, OUTPUTS, PHASES, SKIPS
from engine.bots.whereabouts import CERTAIN

SURE = FACT_COUNT - 8  # the fact of how sure the goal is
FEW_AND_MANY = (". .", ". . . . . . . . .")


def facts_of(text, version=16, turn=60):
    """Seat 0's facts on a board."""
    game = read(version, text, turn=turn).game()
    desk = np.zeros(scratch_words(game.height * game.width), np.int32)
    assert assess(game.row, 0, BY_TABLES, desk)
    return desk[FACTS : FACTS + FACT_COUNT]


def positions(ruleset, board, turns):
    """Boards, and desks of both seats, in games of hunters, now and then."""
    batch = GameBatch(ruleset, 4, 9, board=board, autoreset="same")
    batch.reset()
    desk = np.zeros(scratch_words(batch.tiles), np.int32)
    for turn in range(turns):
        if turn % 7 == 0:
            for g in range(4):
                for s in range(2):
                    assert assess(batch.rows[g], s, BY_TABLES, desk)
                    yield batch.rows[g], desk
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


def test_it_knows_what_armies_gain_on_their_best_shortest_way():
    text = "A1 a9 a3 b2 B1 ^\n. a1 a7 a1 b1 ."
    game = read(16, text, turn=60).game()
    desk = np.zeros(scratch_words(12), np.int32)
    assert assess(game.row, 0, BY_TABLES, desk)
    gain = desk[map_at(desk, GAIN) : map_at(desk, GAIN) + desk[PLACES]].reshape(-1, 7)[1:-1, :6]
    onto_general = -1 - 1
    beside = onto_general - 1 - 2  # over the enemy's tile of 2
    assert gain[0].tolist() == [beside + 2 + 8, beside + 2, beside, onto_general, 0, -FAR]
    below = onto_general - 1 - 1
    assert gain[1].tolist()[:5] == [beside + 2 + 8, beside + 2 + 8, beside + 2, below, onto_general]
    alone = desk[map_at(desk, ALONE) : map_at(desk, ALONE) + desk[PLACES]].reshape(-1, 7)[1:-1, :5]
    assert alone.tolist() == [[beside, beside, beside, onto_general, 0], [below, below, below, below, onto_general]]
    assert desk[GOAL_SHARE] == CERTAIN
    assert desk[FACTS + SURE] == CERTAIN
    assert desk[FRONT] == 7 + 2  # in the first row, of those that are large enough the nearest
    assert desk[FACTS + SURE + 1] == 3 + beside


def test_it_is_less_sure_of_a_goal_the_more_places_there_are():
    few, many = (facts_of(f"A5 a1 {land}\n. . {land}\n^ . {land}\n. . B1 {land[2:]}")[SURE] for land in FEW_AND_MANY)
    assert 0 < many < few <= CERTAIN


def test_it_knows_what_may_come_out_of_the_fog():
    facts = facts_of("A5 a4 a1 a7 . .\n^ ^ ^ ^ ^ B30\n^ ^ ^ ^ ^ b8")
    hidden, movable = 29 + 7, 4 + 3 + 6
    fog_way = 5  # of the tile beyond the last that is seen
    assert facts[SURE + 2 : -1].tolist() == [hidden, 7 - hidden, 5 + movable - hidden, 5 + movable - hidden, fog_way]


def test_it_knows_how_probably_the_best_move_finds_the_general():
    assert facts_of("A5 a1 a4 . .\n^ ^ ^ . B9")[-1] == doublings(CHANCES)
    assert 0 < facts_of("A5 a1 a4 . . .\n^ ^ ^ ^ . B9")[-1] < doublings(CHANCES)
    assert facts_of("A5 a4 a1 . . .\n^ ^ ^ ^ . B9")[-1] == 0  # own land lies in between
    assert facts_of("A5 a1 a4 B1 .\n^ ^ ^ ^ .")[-1] == 0  # nothing is left to be found


def test_a_seat_without_a_general_is_told_apart():
    game = read(16, "a1 . . B9\n. . . b9").game()
    assert not assess(game.row, 0, BY_TABLES, np.zeros(scratch_words(8), np.int32))


@pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
def test_facts_stay_small_enough_for_whole_numbers(ruleset, board):
    most = np.zeros(FACT_COUNT, np.int64)
    for _, desk in positions(ruleset, board, 300):
        most = np.maximum(most, np.abs(desk[FACTS : FACTS + FACT_COUNT].astype(np.int64)))
    assert most.max() <= 127
    assert (most > 0).sum() > 45


@pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
def test_scores_are_those_of_the_network_in_floating_point(ruleset, board):
    phases, inputs, moves, outputs, skips = (
        array.astype(np.float64) / 1024 for array in (PHASES, INPUTS, MOVES, OUTPUTS, SKIPS)
    )
    compared = 0
    for board_, desk in positions(ruleset, board, 200):
        facts = desk[FACTS : FACTS + FACT_COUNT].copy()
        ask_advisers(board_, desk, 5)
        count = list_moves(desk)
        weigh_facts(desk, PHASES, INPUTS)
        for k in range(0, count, 5):
            describe(desk, desk[listed(desk, k)])
            features = desk[FEATURE : FEATURE + FEATURES] / 16
            hidden = np.maximum(0.0, phases[facts[0]] + facts[1:] / 16 @ inputs[1:] + features @ moves)
            found = score_move(desk, MOVES, OUTPUTS, SKIPS) / 2**18
            np.testing.assert_allclose(found, features @ skips + hidden @ outputs, atol=0.3)
            compared += 1
    assert compared > 300


@pytest.mark.parametrize("score_moves", [score_by_loops, score_by_numpy])
def test_what_all_moves_have_in_common_may_be_more_than_a_word_holds(score_moves):
    common = np.int16(32767)
    weights = [PHASES, INPUTS, MOVES, OUTPUTS, SKIPS]
    phases, outputs = np.full_like(PHASES, common), np.full_like(OUTPUTS, common)
    compared = 0
    for board_, desk in positions("generalsio", "site", 80):
        ask_advisers(board_, desk, 5)
        count = list_moves(desk)
        scores = []
        for those in (weights, [phases, INPUTS, MOVES, outputs, SKIPS]):
            score_moves(desk, count, *those)
            scores.append([int(desk[listed(desk, k) + 1]) for k in range(count)])
        weigh_facts(desk, phases, INPUTS)
        exact = []
        for k in range(count):
            describe(desk, desk[listed(desk, k)])
            exact.append(int(score_move(desk, MOVES, outputs, SKIPS)))
        if count > 1:
            assert min(exact) > 2**31
            assert scores[1] == [min(max(score - exact[0], -BOUND), BOUND) for score in exact]
            compared += 1
        assert scores[0][0] == scores[1][0] == 0
    assert compared > 20


def test_a_decision_has_room_on_a_desk():
    assert COUNTED + max(COUNTS, HIDDEN) <= UNITS
    assert UNITS + HIDDEN <= ADVICE
    assert FEATURE + FEATURES <= PLACE_ENTRIES
    desk = np.zeros(1000, np.int32)
    desk[PLACES] = 3 * 9 + 3  # a board of nine tiles in a row or a column has most places
    assert listed(desk, most_moves(9)) <= moves_words(9)


def test_moves_are_drawn_by_their_odds():
    desk = np.zeros(scratch_words(9), np.int32)
    halvings = [0, 1, 2, 30, 40, 40]
    for k, behind in enumerate(halvings):
        desk[listed(desk, k) + 1] = -(behind << 18)
    assert [odds_of(desk, k, 0) for k in range(4)] == [2**20, 2**19, 2**18, 0]
    drawn = np.bincount([draw_move(desk, 6, key * 2654435761 % 2**32) for key in range(7000)], minlength=6)
    assert drawn[3:].sum() == 0
    np.testing.assert_allclose(drawn[:3] / 7000, [4 / 7, 2 / 7, 1 / 7], atol=0.03)
