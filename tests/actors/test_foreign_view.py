"""Views rebuilt from what a server shows are the engine's own, bit for bit."""

import numpy as np
import pytest

from actors.foreign_view import ForeignView, Sighting
from engine.batch import GameBatch
from engine.board import MAP_HEIGHT, MAP_WIDTH, VISIBLE
from engine.rulesets import RULESETS
from engine.tiles import HIDES, KIND_BITS, OBSTACLE, PLAIN

GAMES = 1


def sighting(batch, game, seat):
    """What a server that keeps no memory shows a seat."""
    view, header = batch.view, batch.rows[game]
    h, w = int(header[MAP_HEIGHT]), int(header[MAP_WIDTH])
    visible = (view.flags[game, seat, :h, :w] & VISIBLE) != 0
    kinds = (view.place[game, :h, :w, 1] & KIND_BITS).astype(np.uint8)
    hides = (HIDES >> kinds.astype(np.int64)) & 1 == 1
    return Sighting(
        turn=int(view.vector[game, seat, 0]),
        visible=visible,
        kinds=np.where(visible, kinds, np.where(hides, OBSTACLE, PLAIN)).astype(np.uint8),
        owners=np.where(visible, view.owner[game, :h, :w], -1).astype(np.int8),
        armies=np.where(visible, view.army[game, :h, :w], 0).astype(np.int32),
        totals=np.roll(view.vector[game, seat, 1:].reshape(-1, 3), seat, axis=0),
    )


@pytest.mark.parametrize(
    ("ruleset", "board", "seats", "bots", "turns"),
    [
        ("competition", "competition", 2, ("hunter", "hunter"), 1200),
        ("competition", "competition", 2, ("random", "hunter"), 400),
        ("generalsio", "site", 2, ("hunter", "expander"), 600),
        ("generalsio", "site", 4, ("hunter", "hunter", "expander", "random"), 900),
    ],
)
def test_every_turn_is_seen_as_the_engine_shows_it(ruleset, board, seats, bots, turns):
    batch = GameBatch(ruleset, GAMES, 11, board=board, seats=seats, autoreset="off")
    batch.reset()
    views = [
        [
            ForeignView(
                RULESETS[ruleset],
                seat,
                seats,
                int(batch.rows[g, MAP_HEIGHT]),
                int(batch.rows[g, MAP_WIDTH]),
                (batch.height, batch.width),
            )
            for seat in range(seats)
        ]
        for g in range(GAMES)
    ]
    ended = np.zeros(GAMES, np.bool_)
    for turn in range(turns):
        for g, of_game in enumerate(views):
            for seat, view in enumerate(of_game):
                view.show(sighting(batch, g, seat))
                assert np.array_equal(view.words, batch.view.view[g, seat]), f"turn {turn} seat {seat}"
                assert np.array_equal(view.vector, batch.view.vector[g, seat])
        if ended.all():
            break
        _, _, terminated, _, _ = batch.step(batch.bot_actions(list(bots)))
        ended |= terminated
    assert turn > 50


def test_a_seat_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="seat is 2; accepted: 0 to 1"):
        ForeignView(RULESETS["competition"], 2, 2, 5, 5)
    with pytest.raises(ValueError, match="3 teams are named for 2 seats"):
        ForeignView(RULESETS["generalsio"], 0, 2, 5, 5, teams=[0, 1, 1])
