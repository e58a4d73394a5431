"""Learning the strategist's network: PPO over options in self-play (Schulman et al. 2017), read from top to bottom.

It begins as the seeker, whose choices it imitates for some seconds, made less sure. That stays its prior: what strays
from it costs a little, less and less (docs/log.md, 2026-11-29, has what becomes of it without). A part of the games is
against scripted bots, a part against snapshots of its own, the rest with itself, both rulesets side by side. A decision
is an option for one turn. The critic, which only learning needs, sees the facts of both seats: what fog hides explains
most of what happens next (an asymmetric critic, Pinto et al. 2018).
"""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from engine.arrays import Bool, Float32, Int16, Int64
from engine.bots import find_bot
from engine.bots.hunter import CYCLE
from engine.bots.options import OPTIONS
from engine.bots.situation import FACT_COUNT
from engine.bots.strategist import HIDDEN
from engine.rewards import Shaping
from learner.option_games import FACT_UNIT, FIRST_BOT, SEEKER, OptionFragment, OptionGames, Weights

RULESETS = (("generalsio", "site"), ("competition", "competition"))
BOTS = ("hunter", "tracker", "seeker")
CHOOSER, CRITIC = "chooser", "critic"  # prefixes in a saved file
LATEST = 1500  # games that a win rate is of
CRITIC_WARM_UP = 20  # iterations in which the critic alone learns
IMITATED = 24  # fragments of the seeker's that are imitated,
IMITATION_STEPS = 3000  # in so many steps
RATE_CHANGE, MOST_RATE = 1.15, 6e-3  # of the learning rate between iterations, as the divergence asks for


@dataclass(frozen=True)
class Settings:
    """How to learn."""

    seed: int = 1
    games: int = 2048  # of all rulesets together
    turns: int = 64  # of a fragment
    max_turns: int = 1000  # of a game
    bots: float = 0.4  # part of the games against a scripted bot
    pool: float = 0.3  # and against a snapshot
    snapshot_every: int = 15  # iterations
    snapshots: int = 12  # kept at most
    gamma: float = 0.998  # discount a turn
    lam: float = 0.95  # GAE's lambda
    clip: float = 0.2
    epochs: int = 3
    minibatch: int = 8192  # decisions of a gradient step
    rate: float = 3e-3  # of Adam, at the start; at the end a fiftieth is the most
    low_divergence: float = 0.004  # KL(old || new) of an iteration below which the rate rises,
    high_divergence: float = 0.010  # and above which it falls
    entropy: float = 0.003  # weight of its bonus, which falls to 0
    prior: float = 0.01  # weight of KL(prior || policy), which falls to 0
    shaping: float = 0.2  # weights of land and of armies in the potential
    unsure: float = 0.4  # what the seeker's logits are multiplied with at the start


