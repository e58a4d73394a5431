"""Channels to a service, for clients that are no coroutines: TLS and reconnecting as the settings say."""

import grpc

from services.auth import channel_credentials
from services.settings import Settings

RECONNECT_MS = 1000  # the longest pause between two tries to connect; gRPC's own is two minutes


def open_channel(address: str, settings: Settings) -> grpc.Channel:
    """A channel to HOST:PORT; it connects when it is first used. Raises OSError for a lost certificate."""
    options = [
        ("grpc.max_receive_message_length", settings.max_message),
        ("grpc.max_send_message_length", settings.max_message),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
    ]
    credentials = channel_credentials(settings)
    if credentials is None:
        return grpc.insecure_channel(address, options)
    return grpc.secure_channel(address, credentials, options)
