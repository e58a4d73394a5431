"""The replay service over loopback: what is recorded comes back, once, and nothing that is sent breaks it."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.replay_service import GAMES, TURNS, fragments, replay_service

from actors.fragment import Replayer
from actors.reporter import Reporter, ReportError
from engine.board import ARMY_SHIFT, MASK_SHIFT
from learner.experience import ExperienceClient
from services.replay_server import Held
from services.settings import Settings
from services.stubs import replay_pb2 as messages
from services.stubs.replay_pb2_grpc import ReplayServiceStub
from services.tables import RateLimiter, Table

TENSORS = messages.GetExperienceBatchRequest.FORM_TENSORS


def tables() -> list[Table[Held]]:
    return [
        Table("queue", 4, sampler="fifo", max_times_sampled=1, limiter=RateLimiter.queue(4)),
        Table("uniform", 100, limiter=RateLimiter(min_size=3)),
        Table("prioritised", 8, sampler="prioritised"),
    ]


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    """A service that all bad input goes to."""
    with replay_service(tables()) as address:
        yield address


@pytest.fixture
def service() -> Iterator[str]:
    """A service of its own for a test."""
    with replay_service(tables()) as address:
        yield address


@pytest.fixture
def stub(service: str) -> Iterator[ReplayServiceStub]:
    with grpc.insecure_channel(service) as channel:
        yield ReplayServiceStub(channel)


def record(stub, table, sent, timeout=10.0):
    requests = [messages.RecordExperienceRequest(table=table, fragment=fragment) for fragment in sent]
    return stub.RecordExperience(iter(requests), timeout=timeout)


def sample(stub, table, count, form=0, timeout=10.0):
    request = messages.GetExperienceBatchRequest(table=table, count=count, form=form)
    return [drawn for answer in stub.GetExperienceBatch(request, timeout=timeout) for drawn in answer.samples]


def stats(stub, table):
    return stub.GetStats(messages.GetStatsRequest(table=table), timeout=10).tables[0]


def test_a_queue_gives_what_was_recorded_in_order(stub) -> None:
    sent = fragments(4)
    assert record(stub, "queue", sent).inserted == 4
    drawn = sample(stub, "queue", 4)
    assert [one.fragment for one in drawn] == sent
    assert [(one.probability, one.times_sampled) for one in drawn] == [(1.0, 1)] * 4
    told = stats(stub, "queue")
    assert (told.size, told.inserted, told.sampled, told.removed, told.bytes) == (0, 4, 4, 4, 0)
    assert told.transitions_inserted == told.transitions_sampled == 4 * TURNS * GAMES * 2
    assert told.newest_policy_version == 3


def test_what_comes_twice_counts_once(stub) -> None:
    sent = fragments(5)
    assert record(stub, "uniform", sent[:3]).inserted == 3
    again = record(stub, "uniform", sent)
    assert (again.inserted, again.duplicates) == (2, 3)
    assert record(stub, "uniform", fragments(5, actor="another")).inserted == 5
    assert record(stub, "prioritised", sent[:1]).inserted == 1  # another table
    assert stats(stub, "uniform").size == 10


def test_tensors_are_what_the_log_replays_to(stub) -> None:
    record(stub, "queue", fragments(2))
    drawn = sample(stub, "queue", 2, TENSORS)
    for one, fragment in zip(drawn, fragments(2), strict=True):
        played, got = Replayer().replay(fragment), one.tensors
        seen = (TURNS + 1, GAMES, 2, got.height, got.width)
        flags = np.frombuffer(got.flags, np.uint8).reshape(seen).astype(np.int32)
        masks = np.frombuffer(got.masks, np.uint8).reshape(seen).astype(np.int32)
        armies = np.frombuffer(got.armies, "<i2").reshape(seen).astype(np.int32)
        np.testing.assert_array_equal(flags | masks << MASK_SHIFT | armies << ARMY_SHIFT, played.words)
        for field, kind in (("vector", "<i4"), ("rewards", "<f4"), ("winner", "i1")):
            expected = getattr(played, field)
            np.testing.assert_array_equal(np.frombuffer(getattr(got, field), kind).reshape(expected.shape), expected)
        for field in ("terminated", "truncated", "valid", "resets"):
            assert getattr(got, field) == getattr(played, field).tobytes()
        assert got.actions == fragment.actions  # both seats learn
        assert (one.fragment.start, one.fragment.actions) == (b"", b"")


def test_samples_wait_for_inserts_and_inserts_for_samples(stub) -> None:
    with pytest.raises(grpc.RpcError) as error:
        sample(stub, "uniform", 1, timeout=0.2)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    record(stub, "uniform", fragments(2))
    waiting = stub.GetExperienceBatch(messages.GetExperienceBatchRequest(table="uniform", count=5), timeout=30)
    while stats(stub, "uniform").hunger == 0:
        pass  # until the call has arrived
    assert stats(stub, "uniform").hunger == 5
    record(stub, "uniform", fragments(3))
    assert sum(len(answer.samples) for answer in waiting) == 5
    assert stats(stub, "uniform").hunger == 0

    held = record_later(stub, fragments(6))
    while stats(stub, "queue").size < 4:
        pass  # until as many have arrived as there is room for
    with pytest.raises(grpc.FutureTimeoutError):
        held.result(0.2)
    held.cancel()
    assert stats(stub, "queue").size == 4
    asked = record_later(stub, fragments(6))
    assert [one.fragment.sequence for one in sample(stub, "queue", 4)] == [1, 2, 3, 4]
    assert [one.fragment.sequence for one in sample(stub, "queue", 2)] == [5, 6]
    assert asked.result(10).duplicates >= 4  # more if the cancelled call was still there when room was made


def record_later(stub, sent):
    requests = [messages.RecordExperienceRequest(table="queue", fragment=fragment) for fragment in sent]
    return stub.RecordExperience.future(iter(requests), timeout=30)


def test_priorities_decide_what_is_drawn(stub) -> None:
    sent = fragments(3)
    for fragment, priority in zip(sent, (0.0, 0.0, 5.0), strict=True):
        fragment.priority = priority
    record(stub, "prioritised", sent)
    drawn = sample(stub, "prioritised", 20)
    assert {one.fragment.sequence for one in drawn} == {3}
    assert drawn[0].probability == 1.0
    request = messages.UpdatePrioritiesRequest(
        table="prioritised", keys=[drawn[0].key, 10**15, 2**64 - 1], priorities=[0.0, 1.0, 1.0]
    )
    assert stub.UpdatePriorities(request, timeout=10).updated == 1
    assert {one.fragment.sequence for one in sample(stub, "prioritised", 60)} == {1, 2, 3}  # all 0: all alike


def test_a_large_batch_comes_in_several_messages() -> None:
    with (
        replay_service([Table("t", 100)], Settings(max_message=6144)) as address,
        grpc.insecure_channel(address) as channel,
    ):
        stub = ReplayServiceStub(channel)
        record(stub, "t", fragments(32))
        request = messages.GetExperienceBatchRequest(table="t", count=64)
        sizes = [answer.ByteSize() for answer in stub.GetExperienceBatch(request, timeout=10)]
        assert len(sizes) > 4
        assert max(sizes) <= 6144
        assert len(sample(stub, "t", 64)) == 64
        assert refusal(lambda: sample(stub, "t", 1, TENSORS)) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "bytes of a sample as tensors",
        )
        large = fragments(1)[0]
        large.actor, large.setup = "x", large.setup + " " * 4200
        assert refusal(lambda: record(stub, "t", [large]))[0] is grpc.StatusCode.INVALID_ARGUMENT
        large.setup = large.setup + " " * 4200
        assert refusal(lambda: record(stub, "t", [large]))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert len(sample(stub, "t", 1)) == 1


def refusal(call) -> tuple[grpc.StatusCode, str]:
    """The code of a refused call and the field that its details name."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    status = rpc_status.from_call(error.value)
    info = error_details_pb2.ErrorInfo()
    if status is not None and status.details:
        status.details[0].Unpack(info)
        assert info.domain == "stratagem"
    return error.value.code(), info.metadata.get("field", "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"setup": "nonsense"}, "setup is no JSON"),
        ({"start": b"\x28\xb5\x2f\xfd\xa4\x00\x00\x00\x40"}, "position has 1073741824 bytes"),
        ({"actions": b"\xff" * (TURNS * GAMES * 4)}, "actions of the fragment is -1; accepted: 0 to 200"),
        ({"values": b""}, "values of the fragment is 0; accepted: 72 bytes"),
        ({"priority": float("nan")}, "priority is nan"),
        ({"priority": -1.0}, "priority is -1"),
        ({"actor": "x" * 200}, "actor of the fragment is 200"),
    ],
)
def test_a_bad_fragment_is_refused_and_what_came_before_it_stays(stub, changes, message) -> None:
    good, bad = fragments(2)
    for name, value in changes.items():
        setattr(bad, name, value)
    with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT") as error:
        record(stub, "uniform", [good, bad])
    assert message in error.value.details()
    assert stats(stub, "uniform").size == 1
    assert record(stub, "uniform", fragments(2)).inserted == 1


