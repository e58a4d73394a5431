"""`stratagem train`: learn by self-play on one device, games and network in the same memory.

torch is imported inside the command, after `prepare_host` has told its threads how to wait.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import click

from stratagem.cli.demo import INTERRUPTED, gentle_stop
from stratagem.cli.device import check_device
from stratagem.cli.policy_path import PolicyPath
from stratagem.cli.run_folder import own_run
from stratagem.cli.told_options import told_options
from stratagem.cli.values import RUNS, Number, RunName

ALGORITHMS = ("ppo",)


@click.command()
@click.option("--name", type=RunName(), default="train", show_default=True, help="The run: writes runs/NAME/.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cuda", show_default=True)
@click.option("--algorithm", type=click.Choice(ALGORITHMS), default="ppo", show_default=True)
@click.option("--size", default="small", show_default=True, help="Of the network: tiny, small, medium, base, large.")
@told_options
@click.option(
    "--adviser", default="", help="A bot that tells it what it would do, and is followed at first: seeker, strategist."
)
@click.option("--start", type=PolicyPath(), help="Begin from this policy, its network.")
@click.option("--board", default="site", show_default=True, help="Maps by name: site, competition, small.")
@click.option("--ruleset", default="generalsio", show_default=True, help="generalsio, classic or competition.")
@click.option("--minutes", type=Number(min=0.01), default=25.0, show_default=True)
@click.option("--games", type=click.IntRange(1), default=4096, show_default=True, help="Played at a time.")
@click.option("--turns", type=click.IntRange(1), default=16, show_default=True, help="Of a fragment.")
@click.option("--max-turns", type=click.IntRange(0), default=1000, show_default=True, help="Longer games are cut.")
@click.option("--rate", "learning_rate", type=float, default=1e-3, show_default=True, help="Of learning, at the start.")
@click.option("--gamma", type=float, default=0.99, show_default=True, help="Discount a turn.")
@click.option("--entropy", type=float, default=0.01, show_default=True, help="Weight of the bonus, at the start.")
@click.option("--rows-at-once", type=click.IntRange(1), default=512, show_default=True, help="Of a gradient pass.")
@click.option(
    "--keep", type=float, default=1.0, show_default=True, help="Part of the rows, by advantage, learned from."
)
@click.option("--ema", type=float, default=0.0, show_default=True, help="Decay of the weights' average; 0: none.")
@click.option("--value-bins", type=int, default=0, show_default=True, help="Bins of a value's histogram; 0: a number.")
@click.option("--near", type=int, default=0, show_default=True, help="Spawn distance at the start; 0: the board's own.")
@click.option("--pool", type=float, default=0.0, show_default=True, help="Part of the games against older snapshots.")
@click.option("--bots", type=float, default=0.0, show_default=True, help="Part of the games against a scripted bot.")
@click.option(
    "--bot",
    default="hunter",
    show_default=True,
    help="That bot: random, expander, hunter, tracker, seeker, strategist.",
)
@click.option(
    "--scatter",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Turns that the hunter plays ahead, at most.",
)
@click.option("--exact/--no-exact", default=False, show_default=True, help="Keep games too: go on bit for bit.")
@click.option("--bf16/--float32", default=True, show_default=True, help="Arithmetic of the network.")
@click.option("--compile/--no-compile", "compiled", default=False, show_default=True, help="By torch.compile.")
@click.option("--graph/--no-graph", default=True, show_default=True, help="A turn as a CUDA graph.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True)
def train(
    name: str,
    device: str,
    algorithm: str,
    size: str,
    told: dict[str, bool],
    adviser: str,
    start: Path | None,
    board: str,
    ruleset: str,
    minutes: float,
    games: int,
    max_turns: int,
    value_bins: int,
    near: int,
    pool: float,
    bots: float,
    bot: str,
    scatter: int,
    exact: bool,
    seed: int,
    **settings: Any,
) -> None:
    """Train by self-play, both seats, and keep the run in runs/NAME/.

    Ctrl-C or SIGTERM saves and ends; the same command goes on from there. On several GPUs:
    torchrun --nproc-per-node N -m stratagem.cli train ...
    """
    from learner.host import prepare_host

    prepare_host()
    check_device(device)
    warnings.filterwarnings("ignore", message="Grid size .* low occupancy")  # few games are asked for knowingly
    from engine.maps import find_map
    from engine.rewards import Shaping
    from engine.rulesets import find_ruleset
    from learner.fused import FusedSettings
    from learner.fused_training import FusedPlan, FusedTraining
    from learner.network_config import NetworkConfig
    from learner.snapshot import SnapshotError, load_policy
    from learner.world import joined_world

    try:
        rules = find_ruleset(ruleset)
        if start:
            network = load_policy(start).policy.config
            if network.castles != (rules.castle_price > 0):
                found = "with" if network.castles else "without"
                raise ValueError(f"{start} is of rules {found} castles; accepted: a policy for {ruleset}")
        else:
            network = NetworkConfig.of(
                size, value_bins=value_bins, castles=rules.castle_price > 0, adviser=adviser, **told
            )
        plan = FusedPlan(
            name=name,
            seed=seed,
            ruleset=rules,
            board=find_map(board, 2),
            network=network,
            settings=FusedSettings(**settings),
            shaping=Shaping(gamma=settings["gamma"]),
            seconds=60 * minutes,
            games=games,
            max_turns=max_turns,
            near=near,
            pool=pool,
            bots=bots,
            bot=bot,
            scatter=scatter,
            exact=exact,
            device=device,
            start=str(start or ""),
        )
    except (ValueError, SnapshotError) as error:
        raise click.ClickException(str(error)) from None
    with joined_world(device) as world, gentle_stop() as stopped:
        folder = own_run(name) if world.first else RUNS / name
        try:
            training = FusedTraining(plan, folder, world)
        except SnapshotError as error:
            raise click.ClickException(f"{error}; --name begins another run") from None
        except (ValueError, RuntimeError) as error:
            raise click.ClickException(str(error)) from None
        training.run(stopped, _tell)
        if stopped():
            if world.first:
                click.echo(f"stopped; {folder} holds all of it, the same command goes on")
            sys.exit(INTERRUPTED)


def _tell(line: dict[str, Any]) -> None:
    met = f"  beat the bot {line['bot_wins']} of {line['bot_episodes']}" if "bot_wins" in line else ""
    click.echo(
        f"{line['seconds']:8.1f} s  {line['env_steps']:>14,} turns  {line['player_turns_per_second']:>10,.0f}/s  "
        f"{line['episodes']:>6} games of {line['episode_turns']:6.1f}  entropy {line['entropy']:.3f}  "
        f"explained {line['explained']:.3f}{met}"
    )
