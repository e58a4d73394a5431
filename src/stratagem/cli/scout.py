"""`stratagem scout`: teach the network by which the scout guesses where an enemy's general is."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from learner.scouting import Report


@click.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--minutes", type=click.FloatRange(min=0.01), default=30.0, show_default=True, help="Of training.")
@click.option("--games", type=click.IntRange(min=2), default=400, show_default=True, help="Of each kind; 10 kinds.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Of maps, weights and order.")
@click.option("--start", type=click.Path(dir_okay=False, path_type=Path), help="Go on from this file.")
def scout(out: Path, minutes: float, games: int, seed: int, start: Path | None) -> None:
    """Teach a network where generals hide in games of bots, and write its weights to OUT, a .safetensors file.

    The learning curve lies beside it, as .png. Written over src/learner/scout.safetensors, the weights are what the
    scout plays by. Ctrl-C or SIGTERM ends the training and keeps what was learned.
    """
    from learner.host import prepare_host

    prepare_host()
    from engine.warm import compile_kernels
    from learner.report import draw_guesses
    from learner.scout import load_scout, save_scout
    from learner.scouting import collect, surprise, train
    from learner.snapshot import SnapshotError

    try:
        network = None if start is None else load_scout(start)
    except SnapshotError as error:
        raise click.BadParameter(str(error), param_hint="--start") from None
    click.echo("preparing the engine; its first run compiles it, for some minutes")
    compile_kernels()
    lessons = collect(games, seed, lambda done, of: click.echo(f"  {done / of:4.0%}  of the games are played"))
    if not 0 < lessons.is_held.sum() < len(lessons.truth):
        raise click.BadParameter(f"{games}: too few to learn from some and hold others out", param_hint="--games")
    click.echo(f"learning from {len(lessons.truth):,} positions")
    reports: list[Report] = []

    def tell(report: "Report") -> None:
        reports.append(report)
        click.echo(f"  {report.part:4.0%}  {report.steps:,} steps, {report.nats:.3f} nats")

    begin = time.monotonic()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        network = train(lessons, minutes, seed, tell, network)
    finally:
        signal.signal(signal.SIGTERM, before)
    if time.monotonic() - begin < 60.0 * minutes:
        click.echo("stopped; what was learned is kept")
    save_scout(network, out)
    nats, tables = surprise(network, lessons)
    times = [report.part * minutes for report in reports]
    draw_guesses(times, [report.nats for report in reports], (nats, tables), out.with_suffix(".png"))
    click.echo(f"{out}: {nats:.3f} nats in games held out, where the seeker's tables have {tables:.3f}")
