"""The options with which a command finds its store."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from store.connect import Connection, create_all
from store.errors import StoreError
from store.names import ENDPOINT_VARIABLE, LOCAL_ENDPOINT, Names
from stratagem.cli.values import Url


def with_store(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --endpoint and --local, and the connection as its first argument.

    What the store says no to is one line and exit status 2.
    """

    @click.option("--endpoint", type=Url(), help=f"Where S3 and DynamoDB answer; default: {ENDPOINT_VARIABLE} or AWS.")
    @click.option("--local", is_flag=True, help=f"The local store of `stratagem up`, {LOCAL_ENDPOINT}.")
    @wraps(command)
    def connected(endpoint: str | None, local: bool, **options: Any) -> Any:
        environment = Names.from_environment()
        chosen = endpoint or (LOCAL_ENDPOINT if local else environment.endpoint)
        if chosen:
            Url().convert(chosen, None, click.get_current_context())
        names = Names(
            environment.prefix, environment.models_bucket, environment.lake_bucket, chosen, environment.region
        )
        try:
            connection = Connection(names)
            if chosen:
                create_all(connection)
            return command(connection, **options)
        except (StoreError, BotoCoreError, ClientError) as error:
            hint = "; is `stratagem up` or `stratagem store` running?" if chosen == LOCAL_ENDPOINT else ""
            click.echo(f"stratagem: {error}{hint}", err=True)
            sys.exit(2)

    return connected
