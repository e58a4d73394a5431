"""`stratagem up`: store, servers, learner and actors on this machine, under one view."""

import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import click

from stratagem.cli.demo import BoardSize
from stratagem.cli.signals import end_signals
from stratagem.cli.values import Number, OutFolder, PolicyName
from stratagem.supervisor import StartError


@click.command()
@click.option(
    "--name", type=PolicyName(), default="fleet", show_default=True, help="Name of the policy that is trained."
)
@click.option("--actors", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that play.")
@click.option("--board", type=BoardSize(), default="6x6", show_default=True, help="Plain boards of this size.")
@click.option("--minutes", type=Number(min=0.01), help="Stop after so long; without it at Ctrl-C.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--data", type=OutFolder(), default=Path("runs/up"), show_default=True, help="Folder.")
def up(name: str, actors: int, board: tuple[int, int], minutes: float | None, seed: int, data: Path) -> None:
    """Run a whole fleet on this machine: local store, servers, a learner and actors.

    Started again with the same --data it finds every policy, rating and game. Ctrl-C stops it in order.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from engine.warm import compile_kernels, is_cold
    from store.errors import StoreError
    from stratagem.fleet import FleetView, Places, census, fleet_of

    if is_cold():
        _say("preparing the engine; its first run compiles it, for a minute or two")
        compile_kernels()
    places = Places()
    fleet = fleet_of(name, actors, board, seed, data, places)
    stopped = threading.Event()
    for number in end_signals():
        signal.signal(number, lambda *_: stopped.set())
    try:
        fleet.start(_say, stopped.is_set)
    except StartError as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(1)
    limit = time.monotonic() + 60.0 * minutes if minutes is not None else float("inf")
    view = FleetView(fleet, name, places)
    try:
        view.watch(lambda: stopped.is_set() or time.monotonic() > limit)
    finally:
        try:
            fleet.stop(_say, keep=1)  # the store goes last: the census asks it
            _say(census(places.names))
        except (StoreError, BotoCoreError, ClientError) as error:
            _say(f"lake and ladder are not compared: {error}")
        finally:
            fleet.stop(_say)


def _say(line: str) -> None:
    with suppress(OSError):  # the terminal may be gone, and the fleet is stopped nevertheless
        click.echo(line)
