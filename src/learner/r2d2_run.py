"""A run of R2D2 in a folder: the schedule around `learner.r2d2`, what it writes down, and how strong it became.

runs/NAME/
    policy.safetensors/.json the Q network as it is now
    metrics.jsonl            a line an iteration
    summary.json             win rates with 95 % intervals, and how it was trained

A run is trained in one go: the table of sequences is not kept, so a stopped run does not go on.
"""

import inspect
import json
import math
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from engine.batch import GameBatch
from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import RULESETS, Ruleset
from engine.warm import compile_kernels
from learner.clock import Clock
from learner.demo import demo_board, machine, turn_limit
from learner.network import parameters_of
from learner.network_config import NetworkConfig
from learner.players import BotPlayer, QPlayer
from learner.q_network import QNetwork
from learner.r2d2 import R2D2, EpsilonGreedy, Settings
from learner.rating import Arena, Match, play_match
from learner.rollout import Episode, Table
from learner.snapshot import replace_file, save_policy

RIVALS = ("random", "expander")
PAIRS = 400  # mirrored, against each
LATEST_GAMES = 200  # games that the shown win rates look back


@dataclass(frozen=True)
class Plan:
    """What to train, on what, against whom."""

    name: str
    seed: int
    ruleset: Ruleset
    board: MapSpec
    size: NetworkConfig
    settings: Settings
    shaping: Shaping
    defeat: float | None  # reward of not winning, see `learner.rollout.Table`
    seconds: float  # of training
    self_games: int  # tables of self-play, where both seats learn
    bot_games: Mapping[str, int]  # against scripted bots, by name
    epsilon: float  # part of random actions when it is rated: a network that only takes what is best may go in circles
    device: str = "cpu"


def r2d2_plan(name: str, seed: int, minutes: float, height: int, width: int, size: str, **settings: Any) -> Plan:
    """The plan for a small board; the settings were chosen on 2 CPU cores, see docs/log.md."""
    chosen = replace(Settings(), **settings)
    return Plan(
        name=name,
        seed=seed,
        ruleset=RULESETS["generalsio"].vary(turn_limit=turn_limit(height, width)),
        board=demo_board(height, width),
        size=NetworkConfig.of(size, halves=False),
        settings=chosen,
        shaping=Shaping(land=0.5, army=0.5, structures=0.0, gamma=chosen.gamma),
        defeat=-1.0,
        seconds=60.0 * minutes,
        self_games=8,
        bot_games={"random": 32, "expander": 24},
        epsilon=0.02,
    )


def described() -> Iterator[str]:
    """The settings, a line each: name, default and what it is."""
    for name, default, comment in re.findall(r"^    (\w+): \w+ = (\S+)  # (.*)$", inspect.getsource(Settings), re.M):
        yield f"{name + '=' + default:26} {comment}"


def read_settings(changes: Iterable[str]) -> dict[str, Any]:
    """Settings from "name=value". Raises ValueError for an unknown name or a value of another type."""
    known = {field.name: field.type for field in fields(Settings)}
    settings = {}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in known:
            raise ValueError(f'setting "{name}" is unknown; known: {", ".join(known)}')
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if known[name] is float and type(value) is int:
            value = float(value)
        if type(value) is not known[name]:
            raise ValueError(f'setting {name} is "{text}"; accepted: {getattr(known[name], "__name__", known[name])}')
        settings[name] = value
    return settings


@dataclass
class Counters:
    """How far a run has come."""

    seconds: float = 0.0
    iterations: int = 0
    env_steps: int = 0  # turns of games
    decisions: int = 0  # actions of learning seats
    learned: int = 0  # actions that gradient steps looked at
    episodes: int = 0


