"""The Lambdas' handlers: `lambdas.handlers.matches`, `.ratings` and `.models`; each is made when it is first named.

They read the names of tables and buckets from the environment, see `store.names`.
"""

from functools import cache
from typing import Any

from lambdas.app import PARTS


@cache
def _handler(part: str) -> Any:
    from mangum import Mangum

    from lambdas.app import create_app
    from lambdas.http import Services
    from store.connect import Connection
    from store.names import Names

    services = Services(Connection(Names.from_environment()))
    return Mangum(create_app(services, [part]), lifespan="off")


def __getattr__(name: str) -> Any:
    """The handler of a part (PEP 562)."""
    if name not in PARTS:
        raise AttributeError(f'module "lambdas.handlers" has no handler "{name}"; known: {", ".join(PARTS)}')
    return _handler(name)
