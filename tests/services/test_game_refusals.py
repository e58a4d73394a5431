"""What a game server refuses, how it says so, and that a request sent twice counts once."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.services.game_server import local_server, small

from services.client import GameClient, ServiceError
from services.game_hall import Limits
from services.settings import Settings
from services.stubs import common_pb2, game_pb2

Code = grpc.StatusCode


def refused(work: Any, *arguments: Any, **options: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        work(*arguments, **options)
    return caught.value


@pytest.mark.parametrize(
    ("fields", "field", "accepted"),
    [
        ({"seats": []}, "seats", "2 to 16"),
        ({"seats": [""] * 17}, "seats", "2 to 16"),
        ({"seats": ["", "bot:nobody"]}, "seats", "bot:hunter"),
        ({"ruleset": "generalsio18"}, "rules.ruleset", "classic, generalsio, competition"),
        ({"ruleset": "competition", "seats": [""] * 3}, "seats", "2 of them"),
        ({"turn_limit": -1}, "rules.turn_limit", "0 to 10000"),
        ({"turn_ms": 5}, "turn_ms", "10 to 60000"),
        ({"turn_ms": -1}, "turn_ms", "10 to 60000"),
        ({"seats": ["bot:hunter"] * 2}, "turn_ms", "10 to 60000"),
        ({"board": small(3, 8)}, "board.height", "4 to 64"),
        ({"board": small(8, 65)}, "board.width", "4 to 64"),
        ({"board": small(mountains=0.5)}, "board.mountains", "0 to 0.4"),
        ({"board": small(mountains=float("nan"))}, "board.mountains", "0 to 0.4"),
        ({"board": small(cities=99)}, "board.cities", "0 to 4"),
        ({"board": small(4, 4), "seats": [""] * 3}, "seats", "2 to 2"),
        ({"board": common_pb2.Board(kind=99)}, "board.kind", "0 to 3"),
        ({"board": common_pb2.Board(height=9)}, "board.height", "KIND_PLAIN"),
        ({"spectators": 9}, "spectators", "0 to 3"),
        ({"spectators": game_pb2.SPECTATORS_LIVE}, "spectators", "SPECTATORS_DELAYED"),
        ({"seed": 2**62}, "seed", "2**62 - 1"),
        ({"teams": 1}, "teams", "2 to 2"),
        ({"idle_ms": 5}, "idle_ms", "100 to"),
        ({"request_id": "x" * 129}, "request_id", "at most 128"),
    ],
)
def test_a_game_that_cannot_be_is_refused_by_name(
    client: GameClient, fields: dict[str, Any], field: str, accepted: str
) -> None:
    error = refused(client.create, **fields)
    assert error.code == Code.INVALID_ARGUMENT
    assert error.field == field
    assert accepted in error.accepted
    assert error.accepted in error.message


@pytest.mark.parametrize("name", ["", "x" * 65, "a@b", "a\nb", "bot:hunter", "robot:x"])
def test_names_that_ratings_could_not_tell_apart_are_refused(client: GameClient, name: str) -> None:
    game = client.create()
    assert refused(client.join, game, name).code == Code.INVALID_ARGUMENT
    assert refused(client.join, game, "anna", policy_version=3).field == "policy_version"
    assert client.join(game, "policy:demo", policy_version=3).info.players[0].version == 3


def test_unknown_games_and_wrong_tokens(client: GameClient) -> None:
    seat = client.join(client.create(["", "bot:random"], board=small()), "anna")
    other = client.join(client.create(["", "bot:random"], board=small()), "bert")
    submit = game_pb2.SubmitActionRequest(game_id=seat.game_id, actions=[0])
    for method, request in (
        ("SubmitAction", game_pb2.SubmitActionRequest(game_id="nowhere", actions=[0])),
        ("JoinGame", game_pb2.JoinGameRequest(game_id="nowhere", name="carl")),
        ("GetReplay", game_pb2.GetReplayRequest(game_id="nowhere")),
        ("Surrender", game_pb2.SurrenderRequest(game_id="nowhere")),
    ):
        error = refused(client.call, method, request, seat.token)
        assert (error.code, error.field, error.value) == (Code.NOT_FOUND, "game_id", "nowhere")
    assert refused(client.call, "SubmitAction", submit).code == Code.UNAUTHENTICATED
    error = refused(client.call, "SubmitAction", submit, other.token)
    assert error.code == Code.PERMISSION_DENIED
    assert other.token not in str(error)
    surrender = game_pb2.SurrenderRequest(game_id=seat.game_id)
    assert refused(client.call, "Surrender", surrender).code == Code.UNAUTHENTICATED
    assert refused(lambda: next(client.sights(seat.game_id, seat_token="wrong"))).code == Code.PERMISSION_DENIED
    assert refused(client.replay, seat.game_id).code == Code.FAILED_PRECONDITION
    assert seat.submit(0, 0).accepted


def test_actions_that_cannot_be_are_refused_and_late_ones_not_taken(client: GameClient) -> None:
    seat = client.join(client.create(["", "bot:random"], board=small()), "anna")
    assert "0 to 288" in refused(seat.submit, 289).accepted
    assert refused(seat.submit, -1).field == "actions"
    assert refused(seat.submit, [0, 0]).field == "actions"
    assert refused(seat.submit, []).field == "actions"
    assert refused(seat.submit, 0, 1).field == "turn"
    assert seat.submit(0, 0).accepted
    late = seat.submit(0, 0)
    assert (late.accepted, late.turn) == (False, 1)


def test_a_queue_has_an_end(client: GameClient) -> None:
    seat = client.join(client.create(["", "bot:random"], board=small(), turn_ms=60_000), "anna")
    assert seat.submit([0] * 1000).queued == 1000
    assert refused(seat.submit, 0).code == Code.RESOURCE_EXHAUSTED
    assert seat.submit([0], clear=True).queued == 1
    assert refused(seat.submit, [0] * 1001).code == Code.RESOURCE_EXHAUSTED


def test_a_request_sent_again_counts_once(client: GameClient) -> None:
    game = client.create(["", ""], board=small(), request_id="only-once", seed=1)
    assert client.create(["", ""], board=small(), request_id="only-once", seed=1) == game
    assert refused(client.create, ["", ""], board=small(), request_id="only-once", seed=2).code == Code.ALREADY_EXISTS
    seats = [client.join(game, name) for name in ("anna", "bert")]
    first = game_pb2.SubmitActionRequest(game_id=game, turn=0, actions=[0], request_id="r1")
    answers = [client.call("SubmitAction", first, seats[0].token) for _ in range(3)]
    assert seats[1].submit(0, 0).accepted
    answers.append(client.call("SubmitAction", first, seats[0].token))  # the turn has been played meanwhile
    assert {(a.turn, a.queued, a.accepted) for a in answers} == {(0, 1, True)}
    assert client.rejoin(game, seats[0].token).info.turn == 1


def test_queued_actions_sent_again_are_queued_once(client: GameClient) -> None:
    seat = client.join(client.create(["", "bot:random"], board=small(), turn_ms=60_000), "anna")
    request = game_pb2.SubmitActionRequest(game_id=seat.game_id, actions=[0, 0, 0], request_id="r1")
    assert [client.call("SubmitAction", request, seat.token).queued for _ in range(3)] == [3, 3, 3]
    assert seat.submit([0]).queued == 4


def test_a_seat_taken_again_with_ones_own_token_is_the_same_seat(client: GameClient) -> None:
    game = client.create()
    request = game_pb2.JoinGameRequest(game_id=game, name="anna", seat=-1, seat_token="a" * 43)
    joined = [client.call("JoinGame", request) for _ in range(3)]
    assert [(one.seat, one.seat_token) for one in joined] == [(0, "a" * 43)] * 3
    assert joined[-1].state == game_pb2.GAME_STATE_OPEN, "the other seat is still free"
    for token in ("short", "ä" * 43, "a" * 129):
        request.seat_token = token
        error = refused(client.call, "JoinGame", request)
        assert (error.code, error.field) == (Code.INVALID_ARGUMENT, "seat_token")
        assert token not in error.message


def test_an_oversize_message_is_refused_and_the_server_goes_on(tmp_path: Path) -> None:
    with (
        local_server(tmp_path, settings=Settings(max_message=10_000)) as (server, _),
        GameClient(server.address) as big,
    ):
        error = refused(big.create, ["", "x" * 20_000])
        assert error.code == Code.RESOURCE_EXHAUSTED
        assert big.create()


def test_limits_are_told(tmp_path: Path) -> None:
    with local_server(tmp_path, limits=Limits(games=2, streams=1)) as (_, client):
        game = client.create()
        client.create()
        error = refused(client.create)
        assert (error.code, error.accepted) == (Code.RESOURCE_EXHAUSTED, "at most 2")
        held = client.sights(game)
        next(held)
        assert refused(lambda: next(client.sights(game))).code == Code.RESOURCE_EXHAUSTED


def test_a_game_whose_seats_are_not_taken_is_dropped(tmp_path: Path) -> None:
    with local_server(tmp_path, limits=Limits(open_ms=50)) as (_, client):
        game = client.create()
        error = refused(lambda: list(client.sights(game)))
        assert error.code in (Code.ABORTED, Code.NOT_FOUND)
        assert refused(client.join, game, "anna").code == Code.NOT_FOUND


def test_a_server_with_a_token_asks_for_it(tmp_path: Path) -> None:
    with local_server(tmp_path, settings=Settings(token="open sesame")) as (server, client):
        assert client.create()
        for token, code in (("", Code.UNAUTHENTICATED), ("sesame", Code.PERMISSION_DENIED)):
            with GameClient(server.address, Settings(token=token)) as stranger:
                assert refused(stranger.create).code == code
                assert refused(lambda stranger=stranger: next(stranger.sights("x"))).code == code


def test_watchers_are_sent_away_when_the_server_stops(tmp_path: Path) -> None:
    with local_server(tmp_path) as (server, client):
        watching = client.sights(client.create())
        next(watching)
        server.do(server.hall.stop())
        assert refused(lambda: next(watching)).code == Code.UNAVAILABLE
