"""A dense reward that does not fade: what a seat gains counts, and stays gained when the game ends.

Potential-based shaping (`engine.rewards`) ends every game with phi = 0, so a value head that has learned phi makes the
shaping vanish from the advantages (Wiewiora 2003): what is left are rare wins. Here phi is undiscounted, and at the end
it is what the game came to: all of it for the winner, nothing for a loser, what it was where the game is drawn. A game
of two seats then brings 1 + W / 2 for a win, -W / 2 for a loss and something between the two, near 0, for a draw, W
being the sum of the weights. This is not policy-invariant; that it learns better here was measured, see docs/log.md.
"""

import numpy as np

from engine.arrays import Bool, Float32, Int32
from engine.batch import GameBatch
from engine.rewards import Shaping


class Gains:
    """Follows phi of each seat of a batch of two seats that shapes with gamma 1.

    Raises ValueError for another batch: the start's phi is half of what there is, for both.
    """

    def __init__(self, batch: GameBatch, shaping: Shaping) -> None:
        if batch.seats != 2 or shaping.gamma != 1.0:
            raise ValueError(
                f"gains of {batch.seats} seats shaped with gamma {shaping.gamma}; accepted: 2 seats and gamma 1"
            )
        self.whole = shaping.land + shaping.army + shaping.structures
        self._phi = np.full((batch.num_games, 2), self.whole / 2, np.float32)

    def settle(self, reward: Float32, begun: Bool, terminated: Bool, winner: Int32) -> None:
        """Add what the end leaves to the rewards (G, 2) of a step, in place.

        `begun` (G,): the step only began a new game; `terminated` and `winner` (G,) as the step told.
        """
        self._phi[begun] = self.whole / 2
        playing = ~terminated & ~begun
        self._phi[playing] += reward[playing]
        drawn = terminated & (winner < 0)
        reward[drawn] += self._phi[drawn]
        for seat in range(2):
            reward[terminated & (winner == seat), seat] += self.whole
