"""Channels to a service: TLS, token, limits, reconnecting and retries as the settings say."""

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import grpc

from services.auth import bearer_metadata, channel_credentials
from services.settings import Settings

RECONNECT_MS = 1000  # the longest pause between two tries to connect; gRPC's own is two minutes
RETRIED = ("CreateGame", "SubmitAction", "GetReplay", "ListGames", "Surrender")  # sent twice they count once
_RETRIES = """{"methodConfig": [{"name": [%s], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.1s",
"maxBackoff": "2s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}"""


def channel_options(settings: Settings) -> list[tuple[str, Any]]:
    """How clients connect: the message limit, quick reconnects, and retries of what may be sent twice."""
    names = ", ".join(f'{{"service": "stratagem.v1.GameService", "method": "{name}"}}' for name in RETRIED)
    return [
        ("grpc.max_receive_message_length", settings.max_message),
        ("grpc.max_send_message_length", settings.max_message),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
        ("grpc.service_config", _RETRIES % names),
    ]


def open_channel(address: str, settings: Settings | None = None) -> grpc.Channel:
    """A channel to HOST:PORT; it connects when it is first used. Raises OSError for a lost certificate.

    Calls carry no token by themselves, see `with_token`.
    """
    settings = settings or Settings.from_environment()
    credentials = channel_credentials(settings)
    if credentials is not None:
        return grpc.secure_channel(address, credentials, channel_options(settings))
    return grpc.insecure_channel(address, channel_options(settings))


def open_async_channel(address: str, settings: Settings | None = None) -> grpc.aio.Channel:
    """The same for asyncio."""
    settings = settings or Settings.from_environment()
    credentials = channel_credentials(settings)
    if credentials is not None:
        return grpc.aio.secure_channel(address, credentials, channel_options(settings))
    return grpc.aio.insecure_channel(address, channel_options(settings))


_Details = namedtuple("_Details", ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression"))


class _Token(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamStreamClientInterceptor,  # type: ignore[type-arg]
):
    """Adds the bearer token to every call."""

    def __init__(self, token: str) -> None:
        self._metadata = bearer_metadata(token)

    def _call(self, go_on: Callable[..., Any], details: Any, request: Any) -> Any:
        values = {name: getattr(details, name, None) for name in _Details._fields}
        values["metadata"] = (*(details.metadata or ()), *self._metadata)
        return go_on(_Details(**values), request)

    # gRPC's types want four functions with four kinds of answers; what goes on is passed through.
    intercept_unary_unary = _call  # type: ignore[assignment]
    intercept_unary_stream = _call  # type: ignore[assignment]
    intercept_stream_unary = _call  # type: ignore[assignment]
    intercept_stream_stream = _call  # type: ignore[assignment]


def with_token(channel: grpc.Channel, settings: Settings | None = None) -> grpc.Channel:
    """The channel, whose calls carry the token of the settings."""
    token = (settings or Settings.from_environment()).token
    return grpc.intercept_channel(channel, _Token(token)) if token else channel
