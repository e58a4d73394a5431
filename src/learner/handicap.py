"""A handicap: a bot that is still too strong skips some of its turns, as few as leave the learner its chances.

Games that are nearly always drawn or lost teach little, and whether the first wins come by luck early or late decides
a short run. So the part of its turns that the bot skips follows the learner's win rate, and is gone in good time: what
the policy is rated against never skips.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Bool, Int32
from learner.players import BotPlayer

BEGIN = 0.6  # part of its turns that the bot skips at first
MOST = 0.8
STEP = 0.06  # an iteration
EASY, HARD = 0.6, 0.5  # win rates above which it skips less, below which more
GAMES = 100  # the latest, that the win rate is taken of
FEWEST = 20  # before which nothing is changed
OVER = 0.8  # part of the run after which nothing is skipped; the bound falls to it linearly


@dataclass
class Handicap:
    """How many of its turns a bot skips."""

    share: float = BEGIN

    def adapt(self, scores: Sequence[float], progress: float) -> None:
        """Follow the scores of the games so far, 1.0 a win; `progress` goes from 0 to 1 over the run."""
        latest = scores[-GAMES:]
        if len(latest) >= FEWEST:
            won = sum(score == 1.0 for score in latest) / len(latest)
            self.share += STEP * (float(won < HARD) - float(won > EASY))
        self.share = min(max(self.share, 0.0), MOST * max(0.0, 1.0 - progress / OVER))


class HandicappedBot(BotPlayer):
    """A scripted bot under a handicap."""

    def __init__(self, name: str, handicap: Handicap, seed: int) -> None:
        super().__init__(name)
        self.handicap = handicap
        self._generator = np.random.default_rng(seed)

    def act(self, fresh: Bool, games: Int32 | None = None) -> Int32:
        """Action codes int32 (K,); 0, a pass, where a turn is skipped."""
        actions = super().act(fresh, games)
        return np.where(self._generator.random(len(actions)) < self.handicap.share, 0, actions).astype(np.int32)
