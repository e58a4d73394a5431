"""A learner over the services: PPO with V-trace from the FIFO table, versions published as it learns.

Fragments come as event logs and are played again here, so what crosses the network is actions. They were played by some
version of the policy that is a little older than the learner's; V-trace corrects for that. What resuming takes lies in
a checkpoint; without one the latest published version is where it goes on from.
"""

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import grpc
import numpy as np
import torch

from actors.fragment import Replayed, Replayer, learners_of, memory_of
from actors.fragment import check as sizes_of
from actors.setup import Setup
from engine.board import DRAW
from learner.clock import Clock
from learner.network import NetworkConfig, Policy
from learner.ppo import PPO, Settings
from learner.published import from_published, to_published
from learner.rollout import Fragment as Rows
from learner.snapshot import load_checkpoint, save_checkpoint
from services.logs import get_log
from services.model_client import fetch_policy, publish_policy
from services.stubs import replay_pb2, replay_pb2_grpc

SAMPLE_SECONDS = 5.0  # that a request for experience waits
PAUSE_SECONDS = 1.0  # before a service that did not answer is asked again
LATEST_GAMES = 200

_log = get_log("learner")


@dataclass(frozen=True)
class FleetPlan:
    """What to learn, and how often to tell the actors."""

    name: str  # of the policy
    setup: Setup  # of the games; actors draw their own seeds
    network: NetworkConfig
    settings: Settings
    seed: int = 1
    table: str = "fifo"
    rows: int = 160  # learning seats an update takes at least
    publish_seconds: float = 10.0
    horizon_seconds: float = 3600.0  # over which entropy and step size fall to their last values

    def about(self, counters: "FleetCounters") -> dict[str, object]:
        """What a published version says of itself."""
        return {
            "setup": json.loads(self.setup.to_json()),
            "ruleset": self.setup.ruleset.name,
            "board": [self.setup.board.board_height, self.setup.board.board_width],
            "steps": counters.transitions,
            "seconds": round(counters.seconds, 1),
        }


@dataclass
class FleetCounters:
    """How far the learner has come."""

    seconds: float = 0.0
    updates: int = 0
    transitions: int = 0
    version: int = 0  # the last one that was published


@dataclass
class FleetStatus:
    """What the last update was like."""

    losses: dict[str, float] = field(default_factory=dict)
    staleness: float = 0.0  # versions between the learner's and the actors', on average
    wins: deque[float] = field(default_factory=lambda: deque(maxlen=LATEST_GAMES))


def rows_of(message: replay_pb2.Fragment, replayed: Replayed) -> Rows:
    """A fragment that was played again, as rows to learn from: row g * L + l is game g's learning seat l.

    Not winning is worth 0, lost or drawn, as in `learner.demo`: nothing is gained by putting a defeat off.
    """
    sizes = sizes_of(message)
    turns, games, seats, learners, height, width = sizes
    lines = games * learners
    chosen = list(learners_of(message))

    def spread(per_game: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.repeat(per_game, learners, axis=1))

    def floats(data: bytes, steps: int) -> torch.Tensor:
        return torch.from_numpy(np.frombuffer(data, "<f2").reshape(steps, lines).astype(np.float32))

    actions = np.frombuffer(message.actions, "<i2").reshape(turns, games, seats)[:, :, chosen]
    decided = replayed.terminated & (replayed.winner != DRAW)
    lost = decided[..., None] & (replayed.winner[..., None] != np.array(chosen))
    rewards = (replayed.rewards + lost).astype(np.float32)
    memory = memory_of(message, sizes).astype(np.float32)
    return Rows(
        words=torch.from_numpy(replayed.words[:turns].reshape(turns, lines, height, width)),
        vector=torch.from_numpy(replayed.vector[:turns].reshape(turns, lines, -1)),
        resets=spread(replayed.resets[:turns]),
        memory=torch.from_numpy(memory.reshape(lines, -1, height, width)),
        actions=torch.from_numpy(actions.reshape(turns, lines).astype(np.int64)),
        log_probs=floats(message.log_probs, turns),
        values=floats(message.values, turns + 1),
        rewards=torch.from_numpy(rewards.reshape(turns, lines)),
        terminated=spread(replayed.terminated),
        truncated=spread(replayed.truncated),
        valid=spread(replayed.valid),
    )


def joined(parts: list[Rows]) -> Rows:
    """Rows of several fragments of equal length as one."""
    columns = {}
    for name in Rows._fields:
        axis = 0 if name == "memory" else 1
        columns[name] = torch.cat([getattr(part, name) for part in parts], dim=axis)
    return Rows(**columns)


