"""Rulesets hold rules and nothing else."""

import re

import pytest

from engine.rulesets import RULESETS, MoveOrder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"move_order": 9}, "move_order is 9; accepted: MoveOrder.INDEX"),
        ({"castle_price": -5}, "castle_price is -5; accepted: an integer, 0 to 2**31 - 1"),
        ({"castle_price": 10**10}, "castle_price is 10000000000"),
        ({"turn_limit": -3}, "turn_limit is -3"),
        ({"turn_limit": 1.5}, "turn_limit is 1.5"),
        ({"general_trade": "no"}, "general_trade is 'no'; accepted: True, False"),
        ({"deathtouch_turn": 800}, "deathtouch_turn is 800 without both_move"),
    ],
)
def test_what_is_no_rule_is_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        RULESETS["generalsio"].vary(**options)


def test_an_order_of_moves_may_be_given_by_its_number():
    assert RULESETS["classic"].vary(move_order=2).move_order is MoveOrder.PRIORITY
