"""Belief: kernels and torch find the same, and it is where the seeker would march."""

import numpy as np
import pytest
import torch
from tests.engine.ascii import read

from engine.batch import GameBatch
from engine.bots.desk import (
    BY_TABLES,
    GOAL_WAY,
    GUESSING,
    HOME,
    HOME_WAY,
    PLACES,
    clear_way,
    flood_from,
    map_at,
    survey,
)
from engine.bots.dispatch import scratch_words
from engine.bots.whereabouts import find_whereabouts
from engine.compile import COMPILED
from engine.views import BoardView
from learner.belief import believe_compiled, believe_plain, told_of
from learner.sight import Sight

FORMS = [pytest.param(believe_plain, id="torch")]
if COMPILED:
    FORMS.append(pytest.param(believe_compiled, id="kernels"))


def found(form, text, turn=120):
    """What is believed by the first seat of a board in letters."""
    game = read(16, text).game()
    view = BoardView.of(game.row, game._shape)
    vector = torch.from_numpy(view.vector[:1].copy())
    vector[:, 0] = turn
    return form(Sight()(torch.from_numpy(view.view[:1].copy())), told_of(vector, False))


def goals_of(batch, game, seat):
    """Where the seeker would march to, bool (H, W), as its own desk has it."""
    desk = np.zeros(scratch_words(batch.tiles), np.int32)
    survey(batch.rows[game], seat, desk)
    desk[GUESSING] = BY_TABLES
    flood_from(desk, map_at(desk, HOME_WAY), int(desk[HOME]))
    clear_way(desk, map_at(desk, GOAL_WAY))
    find_whereabouts(desk)
    way = desk[map_at(desk, GOAL_WAY) :][: int(desk[PLACES])].reshape(batch.height + 2, batch.width + 1)
    return way[1:-1, :-1] == 0


@pytest.mark.skipif(not COMPILED, reason="plain kernels take minutes")
@pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
def test_kernels_torch_and_the_seeker_believe_the_same_in_whole_games(ruleset, board):
    batch = GameBatch(ruleset, 6, 3, board=board, autoreset="next", max_turns=400)
    batch.reset()
    sight, guessed = Sight(), 0
    for turn in range(300):
        if turn % 25 == 20:
            seen = batch.observe()
            planes = sight(torch.from_numpy(seen.words.reshape(12, batch.height, batch.width).copy()))
            told = told_of(torch.from_numpy(seen.vector.reshape(12, -1).copy()), ruleset == "competition")
            with torch.autocast("cpu", torch.bfloat16):  # as in training on a GPU
                one, other = believe_compiled(planes, told), believe_plain(planes, told)
            torch.testing.assert_close(one.chance, other.chance, atol=1e-6, rtol=0.0, msg=f"chances at turn {turn}")
            assert torch.equal(one.likely, other.likely), turn
            assert ((one.likely == 1.0) <= (one.chance > 0.6)).all()
            for row in np.flatnonzero(one.likely.any(2).any(1).numpy()):
                guessed += 1
                assert np.array_equal(one.likely[row].numpy() > 0.0, goals_of(batch, row // 2, row % 2))
        batch.step(batch.bot_actions(["seeker", "expander"]))
    assert guessed > 50


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("A5 a1 a1 B1 .\n. . . . .\n. . . . .", id="the enemy's general is in sight"),
        pytest.param("a5 a1 a1 . .\n. . . . .\n. . . . B1", id="the seat has none"),
    ],
)
def test_nothing_is_believed_where_nothing_is_to_be_guessed(text, form):
    belief = found(form, text)
    assert not belief.chance.any()
    assert not belief.likely.any()


@pytest.mark.parametrize("form", FORMS)
def test_it_is_believed_to_hide_in_fog_alone(form):
    belief = found(form, "A5 a1 ^ . .\na1 a1 ^ . .\n. . ^ . .\n. . . . .\n. . . . B1")
    assert belief.chance.max() == 1.0
    assert not belief.chance[0, :3, :3].any()  # in sight, or a mountain
    assert torch.equal(belief.likely > 0.0, belief.chance > 0.66)
    assert belief.chance[0, 4, 4] > 0.0


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1)])
def test_narrow_boards(shape):
    told = torch.tensor([[60, 20, 0], [70, 0, 1]], dtype=torch.int32)
    for form in FORMS:
        for field in form.values[0](torch.rand(2, 17, *shape), told):
            assert field.shape == (2, *shape)
            assert torch.isfinite(field).all()


def test_the_strongest_of_others_is_told_of():
    vector = torch.tensor([[80, 9, 30, 0, 5, 12, 0, 7, 40, 0, 30, 39, 0]], dtype=torch.int32)
    assert told_of(vector, True).tolist() == [[80, 7, 1]]
