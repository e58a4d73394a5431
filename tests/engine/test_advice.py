"""Advice is what the seeker would do, from an observation alone."""

import numpy as np
import pytest
from tests.engine.ascii import read

from engine.actions import PASS, build_code, expand_mask, move_code
from engine.advice import MARKS, advice_header, advice_words, advise, advise_boards
from engine.batch import GameBatch
from engine.board import WINNER
from engine.bots.desk import desk_words


def advice_of(words, vector, castles):
    """The action code that is advised."""
    height, width = words.shape
    scratch = (np.zeros(advice_words(2, words.size), np.int32), np.zeros(desk_words(words.size), np.int32))
    return int(advise(words.copy(), vector.copy(), advice_header(castles, 2, height, width), *scratch))


@pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
def test_the_seeker_plays_what_is_advised(ruleset, board):
    batch = GameBatch(ruleset, 4, 7, board=board, autoreset="off")
    seen = batch.reset()
    alike = compared = 0
    for _ in range(260):
        actions = batch.bot_actions(["seeker", "hunter"]).copy()
        legal = batch.action_masks()
        for g in np.flatnonzero(batch.rows[:, WINNER] == -2):
            action = advice_of(seen.words[g, 0], seen.vector[g, 0], castles=ruleset == "competition")
            assert legal[g, 0, action]
            alike += int(action == actions[g, 0])
            compared += 1
        seen, *_ = batch.step(actions)
    assert compared > 500
    assert alike / compared > 0.93  # of prizes worth the same it draws another


@pytest.mark.parametrize(
    ("ruleset", "text", "turn", "action", "marked"),
    [
        pytest.param(16, "A1 a9 b1 B1", 60, move_code(1, 3, 0), (0, 1, 3), id="a step to the right"),
        pytest.param("competition", "A1 a1 a999\n. . .\n. . B1", 60, build_code(2, 9), (0, 2, 4), id="a castle"),
        pytest.param(16, "A1 .\n. B1", 3, PASS, None, id="waiting"),
    ],
)
def test_marks_say_where_an_action_begins(ruleset, text, turn, action, marked):
    game = read(ruleset, text, turn=turn).game()
    seen = game.observe(0)
    words = (seen.flags.astype(np.int32) | seen.mask.astype(np.int32) << 8) + (seen.army.astype(np.int32) << 16)
    castles = ruleset == "competition"
    assert expand_mask(seen.mask.reshape(-1), castles)[action]
    assert advice_of(words, seen.vector, castles) == action
    height, width = words.shape
    out = np.full((1, height, width, MARKS), 9.0, np.float32)
    scratch = (np.zeros(advice_words(2, words.size), np.int32), np.zeros(desk_words(words.size), np.int32))
    header = advice_header(castles, 2, height, width)
    advise_boards(words[None], seen.vector.astype(np.int32)[None], header, out, *scratch)
    wanted = np.zeros_like(out)
    if marked:
        wanted[(0, *marked)] = 1.0
    assert (out == wanted).all()
