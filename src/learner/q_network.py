"""What R2D2 adds to the trunk of `learner.network`: heads that tell what each action is worth.

    tiles, board -> advantage of every action, value of the position -> worth of every action, a number or distribution

The value and the advantages are told apart (dueling; Wang et al. 2016), each worth can be a distribution over fixed
atoms (C51; Bellemare et al. 2017), and the last layers can carry noise that learns how large to be (Fortunato et al.
2018). C51 rather than quantiles: returns here lie between bounds that are known beforehand, so its one weakness, that
the atoms' range must be chosen, costs nothing, and its cross-entropy has no threshold to tune.

Letters: T turns, B rows, N = T * B, A action codes, D actions, K atoms (1 without a distribution).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from learner.network import ILLEGAL, Moves, Output, Trunk, sample
from learner.network_config import NetworkConfig

SIGMA = 0.5  # size of the noise at first, over the root of a layer's inputs, as in the paper


@dataclass(frozen=True)
class QConfig(NetworkConfig):
    """The shape of a Q network."""

    atoms: int = 1  # of the distribution of an action's worth; 1: its mean alone
    low: float = -1.0  # worth of the first atom
    high: float = 1.0  # worth of the last atom
    dueling: bool = True  # value and advantages apart
    noisy: bool = False  # noise in the last layers

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.atoms <= 1024:
            raise ValueError(f"network atoms is {self.atoms}; accepted: 1 to 1024")
        if not -1e6 < self.low < self.high < 1e6:
            raise ValueError(f"network atoms reach from {self.low} to {self.high}; accepted: low below high")


class NoisyLinear(nn.Linear):
    """A linear layer with factorised Gaussian noise on its weights (Fortunato et al. 2018, section 3.b).

    In training mode it computes with the noise of the last `draw`, in evaluation mode without.
    """

    noise_in: Tensor
    noise_out: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.weight_sigma = nn.Parameter(torch.full((outputs, inputs), SIGMA / math.sqrt(inputs)))
        self.bias_sigma = nn.Parameter(torch.full((outputs,), SIGMA / math.sqrt(inputs)))
        self.register_buffer("noise_in", torch.zeros(inputs), persistent=False)
        self.register_buffer("noise_out", torch.zeros(outputs), persistent=False)

    def draw(self, generator: torch.Generator) -> None:
        """Draw new noise; the generator is on the CPU."""
        for noise in (self.noise_in, self.noise_out):
            x = torch.randn(noise.shape, generator=generator)
            noise.copy_(x.sign() * x.abs().sqrt())

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        if not self.training:
            return super().forward(x)
        weight = self.weight + self.weight_sigma * torch.outer(self.noise_out, self.noise_in)
        return F.linear(x, weight, self.bias + self.bias_sigma * self.noise_out)


class Worth(NamedTuple):
    """What a Q network tells of T turns of B rows, for the D actions it can take: A, less the half moves it has not.

    Told apart, so that what all D x K atoms have in common is added where it is needed alone.
    """

    atoms: Tensor  # (T, B, D, K): logits of the atoms, for K = 1 the worth itself; without what is common
    common: Tensor  # (T, B, 1, K), of all actions
    legal: Tensor  # (T, B, D) bool
    memory: Tensor  # (B, M, H, W), after the last turn

    def of(self, actions: Tensor) -> Tensor:
        """The atoms (T, B, K) of an action a turn and row, int64 (T, B) of the D."""
        chosen = actions[..., None, None]
        return (self.atoms.take_along_dim(chosen, 2) + self.common).squeeze(2)


class QNetwork(Trunk):
    """The recurrent Q network. Action codes are `engine.actions`'; see `index_of` for its own."""

    support: Tensor
    config: QConfig

    def __init__(self, config: QConfig) -> None:
        super().__init__(config)
        c, k = self.width, config.atoms
        linear = NoisyLinear if config.noisy else nn.Linear
        self.moves = Moves(c, config.pairs, k * (2 if config.halves else 1))
        self.moves.judge = linear(config.pairs, self.moves.judge.out_features)
        self.build = linear(c, k) if config.castles else None
        self.rest = linear(config.hidden, k)
        self.value = linear(config.hidden, k) if config.dueling else None
        self.register_buffer("support", torch.linspace(config.low, config.high, k), persistent=False)
        self._initialise((self.moves.judge, self.build, self.rest, self.value))

    def draw_noise(self, generator: torch.Generator) -> None:
        """Draw the noise of all noisy layers anew."""
        for module in self.modules():
            if isinstance(module, NoisyLinear):
                module.draw(generator)

    def index_of(self, codes: Tensor, tiles: int) -> Tensor:
        """Of action codes the index among the D actions. A code that the network does not take has none."""
        if self.config.halves:
            return codes
        return torch.where(codes > 8 * tiles, codes - 4 * tiles, (codes + 1) // 2)

    def worth(
        self, words: Tensor, vector: Tensor, memory: Tensor, resets: Tensor, searched: Tensor | None = None
    ) -> Worth:
        """All that is told of each action; the arguments are those of `forward`."""
        x, hidden, legal, memory, _ = self.perceive(words, vector, memory, resets, searched)
        n, k, tiles = len(x), self.config.atoms, x[0, 0].numel()
        parts = [self.rest(hidden)[:, None], self.moves(x).view(n, -1, k)]
        if self.build is not None:
            parts.append(self.build(x.permute(0, 2, 3, 1)).view(n, -1, k))
        atoms = torch.cat(parts, dim=1)
        if not self.config.halves:
            legal = torch.cat([legal[:, :1], legal[:, 1 : 8 * tiles : 2], legal[:, 8 * tiles + 1 :]], dim=1)
        if self.value is None:
            common = atoms.new_zeros((n, 1, k))
        else:
            share = (legal / legal.sum(1, keepdim=True))[:, None]
            common = self.value(hidden)[:, None] - share @ atoms  # advantages of what is legal have the mean 0
        turns, rows = words.shape[:2]
        atoms, common, legal = (part.view(turns, rows, *part.shape[1:]) for part in (atoms, common, legal))
        return Worth(atoms, common, legal, memory)

    def mean(self, atoms: Tensor) -> Tensor:
        """Atoms (..., K) to the worth that they stand for, (...)."""
        if self.config.atoms == 1:
            return atoms.squeeze(-1)
        return atoms.softmax(-1) @ self.support

    def means(self, worth: Worth) -> Tensor:
        """What each of the D actions is worth, ILLEGAL where it is illegal: (T, B, D)."""
        return self.mean(worth.atoms + worth.common).masked_fill(~worth.legal, ILLEGAL)

    def forward(
        self, words: Tensor, vector: Tensor, memory: Tensor, resets: Tensor, searched: Tensor | None = None
    ) -> Output:
        """See `Trunk.forward`."""
        told = self.worth(words, vector, memory, resets, searched)
        means = self.means(told)
        if not self.config.halves:
            moves = 1 + 4 * words.shape[2] * words.shape[3]
            with_halves = F.pad(means[..., 1:moves, None], (0, 1), value=ILLEGAL).flatten(-2)
            means = torch.cat([means[..., :1], with_halves, means[..., moves:]], dim=-1)
        return Output(means, means.amax(-1), told.memory)


def explore(worth: Tensor, epsilons: Tensor, generator: torch.Generator) -> Tensor:
    """The best action of each row of worth (B, A), or with probability `epsilons` (B,) any legal one: int64 (B,)."""
    anything = sample(torch.where(worth > ILLEGAL, 0.0, ILLEGAL), generator)
    lucky = torch.rand(epsilons.shape, generator=generator, device=epsilons.device) < epsilons
    return torch.where(lucky, anything, worth.argmax(-1))
