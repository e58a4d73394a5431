"""R2D2, a recurrent DQN over replayed sequences (Kapturowski et al. 2019), read from top to bottom.

Games are played with the network as it is, each with an exploration of its own; what happens is cut into sequences that
a prioritised table keeps, with the memory the network had at their start. A gradient step draws some sequences, runs
through the first turns of each to bring the memory up to date (burn-in), and moves the worth of the actions that were
taken in the others towards n turns of rewards and what a slowly following copy of the network (the target) says of
what came then. From Rainbow (Hessel et al. 2018) come double, dueling, n-step and prioritised learning,
and as switches distributional worth and noisy exploration.

Letters in the comments: T turns of a sequence, L rows that play (a row is one seat of one game), B sequences of a
batch, K atoms of an action's worth.
"""

import copy
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from learner.clock import Clock
from learner.crew import crew_of
from learner.network_config import NetworkConfig
from learner.q_network import QConfig, QNetwork, explore
from learner.rollout import Fragment, Rollout, Table
from services.tables import RateLimiter
from services.tables import Table as Replay

RESCALE_SLOPE = 1e-3  # epsilon of `rescaled`: keeps its inverse well behaved
LEAST_PRIORITY = 1e-6  # so that whatever is in the table can be drawn


@dataclass(frozen=True)
class Settings:
    """How to learn."""

    burn_in: int = 4  # turns of a sequence that only bring the memory up to date
    turns: int = 16  # turns of a sequence that are learned from; a new one begins as often
    steps: int = 8  # turns of rewards in a target, before the network's own estimate
    gamma: float = 0.98  # discount a turn
    batch: int = 64  # sequences of a gradient step
    capacity: int = 20_000  # sequences kept; the oldest make room
    warm_up: int = 200  # sequences before the first gradient step
    samples_per_insert: float = 2.0  # how often a sequence is learned from, on average
    learning_rate: float = 1e-3  # of Adam
    target_every: int = 30  # gradient steps between two copies of the network to the target
    max_grad_norm: float = 10.0  # gradients longer than this are shortened to it
    priority_exponent: float = 0.9  # 0 draws all sequences alike, 1 by how wrong they were
    importance_exponent: float = 0.6  # how far the weights of sequences make up for that; 1: wholly
    peak: float = 0.9  # part of a sequence's priority that its worst turn makes; the rest is the mean of all
    epsilon: float = 0.4  # part of random actions in the game that explores most
    ladder: float = 7.0  # the game that explores least has epsilon to the power of 1 + this
    double: bool = True  # the network chooses the next action, the target tells its worth
    dueling: bool = True  # the worth of a position and the advantages of actions apart
    atoms: int = 1  # of the distribution of an action's worth (C51); 1 learns its mean alone
    noisy: bool = False  # noise in the last layers explores instead of random actions
    rescale: bool = False  # learn h(worth), which shrinks large returns (Pohlen et al. 2018)

    def __post_init__(self) -> None:
        for name in ("turns", "steps", "batch", "capacity", "warm_up", "target_every", "atoms"):
            if getattr(self, name) < 1:
                raise ValueError(f"R2D2 {name} is {getattr(self, name)}; accepted: 1 and more")
        if self.burn_in < 0:
            raise ValueError(f"R2D2 burn_in is {self.burn_in}; accepted: 0 and more")
        for name in ("gamma", "priority_exponent", "importance_exponent", "peak", "epsilon"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"R2D2 {name} is {getattr(self, name)}; accepted: 0 to 1")

    @property
    def length(self) -> int:
        """Turns of a sequence: burn-in, those learned from, and those behind them that targets look ahead to."""
        return self.burn_in + self.turns + self.steps

    def network(self, base: NetworkConfig, low: float, high: float) -> QConfig:
        """The Q network of a size, for returns between two bounds."""
        bounds = torch.tensor([low, high])
        low_, high_ = (rescaled(bounds) if self.rescale else bounds).tolist()
        return QConfig(**base.as_dict(), atoms=self.atoms, low=low_, high=high_, dueling=self.dueling, noisy=self.noisy)


