"""A server for any of the services: health, reflection, limits, TLS, the gate, metrics, and a graceful end.

    await serve([GameServicer(...), ...], Settings.from_environment())

or, where more happens around it, `build_server`, `start`, `wait_for_termination` and `stop`.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.auth import server_credentials
from services.gate import Gate
from services.logs import configure_logs, get_log
from services.metrics import start_exporter
from services.settings import Settings
from services.stubs import (
    elo_pb2,
    elo_pb2_grpc,
    game_pb2,
    game_pb2_grpc,
    matchmaker_pb2,
    matchmaker_pb2_grpc,
    model_pb2,
    model_pb2_grpc,
    replay_pb2,
    replay_pb2_grpc,
)

# Each service's base class, what adds a servicer of it to a server, and its full name.
_SERVICES: tuple[tuple[type, Callable[[Any, Any], None], str], ...] = tuple(
    (getattr(stubs, f"{name}Servicer"), getattr(stubs, f"add_{name}Servicer_to_server"), f"{messages.package}.{name}")
    for name, stubs, messages in (
        ("GameService", game_pb2_grpc, game_pb2.DESCRIPTOR),
        ("ReplayService", replay_pb2_grpc, replay_pb2.DESCRIPTOR),
        ("ModelService", model_pb2_grpc, model_pb2.DESCRIPTOR),
        ("EloService", elo_pb2_grpc, elo_pb2.DESCRIPTOR),
        ("MatchMakerService", matchmaker_pb2_grpc, matchmaker_pb2.DESCRIPTOR),
    )
)

_log = get_log("serving")


class Server:
    """A gRPC server with its health and its port; methods are those of `grpc.aio.Server`."""

    def __init__(self, settings: Settings) -> None:
        """Bind to where the settings say. Raises RuntimeError where the address is taken, OSError for a lost file."""
        limit = settings.max_message
        self.settings = settings
        self.grpc = grpc.aio.server(
            interceptors=[Gate(settings.token)],
            options=[
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", limit),
                ("grpc.so_reuseport", 0),  # or a second server on the port would silently take half of the calls
            ],
        )
        self.health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # it is there with grpc.aio alone
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.grpc)
        self.names: list[str] = [health.SERVICE_NAME]
        credentials = server_credentials(settings)
        self.port: int = (
            self.grpc.add_secure_port(settings.listen, credentials)
            if credentials is not None
            else self.grpc.add_insecure_port(settings.listen)
        )
        self._metrics: Any = None

    @property
    def address(self) -> str:
        """HOST:PORT that clients are given."""
        return f"{self.settings.listen.rpartition(':')[0]}:{self.port}"

    def add(self, servicer: object) -> None:
        """Add a servicer of one of the services. Raises TypeError for any other object."""
        for base, register, name in _SERVICES:
            if isinstance(servicer, base):
                register(servicer, self.grpc)
                self.names.append(name)
                return
        known = ", ".join(base.__name__ for base, _, _ in _SERVICES)
        raise TypeError(f"{type(servicer).__name__} is no servicer; accepted: subclasses of {known}")

    async def start(self) -> None:
        """Answer calls; health says SERVING."""
        if self.settings.metrics:
            self._metrics = start_exporter(self.settings.metrics)
        await self.grpc.start()
        for name in ("", *self.names):
            await self.health.set(name, health_pb2.HealthCheckResponse.SERVING)
        _log.info("serving", address=self.address, services=self.names[1:])

    async def stop(self, grace: float | None = None) -> None:
        """Say NOT_SERVING, take no new calls, and give those under way `grace` seconds."""
        await self.health.enter_graceful_shutdown()
        await self.grpc.stop(self.settings.grace_s if grace is None else grace)
        if self._metrics is not None:
            self._metrics.shutdown()
            self._metrics.server_close()
            self._metrics = None
        _log.info("stopped", address=self.address)

    async def wait_for_termination(self) -> None:
        """Wait until it has stopped."""
        await self.grpc.wait_for_termination()


def build_server(servicers: Sequence[object], settings: Settings) -> Server:
    """A server of these servicers, bound but not started; call it within a running event loop."""
    server = Server(settings)
    for servicer in servicers:
        server.add(servicer)
    reflection.enable_server_reflection([*server.names, reflection.SERVICE_NAME], server.grpc)
    return server


@asynccontextmanager
async def running(servicers: Sequence[object], settings: Settings) -> AsyncIterator[Server]:
    """Within, a server that answers."""
    server = build_server(servicers, settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def serve(servicers: Sequence[object], settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT."""
    configure_logs(settings.log_level)
    wanted = stop_wanted()
    async with running(servicers, settings):
        await wanted.wait()


def stop_wanted() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets, within a running event loop of the main thread."""
    wanted = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, wanted.set)
    return wanted
