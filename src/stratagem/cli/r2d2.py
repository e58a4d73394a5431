"""`stratagem r2d2`: train a Q network on this machine and rate it.

torch is imported inside the command, after `prepare_host` has told its threads how to wait.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from stratagem.cli.demo import INTERRUPTED, BoardSize, gentle_stop
from stratagem.cli.run_folder import own_run
from stratagem.cli.values import Number, RunName

LINE_SECONDS = 10.0  # between two lines where there is no terminal


@click.command()
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Of maps, weights and moves.")
@click.option("--minutes", type=Number(min=0.01), default=10.0, show_default=True, help="Of training; rating follows.")
@click.option("--board", type=BoardSize(), default="4x4", show_default=True, help="Size of the maps.")
@click.option("--name", type=RunName(), default="r2d2", show_default=True, help="The run: writes runs/NAME/.")
@click.option("--size", default="tiny", show_default=True, help="Of the network: tiny, small, medium, base, large.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a setting; may be repeated.")
@click.option("--settings", "explain", is_flag=True, help="List the settings and what they are, and stop.")
@click.option("--quiet", is_flag=True, help="Print results alone.")
def r2d2(
    seed: int,
    minutes: float,
    board: tuple[int, int],
    name: str,
    size: str,
    changes: tuple[str, ...],
    explain: bool,
    quiet: bool,
) -> None:
    """Train a recurrent DQN (R2D2) against itself and bots, and rate it against bots.

    Ctrl-C ends it at any time and keeps the network as it is then, unrated. An older run of that name is moved aside.
    """
    from learner.host import prepare_host

    prepare_host()
    from learner.network_config import SIZES
    from learner.r2d2_run import Run, described, r2d2_plan, read_settings
    from learner.training import move_aside

    if explain:
        for line in described():
            click.echo(line)
        return
    if size not in SIZES:
        raise click.BadParameter(f'size is "{size}"; known: {", ".join(SIZES)}', param_hint="--size")
    try:
        plan = r2d2_plan(name, seed, minutes, *board, size=size, **read_settings(changes))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--set") from None
    console, folder = Console(markup=False, emoji=False), own_run(name)
    try:
        run = Run(plan, folder)
        if (aside := move_aside(folder)) is not None:
            console.print(f"the old run is kept in {aside}", highlight=False)
        console.print("preparing the engine; its first run compiles it, for some minutes", highlight=False)
        run.prepare()
        with gentle_stop() as stopped:
            with live_line(console, quiet) as tell:
                run.train(tell, stopped)
            if stopped():
                raise KeyboardInterrupt
        console.print("rating over mirrored pairs of games", highlight=False)
        for line in told(run.summarise(run.rate())):
            console.print(line, highlight=False, soft_wrap=True)
    except KeyboardInterrupt:
        console.print(f"\nstopped; {folder} holds the network if it was trained at all", highlight=False)
        sys.exit(INTERRUPTED)


@contextmanager
def live_line(console: Console, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Something to tell how training stands: a line that changes on a terminal, elsewhere one now and then."""
    if quiet:
        yield lambda line: None
    elif console.is_terminal:
        with console.status("") as status:
            yield lambda line: status.update(Text(line))
    else:
        due = time.monotonic()

        def tell(line: str) -> None:
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + LINE_SECONDS
                console.print(line, highlight=False, soft_wrap=True)

        yield tell


def told(summary: dict[str, Any]) -> Iterator[str]:
    """A summary in lines."""
    yield (
        f"trained {summary['seconds'] / 60:.1f} minutes: {summary['env_steps']:,} steps at "
        f"{summary['steps_per_second']:,.0f}/s, {summary['gradient_steps']:,} gradient steps"
    )
    for opponent, rate in summary["win_rate"].items():
        span = f"95 %: {rate['low']:.1%} to {rate['high']:.1%}"
        yield f"  wins {rate['mean']:6.1%} of {rate['games']} games against {opponent} ({span})"
