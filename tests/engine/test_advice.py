"""Advice is what bots would do, from an observation alone."""

import numpy as np
import pytest
from tests.engine.ascii import read

from engine.actions import PASS, build_code, move_code
from engine.advice import (
    ADVISERS,
    BUILDING,
    FOR_ADVICE,
    MARKS,
    PASSING,
    SPAN,
    advice_header,
    advice_words,
    advise_boards,
    adviser_words,
)
from engine.batch import GameBatch
from engine.board import WINNER
from engine.bots import scratch_words
from engine.bots.desk import BY_TABLES
from engine.bots.moves import listed
from engine.bots.strategist import STEP_SHIFT, weigh_moves
from engine.chance import draw

RULESETS = [("generalsio", "site"), ("competition", "competition")]


def marks_of(adviser, words, vector, castles):
    """An adviser's marks (H, W, MARKS) on one observation."""
    height, width = words.shape
    out = np.full((1, height, width, MARKS), 9.0, np.float32)
    scratch = (
        np.zeros(advice_words(2, words.size), np.int32),
        np.zeros(adviser_words(adviser, words.size), np.int32),
    )
    header = advice_header(castles, 2, height, width)
    vectors = vector.astype(np.int32)[None]
    advise_boards(ADVISERS.index(adviser), np.ascontiguousarray(words)[None], vectors, header, out, *scratch)
    return out[0]


def by_action(marks, castles):
    """Marks by action code, (A,), 0 for moves of half an army."""
    tiles = marks.shape[0] * marks.shape[1]
    moves = np.zeros((tiles, 4, 2), np.float32)
    moves[..., 0] = marks[..., :PASSING].reshape(tiles, 4)
    built = [marks[..., BUILDING].reshape(-1)] if castles else []
    assert (marks[..., PASSING] == marks[0, 0, PASSING]).all()
    return np.concatenate([marks[0, 0, PASSING : PASSING + 1], moves.reshape(-1), *built])


def positions(ruleset, board, bot, turns):
    """Batches, and which games of them go on, while a bot plays a hunter."""
    batch = GameBatch(ruleset, 4, 7, board=board, autoreset="off")
    batch.reset()
    for _ in range(turns):
        actions = batch.bot_actions([bot, "hunter"]).copy()
        yield batch, actions[:, 0], np.flatnonzero(batch.rows[:, WINNER] == -2)
        batch.step(actions)


@pytest.mark.parametrize(("ruleset", "board"), RULESETS)
def test_the_seeker_plays_what_it_advises(ruleset, board):
    castles = ruleset == "competition"
    alike = compared = 0
    for batch, actions, games in positions(ruleset, board, "seeker", 260):
        seen, legal = batch.observe(), batch.action_masks()
        for g in games:
            marks = by_action(marks_of("seeker", seen.words[g, 0], seen.vector[g, 0], castles), castles)
            assert sorted(marks)[-2:] == [0, 1]
            assert legal[g, 0, marks.argmax()]
            alike += int(marks.argmax() == actions[g])
            compared += 1
    assert compared > 500
    assert alike / compared > 0.93  # of prizes worth the same it draws another


@pytest.mark.parametrize(("ruleset", "board"), RULESETS)
def test_the_strategist_marks_moves_by_their_odds(ruleset, board):
    castles = ruleset == "competition"
    chance = compared = chosen_among = 0
    for turn, (batch, actions, games) in enumerate(positions(ruleset, board, "strategist", 200)):
        seen, legal = batch.observe(), batch.action_masks()
        desk = np.zeros(scratch_words(batch.tiles), np.int32)
        for g in games if turn % 3 == 0 else ():
            marks = by_action(marks_of("strategist", seen.words[g, 0], seen.vector[g, 0], castles), castles)
            count = weigh_moves(batch.rows[g], 0, draw(FOR_ADVICE, turn), BY_TABLES, desk)
            codes = [int(desk[listed(desk, k)]) for k in range(count)]
            scores = np.array([int(desk[listed(desk, k) + 1]) for k in range(count)], np.int64)
            wanted = np.zeros_like(marks)
            wanted[codes] = np.maximum(SPAN - ((scores.max() - scores) >> STEP_SHIFT), 0) / SPAN
            assert (marks == wanted).all()
            assert legal[g, 0, marks > 0].all()
            odds = np.where(marks > 0, 2.0 ** ((marks - 1.0) * SPAN / 64), 0.0)
            chance += odds[actions[g]] / odds.sum()
            chosen_among += int((odds > 0.1).sum() > 1)
            compared += 1
    assert compared > 150
    assert chance / compared > 0.6  # what it played was likely
    assert chosen_among > 15


@pytest.mark.parametrize(
    ("ruleset", "text", "turn", "action", "marked"),
    [
        pytest.param(16, "A1 a9 b1 B1", 60, move_code(1, 3, 0), (0, 1, 3), id="a step to the right"),
        pytest.param("competition", "A1 a1 a999\n. . .\n. . B1", 60, build_code(2, 9), (0, 2, BUILDING), id="a castle"),
        pytest.param(16, "A1 .\n. B1", 3, PASS, (..., PASSING), id="waiting, told on all tiles"),
    ],
)
def test_marks_say_where_an_action_begins(ruleset, text, turn, action, marked):
    game = read(ruleset, text, turn=turn).game()
    seen = game.observe(0)
    words = (seen.flags.astype(np.int32) | seen.mask.astype(np.int32) << 8) + (seen.army.astype(np.int32) << 16)
    castles = ruleset == "competition"
    marks = marks_of("seeker", words, seen.vector, castles)
    wanted = np.zeros_like(marks)
    wanted[marked] = 1.0
    assert (marks == wanted).all()
    assert by_action(marks, castles).argmax() == action
