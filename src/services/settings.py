"""What can be set of a server or a client, and the ports they meet at; each setting is an environment variable."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

VARIABLE_PREFIX = "STRATAGEM_"

# Where each service answers when nothing else is said.
PORTS = {"game": 50051, "replay": 50052, "model": 50053, "elo": 50054, "matchmaker": 50055}
PPO_TABLE, R2D2_TABLE = "ppo", "r2d2"  # the replay service's tables


def split_address(name: str, address: str) -> tuple[str, int]:
    """Host and port of HOST:PORT. Raises ValueError, which calls the address by its name."""
    host, colon, port = address.rpartition(":")
    if not colon or not re.fullmatch("[0-9]{1,5}", port) or int(port) >= 1 << 16:
        raise ValueError(f'{name} is "{address}"; accepted: HOST:PORT, the port 0 to 65535')
    return host, int(port)


@dataclass(frozen=True)
class Settings:
    """Each field is read from the variable STRATAGEM_ and its name in capitals: STRATAGEM_LISTEN, say."""

    listen: str = "127.0.0.1:0"  # where to answer; port 0: any free one
    token: str = ""  # the bearer token that every call must carry; empty: none is asked for
    tls_certificate: str = ""  # PEM file of the server's certificate chain; empty: no TLS
    tls_key: str = ""  # PEM file of its private key
    tls_authority: str = ""  # PEM file of the authority that clients trust; empty: no TLS, "system": the system's own
    max_message: int = 4 << 20  # bytes of a message, either way; a longer one is RESOURCE_EXHAUSTED
    metrics: str = ""  # where Prometheus may ask, HOST:PORT; empty: nowhere
    grace_s: float = 5.0  # how long calls may go on once the server stops
    deadline_s: float = 30.0  # of a client's calls, streams aside
    log_level: str = "info"  # debug tells of every call, info of those that failed

    def __post_init__(self) -> None:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("of tls_certificate and tls_key one is set; accepted: both or none")
        if self.max_message < 1024:
            raise ValueError(f"max_message is {self.max_message}; accepted: 1024 bytes and more")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise ValueError(f'log_level "{self.log_level}" is unknown; accepted: debug, info, warning, error')
        split_address("listen", self.listen)
        if self.metrics:
            split_address("metrics", self.metrics)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **defaults: Any) -> "Settings":
        """What the variables say, else `defaults`, else the class's own. Raises ValueError."""
        given: dict[str, Any] = dict(defaults)
        for field in fields(cls):
            name = VARIABLE_PREFIX + field.name.upper()
            if name in environment:
                kind: Any = type(field.default)
                try:
                    given[field.name] = kind(environment[name])
                except ValueError:
                    raise ValueError(f'{name} is "{environment[name]}"; accepted: {kind.__name__}') from None
        return cls(**given)
