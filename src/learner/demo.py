"""The demo: train a small policy in some minutes, rate it against bots and its own snapshots, write the report."""

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import torch

from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import RULESETS
from learner.live import View
from learner.network import Policy, parameters_of
from learner.network_config import NetworkConfig
from learner.players import BotPlayer, Player, PolicyPlayer
from learner.ppo import Settings
from learner.rating import Arena, Interval, Match, Rating, play_match, rate_players
from learner.report import Ablation, Results, draw_curve, write_report
from learner.showcase import picture_of, record_games, write_records
from learner.snapshot import replace_file
from learner.training import Plan, Training

BOTS = ("random", "expander", "hunter")
ANCHOR = "expander"
RATED_SNAPSHOTS = 4  # first and last included
HEADLINE_PAIRS = 400  # of the last snapshot against each bot and the first snapshot
TABLE_PAIRS = 100  # of everybody else
RECORDED_GAMES = 3  # of the last snapshot against each bot
GAMMA = 0.99  # a win late is worth less than one soon; not winning costs nothing, so there is nothing to put off


def demo_plan(name: str, seed: int, minutes: float, height: int, width: int, size: str, device: str) -> Plan:
    """The demo's plan for a board; the settings were chosen on 2 CPU cores, see docs/log.md."""
    return Plan(
        name=name,
        seed=seed,
        ruleset=RULESETS["generalsio"].vary(turn_limit=turn_limit(height, width)),
        board=demo_board(height, width),
        network=NetworkConfig.of(size, halves=False),
        settings=Settings(turns=16, gamma=GAMMA, epochs=2, minibatches=6, divergence=0.04, entropy=0.01, value=2.0),
        shaping=Shaping(land=0.5, army=0.5, structures=0.0, gamma=1.0),
        gains=True,
        defeat=0.0,
        seconds=60.0 * minutes,
        self_games=72,
        pool_games=48,
        bot_games={"expander": 264, "random": 48},
        handicapped="expander",
        device=device,
    )


def turn_limit(height: int, width: int) -> int:
    """The turn at which the demo's games are drawn: 250 on 6x6, more on larger boards."""
    return 150 + 25 * (height + width) // 3


def demo_board(height: int, width: int) -> MapSpec:
    """Maps with a few mountains and no cities: games are short, and taking the general decides them."""
    return MapSpec.plain(height, width, mountains=0.1, cities=0)


@dataclass(frozen=True)
class Standing:
    """What rating found."""

    headline: dict[str, Match]  # the last snapshot against bots and the first snapshot
    ratings: list[Rating]
    ablation: Ablation


def rate(training: Training, view: View) -> Standing:
    """Play mirrored pairs of everybody with everybody."""
    plan = training.plan
    arena = Arena(plan.ruleset, plan.board, seed=plan.seed * 1_000_000 + 999_999)
    members = training.pool.spread(RATED_SNAPSHOTS)
    snapshots = {f"snapshot {member.steps:,}": member.policy for member in members}
    last = list(snapshots)[-1]
    first = next(iter(snapshots))
    makers: dict[str, Callable[[], Player]] = {bot: partial(BotPlayer, bot) for bot in BOTS}
    for number, (name, policy) in enumerate(snapshots.items()):
        makers[name] = partial(PolicyPlayer, name, policy, number)
    matches = []
    headline = {}
    for a, b in combinations(makers, 2):
        one, other = (b, a) if b == last else (a, b)
        important = one == last and (other in BOTS or other == first)
        match = play_match(makers[one](), makers[other](), arena, HEADLINE_PAIRS if important else TABLE_PAIRS)
        matches.append(match)
        if important:
            headline[other] = match
            view.say(f"  last snapshot against {other}: wins {_told(match.win_rate)}")
    ablation = _ablate(snapshots[last], headline, arena)
    view.say(f"  {ablation.verdict}")
    return Standing(headline, rate_players(matches, ANCHOR, plan.seed), ablation)


def _ablate(policy: Policy, headline: Mapping[str, Match], arena: Arena) -> Ablation:
    """The last snapshot without its memory, against the same bots and against itself."""
    forgetful = PolicyPlayer("forgetful", policy, 101, forgetful=True)
    rivals = [bot for bot in BOTS if bot != "random"]
    remembering = PolicyPlayer("remembering", policy, 102)
    direct = play_match(remembering, forgetful, arena, HEADLINE_PAIRS)
    return Ablation(
        remembering={bot: headline[bot].win_rate for bot in rivals},
        forgetful={bot: play_match(forgetful, BotPlayer(bot), arena, HEADLINE_PAIRS).win_rate for bot in rivals},
        direct=direct.win_rate,
        direct_losses=direct.loss_rate,
    )


