"""A learner over the services: PPO with V-trace from the FIFO table, versions published as it learns.

Fragments come as event logs and are played again here, so what crosses the network is actions. They were played by some
version of the policy that is a little older than the learner's; V-trace corrects for that. What resuming takes lies in
a checkpoint; without one the latest published version is where it goes on from.
"""

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import torch

from actors.setup import Setup
from engine.board import DRAW
from learner.clock import Clock
from learner.experience import Experience, ExperienceClient
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.ppo import PPO, Settings
from learner.published import from_published, to_published
from learner.rollout import Fragment as Rows
from learner.snapshot import SnapshotError, load_checkpoint, save_checkpoint, what_differs
from services.logs import get_log
from services.metrics import (
    LEARNER_STALENESS,
    LEARNER_TRANSITIONS,
    LEARNER_UPDATES,
    LEARNER_VERSION,
    UPDATE_SECONDS,
)
from services.model_client import fetch_policy, publish_policy
from services.settings import PPO_TABLE
from services.settings import Settings as ServiceSettings

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
    table: str = PPO_TABLE
    rows: int = 160  # learning seats an update takes at least
    publish_seconds: float = 10.0
    horizon_seconds: float = 3600.0  # over which entropy and step size fall to their last values

    def identity(self) -> dict[str, Any]:
        """What must be the same for a policy to be learned on: its games and its network."""
        return {"setup": json.loads(self.setup.to_json()), "network": self.network.as_dict()}

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


def rows_of(experience: Experience) -> Rows:
    """What was sampled, as rows to learn from.

    Not winning is worth 0, lost or drawn, as in `learner.demo`: nothing is gained by putting a defeat off.
    """
    fragment = experience.fragment
    lost = fragment.terminated & (experience.winner != DRAW) & (experience.winner != experience.seats)
    return fragment._replace(rewards=fragment.rewards + lost.float())


def joined(parts: list[Rows]) -> Rows:
    """Rows of several fragments of equal length as one."""
    columns = {
        name: torch.cat([getattr(part, name) for part in parts], dim=0 if name == "memory" else 1)
        for name, column in parts[0]._asdict().items()
        if column is not None
    }
    return Rows(**columns)


class FleetLearner:
    """Learns what the replay table gives, and publishes."""

    def __init__(self, plan: FleetPlan, server: grpc.Channel, replay: str, folder: Path) -> None:
        """`server` leads to ModelService, `replay` is the address of the replay service."""
        self.plan, self.server, self.folder = plan, server, folder
        waiting = replace(ServiceSettings.from_environment(), deadline_s=SAMPLE_SECONDS)
        self.experience = ExperienceClient(replay, plan.table, 1, memory=plan.network.memory, settings=waiting)
        torch.manual_seed(plan.seed)
        self.policy = Policy(plan.network)
        self.ppo = PPO(self.policy, plan.settings, plan.seed, Clock())
        self.counters = FleetCounters()
        self.status = FleetStatus()
        self._published = 0.0

    @property
    def checkpoint(self) -> Path:
        """What resuming takes."""
        return self.folder / self.plan.name / "checkpoint.safetensors"

    def run(self, stopped: Callable[[], bool]) -> None:
        """Learn until `stopped`; the last state is published and saved. Raises SnapshotError where the policy of this
        name is another plan's.
        """
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
            with UPDATE_SECONDS.time():
                self.status.losses = self.ppo.update(rows, progress)
            self.counters.updates += 1
            self.counters.transitions += rows.actions.numel()
            LEARNER_UPDATES.inc()
            LEARNER_TRANSITIONS.inc(rows.actions.numel())
            LEARNER_STALENESS.set(self.status.staleness)
            with metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._note()) + "\n")
            if time.monotonic() - self._published > self.plan.publish_seconds:
                self._publish(stopped)
        self._publish(lambda: True)
        self.experience.close()

    def _resume(self, stopped: Callable[[], bool]) -> None:
        """Go on from the checkpoint, else from the latest version, else publish the untrained policy."""
        if self.checkpoint.exists():
            tensors, facts = load_checkpoint(self.checkpoint)
            self._expect(facts.pop("plan", self.plan.identity()), str(self.checkpoint))
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
                title, about = f"{info.name} version {info.version}", json.loads(info.about)
                found = from_published(weights, about, title)
                self._expect({"setup": about.get("setup"), "network": found.config.as_dict()}, title)
                self.policy.load_state_dict(found.state_dict())
                self.counters.version = info.version
            self._published = time.monotonic()
            return

    def _expect(self, found: dict[str, Any], where: str) -> None:
        if found != self.plan.identity():
            raise SnapshotError(f"{where}: {what_differs(found, self.plan.identity())}; another name begins anew")

    def _gather(self, stopped: Callable[[], bool]) -> Rows | None:
        """Fragments of at least so many rows as an update takes; None where none came in time."""
        parts: list[Rows] = []
        versions: list[float] = []
        while sum(part.actions.shape[1] for part in parts) < self.plan.rows:
            try:
                taken = self.experience.sample()
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                    self._wait(error)
            else:
                parts.append(rows_of(taken))
                versions.append(float(taken.policy_versions.mean()))
                self._count(taken)
            if stopped():
                return None
        self.status.staleness = self.counters.version - sum(versions) / len(versions)
        return joined(parts)

    def _count(self, taken: Experience) -> None:
        """Remember who won, of games in which one seat learns."""
        if bool((taken.seats == taken.seats[0]).all()):
            ended = taken.fragment.terminated
            self.status.wins.extend((taken.winner[ended] == taken.seats[0]).float().tolist())

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
            LEARNER_VERSION.set(info.version)
            _log.info("published", policy=info.name, version=info.version, transitions=self.counters.transitions)
            break
        self._published = time.monotonic()
        facts = {**asdict(self.counters), "plan": self.plan.identity()}
        save_checkpoint(self.checkpoint, self.ppo.tensors(), facts)

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