class Chooser(nn.Module):
    """The network that the strategist plays by: facts (N, F) to logits (N, O)."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = nn.Embedding(CYCLE, HIDDEN)
        self.read = nn.Linear(FACT_COUNT, HIDDEN)
        self.judge = nn.Linear(HIDDEN, len(OPTIONS))
        nn.init.normal_(self.phase.weight, std=0.1)
        nn.init.normal_(self.read.weight, std=0.5 / math.sqrt(FACT_COUNT))
        nn.init.zeros_(self.read.bias)
        nn.init.normal_(self.judge.weight, std=0.02)
        nn.init.zeros_(self.judge.bias)

    def forward(self, facts: Tensor) -> Tensor:
        """float32 (N, F), as they are written, to float32 (N, O)."""
        logits: Tensor = self.judge(torch.relu(self.read(scaled(facts)) + self.phase(facts[:, 0].long())))
        return logits

    @torch.no_grad()
    def weights(self) -> Weights:
        """As games read it, K = 1."""
        inputs = self.read.weight.T.clone()
        inputs[0] = 0.0
        parts = (self.phase.weight + self.read.bias, inputs, self.judge.weight.T, self.judge.bias)
        return Weights(*(part.detach()[None].numpy().astype(np.float32) for part in parts))


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
    """Facts (N, F) as networks read them; the first, the phase, is read apart."""
    return F.pad(facts[:, 1:], (1, 0)) * FACT_UNIT


class Decisions(NamedTuple):
    """What is learned from, N decisions."""

    facts: Tensor  # (N, 2F) float32
    option: Tensor  # (N,) int64
    advantage: Tensor  # (N,) float32
    target: Tensor  # (N,) float32, for the critic


@dataclass(frozen=True)
class Status:
    """How a run stands after an iteration."""

    progress: float
    iteration: int
    decisions: int
    games: int
    divergence: float  # nats
    entropy: float  # nats
    explained: float  # part of the variance of returns that the critic explains
    rate: float
    win_rates: Mapping[str, float]  # by "RULESET OPPONENT", over the latest games; draws are not won


def advantages_of(
    fragment: OptionFragment, values: Float32, decided: Bool, gamma: float, lam: float
) -> tuple[Float32, Float32]:
    """Generalised advantage estimates between decisions and the critic's targets, float32 (T, G, 2) each, 0 where
    nothing was decided.

    values (T + 1, G, 2); decided (T, G, 2). Rewards of turns without a decision (a general was taken, no move was left)
    count for the decision before.
    """
    turns = len(decided)
    advantages = np.zeros_like(values[:-1])
    value, advantage = values[turns].copy(), np.zeros_like(values[0])
    earned, left = np.zeros_like(value), np.ones_like(value)
    for t in range(turns - 1, -1, -1):
        over = fragment.done[t][:, None]
        earned = fragment.reward[t] + gamma * np.where(over, 0.0, earned)
        left = np.where(over, 0.0, gamma * left)
        here = decided[t]
        found = earned + left * (value + lam * advantage) - values[t]
        advantages[t] = np.where(here, found, 0.0)
        value, advantage = np.where(here, values[t], value), np.where(here, found, advantage)
        earned, left = np.where(here, 0.0, earned), np.where(here, 1.0, left)
    return advantages, np.where(decided, advantages + values[:-1], 0.0).astype(np.float32)


class StrategistRun:
    """A run of so many seconds; `chooser` is what it learned so far."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        self.settings, self.seconds = settings, seconds
        torch.manual_seed(settings.seed)
        self._chance = np.random.default_rng(settings.seed)
        self.chooser, self._critic = Chooser(), Critic()
        shaping = Shaping(land=settings.shaping, army=settings.shaping, structures=0.0, gamma=settings.gamma)
        self._games = [
            OptionGames(
                ruleset,
                board,
                settings.games // len(RULESETS),
                settings.turns,
                settings.seed + number,
                settings.max_turns,
                shaping,
            )
            for number, (ruleset, board) in enumerate(RULESETS)
        ]
        self._prior = Chooser()
        self._pool: list[Weights] = []
        self._won: dict[str, deque[float]] = {}
        self._started = False  # from a saved run, whose critic has learned already
        self.iteration = self.decisions = self.played = 0

    def train(self, tell: Callable[[Status], None] = lambda status: None) -> None:
        """Imitate, then learn until time is up."""
        self._imitate()
        self._pool.append(self.chooser.weights())
        for games in self._games:
            self._seat(games, np.ones(len(games.players), np.bool_))
        parts = [
            {"params": self.chooser.parameters(), "lr": self.settings.rate},
            {"params": self._critic.parameters(), "lr": 1e-3},
        ]
        optimiser = torch.optim.Adam(parts, eps=1e-5)
        rate, begin = self.settings.rate, time.monotonic()
        while (passed := time.monotonic() - begin) < self.seconds:
            progress = passed / self.seconds
            rate = optimiser.param_groups[0]["lr"] = min(rate, 4 * self.settings.rate * max(0.02, 1.0 - progress))
            decisions = self._collect()
            if len(decisions.option) < 2:  # all games are in their opening
                continue
            divergence, entropy, explained = self._update(optimiser, decisions, progress)
            self.iteration += 1
            self.decisions += len(decisions.option)
            if self._started or self.iteration > CRITIC_WARM_UP:
                if divergence < self.settings.low_divergence:
                    rate = min(rate * RATE_CHANGE, MOST_RATE)
                elif divergence > self.settings.high_divergence:
                    rate /= RATE_CHANGE
            if self.iteration % self.settings.snapshot_every == 0:
                self._pool.append(self.chooser.weights())
                if len(self._pool) > self.settings.snapshots:  # the seeker and the newest stay
                    self._pool.pop(int(self._chance.integers(1, len(self._pool) - 4)))
            rates = {name: float(np.mean(won)) for name, won in sorted(self._won.items())}
            tell(
                Status(
                    progress, self.iteration, self.decisions, self.played, divergence, entropy, explained, rate, rates
                )
            )

    def _imitate(self) -> None:
        """Learn the seeker's choices, then be less sure of them: the prior, and where the chooser begins."""
        facts: list[Int16] = []
        options: list[Int64] = []
        weights = self.chooser.weights()
        for _ in range(IMITATED):
            for games in self._games:
                games.players[:] = SEEKER
                fragment = games.collect(weights)
                decided = fragment.options >= 0
                facts.append(fragment.facts[:-1][decided])
                options.append(fragment.options[decided].astype(np.int64))
        x, y = torch.from_numpy(np.concatenate(facts)), torch.from_numpy(np.concatenate(options))
        optimiser = torch.optim.Adam(self._prior.parameters(), 3e-3)
        for _ in range(IMITATION_STEPS):
            chosen = torch.randint(len(x), (2048,))
            loss = F.cross_entropy(self._prior(x[chosen].float()), y[chosen])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
        with torch.no_grad():
            for parameter in self._prior.judge.parameters():
                parameter.mul_(self.settings.unsure)
        if not self._started:
            self.chooser.load_state_dict(self._prior.state_dict())

    def _seat(self, games: OptionGames, begun: Bool) -> None:
        """Choose who plays in games that have begun; network 0 is the learner, the pool comes behind it."""
        count = int(begun.sum())
        kind = self._chance.random(count)
        bots = FIRST_BOT - np.array([find_bot(name) for name in BOTS])[self._chance.integers(len(BOTS), size=count)]
        snapshots = 1 + self._chance.integers(len(self._pool), size=count)
        other = np.where(kind < self.settings.bots, bots, 0)
        is_pool = (self.settings.bots <= kind) & (kind < self.settings.bots + self.settings.pool)
        players = np.zeros((count, 2), np.int8)
        players[np.arange(count), self._chance.integers(2, size=count)] = np.where(is_pool, snapshots, other)
        games.players[begun] = players

    def _collect(self) -> Decisions:
        """Play a fragment of all games."""
        networks = Weights.stack([self.chooser.weights(), *self._pool])
        parts: list[tuple[Float32 | Int16 | Int64, ...]] = []
        for games in self._games:
            fragment = games.collect(networks)
            both = np.concatenate([fragment.facts, fragment.facts[:, :, ::-1]], axis=-1)
            with torch.no_grad():
                worth = self._critic(torch.from_numpy(both.reshape(-1, both.shape[-1])).float())
            decided = (fragment.options >= 0) & (games.players == 0)
            values = worth.numpy().reshape(both.shape[:-1])
            advantages, returns = advantages_of(fragment, values, decided, self.settings.gamma, self.settings.lam)
            parts.append(
                (
                    both[:-1][decided],
                    fragment.options[decided].astype(np.int64),
                    advantages[decided],
                    returns[decided],
                )
            )
            self._count(games, fragment)
            ended: Bool = np.asarray(fragment.done.any(0))
            if ended.any():  # a game that began since is a fragment old at most
                self._seat(games, ended)
        facts, options, gains, targets = (
            torch.from_numpy(np.concatenate(column)) for column in zip(*parts, strict=True)
        )
        return Decisions(facts.float(), options, (gains - gains.mean()) / (gains.std() + 1e-6), targets)

    def _count(self, games: OptionGames, fragment: OptionFragment) -> None:
        """Count wins against others; games that ended in this fragment."""
        self.played += int(fragment.done.sum())
        names = {FIRST_BOT - find_bot(name): name for name in BOTS}
        for turn, game in zip(*np.nonzero(fragment.done), strict=True):
            seats = games.players[game]
            if (seats != 0).any():
                own = int(np.flatnonzero(seats == 0)[0])
                name = f"{games.name} {names.get(int(seats[1 - own]), 'snapshots')}"
                self._won.setdefault(name, deque(maxlen=LATEST)).append(float(fragment.winner[turn, game] == own))

    def _update(
        self, optimiser: torch.optim.Optimizer, decisions: Decisions, progress: float
    ) -> tuple[float, float, float]:
        """Go over the decisions; returns divergence, entropy and the part of the returns' variance explained."""
        settings = self.settings
        own = decisions.facts[:, :FACT_COUNT]
        with torch.no_grad():
            before = F.log_softmax(self.chooser(own), dim=1).gather(1, decisions.option[:, None])[:, 0]
            prior = F.log_softmax(self._prior(own), dim=1)
        sums, steps = np.zeros(3), 0
        for _ in range(settings.epochs):
            for chosen in torch.split(torch.randperm(len(own)), settings.minibatch):
                logs = F.log_softmax(self.chooser(own[chosen]), dim=1)
                log = logs.gather(1, decisions.option[chosen, None])[:, 0] - before[chosen]
                ratio, advantage = log.exp(), decisions.advantage[chosen]
                clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip)
                entropy = -(logs.exp() * logs).sum(1).mean()
                surprise = (self._critic(decisions.facts[chosen]) - decisions.target[chosen]).square().mean()
                loss = 0.5 * surprise
                if self._started or self.iteration >= CRITIC_WARM_UP:
                    gain = torch.minimum(ratio * advantage, clipped * advantage).mean()
                    strayed = (prior[chosen].exp() * (prior[chosen] - logs)).sum(1).mean()
                    loss = loss - gain + (1.0 - progress) * (settings.prior * strayed - settings.entropy * entropy)
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                nn.utils.clip_grad_norm_(self.chooser.parameters(), 1.0)
                optimiser.step()
                sums += [float((ratio - 1.0 - log).mean().detach()), float(entropy.detach()), float(surprise.detach())]
                steps += 1
        divergence, entropy_, surprise_ = sums / steps
        return divergence, entropy_, 1.0 - surprise_ / max(float(decisions.target.var()), 1e-9)

    def save(self, path: Path) -> None:
        """Write chooser and critic, safetensors."""
        networks = {CHOOSER: self.chooser, CRITIC: self._critic}
        save_file(
            {f"{name}.{key}": value for name, part in networks.items() for key, value in part.state_dict().items()},
            path,
        )

    def start_from(self, path: Path) -> None:
        """Go on from what `save` wrote. Raises ValueError for another file."""
        try:
            saved = load_file(path)
            for name, part in ((CHOOSER, self.chooser), (CRITIC, self._critic)):
                own = {key.removeprefix(f"{name}."): value for key, value in saved.items() if key.startswith(name)}
                part.load_state_dict(own)
        except (OSError, SafetensorError, RuntimeError) as error:
            raise ValueError(f"{path} holds no strategist: {error}") from None
        self._started = True
