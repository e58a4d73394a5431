"""Who may call: a bearer token in the call's metadata, and the certificates of TLS."""

import hmac
from collections.abc import Mapping
from pathlib import Path

import grpc

from services.refusal import denied, unauthenticated
from services.settings import Settings

BEARER_HEADER = "authorization"
OPEN_PREFIXES = ("/grpc.health.v1.",)  # a load balancer asks without a token


def check_bearer(token: str, method: str, metadata: Mapping[str, str | bytes]) -> None:
    """Raise RefusedError unless the call carries the server's token, where it has one."""
    if not token or method.startswith(OPEN_PREFIXES):
        return
    given = metadata.get(BEARER_HEADER)
    if given is None:
        raise unauthenticated(BEARER_HEADER, '"Bearer " and the token of this server')
    text = given.encode() if isinstance(given, str) else given
    if not hmac.compare_digest(text, f"Bearer {token}".encode()):
        raise denied(BEARER_HEADER, '"Bearer " and the token of this server')


def bearer_metadata(token: str) -> tuple[tuple[str, str], ...]:
    """The metadata that carries a token; none for an empty one."""
    return ((BEARER_HEADER, f"Bearer {token}"),) if token else ()


def server_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """What the server proves itself with; None without TLS. Raises OSError for a file that cannot be read."""
    if not settings.tls_certificate:
        return None
    pair = (Path(settings.tls_key).read_bytes(), Path(settings.tls_certificate).read_bytes())
    return grpc.ssl_server_credentials([pair])


def channel_credentials(settings: Settings) -> grpc.ChannelCredentials | None:
    """What a client trusts; None without TLS. Raises OSError for a file that cannot be read."""
    if not settings.tls_authority:
        return None
    if settings.tls_authority == "system":
        return grpc.ssl_channel_credentials()
    return grpc.ssl_channel_credentials(Path(settings.tls_authority).read_bytes())
