"""A run of training on the device, in a folder; like `learner.training`, with self-play and older snapshots alone.

runs/NAME/
    checkpoint.safetensors   weights, their average, optimizer and counters: what resuming takes
    policy.safetensors/.json the policy to play with
    metrics.jsonl            a line an iteration
    play-RANK.safetensors    games and memories of a process, where a run is to go on bit for bit
    snapshots/               older policies, where they are met again
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.batch import GameBatch
from engine.bots import find_bot
from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import Ruleset
from learner.arena import Arena
from learner.clock import Clock
from learner.curriculum import SpawnCurriculum
from learner.fused import FusedPPO, FusedSettings, choose_rows
from learner.fused_rollout import FusedRollout, Outcomes
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.play_state import PlayState
from learner.pool import Pool
from learner.snapshot import (
    MAX_PLAY_BYTES,
    SnapshotError,
    keep_lines,
    load_checkpoint,
    load_policy,
    portable,
    save_checkpoint,
    save_policy,
    what_differs,
)
from learner.world import ALONE, World

RIVAL_CHANGES = 0.1  # how likely another snapshot becomes the rival, an iteration
RANK_SEEDS = 10_000  # between the seeds of two processes of a run: more than it ever has sittings
AVERAGE = "average/"  # begins the names of the averaged weights in a checkpoint


@dataclass(frozen=True)
class FusedPlan:
    """What to train, on what."""

    name: str
    seed: int
    ruleset: Ruleset
    board: MapSpec
    network: NetworkConfig
    settings: FusedSettings
    shaping: Shaping
    seconds: float  # of training, over all sittings
    games: int = 4096
    max_turns: int = 0  # truncates longer games; 0: never
    near: int = 0  # spawn-distance curriculum: distance of generals at the start; 0: none
    exact: bool = False  # whether games and memories are kept as well, so that a run goes on bit for bit
    pool: float = 0.0  # part of the games in which one seat is an older snapshot's
    bots: float = 0.0  # part of the games in which one seat is a scripted bot's; else self-play
    bot: str = "hunter"  # that bot
    scatter: int = 0  # turns, over which the hunter scatters the first games of a sitting; 0: all begin at once
    device: str = "cuda"
    snapshot_seconds: float = 60.0
    start: str = ""  # a policy to begin from, as `load_policy` takes it; empty: an untrained network

    def __post_init__(self) -> None:
        if not 0.0 <= self.pool <= 1.0:
            raise ValueError(f"pool is {self.pool}; accepted: 0 to 1, a part of the games")
        if not 0.0 <= self.bots <= 1.0 - self.pool:
            raise ValueError(
                f"bots is {self.bots}; accepted: 0 to {1.0 - self.pool:g}, what the pool leaves of the games"
            )
        find_bot(self.bot)

    def identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        facts = asdict(self)
        for free in ("name", "seconds", "device", "games", "snapshot_seconds", "start", "scatter"):
            del facts[free]
        if not self.bots:
            del facts["bots"], facts["bot"]
        identity: dict[str, Any] = json.loads(json.dumps(facts))
        return identity


@dataclass
class Progress:
    """How far a run has come."""

    seconds: float = 0.0
    iterations: int = 0
    env_steps: int = 0  # turns of games
    player_turns: int = 0  # decisions learned from
    sittings: int = 0


class FusedTraining:
    """One run, gone on with where its folder holds one. Raises SnapshotError for one of another plan."""

    def __init__(self, plan: FusedPlan, folder: Path, world: World = ALONE) -> None:
        self.plan, self.folder, self.world = plan, folder, world
        self._games = world.share_of(plan.games, "games")
        torch.manual_seed(plan.seed)
        if plan.exact:  # some of its weight gradients are sums in any order else
            torch.backends.cudnn.deterministic = True
        self.policy = Policy(plan.network).to(plan.device)
        if plan.start:
            began = load_policy(Path(plan.start), plan.device).policy
            if began.config != plan.network:
                raise ValueError(f"{plan.start} has the network {began.config}; accepted: {plan.network}")
            self.policy.load_state_dict(began.state_dict())
        network: Any = torch.compile(self.policy) if plan.settings.compiled else self.policy
        self.clock = Clock()
        self.ppo = FusedPPO(self.policy, plan.settings, plan.seed, self.clock, network, world)
        self.progress = Progress()
        self._games_kept: PlayState | None = None
        self.pool = Pool(folder / "snapshots") if plan.pool and world.first else None
        if world.of_first(self.checkpoint.exists()):
            self._resume()
        self.progress.sittings += 1
        torch.manual_seed(plan.seed + self.progress.sittings + RANK_SEEDS * world.rank)
        self.curriculum = SpawnCurriculum(plan.board, plan.near, 0.5) if plan.near else None
        self.maps = self._wanted_maps()
        arena = Arena(self._batch())
        if plan.scatter and self._games_kept is None:
            arena.scatter(find_bot("hunter"), plan.scatter, plan.seed + self.progress.sittings)
        self.rollout = FusedRollout(
            arena,
            self.policy,
            plan.settings.turns,
            network=network,
            bf16=plan.settings.bf16,
            graph=plan.settings.graph,
            rival=Policy(plan.network).to(plan.device) if plan.pool else None,
            rival_games=round(plan.pool * self._games),
            bot=plan.bot,
            bot_games=min(round(plan.bots * self._games), self._games - round(plan.pool * self._games)),
        )
        if self.pool is not None and not self.pool.members:
            self.pool.add(self.policy, self.progress.env_steps, {"seed": plan.seed})
        if plan.settings.compiled:
            self.rollout.answer()
            self.ppo.compile(self.rollout.fragment)
        self._chance = np.random.default_rng((plan.seed, self.progress.sittings))
        self._seat_rival(certain=True)
        self._go_on()

    @property
    def checkpoint(self) -> Path:
        """What resuming takes."""
        return self.folder / "checkpoint.safetensors"

    @property
    def metrics(self) -> Path:
        """A JSON line an iteration."""
        return self.folder / "metrics.jsonl"

    @property
    def _play(self) -> Path:
        """Where the games of this process are kept."""
        return self.folder / f"play-{self.world.rank}.safetensors"

    @property
    def done(self) -> float:
        """Part of the plan's time that is used up, 0 to 1."""
        return min(1.0, self.progress.seconds / self.plan.seconds)

    def run(self, stopped: Callable[[], bool], told: Callable[[dict[str, Any]], None]) -> None:
        """Train until the time is used up or `stopped` says so; `told` gets each iteration's line; then save."""
        saved = self.progress.seconds
        while not self._agreed(stopped()) and self.done < 1.0:
            line = self.iterate()
            if self.world.first:
                told(line)
            if self.progress.seconds - saved >= self.plan.snapshot_seconds:
                saved = self.progress.seconds
                self.save()
        self.save()

    def iterate(self) -> dict[str, Any]:
        """Play a fragment, learn from it, write a line down."""
        begin = time.perf_counter()
        maps = self._wanted_maps()
        if maps != self.maps:
            self.maps = maps
            self.rollout.arena.batch.change_maps(maps)
        self._seat_rival()
        with self.clock.measure("play"):
            fragment = self.rollout.collect()
            if self.plan.pool or self.plan.bots:
                fragment = choose_rows(fragment, self.rollout.learning)
        losses = self.ppo.update(fragment, self.done)
        outcomes = self._all_outcomes()  # waits for the device, so the time below is the iteration's
        progress, seconds = self.progress, self.world.of_first(time.perf_counter() - begin)
        played = fragment.actions.numel() * self.world.size
        progress.seconds += seconds
        progress.iterations += 1
        progress.player_turns += played
        progress.env_steps += self.rollout.turns * self.plan.games
        line = self._line(losses, outcomes, played / seconds)
        if self.world.first:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, allow_nan=False) + "\n")
        return line

    def _seat_rival(self, certain: bool = False) -> None:
        """Now and then another snapshot becomes the rival, the same on all processes."""
        if not self.plan.pool:
            return
        weights = None
        if self.pool is not None and (certain or self._chance.random() < RIVAL_CHANGES):
            weights = portable(self.pool.draw(self._chance).policy.state_dict())
        if (weights := self.world.of_first(weights)) is not None:
            self.rollout.seat_rival(weights)

    def _agreed(self, stop: bool) -> bool:
        """Whether any process is told to stop: then all do, after the same gradient step."""
        (stops,) = self.world.add(torch.tensor(float(stop), device=self.plan.device))
        return bool(stops > 0)

    def _all_outcomes(self) -> Outcomes:
        """What became of the games of all processes."""
        (counts,) = self.world.add(torch.tensor(self.rollout.outcomes(), device=self.plan.device))
        return Outcomes(*counts.tolist())

    def save(self) -> None:
        """Write the policy and all that resuming takes; of several processes the first does, but for their games."""
        if self.plan.exact:
            state = PlayState.of(self.rollout, self.ppo.generator, self._chance)
            moment = {"iterations": self.progress.iterations, "games": self._games, "sitting": self._sitting}
            save_checkpoint(self._play, state.tensors, {**state.facts, **moment})
        if not self.world.first:
            return
        plan = self.plan
        facts = {
            "ruleset": plan.ruleset.name,
            "board": [plan.board.board_height, plan.board.board_width],
            "seed": plan.seed,
            "seconds": round(self.progress.seconds, 3),
            "steps": self.progress.env_steps,
        }
        save_policy(self.ppo.best, self.folder / "policy", facts)
        if self.pool is not None and self.pool.members[-1].steps != self.progress.env_steps:
            self.pool.add(self.ppo.best, self.progress.env_steps, facts)
        tensors = self.ppo.tensors()
        if self.ppo.average is not None:
            tensors |= {AVERAGE + name: tensor for name, tensor in self.ppo.average.state_dict().items()}
        save_checkpoint(self.checkpoint, tensors, {"plan": plan.identity(), "progress": asdict(self.progress)})

    def _resume(self) -> None:
        tensors, facts = self.world.of_first(load_checkpoint(self.checkpoint) if self.world.first else ({}, {}))
        if facts.get("plan") != self.plan.identity():
            raise SnapshotError(f"{self.checkpoint}: {what_differs(facts.get('plan'), self.plan.identity())}")
        try:
            self.ppo.load_tensors(tensors)
            if self.ppo.average is not None:
                self.ppo.average.load_state_dict(
                    {name.removeprefix(AVERAGE): tensor for name, tensor in tensors.items() if name.startswith(AVERAGE)}
                )
            self.progress = Progress(**facts["progress"])
            if self.pool is not None:
                self.pool.drop_after(self.progress.env_steps)
            if self.world.first:
                keep_lines(self.metrics, self.progress.iterations)
            if self.plan.exact:
                self._resume_games()
        except (KeyError, TypeError, RuntimeError) as error:
            raise SnapshotError(f"{self.checkpoint}: does not fit this run ({error})") from None

    def _resume_games(self) -> None:
        """Take up the games of a checkpoint; where any process has none of that moment, all begin new ones."""
        state = None
        try:
            tensors, facts = load_checkpoint(self._play, MAX_PLAY_BYTES)
            if (facts.get("iterations"), facts.get("games")) == (self.progress.iterations, self._games):
                state = PlayState(tensors, facts)
        except SnapshotError:
            pass
        (there,) = self.world.add(torch.tensor(float(state is not None), device=self.plan.device))
        self._games_kept = state if there == self.world.size else None

    def _go_on(self) -> None:
        """Put the games that were kept back, once everything is there."""
        if self._games_kept is not None:
            self._games_kept.put_back(self.rollout, self.ppo.generator, self._chance)
            self._games_kept = None

    def _wanted_maps(self) -> MapSpec:
        return self.curriculum.maps(self.done) if self.curriculum else self.plan.board

    def _batch(self) -> GameBatch:
        """Games that no earlier sitting has seen, or those of the earlier ones where they go on."""
        plan = self.plan
        self._sitting = self.progress.sittings if self._games_kept is None else int(self._games_kept.facts["sitting"])
        batch = GameBatch(
            plan.ruleset,
            self._games,
            plan.seed * 1_000_000 + self._sitting + RANK_SEEDS * self.world.rank,
            plan.device,
            board=plan.board,
            autoreset="next",
            max_turns=plan.max_turns,
            shaping=plan.shaping,
        )
        batch.change_maps(self.maps)
        return batch

    def _line(self, losses: dict[str, float], outcomes: Outcomes, speed: float) -> dict[str, Any]:
        games = max(1, outcomes.episodes)
        rival = {"rival_wins": round(outcomes.rival_wins / max(1, outcomes.rival_episodes), 4)}
        bot = {"bot_episodes": outcomes.bot_episodes, "bot_wins": outcomes.bot_wins}
        return {
            "iteration": self.progress.iterations,
            "seconds": round(self.progress.seconds, 3),
            "env_steps": self.progress.env_steps,
            "player_turns_per_second": round(speed, 1),
            "episodes": outcomes.episodes,
            "episode_turns": round(outcomes.turns / games, 1),
            "draws": round(outcomes.draws / games, 4),
            "truncated": round(outcomes.truncated / games, 4),
            "farthest_spawn": self.maps.apart_most,
            **(rival if self.plan.pool else {}),
            **(bot if self.plan.bots else {}),
            **{name: round(value, 6) for name, value in losses.items()},
        }
