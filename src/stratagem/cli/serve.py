"""`stratagem serve`: the gRPC services, some or all of them in one process."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from services.settings import PORTS


class ServeCommand(click.Command):
    """With --socketio another server and other options, those of `stratagem socketio`."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of either command."""
        if "--socketio" not in args:
            return super().make_context(info_name, args, parent, **extra)
        from stratagem.cli.live import serve

        others = [argument for argument in args if argument != "--socketio"]
        return serve.make_context(f"{info_name} --socketio", others, parent, **extra)


@click.command(cls=ServeCommand)
@click.argument("services", nargs=-1, type=click.Choice(tuple(PORTS)))
@click.option("--listen", metavar="HOST:PORT", help="Where to answer; by default the first service's own port.")
@click.option(
    "--data", type=click.Path(path_type=Path), default=Path("runs/games"), show_default=True, help="Game log."
)
@click.option("--metrics", metavar="HOST:PORT", help="Where Prometheus may ask.")
@click.option("--socketio", is_flag=True, help="Instead: games by generals.io's protocol; see --socketio --help.")
def serve(services: tuple[str, ...], listen: str | None, data: Path, metrics: str | None, socketio: bool) -> None:
    """Run services: game, replay, model, elo, matchmaker; all of them where none is named.

    STRATAGEM_ENDPOINT and STRATAGEM_PREFIX say where the store is; STRATAGEM_TOKEN and STRATAGEM_TLS_* guard the calls.
    """
    del socketio  # it never comes here
    from services.assembly import run
    from services.settings import Settings
    from store.names import Names

    chosen = services or tuple(PORTS)
    others: dict[str, Any] = {"listen": listen or f"127.0.0.1:{PORTS[chosen[0]]}"} | (
        {"metrics": metrics} if metrics else {}
    )
    try:
        settings = Settings.from_environment(**others)
        asyncio.run(run(chosen, settings, Names.from_environment(), data))
    except (ValueError, OSError, RuntimeError, BotoCoreError, ClientError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(2)
