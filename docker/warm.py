"""Compile the engine's kernels while an image is built, so that no container spends minutes on it when it starts."""

import sys

from engine import RULESETS, GameBatch
from engine.map_specs import MapSpec


def main() -> None:
    """Play some turns of every ruleset against every bot."""
    from engine.bots import BOTS

    for name in RULESETS:
        batch = GameBatch(RULESETS[name].vary(turn_limit=50), 4, 1, board=MapSpec.plain(6, 6, mountains=0.1, cities=1))
        batch.reset()
        for bot in BOTS:
            batch.step(batch.bot_actions([bot, bot]))
        print(f"warmed {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
