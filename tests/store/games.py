"""A game played between bots, for rows of the lake."""

from functools import cache

import numpy as np

from engine import GameBatch
from engine.map_specs import MapSpec
from engine.record import Record, layout_of
from engine.rulesets import RULESETS


@cache
def played_record() -> Record:
    """40 turns of random against expander on a plain 6x6 board."""
    ruleset = RULESETS["generalsio"].vary(turn_limit=40)
    batch = GameBatch(ruleset, 1, 3, board=MapSpec.plain(6, 6, mountains=0.1, cities=0))
    batch.reset()
    layout = layout_of(batch.game(0))
    actions = []
    for _ in range(40):
        codes = batch.bot_actions(["random", "expander"])
        actions.append(codes[0].copy())
        batch.step(codes)
    return Record.from_actions(ruleset, layout, np.array(actions))
