"""For how long to gather, and what is due then: a search whose horizon is learned."""

import torch
from torch import Tensor, nn

from learner.facts import CYCLE_FACT, HARVEST_TURNS
from learner.precision import full_precision
from learner.ways import NEAR

GATHER_UNTIL = (8.0, 16.0, 24.0, 32.0, 40.0, 50.0)  # turns of the cycle until which an untrained network may gather
SHARP = 2.0  # how sharply a tile that is due differs from one that needs a move more


class Patience(nn.Module):
    """Says for how many more moves to gather, some ways at once, and shows the tiles that are due then.

    With m moves left a tile is due where need <= m < behind (`engine.ways`); here softly, so that m is learned.
    """

    def __init__(self, facts: int) -> None:
        super().__init__()
        self.left = nn.Linear(facts, len(GATHER_UNTIL))

    def initialise(self) -> None:
        """Begin with as many moves as turns are left until each of GATHER_UNTIL."""
        nn.init.zeros_(self.left.weight)
        self.left.weight.data[:, CYCLE_FACT] = -HARVEST_TURNS
        self.left.bias.data.copy_(torch.tensor(GATHER_UNTIL))

    def forward(self, order: Tensor, facts: Tensor) -> Tensor:
        """Planes of need and behind (N, ORDER, H, W) and facts (N, K) to (N, len(GATHER_UNTIL), H, W), 0 to 1."""
        with full_precision(facts):
            moves = self.left(facts.float())[..., None, None]
        need, behind = (NEAR * order[:, None]).unbind(2)
        return torch.sigmoid(SHARP * (moves - need + 0.5)) * torch.sigmoid(SHARP * (behind - moves - 0.5))
