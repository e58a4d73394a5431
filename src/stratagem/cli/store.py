"""`stratagem store`: the local store by itself."""

import signal
import sys
from pathlib import Path

import click

from store.names import LOCAL_PORT


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=LOCAL_PORT, show_default=True, help="Of 127.0.0.1; 0: any."
)
@click.option("--data", type=click.Path(path_type=Path), default=Path("runs/store"), show_default=True, help="Folder.")
def store(port: int, data: Path) -> None:
    """Run S3 and DynamoDB on this machine; what was written is there again the next time."""
    from store.connect import Connection, create_all
    from store.local import LocalStore
    from store.names import Names

    try:
        server = LocalStore(port, data / "store.journal", told=click.echo)
    except (OSError, ValueError) as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(2)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server.start()
    create_all(Connection(Names.from_environment({"STRATAGEM_ENDPOINT": server.endpoint})))
    click.echo(f"store at {server.endpoint}, data in {data}")
    signal.pause()