class Sequence(NamedTuple):
    """T turns of one row; with a second dimension B behind T (for the memory in front) a batch of them."""

    words: Tensor  # (T, H, W) int32
    vector: Tensor  # (T, V) int32
    resets: Tensor  # (T,) bool: the turn's observation is an episode's first
    memory: Tensor  # (M, H, W) float32 before the first turn, of the network that played
    actions: Tensor  # (T,) int64
    rewards: Tensor  # (T,) float32
    terminated: Tensor  # (T,) bool
    truncated: Tensor  # (T,) bool
    valid: Tensor  # (T,) bool: the action was played


class Target(NamedTuple):
    """What n-step targets are made of, for the first T - n turns."""

    returns: Tensor  # (T - n, B) float32, discounted rewards of up to n turns
    discounts: Tensor  # (T - n, B) float32, of what comes then; 0 where the episode terminated
    ahead: Tensor  # (T - n, B) int64, the turn whose observation comes then


class Losses(NamedTuple):
    """What a gradient step lowered, and what it saw; scalars."""

    loss: Tensor
    error: Tensor  # mean distance of worth and target, by importance
    worth: Tensor  # mean worth of the actions taken


def epsilons(games: int, epsilon: float, ladder: float) -> Tensor:
    """How much each game explores, float32 (G,): epsilon^(1 + ladder * i / (G - 1)) (Horgan et al. 2018, "Ape-X")."""
    return torch.tensor([epsilon ** (1.0 + ladder * i / max(1, games - 1)) for i in range(games)])


def rescaled(x: Tensor) -> Tensor:
    """h(x) = sign(x) (sqrt(|x| + 1) - 1) + slope x (Pohlen et al. 2018)."""
    return x.sign() * ((x.abs() + 1.0).sqrt() - 1.0) + RESCALE_SLOPE * x


def restored(y: Tensor) -> Tensor:
    """The x with rescaled(x) = y."""
    root = (1.0 + 4.0 * RESCALE_SLOPE * (y.abs() + 1.0 + RESCALE_SLOPE)).sqrt()
    return y.sign() * (((root - 1.0) / (2.0 * RESCALE_SLOPE)).square() - 1.0)


def n_step(rewards: Tensor, terminated: Tensor, truncated: Tensor, gamma: float, steps: int) -> Target:
    """Rewards of up to `steps` turns, but not beyond an episode's end; all arguments (T, B).

    A truncated episode goes on with the worth of the observation at which it was cut, which the turn after shows.
    """
    turns = len(rewards) - steps
    returns = torch.zeros_like(rewards[:turns])
    discounts = torch.ones_like(returns)
    ahead = torch.arange(turns, device=rewards.device)[:, None].repeat(1, rewards.shape[1])
    going_on = torch.ones_like(returns, dtype=torch.bool)
    for k in range(steps):
        now = slice(k, k + turns)
        returns += torch.where(going_on, discounts * rewards[now], 0.0)
        discounts = torch.where(going_on, gamma * discounts * (~terminated[now]).float(), discounts)
        ahead += going_on
        going_on &= ~(terminated[now] | truncated[now])
    return Target(returns, discounts, ahead)


def projected(probabilities: Tensor, places: Tensor, support: Tensor) -> Tensor:
    """Probabilities (..., K) of worths at `places` (..., K), dealt out to the atoms of an even `support` (K,).

    Each goes to its two neighbours by nearness, what lies outside to the first or last (Bellemare et al. 2017).
    """
    gap = support[1] - support[0]
    position = ((places - support[0]) / gap).clamp(0, len(support) - 1)
    nearness = (1.0 - (position[..., None, :] - torch.arange(len(support), device=gap.device)[:, None]).abs()).clamp(0)
    return (nearness * probabilities[..., None, :]).sum(-1)


