"""ModelService and EloService over loopback: what goes in comes out, and what is wrong is refused by name."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.descriptor import MethodDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from tests.services.arbitrary import bytes_for, fields_of, is_message
from tests.services.loopback import channel_to, refusal
from tests.store.games import played_record

from services.elo_server import EloServicer, outcome_message
from services.finished import FinishedGame
from services.model_client import fetch_policy, publish_policy
from services.model_server import CHUNK, ModelServicer
from services.sink import StoreSink
from services.stubs import common_pb2, elo_pb2, elo_pb2_grpc, model_pb2, model_pb2_grpc
from store.connect import Connection
from store.lake import Lake
from store.policies import Policies
from store.ratings import Outcome, Player, Ratings

WEIGHTS = save({"a": np.arange(600_000, dtype=np.float32)})  # some chunks


@pytest.fixture
def channel(connection: Connection) -> Iterator[grpc.Channel]:
    servicers = [ModelServicer(Policies(connection)), EloServicer(Ratings(connection), Lake(connection))]
    with channel_to(servicers) as made:
        yield made


def outcome(game: str, **others: object) -> common_pb2.Outcome:
    record = played_record()
    result = record.result()
    told = Outcome(
        game,
        (Player("policy:demo", 1), Player("bot:random")),
        -1 if result.winner is None else result.winner,
        result.turns,
        "generalsio",
        1_700_000_000_000,
    )
    message = outcome_message(told, record.to_bytes())
    for name, value in others.items():
        setattr(message, name, value)
    return message


def test_a_policy_comes_back_as_it_was_published(channel: grpc.Channel) -> None:
    assert len(WEIGHTS) > 2 * CHUNK
    first = publish_policy(channel, "demo", WEIGHTS, {"steps": 1})
    again = publish_policy(channel, "demo", WEIGHTS, {"steps": 1})
    assert (first.version, again.version) == (1, 1)
    info, data = fetch_policy(channel, "demo")
    assert data == WEIGHTS
    assert info.about == '{"steps": 1}'
    stub = model_pb2_grpc.ModelServiceStub(channel)
    stub.SetAlias(model_pb2.SetAliasRequest(name="demo", alias="champion", version=1))
    listed = stub.ListPolicies(model_pb2.ListPoliciesRequest())
    assert [(p.name, p.version, list(p.aliases)) for p in listed.policies] == [("demo", 1, ["champion"])]


def test_watchers_hear_of_new_versions(channel: grpc.Channel) -> None:
    publish_policy(channel, "demo", WEIGHTS, {"steps": 1})
    stream = model_pb2_grpc.ModelServiceStub(channel).WatchPolicies(
        model_pb2.WatchPoliciesRequest(name="demo"), timeout=20
    )
    assert next(stream).info.version == 1
    publish_policy(channel, "demo", WEIGHTS, {"steps": 2})
    assert next(stream).info.version == 2
    stream.cancel()


def test_what_is_wrong_with_a_policy_is_told(channel: grpc.Channel) -> None:
    stub = model_pb2_grpc.ModelServiceStub(channel)

    def publish(*messages: model_pb2.PublishPolicyRequest) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as caught:
            stub.PublishPolicy(iter(messages))
        return refusal(caught.value)

    info = model_pb2.PolicyInfo(name="demo", sha256="0" * 64, size=len(WEIGHTS))
    chunks = [
        model_pb2.PublishPolicyRequest(chunk=common_pb2.Chunk(data=WEIGHTS[b : b + CHUNK]))
        for b in range(0, len(WEIGHTS), CHUNK)
    ]
    code, message = publish(model_pb2.PublishPolicyRequest(info=info), *chunks)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "info.sha256" in message
    assert "bytes in all" in publish(model_pb2.PublishPolicyRequest(info=info), chunks[0])[1]
    assert "first message" in publish()[1]
    junk = b"no safetensors"
    with pytest.raises(grpc.RpcError) as caught:
        publish_policy(channel, "demo", junk, {})
    assert "no safetensors file" in refusal(caught.value)[1]
    for kind, size in (("BF16", 2), ("F8_E4M3", 1)):  # numpy has none of them
        header = json.dumps({"a": {"dtype": kind, "shape": [2], "data_offsets": [0, 2 * size]}}).encode()
        with pytest.raises(grpc.RpcError) as caught:
            publish_policy(channel, "demo", len(header).to_bytes(8, "little") + header + bytes(2 * size), {})
        assert refusal(caught.value)[0] == grpc.StatusCode.INVALID_ARGUMENT
        assert kind in refusal(caught.value)[1]
    with pytest.raises(grpc.RpcError) as caught:
        fetch_policy(channel, "demo")
    assert refusal(caught.value)[0] == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    "about", ['{"a": NaN}', '{"a": 1e999}', "[]", "{", 100_000 * "[", 50_000 * '{"a":', r'{"a": "\ud800"}']
)
def test_metadata_that_is_no_json_object_is_refused(channel: grpc.Channel, about: str) -> None:
    info = model_pb2.PolicyInfo(
        name="demo", sha256=hashlib.sha256(WEIGHTS[:CHUNK]).hexdigest(), size=CHUNK, about=about
    )
    messages = [
        model_pb2.PublishPolicyRequest(info=info),
        model_pb2.PublishPolicyRequest(chunk=common_pb2.Chunk(data=WEIGHTS[:CHUNK])),
    ]
    with pytest.raises(grpc.RpcError) as caught:
        model_pb2_grpc.ModelServiceStub(channel).PublishPolicy(iter(messages))
    code, message = refusal(caught.value)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert message.startswith("info.about is")


def test_games_are_counted_and_filed_once(channel: grpc.Channel, connection: Connection) -> None:
    stub = elo_pb2_grpc.EloServiceStub(channel)
    request = elo_pb2.ReportOutcomeRequest(outcomes=[outcome("g1"), outcome("g2")])
    assert stub.ReportOutcome(request).counted == 2
    assert stub.ReportOutcome(request).duplicates == 2
    assert sorted(row.game_id for row in Lake(connection).all_rows()) == ["g1", "g2"]
    ladder = stub.GetRatings(elo_pb2.GetRatingsRequest()).ratings
    assert sorted(rating.player.name for rating in ladder) == ["bot:random", "policy:demo"]
    assert {rating.games for rating in ladder} == {2}
    history = stub.GetHistory(elo_pb2.GetHistoryRequest(player=common_pb2.Player(name="policy:demo", version=1)))
    assert [entry.game_id for entry in history.entries] == ["g2", "g1"]


def test_another_report_of_a_counted_game_replaces_nothing(channel: grpc.Channel, connection: Connection) -> None:
    stub = elo_pb2_grpc.EloServiceStub(channel)
    first, other = outcome("g1"), outcome("g1")
    other.players[1].name = "bot:hunter"
    stub.ReportOutcome(elo_pb2.ReportOutcomeRequest(outcomes=[first]))
    for outcomes in ([other], [other, outcome("g2")]):
        with pytest.raises(grpc.RpcError) as caught:
            stub.ReportOutcome(elo_pb2.ReportOutcomeRequest(outcomes=outcomes))
        assert refusal(caught.value)[0] == grpc.StatusCode.ALREADY_EXISTS
    filed = {row.game_id: row.players for row in Lake(connection).all_rows()}
    assert filed == dict.fromkeys(("g1", "g2"), ("policy:demo", "bot:random"))
    names = [rating.player.name for rating in stub.GetRatings(elo_pb2.GetRatingsRequest()).ratings]
    assert "bot:hunter" not in names


def test_a_game_that_somebody_reported_otherwise_holds_up_no_delivery(connection: Connection) -> None:
    lake, ratings, record = Lake(connection), Ratings(connection), played_record()
    players = (Player("human:anna"), Player("bot:random"))
    ratings.report([Outcome("g1", players, 1, 3, "generalsio", 1_700_000_000_000)])
    ended = (-1, record.turns, "generalsio", 1_700_000_000_000, record.to_bytes())
    asyncio.run(StoreSink(ratings, lake).deliver([FinishedGame(f"g{n}", players, *ended) for n in (1, 2)]))
    assert [row.game_id for row in lake.all_rows()] == ["g2"]
    assert set(ratings.games("generalsio")) == {"g1", "g2"}


def test_an_outcome_that_its_record_denies_is_refused(channel: grpc.Channel, connection: Connection) -> None:
    stub = elo_pb2_grpc.EloServiceStub(channel)
    for wrong in (outcome("g", turns=3), outcome("g", ruleset="classic"), outcome("g", record=b"junk")):
        with pytest.raises(grpc.RpcError) as caught:
            stub.ReportOutcome(elo_pb2.ReportOutcomeRequest(outcomes=[wrong]))
        assert refusal(caught.value)[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert not list(Lake(connection).all_rows())


METHODS = [
    (module, method)
    for module, service in ((model_pb2, "ModelService"), (elo_pb2, "EloService"))
    for method in module.DESCRIPTOR.services_by_name[service].methods
]


CLEAR = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}


@pytest.mark.parametrize(("module", "method"), METHODS, ids=[method.name for _, method in METHODS])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_comes_the_answer_is_clear(
    channel: grpc.Channel, module: Any, method: MethodDescriptor, data: st.DataObject
) -> None:
    """Any values in any fields, messages cut anywhere, bytes that are none; the server lives on."""
    kind = getattr(module, method.input_type.name)
    whole = fields_of(kind.DESCRIPTOR).map(lambda fields: kind(**fields).SerializeToString())
    sent = data.draw(whole | bytes_for(kind))
    path = f"/{method.containing_service.full_name}/{method.name}"
    code = grpc.StatusCode.OK
    try:
        if method.client_streaming:
            channel.stream_unary(path)(iter([sent]), timeout=60)
        elif method.server_streaming:
            waits = method.name == "WatchPolicies" and is_message(kind, sent)  # for the next version, for ever
            stream = channel.unary_stream(path)(sent, timeout=0.3 if waits else 60)
            next(stream, None)
            stream.cancel()
        else:
            channel.unary_unary(path)(sent, timeout=60)
    except grpc.RpcError as error:
        code, message = refusal(error)
        assert code in CLEAR, message
        assert message
    if not is_message(kind, sent):
        assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert elo_pb2_grpc.EloServiceStub(channel).GetRatings(elo_pb2.GetRatingsRequest(), timeout=60) is not None
