"""The supervisor: order, restarts, and words about what went wrong."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stratagem import supervisor
from stratagem.supervisor import Child, Fleet, StartError

PATIENCE = 60.0  # seconds; a busy machine is slow, not wrong
WAITS = (
    "import signal, time; print('up', flush=True); signal.signal(signal.SIGTERM, lambda *_: exit(0)); time.sleep(60)"
)


def child(folder: Path, name: str, code: str = WAITS, **others: object) -> Child:
    log = folder / f"{name}.log"
    return Child(
        name,
        [sys.executable, "-c", code],
        log,
        dict(os.environ),
        ready=lambda: log.exists() and "up" in log.read_text(),
        **others,
    )


def wait_for(what, seconds: float = 20.0) -> None:
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_children_start_in_order_and_stop_in_the_opposite_one(tmp_path: Path) -> None:
    told: list[str] = []
    fleet = Fleet([child(tmp_path, "first"), child(tmp_path, "second")])
    fleet.start(told.append)
    assert [c.state for c in fleet.children] == ["running", "running"]
    fleet.stop(told.append)
    assert told == ["starting first", "starting second", "stopping second", "stopping first"]
    assert [c.state for c in fleet.children] == ["stopped", "stopped"]


def test_a_child_that_is_killed_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF_SECONDS", (0.05,))
    fleet = Fleet([child(tmp_path, "first")])
    fleet.start(lambda line: None)
    first = fleet.children[0]
    assert first.process is not None
    pid = first.process.pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: (fleet.watch(), first.restarts == 1)[1])
    assert first.process.pid != pid
    assert first.state == "running"
    fleet.stop(lambda line: None)


def test_a_child_that_cannot_start_says_why_and_the_others_are_stopped(tmp_path: Path) -> None:
    fleet = Fleet([child(tmp_path, "good"), child(tmp_path, "bad", "raise SystemExit('no such port')")])
    with pytest.raises(StartError, match=r"bad ended \(1\) while starting.*\n.*no such port"):
        fleet.start(lambda line: None)
    assert fleet.children[0].state == "stopped"


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = WAITS.replace("lambda *_: exit(0)", "signal.SIG_IGN")
    only = child(
        tmp_path,
        "deaf",
        deaf.replace("print('up', flush=True); ", "").replace("time.sleep", "print('up', flush=True); time.sleep"),
        stop_seconds=0.2,
    )
    only.start()
    only.await_ready()
    process = only.process
    only.stop()
    assert process is not None
    assert process.returncode == -signal.SIGKILL


def test_what_answers_in_place_of_a_child_that_has_ended_is_not_taken_for_it(tmp_path: Path) -> None:
    ended = child(tmp_path, "ended", "print('the port is in use')")
    ended.ready = lambda: bool(ended.process and ended.process.wait(20) == 0)
    with pytest.raises(StartError, match=r"ended ended \(0\) while starting.*\nthe port is in use"):
        Fleet([ended]).start(lambda line: None)


def test_nothing_is_started_where_a_port_is_taken(tmp_path: Path) -> None:
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        fleet = Fleet([child(tmp_path, "first"), child(tmp_path, "second", ports=[port])])
        with pytest.raises(StartError, match=f"port {port} of 127.0.0.1, where second is to answer, is taken"):
            fleet.start(told.append)
    assert told == []
    assert [c.state for c in fleet.children] == ["stopped", "stopped"]


def test_a_start_that_takes_long_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "TELL_SECONDS", 0.05)
    told: list[str] = []
    slow = child(tmp_path, "slow", "print('played 1 of 2 lines', flush=True); import time; time.sleep(60)")
    slow.ready = lambda: any("played 1 of 2 lines" in line for line in told)
    Fleet([slow]).start(told.append)
    assert told[0] == "starting slow"
    assert told[-1].startswith("slow is still starting, ")
    slow.stop()


def test_a_child_that_ends_again_and_again_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF_SECONDS", (0.01,))
    doomed = child(tmp_path, "doomed", "raise SystemExit('policy small is for another board')")
    doomed.start()
    assert doomed.trouble == ""
    wait_for(lambda: (doomed.watch(), doomed.trouble)[1])
    assert doomed.restarts >= 2
    assert "doomed has ended 3 times in a row" in doomed.trouble
    assert "policy small is for another board" in doomed.trouble
    doomed.stop()


def test_children_end_in_order_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    holding = (
        "import signal, sys, time\n"
        "from stratagem.lifeline import VARIABLE, hold_lifeline\n"
        "def end(*_): print('ended', time.monotonic(), flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "hold_lifeline()\n"
        "import os\n"
        "assert VARIABLE not in os.environ\n"
        "print('up', flush=True); time.sleep(600)"
    )
    supervising = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from stratagem.supervisor import Child, Fleet\n"
        "folder, code = Path(sys.argv[1]), sys.argv[2]\n"
        "def child(name, seconds):\n"
        "    log = folder / name\n"
        "    return Child(name, [sys.executable, '-c', code], log, dict(os.environ), orphan_seconds=seconds,\n"
        "                 ready=lambda: log.exists() and 'up' in log.read_text())\n"
        "Fleet([child('store', 1.0), child('first', 0.0), child('second', 0.0)]).start(lambda line: None)\n"
        "print('started', flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", supervising, str(tmp_path), holding],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.kill()
    process.wait()
    logs = {name: tmp_path / name for name in ("store", "first", "second")}
    wait_for(lambda: all("ended" in log.read_text() for log in logs.values()), PATIENCE)
    ends = {name: float(log.read_text().split()[-1]) for name, log in logs.items()}
    assert ends["store"] - max(ends["first"], ends["second"]) > 0.5
