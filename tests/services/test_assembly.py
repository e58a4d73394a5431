"""The services of one process as `stratagem serve` puts them together."""

import asyncio
import signal
import socket
from pathlib import Path

import pytest
from tests.services.certificate import make_certificate

from services.assembly import run
from services.auth import bearer_metadata
from services.channels import open_async_channel
from services.settings import Settings
from services.stubs import common_pb2, game_pb2, game_pb2_grpc, matchmaker_pb2, matchmaker_pb2_grpc
from store.connect import Connection

M = matchmaker_pb2


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0"])
def test_two_meet_on_a_server_that_trusts_nobody_itself(host: str, connection: Connection, tmp_path: Path) -> None:
    """It has a certificate and asks for a token, and what clients trust is set for clients alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tls = make_certificate(tmp_path)
    client = Settings(token="sesame", tls_authority=tls.pop("tls_authority"))
    server = Settings(listen=f"{host}:{port}", token="sesame", grace_s=0.1, **tls)
    metadata = bearer_metadata("sesame")

    async def meet() -> None:
        async with open_async_channel(f"localhost:{port}", client) as channel:
            await asyncio.wait_for(channel.channel_ready(), 20)
            stub = matchmaker_pb2_grpc.MatchMakerServiceStub(channel)
            tickets = []
            for name in ("anna", "bert"):
                request = M.EnqueueRequest(player=common_pb2.Player(name=name), turn_ms=500)
                tickets.append((await stub.Enqueue(request, metadata=metadata, timeout=20)).ticket)
            told = [await stub.Poll(M.PollRequest(ticket=one), metadata=metadata, timeout=20) for one in tickets]
            assert [one.matched for one in told] == [True, True]
            seat = (*metadata, ("x-seat-token", told[0].seat_token))
            join = game_pb2.JoinGameRequest(game_id=told[0].game_id)
            joined = await game_pb2_grpc.GameServiceStub(channel).JoinGame(join, metadata=seat, timeout=20)
            assert (joined.seat, joined.state) == (told[0].seat, game_pb2.GAME_STATE_RUNNING)

    async def both() -> None:
        serving = asyncio.create_task(run(("game", "matchmaker"), server, connection.names, tmp_path / "games"))
        try:
            await meet()
        finally:
            if not serving.done():  # else nobody would hear it but the tests themselves
                signal.raise_signal(signal.SIGTERM)
            await serving

    asyncio.run(both())
