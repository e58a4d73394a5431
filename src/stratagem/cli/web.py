"""`stratagem web`: the page and its API on this machine, over a local store that lasts.

The engine runs uncompiled here, as on Lambda: a turn of one game takes less than a millisecond, and the page opens
without the minutes that compiling takes.
"""

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from stratagem.cli.values import Url

if TYPE_CHECKING:
    from store.connect import Connection

REFUSED = 2


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Of the page; 0: any.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/web"),
    show_default=True,
    help="Folder that keeps matches and ladders.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    default=Path("runs/demo/policy"),
    show_default=True,
    help="Policy to play against beside those in the box, without a suffix; left out where it is not trained yet.",
)
@click.option("--store", type=Url(), help="A store that runs already, instead of a local one; see `store.names`.")
@click.option("--open", "opens", is_flag=True, help="Open a browser.")
def web(port: int, data: Path, policy: Path, store: str | None, opens: bool) -> None:
    """Serve the page: play against bots, watch games and replays, see the ladder."""
    os.environ["STRATAGEM_PLAIN"] = "1"  # before the engine is imported
    import uvicorn
    from botocore.exceptions import BotoCoreError, ClientError

    from lambdas.app import create_app
    from lambdas.http import Services
    from store.connect import Connection, create_all
    from store.errors import StoreError
    from store.names import Names
    from stratagem.policies import boxed
    from web import FOLDER

    if store is None:
        store = _local_store(data / "store.jsonl")
    connection = Connection(Names.of(Names.from_environment().prefix, store))
    asked = click.get_current_context().get_parameter_source("policy") is not ParameterSource.DEFAULT
    weights = policy.with_name(f"{policy.name}.safetensors")
    if asked and not weights.exists():
        raise click.BadParameter(f"there is no {weights}", param_hint="--policy")
    try:
        create_all(connection)
        for each in boxed():
            _offer(connection, each)
        if weights.exists():
            _offer_own(connection, policy, asked)
    except (StoreError, BotoCoreError, ClientError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    threading.Thread(target=_keep, args=(connection,), daemon=True).start()
    app = create_app(Services(connection, limited=False), page=FOLDER)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
    threading.Thread(target=_announce, args=(server, opens), daemon=True).start()
    server.run()


def _local_store(journal: Path) -> str:
    """Start a local store in this process; where it answers."""
    from store.local import LocalStore

    try:
        local = LocalStore(journal=journal)
    except (OSError, ValueError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    local.start()
    return local.endpoint


def _keep(connection: "Connection") -> None:
    """Bring to its end what an earlier process left half done, now and again, as a server does."""
    from services.keeper import keep
    from services.logs import configure_logs
    from store.lake import Lake
    from store.ratings import Ratings

    configure_logs("warning")
    asyncio.run(keep(Ratings(connection), Lake(connection)))


def _offer(connection: "Connection", path: Path) -> None:
    """Publish a policy, and its ONNX form unless that is there."""
    from store.names import EXPORT_PREFIX
    from store.objects import keys
    from stratagem.cli.policy import publish_file, store_export

    version = publish_file(connection, path)
    exports = set(keys(connection, connection.names.models_bucket, EXPORT_PREFIX))
    if f"{EXPORT_PREFIX}{version.sha256}.onnx" not in exports:
        click.echo(f"exporting {path} to ONNX")
        store_export(connection, version)


def _offer_own(connection: "Connection", path: Path, asked: bool) -> None:
    """The same with one trained here: where it cannot be used, the page does without unless it was asked for."""
    from learner.export_onnx import ExportError
    from learner.snapshot import SnapshotError
    from store.errors import InvalidError

    try:
        _offer(connection, path)
    except (SnapshotError, ExportError, InvalidError) as error:
        click.echo(f"stratagem: {error}{'' if asked else '; the page does without'}", err=True)
        if asked:
            sys.exit(REFUSED)


def _announce(server: object, opens: bool) -> None:
    """Say where the page is once it answers, and open it if that is wanted."""
    import time
    import webbrowser

    while not getattr(server, "started", False):
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    click.echo(f"the page is at http://127.0.0.1:{port}/")
    if opens:
        webbrowser.open(f"http://127.0.0.1:{port}/")