class FleetLearner:
    """Learns what the replay table gives, and publishes."""

    def __init__(self, plan: FleetPlan, server: grpc.Channel, replay: grpc.Channel, folder: Path) -> None:
        self.plan, self.server, self.folder = plan, server, folder
        self.replay = replay_pb2_grpc.ReplayServiceStub(replay)
        torch.manual_seed(plan.seed)
        self.policy = Policy(plan.network)
        self.ppo = PPO(self.policy, plan.settings, plan.seed, Clock())
        self.counters = FleetCounters()
        self.status = FleetStatus()
        self._replayer = Replayer()
        self._published = 0.0

    @property
    def checkpoint(self) -> Path:
        """What resuming takes."""
        return self.folder / self.plan.name / "checkpoint.safetensors"

    def run(self, stopped: Callable[[], bool]) -> None:
        """Learn until `stopped`; the last state is published and saved."""
        self._resume(stopped)
        metrics = self.checkpoint.with_name("metrics.jsonl")
        metrics.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic() - self.counters.seconds
        while not stopped():
            rows = self._gather(stopped)
            if rows is None:
                continue
            self.counters.seconds = time.monotonic() - began
            progress = min(1.0, self.counters.seconds / self.plan.horizon_seconds)
            self.status.losses = self.ppo.update(rows, progress)
            self.counters.updates += 1
            self.counters.transitions += rows.actions.numel()
            with metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._note()) + "\n")
            if time.monotonic() - self._published > self.plan.publish_seconds:
                self._publish(stopped)
        self._publish(lambda: True)

    def _resume(self, stopped: Callable[[], bool]) -> None:
        """Go on from the checkpoint, else from the latest version, else publish the untrained policy."""
        if self.checkpoint.exists():
            tensors, facts = load_checkpoint(self.checkpoint)
            self.ppo.load_tensors(tensors)
            self.counters = FleetCounters(**facts)
        while not stopped():
            try:
                info, weights = fetch_policy(self.server, self.plan.name)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.NOT_FOUND:
                    self._publish(stopped)
                    return
                self._wait(error)
                continue
            if info.version > self.counters.version:
                found = from_published(weights, json.loads(info.about), f"{info.name} version {info.version}")
                self.policy.load_state_dict(found.state_dict())
                self.counters.version = info.version
            self._published = time.monotonic()
            return

    def _gather(self, stopped: Callable[[], bool]) -> Rows | None:
        """Fragments of at least so many rows as an update takes; None where none came in time."""
        parts: list[Rows] = []
        versions: list[int] = []
        while sum(part.actions.shape[1] for part in parts) < self.plan.rows:
            request = replay_pb2.GetExperienceBatchRequest(table=self.plan.table, count=1)
            try:
                for answer in self.replay.GetExperienceBatch(request, timeout=SAMPLE_SECONDS):
                    for taken in answer.samples:
                        replayed = self._replayer.replay(taken.fragment)
                        parts.append(rows_of(taken.fragment, replayed))
                        versions.append(taken.fragment.policy_version)
                        self._count(taken.fragment, replayed)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                    self._wait(error)
            if stopped():
                return None
        self.status.staleness = self.counters.version - sum(versions) / len(versions)
        return joined(parts)

    def _count(self, fragment: replay_pb2.Fragment, replayed: Replayed) -> None:
        """Remember who won, of games in which one seat learns."""
        seats = learners_of(fragment)
        if len(seats) == 1:
            for winner in replayed.winner[replayed.terminated]:
                self.status.wins.append(float(winner == seats[0]))

    def _publish(self, stopped: Callable[[], bool]) -> None:
        """Make what was learned the next version, and save where the learner stands."""
        weights, about = to_published(self.policy, dict(self.plan.about(self.counters)))
        while True:
            try:
                info = publish_policy(self.server, self.plan.name, weights, about, self.counters.version)
            except grpc.RpcError as error:
                self._wait(error)
                if stopped():
                    break
                continue
            self.counters.version = info.version
            _log.info("published", policy=info.name, version=info.version, transitions=self.counters.transitions)
            break
        self._published = time.monotonic()
        save_checkpoint(self.checkpoint, self.ppo.tensors(), asdict(self.counters))

    def _note(self) -> dict[str, object]:
        wins = self.status.wins
        return {
            **asdict(self.counters),
            "staleness": round(self.status.staleness, 2),
            "win_rate": round(sum(wins) / len(wins), 4) if wins else None,
            **{name: round(value, 6) for name, value in self.status.losses.items()},
        }

    def _wait(self, error: grpc.RpcError) -> None:
        _log.warning("no answer", error=str(error.details()), code=error.code().name)
        time.sleep(PAUSE_SECONDS)
