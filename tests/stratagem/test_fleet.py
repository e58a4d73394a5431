"""A fleet of real processes, and `kill -9` for each of them: training goes on, nothing is lost or double."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.services.loopback import channel_to

from services.model_server import ModelServicer
from store.connect import Connection
from store.lake import Lake
from store.policies import Policies
from store.ratings import NEWCOMER, Ratings
from stratagem import supervisor
from stratagem.fleet import FleetView, Places, census, fleet_of
from stratagem.supervisor import Child, Fleet, StartError

NAME = "small"
PATIENCE = 120.0  # seconds; a process imports torch and loads kernels first


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Watched:
    """A running fleet, and what its store holds."""

    def __init__(self, fleet: Fleet, places: Places) -> None:
        self.fleet, self.places = fleet, places
        connection = Connection(places.names)
        self.policies, self.ratings, self.lake = Policies(connection), Ratings(connection), Lake(connection)

    def versions(self) -> dict[int, str]:
        """Published versions and their hashes."""
        return {v.version: v.sha256 for v in self.policies.versions(NAME)}

    def games(self) -> set[str]:
        """Games that were counted."""
        return set(self.ratings.games("generalsio"))

    def counts(self) -> tuple[int, int]:
        """How many versions and games there are, as soon as the store tells."""
        told: list[tuple[int, int]] = []
        self.wait_for(lambda: told.append((len(self.versions()), len(self.games()))) is None)
        return told[0]

    def wait_for(self, what: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            try:
                if what():
                    return
            except Exception:
                pass
            time.sleep(0.3)
        logs = "\n".join(f"{child.name} {child.state}:\n{child.tail()}" for child in self.fleet.children)
        pytest.fail(f"waited {PATIENCE} s in vain\n{logs}")

    def child(self, name: str) -> Child:
        return next(child for child in self.fleet.children if child.name == name)

    def kill(self, name: str) -> None:
        child = self.child(name)
        assert child.process is not None
        os.kill(child.process.pid, signal.SIGKILL)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    places = Places(free_port(), free_port(), free_port(), metrics=0)
    fleet = fleet_of(NAME, 1, (4, 4), 1, tmp_path, places, publish_seconds=1.0)
    fleet.start(lambda line: None)
    over = threading.Event()

    def keep() -> None:
        while not over.wait(0.1):
            fleet.watch()

    keeper = threading.Thread(target=keep)
    keeper.start()
    yield Watched(fleet, places)
    over.set()
    keeper.join()
    fleet.stop(lambda line: None)


def test_a_fleet_outlives_the_death_of_each_of_its_processes(watched: Watched) -> None:
    watched.wait_for(lambda: len(watched.versions()) >= 2 and len(watched.games()) >= 20)
    for name in ("actor-1", "learner", "replay", "server", "store"):
        versions, games = watched.versions(), watched.games()
        watched.kill(name)
        watched.wait_for(lambda name=name: watched.child(name).restarts == 1)
        again, more = watched.counts()  # what follows comes after the restart
        watched.wait_for(lambda again=again: len(watched.versions()) > again)
        watched.wait_for(lambda more=more: len(watched.games()) > more)
        assert versions.items() <= watched.versions().items()
        assert games <= watched.games()
    assert [c.restarts for c in watched.fleet.children] == [1] * 5

    for child in reversed(watched.fleet.children[1:]):
        child.stop()
    watched.ratings.sweep("generalsio", older_ms=0)
    told = census(watched.places.names)
    assert "0 of them double" in told
    assert "0 missing in the lake, 0 missing in the ratings" in told
    ladder = list(watched.ratings.ladder("generalsio"))
    assert sum(rating.millielo - NEWCOMER for rating in ladder) == 0
    assert len(ladder) >= 2
    assert len({rating.millielo for rating in ladder}) >= 2


def test_a_fleet_does_not_join_a_store_that_answers_at_its_port(store_endpoint: str, tmp_path: Path) -> None:
    taken = int(store_endpoint.rpartition(":")[2])
    fleet = fleet_of(NAME, 1, (4, 4), 1, tmp_path, Places(taken, free_port(), free_port(), metrics=0))
    with pytest.raises(StartError, match=f"port {taken} of 127.0.0.1, where store is to answer, is taken"):
        fleet.start(lambda line: None)
    assert not list(tmp_path.iterdir())


def test_the_view_tells_of_the_policy_that_is_trained(connection: Connection) -> None:
    policies = Policies(connection)
    for name, versions in (("another", 9), (NAME, 2)):
        for version in range(versions):
            policies.publish(name, b"%d" % version, {})
    view = FleetView(Fleet([]), NAME, Places(free_port(), free_port(), free_port(), metrics=0))
    with channel_to([ModelServicer(policies)]) as view._server:
        assert f"version 2 of {NAME};" in view.line()


def test_who_watches_is_told_why_a_process_cannot_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF_SECONDS", (0.01,))
    command = [sys.executable, "-c", "raise SystemExit('policy small is for another board')"]
    doomed = Child("learner", command, tmp_path / "learner.log", dict(os.environ))
    doomed.start()
    view = FleetView(Fleet([doomed]), NAME, Places(free_port(), free_port(), free_port(), metrics=0))
    view.watch(lambda: bool(doomed.trouble) and doomed.failures > 3)
    told = capsys.readouterr().out
    assert "learner has ended 3 times in a row" in told
    assert "policy small is for another board" in told
    doomed.stop()