def priorities_of(errors: Tensor, valid: Tensor, peak: float) -> Tensor:
    """Of each sequence (B,): peak * largest + (1 - peak) * mean of its errors' sizes, both (T, B), over valid turns."""
    sizes = errors.abs() * valid
    mean = sizes.sum(0) / valid.sum(0).clamp(min=1)
    return peak * sizes.amax(0) + (1.0 - peak) * mean + LEAST_PRIORITY


class EpsilonGreedy(Rollout):
    """Plays the tables with the best action of a Q network; a game of each table has an epsilon of its own."""

    policy: QNetwork

    def __init__(self, tables: list[Table], network: QNetwork, settings: Settings, seed: int, clock: Clock) -> None:
        super().__init__(tables, network, seed, clock)
        first = 0.0 if settings.noisy else settings.epsilon
        self.epsilons = torch.cat(
            [
                epsilons(table.batch.num_games, first, settings.ladder).repeat_interleave(len(table.seats))
                for table in tables
            ]
        ).to(self.device)
        self._noise = torch.Generator().manual_seed(seed)

    def _choose(self, logits: Tensor) -> Tensor:
        self.policy.draw_noise(self._noise)  # for the turn after
        return explore(logits, self.epsilons, self.generator)


class R2D2:
    """A Q network with its target, optimizer and table of sequences."""

    def __init__(self, network: QNetwork, settings: Settings, seed: int, clock: Clock) -> None:
        self.network, self.settings, self.clock = network, settings, clock
        self.target = copy.deepcopy(network).requires_grad_(False)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, eps=1e-7)  # errors are small
        self.device = network.support.device
        self.crew = crew_of(self.device)
        self.steps = 0
        self.table: Replay[Sequence] = Replay(
            "sequences",
            settings.capacity,
            sampler="prioritised",
            limiter=RateLimiter(
                settings.warm_up,
                settings.samples_per_insert,
                min_diff=settings.samples_per_insert * settings.warm_up,
            ),
            priority_exponent=settings.priority_exponent,
            seed=seed,
        )
        self._noise = torch.Generator().manual_seed(seed)
        self._recent: deque[Fragment] = deque(maxlen=-(-settings.length // settings.turns))

    def keep(self, fragment: Fragment) -> None:
        """Put the sequences into the table that a fragment completes; its turns are `Settings.turns`."""
        self._recent.append(fragment)
        if len(self._recent) < (self._recent.maxlen or 0):
            return
        columns = {
            name: torch.cat([getattr(part, name) for part in self._recent])[: self.settings.length]
            for name in Sequence._fields
            if name != "memory"
        }
        memory = self._recent[0].memory
        for row in range(len(memory)):
            self.table.insert(
                Sequence(
                    memory=memory[row].clone(), **{name: column[:, row].clone() for name, column in columns.items()}
                )
            )

    def learn(self) -> list[dict[str, float]]:
        """As many gradient steps as the table gives sequences for; what each of them lowered."""
        notes = []
        with self.clock.measure("learn"):
            while (drawn := self.table.try_sample(self.settings.batch)) is not None:
                importance = np.array([len(self.table) * each.probability for each in drawn])
                weights = torch.from_numpy(importance**-self.settings.importance_exponent).float()
                columns = dict(zip(Sequence._fields, zip(*(each.item for each in drawn), strict=True), strict=True))
                batch = Sequence(
                    **{name: torch.stack(column, dim=int(name != "memory")) for name, column in columns.items()}
                )
                losses, priorities = self.step(batch, (weights / weights.max()).to(self.device))
                self.table.update_priorities([each.key for each in drawn], priorities.tolist())
                notes.append(losses)
        return notes

    def step(self, batch: Sequence, weights: Tensor) -> tuple[dict[str, float], Tensor]:
        """One gradient step on a batch with weights (B,); what it lowered, and new priorities (B,)."""
        if self.settings.noisy:
            self.network.draw_noise(self._noise)
            self.target.draw_noise(self._noise)
        parameters = list(self.network.parameters())
        count = len(weights)

        def work(part: Tensor) -> tuple[Losses, Tensor, tuple[Tensor, ...]]:
            chosen = Sequence(*(column[part] if column is batch.memory else column[:, part] for column in batch))
            losses, priorities = self.losses_of(chosen, weights[part] / count)
            gradients = torch.autograd.grad(losses.loss, parameters)
            return Losses(*(number.detach() for number in losses)), priorities, gradients

        done = self.crew.map(work, torch.arange(count, device=self.device).chunk(self.crew.parts(count)))
        for parameter, *gradients in zip(parameters, *(gradients for _, _, gradients in done), strict=True):
            parameter.grad = torch.stack(gradients).sum(0)
        norm = nn.utils.clip_grad_norm_(parameters, self.settings.max_grad_norm)
        self.optimizer.step()
        self.steps += 1
        if self.steps % self.settings.target_every == 0:
            self.target.load_state_dict(self.network.state_dict())
        sums = [float(torch.stack(numbers).sum()) for numbers in zip(*(losses for losses, _, _ in done), strict=True)]
        notes = dict(zip((*Losses._fields, "grad_norm"), (*sums, float(norm)), strict=True))
        return notes, torch.cat([priorities for _, priorities, _ in done])

    def losses_of(self, batch: Sequence, weights: Tensor) -> tuple[Losses, Tensor]:
        """The loss over a batch, each sequence's by its weight (B,), and new priorities (B,)."""
        s, network = self.settings, self.network
        with torch.no_grad():
            own, theirs = (self._burn_in(each, batch) for each in (network, self.target))
        rest = Sequence(*(column if column is batch.memory else column[s.burn_in :] for column in batch))
        told = network.worth(rest.words, rest.vector, own, rest.resets)
        valid = rest.valid[: s.turns]
        codes = network.index_of(rest.actions, rest.words[0, 0].numel())
        taken = told.of(codes)[: s.turns]  # (turns, B, K)
        with torch.no_grad():
            following = self.target.worth(rest.words, rest.vector, theirs, rest.resets)
            best = network.means(told if s.double else following).argmax(-1)
            atoms = following.of(best)  # (turns + steps, B, K)
            target = n_step(rest.rewards, rest.terminated, rest.truncated, s.gamma, s.steps)
            atoms = atoms.take_along_dim(target.ahead[..., None], 0)
            wanted = self._wanted(atoms, target)
        worth = network.mean(taken)
        if s.atoms == 1:
            loss = 0.5 * (taken - wanted).square().squeeze(-1)
            errors = (worth - wanted.squeeze(-1)).detach()
        else:
            loss = -(wanted * taken.log_softmax(-1)).sum(-1)
            errors = (worth - wanted @ network.support).detach()
        share = valid * weights / valid.sum(0).clamp(min=1)
        losses = Losses((loss * share).sum(), (errors.abs() * share).sum(), (worth.detach() * share).sum())
        return losses, priorities_of(errors, valid, s.peak)

    def _burn_in(self, network: QNetwork, batch: Sequence) -> Tensor:
        """The memory (B, M, H, W) after the first turns, from the one that was stored."""
        n = self.settings.burn_in
        if n == 0:
            return batch.memory
        return network.perceive(batch.words[:n], batch.vector[:n], batch.memory, batch.resets[:n]).memory

    def _wanted(self, atoms: Tensor, target: Target) -> Tensor:
        """What the actions taken are worth, (T - n, B, K): probabilities of the atoms, or for K = 1 the worth itself.

        atoms (T - n, B, K) are what the target network told of the actions that come next.
        """
        there = self.network.support if self.settings.atoms > 1 else atoms
        if self.settings.rescale:
            there = restored(there)
        there = target.returns[..., None] + target.discounts[..., None] * there
        if self.settings.rescale:
            there = rescaled(there)
        return projected(atoms.softmax(-1), there, self.network.support) if self.settings.atoms > 1 else there
