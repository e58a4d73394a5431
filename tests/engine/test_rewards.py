"""Rewards by shaping: the formula, to the last bit, however the machine multiplies and adds."""

from fractions import Fraction

import numpy as np
import pytest

from engine.batch import GameBatch
from engine.board import ARMY, LAND, STRUCTURES
from engine.maps import MapSpec
from engine.rewards import Shaping

BOARD = MapSpec.plain(6, 7, mountains=0.1, cities=3)


def games(gamma):
    """Some games, 20 turns on."""
    batch = GameBatch("generalsio", 8, 3, board=BOARD, shaping=Shaping(0.3, 0.25, 0.17, gamma), autoreset="off")
    batch.reset()
    for _ in range(20):
        batch.step(batch.bot_actions("expander"))
    return batch


def in_one(a, b, c):
    """a * b + c, rounded once to a double, as a GPU does it; a CPU rounds the product as well."""
    return float(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)))


def potential(seats, s, weights):
    """phi of seat `s` by fields of seats (S, SEAT_FIELDS)."""
    shares = [np.float32(int(seats[s, field]) / int(seats[:, field].sum())) for field in (LAND, ARMY, STRUCTURES)]
    phi = in_one(weights[0], shares[0], 0.0)
    phi = in_one(weights[1], shares[1], phi)
    return np.float32(in_one(weights[2], shares[2], phi))


@pytest.mark.parametrize("gamma", [1.0, 0.997])
def test_rewards_are_the_same_whether_products_are_rounded_before_they_are_added(gamma):
    batch = games(gamma)
    weights = Shaping(0.3, 0.25, 0.17, gamma).numbers()
    compared = 0
    for _ in range(60):
        before = batch.view.seat.copy()
        _, reward, _, _, info = batch.step(batch.bot_actions("expander"))
        for g in np.flatnonzero(info["winner"] == -2):
            for s in range(2):
                earlier = -potential(before[g], s, weights)
                expected = np.float32(in_one(weights[3], potential(batch.view.seat[g], s, weights), earlier))
                assert reward[g, s] == expected
                compared += 1
    assert compared > 500


def test_a_turn_in_which_nothing_changes_is_worth_nothing():
    batch = games(1.0)
    while int(batch.game(0).turn) % 2:
        batch.step(np.zeros((8, 2), np.int32))
    _, reward, *_ = batch.step(np.zeros((8, 2), np.int32))  # to an odd turn: nothing grows
    assert not reward.any()