def test_unknown_tables_and_counts_are_refused(stub) -> None:
    for call in (
        lambda: record(stub, "nowhere", fragments(1)),
        lambda: sample(stub, "nowhere", 1),
        lambda: stats(stub, "nowhere"),
        lambda: stub.UpdatePriorities(messages.UpdatePrioritiesRequest(table="nowhere"), timeout=10),
    ):
        assert refusal(call) == (grpc.StatusCode.NOT_FOUND, "table")
    assert refusal(lambda: sample(stub, "uniform", 0)) == (grpc.StatusCode.INVALID_ARGUMENT, "count")
    assert refusal(lambda: sample(stub, "uniform", 5000)) == (grpc.StatusCode.INVALID_ARGUMENT, "count")
    assert refusal(lambda: sample(stub, "queue", 5)) == (grpc.StatusCode.INVALID_ARGUMENT, "count")  # it holds 4
    assert refusal(lambda: sample(stub, "uniform", 1, form=7)) == (grpc.StatusCode.INVALID_ARGUMENT, "form")
    request = messages.UpdatePrioritiesRequest(table="uniform", keys=[1, 2], priorities=[1.0])
    assert refusal(lambda: stub.UpdatePriorities(request, timeout=10)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "priorities",
    )


CLEAR = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
METHODS = ("RecordExperience", "GetExperienceBatch", "UpdatePriorities", "GetStats")
NAMES = st.sampled_from(["", "queue", "uniform", "prioritised", "nowhere", "\U0001f600" * 50])
NUMBERS = st.one_of(st.integers(-3, 5), st.integers(-(2**31), 2**31 - 1))