class Run:
    """One run."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        torch.manual_seed(plan.seed)
        s = plan.shaping
        bound = s.land + s.army + s.structures  # the potential lies between 0 and this
        self.network = QNetwork(plan.settings.network(plan.size, -1.0 - bound, 1.0)).to(plan.device)
        self.clock = Clock()
        self.r2d2 = R2D2(self.network, plan.settings, plan.seed, self.clock)
        self.counters = Counters()
        self.latest: dict[str, deque[float]] = {}
        self._turns: deque[int] = deque(maxlen=LATEST_GAMES)
        self._games: EpsilonGreedy | None = None

    def prepare(self) -> EpsilonGreedy:
        """Set up the tables and play two turns: that compiles the engine, which may take minutes and is no training."""
        if self._games is None:
            compile_kernels()
            self._games = EpsilonGreedy(
                list(self._tables()), self.network, self.plan.settings, self.plan.seed, self.clock
            )
            self._games.collect(2)
            self.clock.seconds.clear()
        return self._games

    def train(self, tell: Callable[[str], None], stopped: Callable[[], bool]) -> None:
        """Train until the plan's time is used up or `stopped` says so; either way the network is saved.

        `tell` is handed a line on how it stands after every iteration.
        """
        plan, counters, games = self.plan, self.counters, self.prepare()
        self.folder.mkdir(parents=True, exist_ok=True)
        last = 0.0  # what the iteration before took: the run must not end late
        with (self.folder / "metrics.jsonl").open("w", encoding="utf-8") as metrics:
            while not stopped() and counters.seconds + last < plan.seconds:
                begin = time.perf_counter()
                fragment, episodes = games.collect(plan.settings.turns)
                self.r2d2.keep(fragment)
                notes = self.r2d2.learn()
                last = time.perf_counter() - begin
                self._count(fragment.actions.numel(), len(notes), last, episodes)
                row = self._row(notes, last)
                metrics.write(json.dumps(row, allow_nan=False) + "\n")
                tell(self._line(row))
        self.save()

    def save(self) -> None:
        """Write the network as it is now."""
        facts = {
            "ruleset": self.plan.ruleset.name,
            "board": [self.plan.board.board_height, self.plan.board.board_width],
            "seed": self.plan.seed,
            "seconds": round(self.counters.seconds, 3),
            "steps": self.counters.env_steps,
            "epsilon": self.plan.epsilon,
        }
        save_policy(self.network, self.folder / "policy", facts)

    def rate(self, rivals: tuple[str, ...] = RIVALS, pairs: int = PAIRS) -> dict[str, Match]:
        """Play mirrored pairs against bots, on maps that were not trained on."""
        plan = self.plan
        arena = Arena(plan.ruleset, plan.board, seed=plan.seed * 1_000_000 + 999_999)
        self.network.eval()
        player = QPlayer("r2d2", self.network, plan.seed, epsilon=plan.epsilon)
        matches = {rival: play_match(player, BotPlayer(rival), arena, pairs) for rival in rivals}
        self.network.train()
        return matches

    def summarise(self, matches: Mapping[str, Match]) -> dict[str, Any]:
        """Write summary.json and return what it says."""
        plan, counters = self.plan, self.counters
        summary = {
            "algorithm": "r2d2",
            "win_rate": {name: match.win_rate.as_dict() for name, match in matches.items()},
            "drawn": {name: match.drawn for name, match in matches.items()},
            "env_steps": counters.env_steps,
            "decisions": counters.decisions,
            "gradient_steps": self.r2d2.steps,
            "episodes": counters.episodes,
            "seconds": round(counters.seconds, 1),
            "steps_per_second": round(counters.env_steps / max(counters.seconds, 1e-9), 1),
            "seed": plan.seed,
            "ruleset": plan.ruleset.name,
            "board": f"{plan.board.board_height}x{plan.board.board_width}",
            "turn_limit": plan.ruleset.turn_limit,
            "epsilon": plan.epsilon,
            "settings": asdict(plan.settings),
            "parameters": parameters_of(self.network),
            "machine": machine(),
        }
        replace_file(self.folder / "summary.json", json.dumps(summary, indent=2, allow_nan=False).encode() + b"\n")
        return summary

    def _tables(self) -> Iterator[Table]:
        plan = self.plan
        seeds = iter(range(1000))

        def batch(games: int) -> GameBatch:
            seed = plan.seed * 1_000_000 + next(seeds)
            return GameBatch(plan.ruleset, games, seed, board=plan.board, autoreset="next", shaping=plan.shaping)

        if plan.self_games:
            yield Table(batch(plan.self_games), (0, 1), defeat=plan.defeat)
        for seat in range(2):
            for name, games in plan.bot_games.items():
                yield Table(batch(games // 2), (seat,), BotPlayer(name), plan.defeat)

    def _count(self, decided: int, gradient_steps: int, seconds: float, episodes: list[Episode]) -> None:
        counters, settings = self.counters, self.plan.settings
        counters.seconds += seconds
        counters.iterations += 1
        counters.env_steps += settings.turns * (self.plan.self_games + sum(self.plan.bot_games.values()))
        counters.decisions += decided
        counters.learned += gradient_steps * settings.batch * settings.turns
        counters.episodes += len(episodes)
        for episode in episodes:
            self.latest.setdefault(episode.opponent, deque(maxlen=LATEST_GAMES)).append(episode.score)
            self._turns.append(episode.turns)

    def _row(self, notes: list[dict[str, float]], seconds: float) -> dict[str, Any]:
        """An iteration for JSON readers; None where there was nothing yet."""
        means = {name: sum(note[name] for note in notes) / len(notes) for name in (notes[0] if notes else ())}
        wins = {name: sum(s == 1.0 for s in scores) / len(scores) for name, scores in self.latest.items()}
        played = self.plan.settings.turns * (self.plan.self_games + sum(self.plan.bot_games.values()))
        return {
            "iteration": self.counters.iterations,
            "seconds": round(self.counters.seconds, 3),
            "env_steps": self.counters.env_steps,
            "steps_per_second": round(played / seconds, 1),
            "gradient_steps": self.r2d2.steps,
            "sequences": len(self.r2d2.table),
            "episode_turns": round(sum(self._turns) / len(self._turns), 1) if self._turns else None,
            **{name: round(value, 6) if math.isfinite(value) else None for name, value in means.items()},
            "win_rate": {name: round(rate, 4) for name, rate in wins.items() if name != "itself"},
        }

    def _line(self, row: Mapping[str, Any]) -> str:
        wins = "  ".join(f"{name} {rate:.0%}" for name, rate in row["win_rate"].items())
        learning = f"loss {row['loss']:.3f} error {row['error']:.3f}" if "loss" in row else "filling the table"
        left = max(0.0, self.plan.seconds - self.counters.seconds)
        return (
            f"{int(left) // 60}:{int(left) % 60:02d} left  {row['env_steps']:,} steps at "
            f"{row['steps_per_second']:,.0f}/s  {row['gradient_steps']:,} gradient steps  {learning}  wins: {wins}"
        )
