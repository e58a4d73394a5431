"""The handicap follows the win rate, and is gone in good time."""

import numpy as np
import pytest

from engine import GameBatch
from engine.map_specs import MapSpec
from learner.handicap import BEGIN, MOST, STEP, Handicap, HandicappedBot


def test_it_falls_with_wins_and_rises_with_losses() -> None:
    handicap = Handicap()
    handicap.adapt([1.0] * 60, 0.0)
    assert handicap.share == pytest.approx(BEGIN - STEP)
    handicap.adapt([0.0] * 60, 0.0)
    handicap.adapt([0.5] * 60, 0.0)  # draws are not won
    assert handicap.share == pytest.approx(BEGIN + STEP)
    handicap.adapt([1.0, 0.0, 1.0, 0.0, 1.0] * 12 + [0.0], 0.0)  # between the two
    assert handicap.share == pytest.approx(BEGIN + STEP)


def test_a_few_games_change_nothing() -> None:
    handicap = Handicap()
    handicap.adapt([1.0] * 19, 0.0)
    assert handicap.share == BEGIN


def test_it_stays_within_bounds_and_ends() -> None:
    handicap = Handicap()
    for _ in range(100):
        handicap.adapt([0.0] * 60, 0.0)
    assert handicap.share == MOST
    handicap.adapt([0.0] * 60, 0.4)
    assert handicap.share == pytest.approx(MOST / 2)
    handicap.adapt([0.0] * 60, 0.8)
    assert handicap.share == 0.0


def test_a_bot_skips_that_part_of_its_turns() -> None:
    batch = GameBatch("generalsio", 400, 1, board=MapSpec.plain(6, 6, mountains=0.1, cities=0))
    batch.reset()
    for _ in range(10):
        batch.step(batch.bot_actions("expander"))
    bot = HandicappedBot("expander", Handicap(0.4), 3)
    bot.begin(batch, 1)
    full = batch.bot_actions([None, "expander"])[:, 1]
    chosen = np.stack([bot.act(np.zeros(400, np.bool_)) for _ in range(20)])
    assert ((chosen == full) | (chosen == 0)).all()
    moved = full != 0
    assert (chosen[:, moved] == 0).mean() == pytest.approx(0.4, abs=0.03)
    bot.handicap.share = 0.0
    assert np.array_equal(bot.act(np.zeros(400, np.bool_)), full)