@st.composite
def hostile_fragments(draw: st.DrawFn) -> messages.Fragment:
    """A good fragment with some fields replaced."""
    fragment = fragments(1, actor=draw(st.text(max_size=3)))[0]
    fragment.sequence = draw(st.integers(0, 2**64 - 1))
    for name in draw(st.lists(st.sampled_from(["turns", "games", "seats", "first_game"]), max_size=2)):
        setattr(fragment, name, draw(NUMBERS))
    for name in draw(st.lists(st.sampled_from(["start", "actions", "log_probs", "values", "memory"]), max_size=2)):
        content = getattr(fragment, name)
        setattr(fragment, name, draw(st.one_of(st.binary(max_size=64), st.just(content[:-1]), st.just(content * 2))))
    if draw(st.booleans()):
        fragment.setup = draw(st.text(max_size=40))
    if draw(st.booleans()):
        fragment.priority = draw(st.floats())
    fragment.learners = draw(st.sampled_from([3, 0, 1, 2**32 - 1]))
    return fragment


REQUESTS = {
    "RecordExperience": st.builds(messages.RecordExperienceRequest, table=NAMES, fragment=hostile_fragments()),
    "GetExperienceBatch": st.builds(
        messages.GetExperienceBatchRequest, table=NAMES, count=NUMBERS, form=st.integers(-1, 5)
    ),
    "UpdatePriorities": st.builds(
        messages.UpdatePrioritiesRequest,
        table=NAMES,
        keys=st.lists(st.integers(0, 2**64 - 1), max_size=4),
        priorities=st.lists(st.floats(), max_size=4),
    ),
    "GetStats": st.builds(messages.GetStatsRequest, table=NAMES),
}


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=40)
@given(data=st.data())
def test_anything_gets_a_clear_status(shared: str, method: str, data: st.DataObject) -> None:
    """Well-formed messages of odd content, cut ones, and plain noise."""
    raw = data.draw(
        st.one_of(
            REQUESTS[method].map(lambda message: message.SerializeToString()),
            REQUESTS[method].map(lambda message: message.SerializeToString()[:-3]),
            st.binary(max_size=200),
        )
    )
    with grpc.insecure_channel(shared) as channel:
        path = f"/stratagem.v1.ReplayService/{method}"
        if method == "RecordExperience":
            call = channel.stream_unary(path).future(iter([raw]), timeout=0.5)
        elif method == "GetExperienceBatch":
            call = channel.unary_stream(path)(raw, timeout=0.5)
            with suppress(grpc.RpcError):
                list(call)
        else:
            call = channel.unary_unary(path).future(raw, timeout=60)
        assert call.code() in CLEAR, call.details()
        assert ReplayServiceStub(channel).GetStats(messages.GetStatsRequest(), timeout=60).tables


