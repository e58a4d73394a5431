"""`stratagem whereabouts`: learn where generals hide, for the bots that march there."""

from pathlib import Path

import click

from stratagem.cli.values import OutFile


@click.command()
@click.argument("out", type=OutFile())
@click.option("--games", type=click.IntRange(min=2), default=400, show_default=True, help="Of each kind; 10 kinds.")
@click.option("--epochs", type=click.IntRange(min=1), default=3, show_default=True, help="Times each position is seen.")
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Of maps and order.")
def whereabouts(out: Path, games: int, epochs: int, seed: int) -> None:
    """Fit the points by which the seeker guesses where an enemy's general is to games of bots, and write them to OUT.

    Written over src/engine/bots/whereabouts_table.py, they are what the bot plays by. Some minutes.
    """
    from learner.host import prepare_host

    prepare_host()
    from engine.warm import compile_kernels
    from learner.snapshot import replace_file
    from learner.whereabouts import collect, fit, table_module

    click.echo("preparing the engine; its first run compiles it, for some minutes")
    compile_kernels()
    click.echo("playing games")
    positions = collect(games, seed)
    click.echo(f"fitting {len(positions.begin):,} positions, {len(positions.entries):,} places")
    try:
        points, nats, alike = fit(positions, epochs, seed)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--games") from None
    told = f"{len(positions.begin):,} positions, {nats:.3f} nats where {alike:.3f} are chance, seed {seed}"
    replace_file(out, table_module(points, told).encode())
    click.echo(f"{out}: {told}")
