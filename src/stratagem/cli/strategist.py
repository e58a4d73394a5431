"""`stratagem strategist`: learn the network by which the strategist scores moves."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stratagem.cli.run_folder import own_run
from stratagem.cli.signals import interrupted_by_sigterm
from stratagem.cli.values import Number, RunName

if TYPE_CHECKING:
    from learner.strategist import Status

CORES_A_THREAD = 4  # of the critic, whose steps are short, beside games and gradients, which have all cores
LINE_SECONDS = 30.0  # between two lines of progress


@click.command()
@click.option("--minutes", type=Number(min=0.0), default=60.0, show_default=True, help="Of training.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Of maps, weights and moves.")
@click.option("--games", type=click.IntRange(min=2), default=1024, show_default=True, help="Played at a time.")
@click.option("--turns", type=click.IntRange(1, 1000), default=32, show_default=True, help="Of a fragment.")
@click.option("--lam", type=Number(min=0.0, max=1.0), default=0.95, show_default=True, help="GAE's lambda.")
@click.option(
    "--rate", type=Number(min=1e-6, max=0.1), default=1.5e-3, show_default=True, help="Of Adam, at the start."
)
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Go on from this strategist.safetensors; given several times from their mean, which --minutes 0 writes.",
)
@click.option(
    "--scout", is_flag=True, help="Half of the seats are told by the scout's network where the enemy's general may be."
)
@click.option("--weights", type=click.Path(path_type=Path), help="With --scout: those of a scout taught here.")
@click.option(
    "--temperature",
    type=Number(min=0.05, max=10.0),
    default=0.75,  # docs/log.md, 2026-11-30: wins more than at 1, and at 0.5 no more
    show_default=True,
    help="Of the weights that are written: below 1 it prefers likely moves more than it learned to.",
)
@click.option("--name", type=RunName(), default="strategist", show_default=True, help="The run: writes runs/NAME/.")
def strategist(
    minutes: float,
    seed: int,
    games: int,
    turns: int,
    lam: float,
    rate: float,
    start: tuple[Path, ...],
    scout: bool,
    weights: Path | None,
    temperature: float,
    name: str,
) -> None:
    """Learn by self-play on the CPU how to choose among moves that scripts advise, for both rulesets at once.

    Writes strategist.safetensors, learning_curve.png, metrics.jsonl and strategist_weights.py; copied over the file of
    that name in src/engine/bots, the last one is what the bot plays by. Ctrl-C or SIGTERM ends the training and keeps
    what was learned. An older run of that name is moved aside.
    """
    if not minutes and not start:
        raise click.UsageError("there is nothing to write: give --minutes, --start, or both")
    if weights is not None and not scout:
        raise click.UsageError("--weights goes with --scout")
    from learner.host import prepare_host

    prepare_host()
    folder = own_run(name)
    import torch

    from engine.warm import compile_kernels
    from learner.crew import crew_of
    from learner.precision import half_pays
    from learner.report import draw_options
    from learner.scout import WEIGHTS, guesser_of, load_scout
    from learner.snapshot import SnapshotError
    from learner.strategist import Settings, StrategistRun
    from learner.strategist_export import quantised, weights_module
    from learner.training import move_aside

    cpu = torch.device("cpu")
    try:
        guesser = guesser_of(load_scout(weights or WEIGHTS), crew_of(cpu), half_pays(cpu)) if scout else None
    except SnapshotError as error:
        raise click.BadParameter(str(error), param_hint="--weights") from None
    torch.set_num_threads(max(1, torch.get_num_threads() // CORES_A_THREAD))
    run = StrategistRun(Settings(seed=seed, games=games, turns=turns, lam=lam, rate=rate), 60.0 * minutes, guesser)
    if start:
        try:
            run.start_from(*start)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--start") from None
    if (aside := move_aside(folder)) is not None:
        click.echo(f"the old run is kept in {aside}")
    folder.mkdir(parents=True)
    if minutes:
        click.echo("preparing the engine; its first run compiles it, for some minutes")
        compile_kernels()
    rows: list[dict[str, Any]] = []
    told = 0.0
    with (folder / "metrics.jsonl").open("w", encoding="utf-8") as metrics:

        def tell(status: "Status") -> None:
            nonlocal told
            rows.append({"seconds": round(60.0 * minutes * status.progress, 1), **asdict(status)})
            metrics.write(json.dumps(rows[-1]) + "\n")
            metrics.flush()
            if time.monotonic() - told >= LINE_SECONDS:
                told = time.monotonic()
                rates = ", ".join(f"{who} {won:.1%}" for who, won in status.win_rates.items())
                won_of = f"; wins against {rates}" if rates else ""
                click.echo(f"  {status.progress:4.0%}  {status.games:,} games{won_of}")
                run.save(folder / "strategist.safetensors")

        try:
            with interrupted_by_sigterm():
                if minutes:
                    run.train(tell)
        except KeyboardInterrupt:
            if not rows:
                click.echo("stopped before anything was learned", err=True)
                sys.exit(130)
            click.echo("stopped; what was learned is kept")
    run.save(folder / "strategist.safetensors")
    learned = rows[-1]["seconds"] / 60 if rows else 0.0
    told_of = f"{run.decisions:,} decisions in {run.played:,} games, {learned:.1f} minutes, seed {seed}"
    whole = quantised(run.learned.network(), temperature)
    source = weights_module(whole, told_of + (f", from {' and '.join(map(str, start))}" if start else ""))
    (folder / "strategist_weights.py").write_text(source, encoding="utf-8")
    if rows:
        draw_options(rows, folder / "learning_curve.png")
    click.echo(f"{folder}: {told_of}")
