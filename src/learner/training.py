"""A training run in a folder: the schedule around PPO, what it writes down, and how it goes on after a stop.

runs/NAME/
    checkpoint.safetensors   weights, optimizer and counters: what resuming takes
    policy.safetensors/.json the latest snapshot
    snapshots/               the pool
    metrics.jsonl            a line an iteration
    tensorboard/             the same as events
"""

import json
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from engine.batch import GameBatch
from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import Ruleset
from engine.warm import compile_kernels
from learner.clock import Clock
from learner.gains import Gains
from learner.handicap import BEGIN, Handicap, HandicappedBot
from learner.live import Status, View
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.players import BotPlayer, Player
from learner.pool import Pool
from learner.ppo import PPO, Settings
from learner.rollout import Episode, Rollout, Table
from learner.snapshot import (
    SnapshotError,
    keep_lines,
    load_checkpoint,
    load_policy,
    save_checkpoint,
    save_policy,
    what_differs,
)

LATEST_GAMES = 200  # games that the shown win rates look back


@dataclass(frozen=True)
class Plan:
    """What to train, on what, against whom."""

    name: str
    seed: int
    ruleset: Ruleset
    board: MapSpec
    network: NetworkConfig
    settings: Settings
    shaping: Shaping
    defeat: float | None  # reward of not winning, see `learner.rollout.Table`
    gains: bool  # whether shaping rewards what is won and kept, see `learner.gains`; else it is potential-based
    seconds: float  # of training, over all sittings
    self_games: int  # tables of self-play, where both seats learn
    pool_games: int  # against older snapshots
    bot_games: Mapping[str, int]  # against scripted bots, by name
    handicapped: str | None = None  # the one of them that skips turns while it is too strong, see `learner.handicap`
    snapshot_seconds: float = 20.0  # between two snapshots
    device: str = "cpu"
    start: str = ""  # a policy to begin from, as `load_policy` takes it; empty: an untrained network

    def identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on: all but its length, its device and where it began."""
        facts = asdict(self)
        for free in ("name", "seconds", "device", "start"):
            del facts[free]
        identity: dict[str, Any] = json.loads(json.dumps(facts))
        return identity


@dataclass
class Counters:
    """How far a run has come."""

    seconds: float = 0.0
    iterations: int = 0
    env_steps: int = 0  # turns of games
    decisions: int = 0  # actions of learning seats
    episodes: int = 0
    sittings: int = 0  # times the run was started
    handicap: float = BEGIN  # part of its turns that the handicapped bot skips


@dataclass
class Latest:
    """The latest games against one opponent."""

    scores: deque[float] = field(default_factory=lambda: deque(maxlen=LATEST_GAMES))

    @property
    def win_rate(self) -> float:
        """Part of them that were won; NaN before the first."""
        return sum(score == 1.0 for score in self.scores) / len(self.scores) if self.scores else math.nan


class Training:
    """One run. Raises SnapshotError if its folder holds a damaged one, or one of another plan."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        torch.manual_seed(plan.seed)
        self.policy = Policy(plan.network).to(plan.device)
        if plan.start:
            began = load_policy(Path(plan.start), plan.device).policy
            if began.config != plan.network:
                raise ValueError(f"{plan.start} has the network {began.config}; accepted: {plan.network}")
            self.policy.load_state_dict(began.state_dict())
        self.clock = Clock()
        self.ppo = PPO(self.policy, plan.settings, plan.seed, self.clock)
        self.pool = Pool(folder / "snapshots", plan.device)
        self.counters = Counters()
        self.latest: dict[str, Latest] = {}
        self._tables: Rollout | None = None
        self._turns: deque[int] = deque(maxlen=LATEST_GAMES)
        self._rewards: deque[float] = deque(maxlen=LATEST_GAMES)
        if self.checkpoint.exists():
            self._resume()
        self.counters.sittings += 1
        self.handicap = Handicap(self.counters.handicap)
        self._generator = np.random.default_rng((plan.seed, self.counters.sittings))
        if not self.pool.members:
            self._snapshot()

    @property
    def checkpoint(self) -> Path:
        """What resuming takes."""
        return self.folder / "checkpoint.safetensors"

    @property
    def metrics(self) -> Path:
        """A JSON line an iteration."""
        return self.folder / "metrics.jsonl"

    @property
    def finished(self) -> bool:
        """Whether the plan's time is used up."""
        return self.counters.seconds >= self.plan.seconds

    def prepare(self) -> Rollout:
        """Set up the tables and play two turns: that compiles the engine, which may take minutes and is no training."""
        if self._tables is None:
            compile_kernels()
            self._tables = self._rollout()
            self._tables.collect(2)
            self.clock.seconds.clear()
        return self._tables

    def run(self, view: View, stopped: Callable[[], bool]) -> None:
        """Train until the plan's time is used up or `stopped` says so; either way the latest state is saved."""
        plan, counters, rollout = self.plan, self.counters, self.prepare()
        writer = SummaryWriter(str(self.folder / "tensorboard"))
        next_snapshot = counters.seconds + plan.snapshot_seconds
        last = 0.0  # what the iteration before took: the run must not end late
        try:
            while not stopped() and counters.seconds + last < plan.seconds:
                begin = time.perf_counter()
                self._seat_pool(rollout)
                fragment, episodes = rollout.collect(plan.settings.turns)
                losses = self.ppo.update(fragment, min(1.0, counters.seconds / plan.seconds))
                with self.clock.measure("notes"):
                    played = plan.settings.turns * sum(table.batch.num_games for table in rollout.tables)
                    self._count(played, fragment.actions.numel(), episodes)
                    self._adapt()
                    last = time.perf_counter() - begin
                    counters.seconds += last
                    status = self._status(losses, played / last)
                    self._note(status, writer)
                    view.update(status)
                    if counters.seconds >= next_snapshot:
                        next_snapshot = counters.seconds + plan.snapshot_seconds
                        self._snapshot()
            if counters.seconds + last >= plan.seconds:
                counters.seconds = plan.seconds  # what is left is less than an iteration
            self._snapshot()
        finally:
            writer.close()

    def _rollout(self) -> Rollout:
        """The tables of the plan, with games that no earlier sitting has seen."""
        plan = self.plan
        seeds = iter(range(1000 * self.counters.sittings, 1000 * self.counters.sittings + 1000))

        def batch(games: int) -> GameBatch:
            return GameBatch(
                plan.ruleset,
                games,
                plan.seed * 1_000_000 + next(seeds),
                board=plan.board,
                autoreset="next",
                shaping=plan.shaping,
            )

        def table(games: int, seats: tuple[int, ...], opponent: Player | None = None) -> Table:
            made = batch(games)
            return Table(made, seats, opponent, plan.defeat, Gains(made, plan.shaping) if plan.gains else None)

        tables = []
        if plan.self_games:
            tables.append(table(plan.self_games, (0, 1)))
        for seat in range(2):
            for name, games in plan.bot_games.items():
                if games // 2:
                    tables.append(table(games // 2, (seat,), self._bot(name, next(seeds))))
        if plan.pool_games:  # at one table: every table asks its opponent's network anew
            tables.append(table(plan.pool_games, (0,), self.pool.draw(self._generator)))
        for each in tables:
            self.latest.setdefault(each.company, Latest())
        return Rollout(tables, self.policy, plan.seed + self.counters.sittings, self.clock)

    def _adapt(self) -> None:
        """Let the handicap follow the games so far."""
        if self.plan.handicapped is not None:
            scores = list(self.latest[self.plan.handicapped].scores)
            self.handicap.adapt(scores, self.counters.seconds / self.plan.seconds)
            self.counters.handicap = self.handicap.share

    def _bot(self, name: str, seed: int) -> BotPlayer:
        return HandicappedBot(name, self.handicap, seed) if name == self.plan.handicapped else BotPlayer(name)

    def _seat_pool(self, rollout: Rollout) -> None:
        """Now and then another snapshot comes to the pool's tables."""
        for table in rollout.tables:
            if table.company == "pool" and self._generator.random() < 0.1:
                table.seat_opponent(self.pool.draw(self._generator))

    def _count(self, played: int, decided: int, episodes: list[Episode]) -> None:
        self.counters.iterations += 1
        self.counters.env_steps += played
        self.counters.decisions += decided
        self.counters.episodes += len(episodes)
        for episode in episodes:
            self.latest[episode.opponent].scores.append(episode.score)
            self._turns.append(episode.turns)
            self._rewards.append(episode.reward)

    def _status(self, losses: dict[str, float], speed: float) -> Status:
        plan = self.plan
        return Status(
            seconds=self.counters.seconds,
            budget=self.plan.seconds,
            iteration=self.counters.iterations,
            env_steps=self.counters.env_steps,
            steps_per_second=speed,
            snapshots=len(self.pool.members),
            episode_turns=sum(self._turns) / len(self._turns) if self._turns else math.nan,
            episode_reward=sum(self._rewards) / len(self._rewards) if self._rewards else math.nan,
            losses=losses,
            win_rates={name: latest.win_rate for name, latest in self.latest.items() if name != "itself"},
            shares=self.clock.shares(),
            handicap=None if plan.handicapped is None else (plan.handicapped, self.handicap.share),
        )

    def _note(self, status: Status, writer: SummaryWriter) -> None:
        """Write an iteration down, for JSON readers and TensorBoard."""
        row = {
            "iteration": status.iteration,
            "seconds": round(status.seconds, 3),
            "env_steps": status.env_steps,
            "steps_per_second": round(status.steps_per_second, 1),
            "episode_turns": _plain(status.episode_turns),
            "episode_reward": _plain(status.episode_reward),
            **{name: _plain(value) for name, value in status.losses.items()},
            "win_rate": {name: _plain(rate) for name, rate in status.win_rates.items()},
            **({"handicap": round(status.handicap[1], 4)} if status.handicap else {}),
        }
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, allow_nan=False) + "\n")
        writer.add_scalar("play/steps_per_second", status.steps_per_second, status.env_steps)
        for name, value in (("turns", status.episode_turns), ("reward", status.episode_reward)):
            writer.add_scalar(f"episode/{name}", value, status.env_steps)
        for name, value in status.losses.items():
            writer.add_scalar(f"learn/{name}", value, status.env_steps)
        for name, rate in status.win_rates.items():
            writer.add_scalar(f"wins/{name}", rate, status.env_steps)

    def _snapshot(self) -> None:
        """Add the policy to the pool and save everything."""
        facts = {
            "ruleset": self.plan.ruleset.name,
            "board": [self.plan.board.board_height, self.plan.board.board_width],
            "seed": self.plan.seed,
            "seconds": round(self.counters.seconds, 3),
            "steps": self.counters.env_steps,
        }
        if not self.pool.members or self.pool.members[-1].steps != self.counters.env_steps:
            self.pool.add(self.policy, self.counters.env_steps, facts)
        save_policy(self.policy, self.folder / "policy", facts)
        save_checkpoint(
            self.checkpoint,
            self.ppo.tensors(),
            {"plan": self.plan.identity(), "counters": asdict(self.counters)},
        )

    def _resume(self) -> None:
        """Go on where the checkpoint stands; later lines of metrics.jsonl and later snapshots are dropped."""
        tensors, facts = load_checkpoint(self.checkpoint)
        if facts.get("plan") != self.plan.identity():
            raise SnapshotError(f"{self.checkpoint}: {what_differs(facts.get('plan'), self.plan.identity())}")
        try:
            self.ppo.load_tensors(tensors)
            self.counters = Counters(**facts["counters"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise SnapshotError(f"{self.checkpoint}: does not fit this run ({error})") from None
        self.pool.drop_after(self.counters.env_steps)
        keep_lines(self.metrics, self.counters.iterations)


def _plain(value: float) -> float | None:
    """A number fit for JSON: None for what is not finite."""
    return round(value, 6) if math.isfinite(value) else None


def open_run(plan: Plan, folder: Path, fresh: bool, view: View) -> Training:
    """The run in a folder, gone on with where that can be; one of another plan, or if `fresh` any, is moved aside."""
    if not fresh:
        try:
            return Training(plan, folder)
        except SnapshotError as error:
            view.say(str(error))
    if (aside := move_aside(folder)) is not None:
        view.say(f"the old run is kept in {aside}")
    return Training(plan, folder)


def move_aside(folder: Path) -> Path | None:
    """Make place for a new run: where its folder is now, or None if there was none."""
    if not folder.exists():
        return None
    number = 1
    while (aside := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    return folder.rename(aside)
