"""A replay server that is killed: what it held is lost, nothing else; actor and learner go on with its successor."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from tests.services.replay_service import fragments

from actors.reporter import Reporter
from learner.experience import ExperienceClient
from services.replay_server import PPO_TABLE
from services.stubs.replay_pb2 import GetStatsRequest
from services.stubs.replay_pb2_grpc import ReplayServiceStub

SOURCES = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def address() -> str:
    """A free port of this machine, the same for a server and its successor."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def server(address: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves the default tables; killed at the end."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "STRATAGEM_LISTEN": address}
    process = subprocess.Popen(
        [sys.executable, "-m", "services.replay_server"], env=environment, stderr=subprocess.PIPE, text=False
    )
    assert process.stderr is not None
    while b'"serving"' not in (line := process.stderr.readline()):
        assert line, "the server ended before it served"
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
        process.stderr.close()


def test_actor_and_learner_go_on_after_a_kill(address: str) -> None:
    sent = fragments(20)
    reporter = Reporter(address, PPO_TABLE, waiting=4, stream=2)
    with server(address) as first:
        for fragment in sent[:10]:
            reporter.send(fragment, timeout=60)
        learner = ExperienceClient(address, PPO_TABLE, 2, memory=1)
        assert learner.sample().policy_versions.tolist() == [0, 1]
        while reporter.unsent > 1:  # with a full queue the next ones could not be handed over
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        first.wait(30)
        for fragment in sent[10:13]:
            reporter.send(fragment, timeout=60)
        while sample(learner):
            pass  # what was sampled ahead comes first
    with server(address):
        for fragment in sent[13:]:
            reporter.send(fragment, timeout=60)
        assert reporter.stop(timeout=60) == 0
        assert reporter.retries > 0
        with grpc.insecure_channel(address) as channel:
            told = ReplayServiceStub(channel).GetStats(GetStatsRequest(table=PPO_TABLE), timeout=30).tables[0]
        # All that was not acknowledged when the server was killed is there, once, and so is all that came later.
        assert 10 <= told.inserted <= 14
        assert reporter.acknowledged + reporter.duplicates == 20
        versions = []
        while len(versions) < told.inserted - 1:
            versions += sample(learner)
        assert versions == list(range(20 - told.inserted, 20))[: len(versions)]
        learner.close()


def sample(learner: ExperienceClient) -> list[int]:
    """The next policy versions; none where the call meets no server."""
    try:
        return learner.sample().policy_versions.tolist()
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return []
