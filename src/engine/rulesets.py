"""The three rulesets and their options, as data that becomes the integers the kernels read.

Source of the rules: generals.io as its replays show it (classic: replay versions 5 to 14; generalsio: 15 and later)
and the 2026 bot competition of generals.bot.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np

from engine.arrays import Int32


class MoveOrder(IntEnum):
    """Who moves first within a turn."""

    INDEX = 0  # by seat (replay versions before 5)
    ALTERNATE = 1  # by seat on even turns, reversed on odd ones (versions 5 to 14)
    PRIORITY = 2  # reinforcements first, attacks on generals last, larger armies first (version 15 on)
    COMPETITION = 3  # chases first, then own tiles, then smaller armies


@dataclass(frozen=True)
class Ruleset:
    """A set of rules. Make variants with `ruleset.vary(general_trade=False)`. Raises ValueError for what is no rule."""

    name: str
    move_order: MoveOrder = MoveOrder.PRIORITY
    general_trade: bool = False  # two generals taken by each other in one turn change hands, nobody dies
    city_regrowth: bool = False  # a neutral city below 40 armies grows back (replay versions before 6)
    halve_captured: bool = True  # a captured player's armies are halved, rounding half up
    both_move: bool = False  # both seats' moves are played before a capture counts; capturing each other is a draw
    castle_price: int = 0  # armies for a castle, before the surcharge for near structures; 0: castles cannot be built
    deathtouch_turn: int = 0  # from this turn a move onto the enemy general wins; 0: never
    turn_limit: int = 0  # the game is drawn when this turn is reached; 0: never

    def __post_init__(self) -> None:
        if self.move_order not in list(MoveOrder):
            orders = ", ".join(f"MoveOrder.{order}" for order in MoveOrder.__members__)
            raise ValueError(f"move_order is {self.move_order!r}; accepted: {orders}")
        object.__setattr__(self, "move_order", MoveOrder(self.move_order))  # frozen; an int may stand for it
        for name in ("general_trade", "city_regrowth", "halve_captured", "both_move"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}; accepted: True, False")
        for name in ("castle_price", "deathtouch_turn", "turn_limit"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value < 2**31:
                raise ValueError(f"{name} is {value!r}; accepted: an integer, 0 to 2**31 - 1")
        if self.deathtouch_turn and not self.both_move:
            raise ValueError(f"deathtouch_turn is {self.deathtouch_turn} without both_move; accepted: 0, or both_move")

    @property
    def two_seats(self) -> bool:
        """Whether the rules are for exactly two seats."""
        return self.both_move or self.castle_price > 0 or self.move_order == MoveOrder.COMPETITION

    def vary(self, **options: Any) -> "Ruleset":
        """The same ruleset with some options changed; an unknown option raises TypeError."""
        return replace(self, **options)

    def integers(self) -> Int32:
        """The options as int32, in the order of the `RULE_*` indices."""
        return np.array(
            [
                self.move_order,
                self.general_trade,
                self.city_regrowth,
                self.halve_captured,
                self.both_move,
                self.castle_price,
                self.deathtouch_turn,
                self.turn_limit,
            ],
            np.int32,
        )


(
    RULE_MOVE_ORDER,
    RULE_GENERAL_TRADE,
    RULE_CITY_REGROWTH,
    RULE_HALVE_CAPTURED,
    RULE_BOTH_MOVE,
    RULE_CASTLE_PRICE,
    RULE_DEATHTOUCH_TURN,
    RULE_TURN_LIMIT,
) = range(8)

CASTLE_SURCHARGE = 14  # a castle costs max(0, 14 - 2 * distance) more for each own structure at that distance
CASTLE_REACH = CASTLE_SURCHARGE // 2  # the Manhattan distance at which the surcharge has gone

RULESETS = {
    "classic": Ruleset("classic", move_order=MoveOrder.ALTERNATE),
    "generalsio": Ruleset("generalsio", general_trade=True),
    "competition": Ruleset(
        "competition",
        move_order=MoveOrder.COMPETITION,
        halve_captured=False,
        both_move=True,
        castle_price=35,
        deathtouch_turn=800,
        turn_limit=1200,
    ),
}


def find_ruleset(ruleset: "str | Ruleset") -> Ruleset:
    """A ruleset by name, or the ruleset itself. Raises ValueError for an unknown name."""
    if isinstance(ruleset, Ruleset):
        return ruleset
    if ruleset not in RULESETS:
        raise ValueError(f'ruleset "{ruleset}" is unknown; known: {", ".join(RULESETS)}')
    return RULESETS[ruleset]


def replay_ruleset(version: int) -> Ruleset:
    """The rules under which the site played a replay of that version (3 to 18)."""
    if version >= 15:
        return RULESETS["generalsio"].vary(general_trade=version >= 16)
    order = MoveOrder.ALTERNATE if version >= 5 else MoveOrder.INDEX
    return RULESETS["classic"].vary(move_order=order, city_regrowth=version < 6)
