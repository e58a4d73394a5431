"""Long games of every kind as digests: `python -m tests.engine.long_games` prints them, on whatever plays there."""

import hashlib
import json
import random

import numpy as np
from tests.engine.boards import random_actions, random_board

from engine.batch import GameBatch
from engine.compile import COMPILED
from engine.maps import MapSpec
from engine.rewards import Shaping

BATCHES = (
    ("generalsio", "site", ("hunter", "expander"), 120),
    ("classic", MapSpec.plain(7, 9, cities=3), ("expander", "random", "hunter", "random"), 250),
    ("generalsio", MapSpec.plain(8, 8, teams=(0, 1, 0, 1)), ("hunter", "expander", "hunter", "random"), 250),
    ("competition", MapSpec.plain(6, 7, mountains=0.2), ("hunter", "random"), 400),
)


def digest(*arrays):
    """What arrays hold, in few letters."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def batch_digests():
    """All words of the games of every batch, and the rewards on the way; episodes end and new maps are drawn."""
    for ruleset, board, bots, turns in BATCHES:
        batch = GameBatch(ruleset, 2, 8, board=board, seats=len(bots), max_turns=150, shaping=Shaping())
        batch.reset()
        rewards = [batch.step(batch.bot_actions(bots))[1] for _ in range(turns)]
        yield digest(batch.rows, *rewards)


def game_digests():
    """Single games on crowded boards, with surrenders and invalid actions; all that can be asked of them each turn."""
    for version in (4, 13, 16, "competition"):
        for seed in range(4):
            rng = random.Random(seed)
            board = random_board(version, 6, 7, 2 if version == "competition" else 5, seed)
            game, reference = board.game(), board.reference()
            seen = []
            for _ in range(60):
                if version != "competition" and rng.random() < 0.03:
                    game.surrender(rng.randrange(game.seats))
                game.step_actions(np.array(random_actions(reference, rng), np.int32))
                seen += [game.row.copy(), game.owners, game.armies]
                seen += [
                    getattr(game.observe(s), what) for s in range(game.seats) for what in ("flags", "army", "mask")
                ]
            yield digest(*seen)


def digests():
    return [*batch_digests(), *game_digests()]


if __name__ == "__main__":
    print(json.dumps({"compiled": COMPILED, "digests": digests()}))
