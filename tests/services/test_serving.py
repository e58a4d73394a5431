"""What every server has: health, reflection, tokens, TLS, clear statuses, metrics, logs, settings."""

import asyncio
import io
import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests.services.certificate import make_certificate

from services import metrics
from services.channels import open_async_channel, open_channel
from services.client import ServiceError
from services.logs import configure_logs
from services.refusal import invalid
from services.serving import Server, build_server, running
from services.settings import PORTS, Settings
from services.stubs import elo_pb2, elo_pb2_grpc, game_pb2, game_pb2_grpc
from store.errors import BusyError, ConflictError, DamagedError, InvalidError, NotFoundError, StoreError


class Moody(game_pb2_grpc.GameServiceServicer):
    """Answers ListGames as its limit says."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    async def ListGames(self, request: Any, context: Any) -> Any:  # noqa: N802
        if self.error is not None:
            raise self.error
        return game_pb2.ListGamesResponse()

    async def StreamGame(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        yield game_pb2.StreamGameResponse(turn=1)
        if self.error is not None:
            raise self.error


class Counting(elo_pb2_grpc.EloServiceServicer):
    """A second service."""


def served(work: Callable[[Any, Server], Awaitable[Any]], *servicers: object, settings: Settings | None = None) -> Any:
    """Run a coroutine with a channel to a server of these servicers."""

    async def run() -> Any:
        chosen = settings or Settings(grace_s=0.2)
        async with (
            running(list(servicers) or [Moody()], chosen) as server,
            open_async_channel(server.address, chosen) as channel,
        ):
            return await work(channel, server)

    return asyncio.run(run())


async def refused(call: Awaitable[Any]) -> ServiceError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    return ServiceError(error.code(), error.details() or "", {})


async def list_games(channel: Any, **options: Any) -> Any:
    return await game_pb2_grpc.GameServiceStub(channel).ListGames(game_pb2.ListGamesRequest(), timeout=20, **options)


def test_health_follows_the_server() -> None:
    async def work(channel: Any, server: Server) -> None:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", "stratagem.v1.GameService", "stratagem.v1.EloService"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        unknown = await refused(stub.Check(health_pb2.HealthCheckRequest(service="nothing")))
        assert unknown.code == grpc.StatusCode.NOT_FOUND
        watching = stub.Watch(health_pb2.HealthCheckRequest(service=""))
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.SERVING
        await server.health.enter_graceful_shutdown()
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING

    served(work, Moody(), Counting())


def test_reflection_names_the_services() -> None:
    async def work(channel: Any, server: Server) -> set[str]:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        return {service.name for service in (await call.read()).list_services_response.service}

    assert {"stratagem.v1.GameService", "grpc.health.v1.Health"} <= served(work)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (invalid("x", 1, "2"), "INVALID_ARGUMENT"),
        (InvalidError("no"), "INVALID_ARGUMENT"),
        (NotFoundError("no"), "NOT_FOUND"),
        (ConflictError("no"), "ALREADY_EXISTS"),
        (DamagedError("no"), "DATA_LOSS"),
        (BusyError("no"), "ABORTED"),
        (StoreError("no"), "INTERNAL"),
        (ZeroDivisionError("secret detail"), "INTERNAL"),
    ],
)
def test_what_a_servicer_raises_becomes_a_status(error: Exception, code: str) -> None:
    async def work(channel: Any, server: Server) -> None:
        single = await refused(list_games(channel))
        stream = game_pb2_grpc.GameServiceStub(channel).StreamGame(game_pb2.StreamGameRequest())
        assert (await stream.read()).turn == 1
        streamed = await refused(stream.read())
        assert single.code.name == streamed.code.name == code
        assert single.message
        assert "secret detail" not in single.message

    served(work, Moody(error))


def test_methods_that_are_not_answered_say_so() -> None:
    async def work(channel: Any, server: Server) -> None:
        created = game_pb2_grpc.GameServiceStub(channel).CreateGame(game_pb2.CreateGameRequest())
        assert (await refused(created)).code == grpc.StatusCode.UNIMPLEMENTED
        history = elo_pb2_grpc.EloServiceStub(channel).GetHistory(elo_pb2.GetHistoryRequest())
        assert (await refused(history)).code == grpc.StatusCode.UNIMPLEMENTED

    served(work)


def test_long_values_are_not_repeated_whole() -> None:
    error = invalid("name", "x" * 10_000, "short ones")
    assert len(error.message) < 200
    assert "10000 characters" in error.message


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\U0001f600"])
def test_whatever_the_store_repeats_the_status_arrives(letter: str) -> None:
    """Longer headers are dropped by gRPC, and the caller hears RESOURCE_EXHAUSTED."""
    error = NotFoundError(f"policy {100_000 * letter} is unknown; known: demo")

    async def work(channel: Any, server: Server) -> ServiceError:
        return await refused(list_games(channel))

    told = served(work, Moody(error))
    assert told.code == grpc.StatusCode.NOT_FOUND
    assert told.message.startswith(f"policy {letter}")
    assert told.message.endswith("is unknown; known: demo")


def test_health_needs_no_token() -> None:
    async def work(channel: Any, server: Server) -> None:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert (await refused(list_games(channel))).code == grpc.StatusCode.UNAUTHENTICATED
        wrong = await refused(list_games(channel, metadata=(("authorization", "Bearer x"),)))
        assert wrong.code == grpc.StatusCode.PERMISSION_DENIED
        await list_games(channel, metadata=(("authorization", "Bearer sesame"),))

    served(work, settings=Settings(token="sesame", grace_s=0.2))


def test_tls_proves_the_server(tmp_path: Path) -> None:
    settings = Settings(listen="localhost:0", grace_s=0.2, **make_certificate(tmp_path))

    async def work(channel: Any, server: Server) -> None:
        await list_games(channel)
        async with grpc.aio.insecure_channel(server.address) as plain:
            assert (await refused(list_games(plain))).code == grpc.StatusCode.UNAVAILABLE

    served(work, settings=settings)


def test_metrics_and_logs_tell_of_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = io.StringIO()
    monkeypatch.setattr("sys.stderr", lines)
    configure_logs("debug")

    async def work(channel: Any, server: Server) -> str:
        before = metrics.RPCS.labels("/stratagem.v1.GameService/ListGames", "OK")._value.get()
        await list_games(channel, metadata=(("x-request-id", "r-17"),))
        assert metrics.RPCS.labels("/stratagem.v1.GameService/ListGames", "OK")._value.get() == before + 1
        address = f"127.0.0.1:{server._metrics.server_port}"
        return await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://{address}/metrics").read().decode())

    told = served(work, settings=Settings(metrics="127.0.0.1:0", grace_s=0.2))
    assert "stratagem_rpc_seconds_bucket" in told
    calls = [json.loads(line) for line in lines.getvalue().splitlines()]
    (call,) = [call for call in calls if call["event"] == "call"]
    assert (call["method"], call["code"], call["request_id"]) == ("/stratagem.v1.GameService/ListGames", "OK", "r-17")
    assert call["ms"] >= 0


def test_settings_are_read_from_the_environment() -> None:
    read = Settings.from_environment({"STRATAGEM_MAX_MESSAGE": "5000", "STRATAGEM_TOKEN": "t"}, listen="x:1", token="u")
    assert (read.max_message, read.token, read.listen) == (5000, "t", "x:1")
    for wrong in ({"STRATAGEM_MAX_MESSAGE": "many"}, {"STRATAGEM_MAX_MESSAGE": "1"}, {"STRATAGEM_LOG_LEVEL": "loud"}):
        with pytest.raises(ValueError, match="accepted"):
            Settings.from_environment(wrong)
    with pytest.raises(ValueError, match="accepted"):
        Settings(tls_certificate="one.pem")
    for name in ("listen", "metrics"):
        for wrong in ("foo", "foo:", "foo:bar", "127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:\u0661"):
            with pytest.raises(ValueError, match=f'{name} is "{wrong}"; accepted: HOST:PORT'):
                Settings(**{name: wrong})
    Settings(listen="[::1]:65535", metrics=":0")
    assert len(set(PORTS.values())) == len(PORTS)


def test_what_is_no_servicer_is_refused() -> None:
    async def build() -> None:
        build_server([object()], Settings())

    with pytest.raises(TypeError, match="object is no servicer; accepted"):
        asyncio.run(build())


def test_a_port_is_not_shared() -> None:
    async def work(channel: Any, server: Server) -> None:
        with pytest.raises(RuntimeError, match="Failed to bind"):
            build_server([Moody()], Settings(listen=server.address))

    served(work)


def test_errors_of_a_lost_server_can_be_read() -> None:
    with open_channel("127.0.0.1:1", Settings()) as channel:
        stub = game_pb2_grpc.GameServiceStub(channel)
        with pytest.raises(grpc.RpcError) as lost:
            stub.StreamGame(game_pb2.StreamGameRequest(), timeout=10).next()
    assert "UNAVAILABLE" in str(ServiceError.of(lost.value))


def test_a_process_that_serves_nothing_tells_its_metrics_too() -> None:
    with metrics.metrics_at("127.0.0.1:0") as port:
        metrics.ACTOR_VERSION.set(7)
        told = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    assert "stratagem_actor_policy_version 7.0" in told
    with metrics.metrics_at("") as port:
        assert port == 0
