"""Arbitrary values, arbitrary bytes, truncated messages for every method: a clear status, and the server lives on."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.arbitrary import bytes_for, fields_of, is_message
from tests.services.game_server import local_server, small

from services.client import SEAT_TOKEN_HEADER, GameClient, SeatClient, ServiceError, readable_errors
from services.game_hall import Limits
from services.stubs import game_pb2

SERVICE = game_pb2.DESCRIPTOR.services_by_name["GameService"]
METHODS = [method.name for method in SERVICE.methods]
UNCLEAR = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DEADLINE_EXCEEDED)


class Target:
    """A server, and games in all states to aim at."""

    def __init__(self, client: GameClient) -> None:
        self.client = client
        stepped = client.join(client.create(["", "bot:random"], board=small()), "anna")
        clocked = client.join(client.create(["", "bot:random"], board=small(), turn_ms=60_000), "anna")
        over = client.join(client.create(["", "bot:random"], board=small()), "anna")
        over.surrender()
        self.seats: list[SeatClient | None] = [stepped, clocked, over, None]
        self.open = client.create()

    def metadata(self, seat: SeatClient | None, token: str | None) -> list[tuple[str, str]]:
        if token is None:
            return []
        return [(SEAT_TOKEN_HEADER, seat.token if token == "right" and seat else token)]

    def send(self, method: str, data: bytes, metadata: list[tuple[str, str]]) -> grpc.StatusCode | None:
        """Send bytes; the status that came back, None for OK or a stream that began."""
        path = f"/{SERVICE.full_name}/{method}"
        refused: ServiceError | None = None
        try:
            with readable_errors():
                if method == "StreamGame":
                    stream = self.client._channel.unary_stream(path)(data, timeout=20, metadata=metadata)
                    next(stream)
                    stream.cancel()
                else:
                    self.client._channel.unary_unary(path)(data, timeout=20, metadata=metadata)
        except ServiceError as error:
            refused = error
        assert refused is None or (refused.code not in UNCLEAR and refused.message), refused
        return refused.code if refused else None


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    with local_server(folder, limits=Limits(games=60)) as (_, client):
        yield Target(client)
        assert client.games()  # it is alive


TOKENS = st.sampled_from([None, "right", "wrong", "x" * 43])


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=60)
@given(data=st.data())
def test_arbitrary_values(target: Target, method: str, data: st.DataObject) -> None:
    kind = SERVICE.methods_by_name[method].input_type
    fields = data.draw(fields_of(kind))
    seat = data.draw(st.sampled_from(target.seats))
    if "game_id" in kind.fields_by_name and data.draw(st.booleans()):
        fields["game_id"] = seat.game_id if seat else target.open
    request = getattr(game_pb2, kind.name)(**fields)
    target.send(method, request.SerializeToString(), target.metadata(seat, data.draw(TOKENS)))


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(data=st.data())
def test_truncated_and_arbitrary_bytes(target: Target, method: str, data: st.DataObject) -> None:
    kind = getattr(game_pb2, SERVICE.methods_by_name[method].input_type.name)
    sent = data.draw(bytes_for(kind))
    code = target.send(method, sent, target.metadata(None, data.draw(TOKENS)))
    if not is_message(kind, sent):
        assert code == grpc.StatusCode.INVALID_ARGUMENT


def test_header_values_that_are_no_token(target: Target) -> None:
    seat = target.seats[0]
    assert seat is not None
    request = game_pb2.SubmitActionRequest(game_id=seat.game_id, actions=[0]).SerializeToString()
    for token, code in (("", grpc.StatusCode.UNAUTHENTICATED), ("y" * 4000, grpc.StatusCode.PERMISSION_DENIED)):
        assert target.send("SubmitAction", request, [(SEAT_TOKEN_HEADER, token)]) == code
