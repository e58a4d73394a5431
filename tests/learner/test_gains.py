"""Gains: what a game brings in all depends on how it ended, not on when."""

import numpy as np
import pytest

from engine import GameBatch
from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import RULESETS
from learner.gains import Gains

SHAPING = Shaping(land=0.5, army=0.3, structures=0.0, gamma=1.0)


def test_a_win_brings_the_outcome_and_what_was_missing_a_loss_costs_what_was_there() -> None:
    ruleset = RULESETS["generalsio"].vary(turn_limit=150)
    board = MapSpec.plain(5, 5, mountains=0.1, cities=0)
    batch = GameBatch(ruleset, 64, 1, board=board, shaping=SHAPING, autoreset="next")
    batch.reset()
    gains = Gains(batch, SHAPING)
    total = np.zeros((64, 2))
    over = np.zeros(64, np.bool_)
    won = drawn = 0
    for _ in range(400):
        _, reward, terminated, truncated, info = batch.step(batch.bot_actions(["expander", "random"]))
        gains.settle(reward, over, terminated, info["winner"])
        total[over] = 0.0
        total += reward
        for g in np.flatnonzero(terminated):
            winner = int(info["winner"][g])
            if winner < 0:
                assert total[g].sum() == pytest.approx(0.0, abs=1e-4)
                assert np.abs(total[g]).max() < 0.4
                drawn += 1
            else:
                assert total[g, winner] == pytest.approx(1.0 + 0.4, abs=1e-4)
                assert total[g, 1 - winner] == pytest.approx(-1.0 - 0.4, abs=1e-4)
                won += 1
        over = terminated | truncated
    assert won > 20
    assert drawn > 0


def test_other_batches_are_refused() -> None:
    batch = GameBatch("generalsio", 2, 1, board=MapSpec.plain(6, 6, mountains=0.0, cities=0), seats=3)
    with pytest.raises(ValueError, match="3 seats"):
        Gains(batch, SHAPING)
    batch = GameBatch("generalsio", 2, 1, board=MapSpec.plain(6, 6, mountains=0.0, cities=0))
    with pytest.raises(ValueError, match=r"gamma 0\.99"):
        Gains(batch, Shaping(gamma=0.99))
