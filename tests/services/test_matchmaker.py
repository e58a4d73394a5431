"""MatchMakerService over gRPC, in front of a game server: from two tickets to a game that is played."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.arbitrary import bytes_for, fields_of, is_message
from tests.services.game_server import local_server, small

from engine.bots import BOTS
from services.channels import open_channel
from services.client import GameClient, ServiceError, readable_errors
from services.game_hall import Hall
from services.game_maker import HallGames
from services.matching import DROPPED_S
from services.matchmaker import EloLeague, MatchMakerServicer
from services.serving import Server, build_server
from services.settings import Settings
from services.stubs import common_pb2, matchmaker_pb2, matchmaker_pb2_grpc
from services.tournament import BotReferee
from store.ratings import Player

M = matchmaker_pb2
ELO = {"human:anna": 1200.0, "human:bert": 1230.0, "human:carl": 1900.0}


async def rate(player: Player, ladder: str) -> float:
    assert ladder in ("generalsio", "competition")
    return ELO.get(player.name, 1200.0 + 100 * player.version)


async def versions(policy: str) -> Sequence[int]:
    return [1, 2, 3] if policy == "demo" else []


@dataclass
class Place:
    """A matchmaker and the game server behind it."""

    channel: grpc.Channel
    stub: Any
    games: GameClient
    now: list[float]

    def call(self, method: str, request: Any) -> Any:
        with readable_errors():
            return getattr(self.stub, method)(request, timeout=20)

    def enqueue(self, name: str, **fields: Any) -> str:
        fields.setdefault("board", small())
        player = common_pb2.Player(name=name)
        return str(self.call("Enqueue", M.EnqueueRequest(player=player, **fields)).ticket)

    def poll(self, ticket: str) -> Any:
        return self.call("Poll", M.PollRequest(ticket=ticket))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("matched")
    now = [0.0]
    league = EloLeague(versions, rate, "generalsio")

    async def start(hall: Hall) -> Server:
        maker, chance = HallGames(hall), random.Random(1)
        servicer = MatchMakerServicer(maker, rate, league, BotReferee(), chance=chance, clock=lambda: now[0])
        server = build_server([servicer], Settings())
        await server.start()
        return server

    with local_server(folder) as (local, games):
        server = local.do(start(local.hall))
        with open_channel(server.address, Settings()) as channel:
            yield Place(channel, matchmaker_pb2_grpc.MatchMakerServiceStub(channel), games, now)
        local.do(server.stop(0.5))


def test_two_of_like_rating_get_a_game_and_a_seat_each(place: Place) -> None:
    one, other = place.enqueue("anna"), place.enqueue("bert")
    first, second = place.poll(one), place.poll(other)
    assert first.matched
    assert second.matched
    assert first.game_id == second.game_id
    assert {first.seat, second.seat} == {0, 1}
    assert first.seat_token != second.seat_token
    assert (first.opponent.name, second.opponent.name) == ("human:bert", "human:anna")
    assert place.poll(one) == first  # told again to who lost the answer
    for told in (first, second):
        seat = place.games.rejoin(told.game_id, told.seat_token)
        assert seat.seat == told.seat
        assert seat.submit(0, 0).accepted


def test_who_is_too_strong_waits_until_the_window_is_wide(place: Place) -> None:
    strong, weak = place.enqueue("carl"), place.enqueue("anna")
    assert not place.poll(strong).matched
    for _ in range(3):
        place.now[0] += 10
        matched = [place.poll(ticket).matched for ticket in (strong, weak)]
    assert matched == [True, True]


def test_tickets_that_are_not_polled_are_dropped(place: Place) -> None:
    ticket = place.enqueue("anna")
    place.now[0] += DROPPED_S + 1
    with pytest.raises(ServiceError) as refused:
        place.poll(ticket)
    assert (refused.value.code, refused.value.field) == (grpc.StatusCode.NOT_FOUND, "ticket")


def test_a_request_sent_again_is_the_same_ticket(place: Place) -> None:
    tickets = {place.enqueue("anna", request_id="r", turn_ms=500) for _ in range(3)}
    assert len(tickets) == 1


@pytest.mark.parametrize(("name", "turn_ms"), [("bert", 500), ("anna", 600)])
def test_the_id_of_anothers_request_gives_nobody_their_ticket(place: Place, name: str, turn_ms: int) -> None:
    place.enqueue("anna", request_id="anna's", turn_ms=500)
    with pytest.raises(ServiceError) as refused:
        place.enqueue(name, request_id="anna's", turn_ms=turn_ms)
    assert (refused.value.code, refused.value.field) == (grpc.StatusCode.ALREADY_EXISTS, "request_id")


def test_who_hung_up_keeps_nobody_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.now[0] += DROPPED_S + 1
    monkeypatch.setattr("services.matchmaker.MOST_TICKETS", 3)
    for n in range(3):
        place.enqueue(f"lost-{n}", turn_ms=100 + n, request_id=str(n))
    with pytest.raises(ServiceError) as refused:
        place.enqueue("carl", turn_ms=700)
    assert refused.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert place.enqueue("lost-2", turn_ms=102, request_id="2")  # it has a ticket and takes no other's place
    place.now[0] += DROPPED_S + 1
    assert not place.poll(place.enqueue("carl", turn_ms=700)).matched


def test_actors_are_told_whom_to_play(place: Place) -> None:
    answer = place.call("NextPairing", M.NextPairingRequest(actor="a", policy="demo", games=1000))
    assert sum(pairing.games for pairing in answer.pairings) == 1000
    assert {pairing.version for pairing in answer.pairings} == {3}
    by_version = {p.opponent_version: p.games for p in answer.pairings if p.kind == M.Pairing.KIND_SNAPSHOT}
    assert set(by_version) == {1, 2}
    assert by_version[2] > by_version[1]  # the stronger one
    assert {p.bot for p in answer.pairings if p.kind == M.Pairing.KIND_BOT} == set(BOTS)


def test_a_tournament_of_bots_streams_its_results(place: Place) -> None:
    bots = [common_pb2.Player(name=f"bot:{name}") for name in ("random", "hunter", "expander")]
    request = M.TournamentRequest(players=bots, pairs=70, rules=common_pb2.Rules(turn_limit=200), board=small(), seed=3)
    with readable_errors():
        results = list(place.stub.Tournament(request, timeout=120))
        again = list(place.stub.Tournament(request, timeout=120))
    assert results == again
    assert results[-1].finished
    assert not any(result.finished for result in results[:-1])
    last = {(r.one.name, r.other.name): r for r in results[:-1]}
    assert len(last) == 3
    assert all(r.wins + r.draws + r.losses == 140 for r in last.values())
    assert last["bot:random", "bot:hunter"].losses > 100
    assert len(results) == 1 + 3 * 2  # pieces of 64 pairs


@pytest.mark.parametrize(
    ("method", "request_", "code"),
    [
        ("Poll", M.PollRequest(ticket="nowhere"), "NOT_FOUND"),
        ("Enqueue", M.EnqueueRequest(), "INVALID_ARGUMENT"),
        ("Enqueue", M.EnqueueRequest(player=common_pb2.Player(name="a"), turn_ms=3), "INVALID_ARGUMENT"),
        ("NextPairing", M.NextPairingRequest(actor="a", policy="demo"), "INVALID_ARGUMENT"),
        ("NextPairing", M.NextPairingRequest(actor="a", policy="nobody", games=1), "NOT_FOUND"),
        ("NextPairing", M.NextPairingRequest(policy="demo", games=1), "INVALID_ARGUMENT"),
    ],
)
def test_refusals(place: Place, method: str, request_: Any, code: str) -> None:
    with pytest.raises(ServiceError) as refused:
        place.call(method, request_)
    assert refused.value.code.name == code


@pytest.mark.parametrize(
    "request_",
    [
        M.TournamentRequest(),
        M.TournamentRequest(players=[common_pb2.Player(name="bot:hunter")] * 2, pairs=1),
        M.TournamentRequest(players=[common_pb2.Player(name=n) for n in ("bot:hunter", "policy:x")], pairs=1),
        M.TournamentRequest(players=[common_pb2.Player(name=n) for n in ("bot:hunter", "bot:random")]),
    ],
)
def test_tournaments_that_cannot_be(place: Place, request_: Any) -> None:
    with pytest.raises(ServiceError) as refused, readable_errors():
        list(place.stub.Tournament(request_, timeout=20))
    assert refused.value.code.name == "INVALID_ARGUMENT"


SERVICE = M.DESCRIPTOR.services_by_name["MatchMakerService"]
UNCLEAR = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)


@pytest.mark.parametrize("method", [method.name for method in SERVICE.methods])
@settings(max_examples=50)
@given(data=st.data())
def test_whatever_comes_the_answer_is_clear(place: Place, method: str, data: st.DataObject) -> None:
    kind = getattr(M, SERVICE.methods_by_name[method].input_type.name)
    whole = fields_of(kind.DESCRIPTOR).map(lambda fields: kind(**fields).SerializeToString())
    sent = data.draw(whole | bytes_for(kind))
    path = f"/{SERVICE.full_name}/{method}"
    refused: ServiceError | None = None
    try:
        with readable_errors():
            if method == "Tournament":
                stream = place.channel.unary_stream(path)(sent, timeout=20)
                next(stream)
                stream.cancel()
            else:
                place.channel.unary_unary(path)(sent, timeout=20)
    except ServiceError as error:
        refused = error
    assert refused is None or (refused.code not in UNCLEAR and refused.message), refused
    if not is_message(kind, sent):
        assert refused is not None
        assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    assert place.call("NextPairing", M.NextPairingRequest(actor="a", policy="demo", games=3)).pairings
