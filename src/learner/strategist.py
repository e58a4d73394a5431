"""Learning the strategist's network: PPO over moves in self-play (Schulman et al. 2017), read from top to bottom.

It begins as the seeker, whose moves it imitates for some seconds by all else that is told of them; then it is made less
sure, and told besides which move is the seeker's. A part of the games is against scripted bots, a part against
snapshots of its own, the rest with itself, both rulesets side by side. The entropy bonus follows the entropy that is
wanted, which falls: a policy that is sure too soon learns no more (docs/log.md, 2026-11-29).
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as pack_tensors
from torch import Tensor, nn

from engine.arrays import Bool, Float32, Int64
from engine.bots import find_bot
from engine.bots.moves import SEEKERS
from engine.bots.scout import Guesser
from engine.bots.situation import FACT_COUNT
from engine.rewards import Shaping
from learner.decisions import Decisions, advantages_of, joined, pick
from learner.move_games import AWAITING, FIRST_BOT, LEARNER, SEEKER, UNTOLD, MoveFragment, MoveGames, Weights
from learner.move_gradient import DIVERGENCE, ENTROPY, Network, gradients, log_probabilities
from learner.snapshot import replace_file
from learner.strategist_network import Chooser, Critic

RULESETS = (("generalsio", "site"), ("competition", "competition"))
BOTS = ("hunter", "tracker", "seeker")
CHOOSER, CRITIC = "chooser", "critic"  # prefixes in a saved file
LATEST = 1500  # games that a win rate is of
CRITIC_WARM_UP = 6  # iterations in which the critic alone learns
IMITATED = 6  # fragments of the seeker's that are imitated,
IMITATION_STEPS = 1500  # in so many steps
RATE_CHANGE = 1.15  # of the learning rate between iterations, as the divergence asks for
BONUS_CHANGE = 1.08  # of the entropy bonus, as the entropy asks for,
LEAST_BONUS, MOST_BONUS = 1e-4, 0.03  # and its bounds
WINDOW = 40  # iterations that the mean of weights looks back
PARTS = 16  # that a gradient step's decisions are dealt out in, so that as many cores are of use
FEWEST = 100  # decisions to learn from


@dataclass(frozen=True)
class Settings:
    """How to learn."""

    seed: int = 1
    games: int = 1024  # of all rulesets together
    turns: int = 32  # of a fragment
    max_turns: int = 1000  # of a game
    bots: float = 0.3  # part of the games against a scripted bot
    pool: float = 0.2  # and against a snapshot
    told: float = 0.5  # part of the seats that go by guesses, if there is a guesser
    snapshot_every: int = 25  # iterations
    snapshots: int = 12  # kept at most
    gamma: float = 0.998  # discount a turn
    lam: float = 0.95  # GAE's lambda
    clip: float = 0.2
    epochs: int = 2
    minibatch: int = 4096  # decisions of a gradient step
    rate: float = 1.5e-3  # of Adam, at the start
    most_rate: float = 1e-2  # and while there is time; at the end it falls
    low_divergence: float = 0.0015  # KL(old || new) of an iteration below which the rate rises,
    high_divergence: float = 0.006  # and above which it falls
    entropy: float = 0.35  # nats that are wanted at the start,
    last_entropy: float = 0.25  # and at the end
    shaping: float = 0.2  # weights of land and of armies in the potential
    unsure: float = 0.5  # what the imitation's scores are multiplied with at the start
    advice: float = 1.0  # weight of the seeker's move at the start


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
    agreed: float  # part of the moves that are the seeker's
    win_rates: Mapping[str, float]  # by "RULESET OPPONENT", over the latest games; draws are not won


class Slopes:
    """Gradients of a chooser, into its parameters."""

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser
        self._parts = Network(*(np.zeros((PARTS, *array.shape), np.float32) for array in chooser.network()))
        self._sums = np.zeros((PARTS, 3), np.float32)

    def find(
        self, picked: Int64, decisions: Decisions, before: Float32, clip: float, bonus: float, imitate: bool
    ) -> Float32:
        """Set them for some decisions; returns means of divergence, entropy and cross-entropy. The arguments are those
        of `learner.move_gradient.gradients`.
        """
        gradients(
            picked,
            decisions.facts[:, :FACT_COUNT],
            *decisions[1:5],
            before,
            decisions.gain,
            clip,
            bonus,
            imitate,
            self._chooser.network(),
            *self._parts,
            self._sums,
        )
        for parameter, parts in zip(self._chooser.parameters(), self._parts, strict=True):
            parameter.grad = torch.from_numpy(parts.sum(0))
        means: Float32 = self._sums.sum(0) / len(picked)
        return means


class StrategistRun:
    """A run of so many seconds; `learned` is what it learned so far, `chooser` what plays."""

    def __init__(self, settings: Settings, seconds: float, guesser: Guesser | None = None) -> None:
        self.settings, self.seconds = settings, seconds
        self._told = 0.0 if guesser is None else settings.told
        torch.manual_seed(settings.seed)
        self._chance = np.random.default_rng(settings.seed)
        self.chooser, self._critic = Chooser(), Critic()
        self.learned = Chooser()  # the mean of the chooser's latest weights
        self.learned.load_state_dict(self.chooser.state_dict())
        self._slopes = Slopes(self.chooser)
        shaping = Shaping(land=settings.shaping, army=settings.shaping, structures=0.0, gamma=settings.gamma)
        self._games = [
            MoveGames(
                ruleset,
                board,
                settings.games // len(RULESETS),
                settings.turns,
                settings.seed + number,
                settings.max_turns,
                shaping,
                guesser,
            )
            for number, (ruleset, board) in enumerate(RULESETS)
        ]
        self._pool: list[Weights] = []
        self._won: dict[str, deque[float]] = {}
        self._bonus = 0.004
        self._started = False  # from a saved run, whose critic has learned already
        self.iteration = self.decisions = self.played = 0
        self._averaged = 0  # iterations whose weights are in the mean

    def train(self, tell: Callable[[Status], None] = lambda status: None) -> None:
        """Imitate, unless it goes on from a saved run; then learn until time is up."""
        if not self._started:
            self._imitate()
        self.learned.load_state_dict(self.chooser.state_dict())
        self._pool.append(self.chooser.weights())
        for games in self._games:
            self._seat(games, np.ones(len(games.players), np.bool_))
        self._collect()  # the first fragment compiles for minutes, which are not those of training
        optimiser = torch.optim.Adam(self.chooser.parameters(), self.settings.rate, eps=1e-5)
        critics = torch.optim.Adam(self._critic.parameters(), 1e-3)
        rate, begin = self.settings.rate, time.monotonic()
        while (passed := time.monotonic() - begin) < self.seconds:
            progress = passed / self.seconds
            rate = min(rate, 2 * self.settings.most_rate * max(0.02, 1.0 - progress))
            optimiser.param_groups[0]["lr"] = rate
            critics.param_groups[0]["lr"] = 1e-3 * max(0.1, 1.0 - progress)
            decisions = self._collect()
            if len(decisions.chosen) < FEWEST:  # all games are in their opening
                continue
            learns = self._started or self.iteration >= CRITIC_WARM_UP
            divergence, entropy, explained = self._update(optimiser, critics, decisions, learns)
            if learns:
                rate = self._adapt(rate, divergence, entropy, progress)
                self._average()
            self.iteration += 1
            self.decisions += len(decisions.chosen)
            if self.iteration % self.settings.snapshot_every == 0:
                self._pool.append(self.chooser.weights())
                if len(self._pool) > self.settings.snapshots:  # the first and the newest stay
                    self._pool.pop(int(self._chance.integers(1, len(self._pool) - 4)))
            rates = {name: float(np.mean(won)) for name, won in sorted(self._won.items())}
            tell(
                Status(
                    progress,
                    self.iteration,
                    self.decisions,
                    self.played,
                    divergence,
                    entropy,
                    explained,
                    rate,
                    decisions.agreed,
                    rates,
                )
            )

    def _average(self) -> None:
        """Let the chooser's weights into their mean (Polyak, Juditsky 1992): of all until WINDOW, then exponential."""
        self._averaged += 1
        share = 1.0 / min(self._averaged, WINDOW)
        with torch.no_grad():
            for mean, latest in zip(self.learned.parameters(), self.chooser.parameters(), strict=True):
                mean.lerp_(latest, share)

    def _adapt(self, rate: float, divergence: float, entropy: float, progress: float) -> float:
        """Change the entropy bonus; returns the learning rate."""
        settings = self.settings
        wanted = settings.entropy + progress * (settings.last_entropy - settings.entropy)
        bonus = self._bonus * (BONUS_CHANGE if entropy < wanted else 1.0 / BONUS_CHANGE)
        self._bonus = min(max(bonus, LEAST_BONUS), MOST_BONUS)
        if divergence < settings.low_divergence:
            return min(rate * RATE_CHANGE, settings.most_rate)
        return rate / RATE_CHANGE if divergence > settings.high_divergence else rate

    def _imitate(self) -> None:
        """Learn the seeker's moves without being told which they are; then be less sure of them, and be told."""
        parts: list[Decisions] = []
        weights = self.chooser.weights()
        while len(parts) < IMITATED * len(self._games) or sum(len(part.chosen) for part in parts) < FEWEST:
            for games in self._games:
                games.players[:] = SEEKER
                fragment = games.collect(weights)
                decided = fragment.chosen >= 0
                nothing = np.zeros(int(decided.sum()), np.float32)
                parts.append(pick(fragment, fragment.facts, decided, nothing, nothing))
        decisions = joined(parts)
        decisions.features[:, SEEKERS] = 0
        optimiser = torch.optim.Adam(self.chooser.parameters(), 3e-3)
        for step in range(IMITATION_STEPS):
            optimiser.param_groups[0]["lr"] = 3e-3 * (1.0 - step / IMITATION_STEPS) + 1e-4
            picked = self._chance.integers(len(decisions.chosen), size=1024)
            self._slopes.find(picked, decisions, decisions.target, 0.0, 0.0, imitate=True)
            optimiser.step()
        with torch.no_grad():
            self.chooser.outputs.mul_(self.settings.unsure)
            self.chooser.skips.mul_(self.settings.unsure)
            self.chooser.skips[SEEKERS] = self.settings.advice

    def _seat(self, games: MoveGames, begun: Bool) -> None:
        """Choose who plays in games that have begun, the pool comes behind the learner; and who goes by guesses."""
        count = int(begun.sum())
        kind = self._chance.random(count)
        bots = FIRST_BOT - np.array([find_bot(name) for name in BOTS])[self._chance.integers(len(BOTS), size=count)]
        snapshots = 1 + self._chance.integers(len(self._pool), size=count)
        other = np.where(kind < self.settings.bots, bots, LEARNER)
        is_pool = (self.settings.bots <= kind) & (kind < self.settings.bots + self.settings.pool)
        players = np.zeros((count, 2), np.int8)
        players[np.arange(count), self._chance.integers(2, size=count)] = np.where(is_pool, snapshots, other)
        games.players[begun] = players
        is_told = self._chance.random((count, 2)) < self._told
        games.told[begun] = np.where(is_told, AWAITING, UNTOLD)

    def _collect(self) -> Decisions:
        """Play a fragment of all games."""
        networks = Weights.stack([self.chooser.weights(), *self._pool])
        parts: list[Decisions] = []
        for games in self._games:
            fragment = games.collect(networks)
            both = np.concatenate([fragment.facts, fragment.facts[:, :, ::-1]], axis=-1)
            with torch.no_grad():
                worth = self._critic(torch.from_numpy(both.reshape(-1, both.shape[-1])).float())
            decided = (fragment.chosen >= 0) & (games.players == LEARNER)
            values = worth.numpy().reshape(both.shape[:-1])
            advantages, targets = advantages_of(fragment, values, decided, self.settings.gamma, self.settings.lam)
            parts.append(pick(fragment, both, decided, advantages[decided], targets[decided]))
            self._count(games, fragment)
            ended: Bool = np.asarray(fragment.done.any(0))
            if ended.any():  # a game that began since is a fragment old at most
                self._seat(games, ended)
        decisions = joined(parts)
        gain = decisions.gain
        if len(gain):
            gain = ((gain - gain.mean()) / (gain.std() + 1e-6)).astype(np.float32)
        return decisions._replace(gain=gain)

    def _count(self, games: MoveGames, fragment: MoveFragment) -> None:
        """Count wins against others; games that ended in this fragment."""
        self.played += int(fragment.done.sum())
        names = {FIRST_BOT - find_bot(name): name for name in BOTS}
        for turn, game in zip(*np.nonzero(fragment.done), strict=True):
            seats = games.players[game]
            if (seats != LEARNER).any():
                own = int(np.flatnonzero(seats == LEARNER)[0])
                name = f"{games.name} {names.get(int(seats[1 - own]), 'snapshots')}"
                self._won.setdefault(name, deque(maxlen=LATEST)).append(float(fragment.winner[turn, game] == own))

    def _update(
        self, optimiser: torch.optim.Optimizer, critics: torch.optim.Optimizer, decisions: Decisions, learns: bool
    ) -> tuple[float, float, float]:
        """Go over the decisions, the critic alone unless the chooser learns; returns divergence, entropy and the part
        of the returns' variance explained. Neither needs the other, so the critic learns on a thread of its own.
        """
        count = len(decisions.chosen)
        orders = [self._chance.permutation(count) for _ in range(self.settings.epochs)]
        steps = [step for order in orders for step in np.array_split(order, max(1, count // self.settings.minibatch))]
        with ThreadPoolExecutor(1) as aside:
            error = aside.submit(self._judge, critics, decisions, steps)
            means = self._choose(optimiser, decisions, steps) if learns else np.zeros(3)
        explained = 1.0 - error.result() / max(float(decisions.target.var()), 1e-9)
        return float(means[DIVERGENCE]), float(means[ENTROPY]), explained

    def _choose(
        self, optimiser: torch.optim.Optimizer, decisions: Decisions, steps: list[Int64]
    ) -> NDArray[np.float64]:
        """Let the chooser learn, a gradient step for each part of the decisions; returns means of `Slopes.find`."""
        before = np.zeros(len(decisions.chosen), np.float32)
        own = decisions.facts[:, :FACT_COUNT]
        log_probabilities(own, *decisions[1:5], self.chooser.network(), before, PARTS)
        sums = np.zeros(3)
        for picked in steps:
            sums += self._slopes.find(picked, decisions, before, self.settings.clip, self._bonus, imitate=False)
            nn.utils.clip_grad_norm_(self.chooser.parameters(), 1.0)
            optimiser.step()
        return sums / len(steps)

    def _judge(self, critics: torch.optim.Optimizer, decisions: Decisions, steps: list[Int64]) -> float:
        """Let the critic learn likewise; returns its mean squared error."""
        both, target = torch.from_numpy(decisions.facts).float(), torch.from_numpy(decisions.target)
        errors = 0.0
        for picked in steps:
            error = (self._critic(both[picked]) - target[picked]).square().mean()
            critics.zero_grad()
            torch.autograd.backward(error)
            critics.step()
            errors += error.item()
        return errors / len(steps)

    def save(self, path: Path) -> None:
        """Write what the chooser learned, and the critic, safetensors."""
        networks = {CHOOSER: self.learned, CRITIC: self._critic}
        tensors = {
            f"{name}.{key}": value for name, part in networks.items() for key, value in part.state_dict().items()
        }
        replace_file(path, pack_tensors(tensors))

    def start_from(self, *paths: Path) -> None:
        """Go on from what `save` wrote; of several from their mean, which may play better than each of runs that have a
        beginning in common (Wortsman et al. 2022). Raises ValueError for other files.
        """
        runs: list[dict[str, Tensor]] = []
        for path in paths:
            try:
                runs.append(load_file(path))
                self._load({name: torch.stack([run[name] for run in runs]).mean(0) for name in runs[0]})
            except (OSError, SafetensorError, RuntimeError, KeyError) as error:
                raise ValueError(f"{path} holds no strategist: {error}") from None
        self.learned.load_state_dict(self.chooser.state_dict())
        self._started = True

    def _load(self, saved: dict[str, Tensor]) -> None:
        for name, part in ((CHOOSER, self.chooser), (CRITIC, self._critic)):
            part.load_state_dict(
                {key.removeprefix(f"{name}."): value for key, value in saved.items() if key.startswith(name)}
            )
