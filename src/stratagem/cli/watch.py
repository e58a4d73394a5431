"""`stratagem watch`: a game of a server in the terminal, as spectators may see it."""

import sys
import time

import click
from rich.console import Console
from rich.live import Live

from services.client import GameClient, ServiceError
from services.settings import PORTS
from services.stubs import game_pb2
from stratagem.cli.screen import ending, picture, player_names

_STATES = {
    game_pb2.GAME_STATE_OPEN: "open",
    game_pb2.GAME_STATE_RUNNING: "running",
    game_pb2.GAME_STATE_FINISHED: "over",
}


@click.command()
@click.argument("game", required=False, metavar="[GAME]")
@click.option("--server", metavar="HOST:PORT", default=f"127.0.0.1:{PORTS['game']}", show_default=True)
@click.option("--since", type=click.IntRange(-1), default=-1, help="Begin at this turn; -1: the newest that is shown.")
@click.option("--pace-ms", type=click.IntRange(0, 10_000), default=100, show_default=True, help="Least time of a turn.")
def watch(game: str | None, server: str, since: int, pace_ms: int) -> None:
    """Watch a game of a server in the terminal; without a GAME: list them.

    Games are shown 50 turns late, those of bots alone as they are played.
    """
    console = Console(markup=False, emoji=False)  # names are what people call themselves
    try:
        with GameClient(server) as client:
            if game is None:
                _list(console, client)
            else:
                _watch(console, client, game, since, pace_ms / 1000)
    except ServiceError as error:
        raise click.ClickException(str(error)) from None


def _list(console: Console, client: GameClient) -> None:
    for info in client.games():
        players = ", ".join(player.name or "nobody yet" for player in info.players)
        state = _STATES.get(info.state, "?")
        console.print(f"{info.game_id}  {state:8}turn {info.turn:<6}{info.ruleset}  {players}", highlight=False)


def _watch(console: Console, client: GameClient, game: str, since: int, pace: float) -> None:
    client.games(limit=1)  # has a deadline: a stream would wait for minutes where no server answers
    names: tuple[str, ...] = ()
    live = Live(console=console, screen=True, auto_refresh=False) if sys.stdout.isatty() else None
    last = None
    if live is not None:
        live.start()
    try:
        for sight in client.sights(game, since):
            names = player_names(sight, names)
            if not sight.shows:
                continue
            last = sight
            if live is not None:
                live.update(picture(console, sight, names), refresh=True)
                time.sleep(pace)  # what has gone by comes all at once
    finally:
        if live is not None:
            live.stop()
    if last is not None:
        console.print(picture(console, last, names))
        console.print(ending(last), highlight=False)