def test_the_learners_client_puts_fragments_side_by_side(service: str, stub) -> None:
    record(stub, "queue", fragments(4))
    client = ExperienceClient(service, "queue", 2, memory=3)
    experience = client.sample()
    rows = 2 * GAMES * 2
    got = experience.fragment
    assert got.words.shape == (TURNS, rows, 5, 5)
    assert got.memory.shape == (rows, 3, 5, 5)
    assert got.values.shape == (TURNS + 1, rows)
    assert experience.owner.tolist() == [0] * 4 + [1] * 4
    assert experience.seats.tolist() == [0, 1] * 4
    assert experience.policy_versions.tolist() == [0, 1]
    second = Replayer().replay(fragments(2)[1])
    np.testing.assert_array_equal(got.words[:, 6].numpy(), second.words[:-1, 1, 0])  # fragment 1, game 1, seat 0
    np.testing.assert_array_equal(experience.last_vector[7].numpy(), second.vector[-1, 1, 1])
    np.testing.assert_array_equal(got.rewards[:, 7].numpy(), second.rewards[:, 1, 1])
    np.testing.assert_array_equal(got.valid[:, 6].numpy(), second.valid[:, 1])
    actions = np.frombuffer(fragments(2)[1].actions, "<i2").reshape(TURNS, GAMES, 2)
    np.testing.assert_array_equal(got.actions[:, 7].numpy(), actions[:, 1, 1])
    assert client.sample().policy_versions.tolist() == [2, 3]
    assert client.stats().inserted == 4
    client.close()


def test_the_reporter_sends_all_and_says_when_it_is_refused(service: str, stub) -> None:
    reporter = Reporter(service, "uniform", stream=3)
    for fragment in fragments(10):
        reporter.send(fragment)
    assert reporter.stop() == 0
    assert reporter.acknowledged == 10
    assert stats(stub, "uniform").size == 10
    refused = Reporter(service, "nowhere", waiting=1)
    refused.send(fragments(1)[0])
    with pytest.raises(ReportError, match="unknown"):
        refused.send(fragments(2)[1], timeout=20)
    assert refused.stop() == 1


def test_a_full_queue_holds_the_actor(service: str, stub) -> None:
    reporter = Reporter(service, "queue", waiting=2, deadline=1.0)
    sent = fragments(7)
    feeder = threading.Thread(target=lambda: [reporter.send(fragment) for fragment in sent])
    feeder.start()
    got = [one.fragment.sequence for _ in range(7) for one in sample(stub, "queue", 1, timeout=20)]
    feeder.join(20)
    assert got == [1, 2, 3, 4, 5, 6, 7]
    assert reporter.stop() == 0
    began = time.monotonic()
    full = Reporter(service, "queue", waiting=2, deadline=30.0)
    for fragment in fragments(6, "other"):
        full.send(fragment)
    seventh = fragments(7, "other")[6]
    with pytest.raises(TimeoutError, match="2 fragments still wait"):
        full.send(seventh, timeout=0.1)
    assert full.stop(timeout=0.2) == 2
    assert time.monotonic() - began < 20
