"""`stratagem scout`: teach the network by which the scout guesses where an enemy's general is."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stratagem.cli.device import device_option
from stratagem.cli.signals import interrupted_by_sigterm
from stratagem.cli.values import Number, OutFile

if TYPE_CHECKING:
    from learner.scouting import Lessons, Report

INTERRUPTED = 130


@click.command()
@click.argument("out", type=OutFile())
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option("--minutes", type=Number(min=0.0), default=30.0, show_default=True, help="Of training; 0: rate alone.")
@click.option(
    "--games", type=click.IntRange(min=0), default=400, show_default=True, help="Of bots, of each of 20 kinds."
)
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Of maps, weights and order.")
@click.option("--start", type=click.Path(dir_okay=False, path_type=Path), help="Go on from this file.")
@click.option("--batch", type=click.IntRange(min=1), default=128, show_default=True, help="Positions of a step.")
@device_option
def scout(
    out: Path,
    files: tuple[Path, ...],
    minutes: float,
    games: int,
    seed: int,
    start: Path | None,
    batch: int,
    device: str,
) -> None:
    """Teach a network where generals hide, and write its weights to OUT, a .safetensors file.

    It learns from games of bots, and from FILEs of recorded 1v1 games (.gior, .gioreplay, .json, .jsonl, each also
    .gz). Of each, one game in twenty is held out and tells how good the guesses are. Beside OUT lie the network for
    the page, as .onnx, and the learning curve, as .png. The scout plays by src/learner/scout.safetensors or, where
    --weights names it, by OUT; on the page by src/lambdas/scout.onnx. Ctrl-C or SIGTERM ends the training and keeps
    what was learned. Exit status: 0, 2 if something cannot be used, 130 if stopped while games were still played.
    """
    from learner.host import prepare_host

    prepare_host()
    import torch

    from engine.replays import ReplayError
    from engine.warm import compile_kernels
    from learner.recorded import load_games
    from learner.report import draw_guesses
    from learner.scout import load_scout, save_scout
    from learner.scouting import collect, collect_recorded, joined, surprise, train
    from learner.snapshot import SnapshotError, replace_file

    if out.suffix != ".safetensors":
        raise click.BadParameter(f"{out}; accepted: a name that ends in .safetensors", param_hint="OUT")
    if not games and not files:
        raise click.UsageError("there is nothing to learn from: give --games, recorded games, or both")
    try:
        network = None if start is None else load_scout(start)
    except SnapshotError as error:
        raise click.BadParameter(str(error), param_hint="--start") from None
    try:
        recorded = load_games(files)[0] if files else []
    except ReplayError as error:
        raise click.BadParameter(str(error), param_hint="FILE") from None
    click.echo("preparing the engine; its first run compiles it, for some minutes")
    compile_kernels()

    def played(done: int, of: int) -> None:
        click.echo(f"  {done / of:4.0%}  of the games are played")

    sources: dict[str, Lessons] = {}
    try:
        with interrupted_by_sigterm():
            if games:
                sources["games of bots"] = collect(games, seed, played)
            if recorded:
                sources["recorded games"] = collect_recorded(recorded, played)
    except KeyboardInterrupt:
        click.echo("stopped before anything was learned; nothing is written", err=True)
        sys.exit(INTERRUPTED)
    for name, lessons in sources.items():
        if not 0 < lessons.is_held.sum() < len(lessons.truth):
            raise click.UsageError(f"{name}: too few to learn from some and hold others out")
        click.echo(f"{name}: {len(lessons.truth):,} positions")
    reports: list[Report] = []

    def tell(report: "Report") -> None:
        reports.append(report)
        click.echo(f"  {report.part:4.0%}  {report.steps:,} steps, {report.nats:.3f} nats")

    begin = time.monotonic()
    with interrupted_by_sigterm():
        network = train(joined(list(sources.values())), minutes, seed, tell, network, torch.device(device), batch)
    if time.monotonic() - begin < 60.0 * minutes:
        click.echo("stopped; what was learned is kept")
    save_scout(network, out)
    found = {name: surprise(network, lessons) for name, lessons in sources.items()}
    times = [report.part * minutes for report in reports]
    if reports:
        draw_guesses(times, [report.nats for report in reports], found, out.with_suffix(".png"))
    for name, (nats, tables) in found.items():
        click.echo(f"{out}: {nats:.3f} nats in {name} held out, where the seeker's tables have {tables:.3f}")
    page = out.with_suffix(".onnx")
    try:
        from learner.scout_onnx import export_scout

        replace_file(page, export_scout(network))
    except ImportError as error:
        click.echo(f"{page}: not written, {error.name} is not installed")
    else:
        click.echo(f"{page}: the same for the page")