def write_results(training: Training, standing: Standing) -> dict[str, Any]:
    """Write summary.json, learning_curve.png, report.html and some games; returns the summary."""
    plan, counters, folder = training.plan, training.counters, training.folder
    metrics = [json.loads(line) for line in training.metrics.read_text(encoding="utf-8").splitlines()]
    speed = counters.env_steps / counters.seconds
    draw_curve(metrics, folder / "learning_curve.png")
    pictures = []
    arena = Arena(plan.ruleset, plan.board, seed=plan.seed * 1_000_000 + 999_998)
    for number, bot in enumerate(BOTS):
        policy = PolicyPlayer("policy", training.pool.members[-1].policy, 200 + number)
        players = (policy, BotPlayer(bot))
        records = record_games(players, arena, RECORDED_GAMES)
        write_records(records, folder / "games")
        if bot != "random":
            pictures.append(picture_of(records[0], seat=0))
    summary = {
        "win_rate": {_key(name): match.win_rate.as_dict() for name, match in standing.headline.items()},
        "drawn": {_key(name): match.drawn for name, match in standing.headline.items()},
        "without_memory": {
            "verdict": standing.ablation.verdict,
            "win_rate": {name: rate.as_dict() for name, rate in standing.ablation.forgetful.items()},
            "loses_to_itself_with_memory": standing.ablation.direct.as_dict(),
            "beats_itself_with_memory": standing.ablation.direct_losses.as_dict(),
        },
        "elo": {
            rating.name: {"elo": rating.elo, "low": rating.low, "high": rating.high, "games": rating.games}
            for rating in standing.ratings
        },
        "elo_anchor": ANCHOR,
        "env_steps": counters.env_steps,
        "decisions": counters.decisions,
        "episodes": counters.episodes,
        "seconds": round(counters.seconds, 1),
        "steps_per_second": round(speed, 1),
        "seed": plan.seed,
        "ruleset": plan.ruleset.name,
        "board": f"{plan.board.board_height}x{plan.board.board_width}",
        "turn_limit": plan.ruleset.turn_limit,
        "parameters": parameters_of(training.policy),
        "machine": machine(),
    }
    facts = {
        "board": f"{summary['board']}, {plan.ruleset.name}",
        "training": f"{counters.seconds / 60:.1f} minutes",
        "environment steps": f"{counters.env_steps:,}",
        "decisions learned from": f"{counters.decisions:,}",
        "steps a second": f"{speed:,.0f}",
        "episodes": f"{counters.episodes:,}",
        "network": f"{summary['parameters']:,} weights",
        "seed": str(plan.seed),
        "machine": machine(),
    }
    results = Results(
        title=f"Stratagem: {plan.name}",
        facts=facts,
        win_rates={name: match.win_rate for name, match in standing.headline.items()},
        drawn={name: match.drawn for name, match in standing.headline.items()},
        ratings=standing.ratings,
        anchor=ANCHOR,
        ablation=standing.ablation,
        pictures=pictures,
        notes=notes(plan),
    )
    write_report(results, folder / "learning_curve.png", folder / "report.html")
    replace_file(folder / "summary.json", json.dumps(summary, indent=2, allow_nan=False).encode() + b"\n")
    return summary


def notes(plan: Plan) -> tuple[str, ...]:
    """What a reader must know to judge the figures."""
    bots = ", ".join(f"{games} against {name}" for name, games in plan.bot_games.items())
    weights = plan.shaping
    return (
        "Games are played in mirrored pairs: each map twice, seats swapped. Intervals take the pair as what was drawn "
        "at random; they hold 95 %.",
        f"A game is drawn at turn {plan.ruleset.turn_limit}. A draw counts as not won, as half a point for Elo, and "
        "while training no more than a defeat: both are worth 0, so nothing is gained by putting one off.",
        f"Trained by PPO on {plan.self_games} games of self-play (both seats learn), {plan.pool_games} against the "
        f"run's older snapshots, and {bots}, all at once. The maps it is rated on were not trained on.",
        "While training, what a seat gains of the land, army and structures there are is rewarded as well, weighted "
        f"{weights.land}, {weights.army}, {weights.structures}: all of it is the winner's in the end.",
        "While training, the expander skips some of its turns, fewer the more often it is beaten, and none in the last "
        "fifth of the run; the win rates of the learning curve are against it as it was then. It is rated against at "
        "full strength.",
        "The first snapshot is the untrained network. Policies draw their moves at random from what they learned.",
        "Half moves are masked out: the demo's policy always moves whole armies.",
    )


def machine() -> str:
    """The machine in words."""
    threads, python = torch.get_num_threads(), platform.python_version()
    return f"{platform.machine()}, {threads} threads, Python {python}, torch {torch.__version__}"


def _key(name: str) -> str:
    return "first_snapshot" if name.startswith("snapshot") else name


def _told(rate: Interval) -> str:
    return f"{rate.mean:.1%} (95 %: {rate.low:.1%} to {rate.high:.1%}) of {rate.games} games"
