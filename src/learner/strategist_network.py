"""The networks that the strategist learns: what it plays by, and the critic, which only learning needs.

The critic sees the facts of both seats: what fog hides explains most of what happens next (an asymmetric critic, Pinto
et al. 2018). Letters: N positions, or a position's moves, F facts, M features of a move.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from engine.bots.hunter import CYCLE
from engine.bots.moves import FEATURES
from engine.bots.situation import FACT_COUNT
from engine.bots.strategist import HIDDEN
from learner.move_games import Weights
from learner.move_gradient import UNIT, Network
from learner.strategist_export import quantised


class Chooser(nn.Module):
    """The network that the strategist plays by; `learner.move_gradient` has its gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.phases = nn.Parameter(0.1 * torch.randn(CYCLE, HIDDEN))
        self.inputs = nn.Parameter(0.5 / math.sqrt(FACT_COUNT) * torch.randn(FACT_COUNT, HIDDEN))
        self.moves = nn.Parameter(0.5 / math.sqrt(FEATURES) * torch.randn(FEATURES, HIDDEN))
        self.outputs = nn.Parameter(0.05 * torch.randn(HIDDEN))
        self.skips = nn.Parameter(torch.zeros(FEATURES))

    def network(self) -> Network:
        """Its weights, in memory of its own."""
        return Network(*(parameter.detach().numpy() for parameter in self.parameters()))

    def forward(self, facts: Tensor, features: Tensor) -> Tensor:
        """Scores (N,) of a position's moves: facts float32 (F,), features float32 (N, M), as they are written."""
        common = self.phases[facts[0].long()] + UNIT * facts[1:] @ self.inputs[1:]
        hidden = torch.relu(common + UNIT * features @ self.moves)
        return hidden @ self.outputs + UNIT * features @ self.skips

    def weights(self) -> Weights:
        """As games read it, K = 1. Raises ValueError for weights too large to store."""
        return quantised(self.network(), 1.0)


class Critic(nn.Module):
    """What a situation is worth to a seat: facts of both, its own first, (N, 2F), to (N,)."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = nn.Embedding(CYCLE, 128)
        self.read = nn.Linear(2 * FACT_COUNT, 128)
        self.think = nn.Linear(128, 64)
        self.value = nn.Linear(64, 1)
        nn.init.normal_(self.phase.weight, std=0.1)
        nn.init.zeros_(self.value.weight)

    def forward(self, facts: Tensor) -> Tensor:
        """float32 (N, 2F) to float32 (N,)."""
        both = torch.cat([scaled(facts[:, :FACT_COUNT]), scaled(facts[:, FACT_COUNT:])], dim=1)
        x = torch.relu(self.read(both) + self.phase(facts[:, 0].long()))
        value: Tensor = self.value(torch.relu(self.think(x)))[:, 0]
        return value


def scaled(facts: Tensor) -> Tensor:
    """Facts (N, F) as the critic reads them; the first, the phase, is read apart."""
    return F.pad(facts[:, 1:], (1, 0)) * UNIT
