"""`stratagem up`: what it refuses before it starts anything, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from stratagem.cli.up import up

PATIENCE = 120.0  # seconds; a busy machine is slow, not wrong
# A fleet of its store and one more process, which tells what signals it gets.
SMALL = """
import signal, sys
from pathlib import Path
from botocore.exceptions import EndpointConnectionError
import stratagem.fleet as fleet
from stratagem.cli import main
from stratagem.supervisor import Child, Fleet
from tests.stratagem.test_fleet import free_port

for ignored in (signal.SIGHUP, signal.SIGINT):  # by what is started in the background, or by nohup
    signal.signal(ignored, signal.SIG_DFL)
places = fleet.Places(store=free_port(), server=free_port(), replay=free_port(), metrics=0)
whole, data = fleet.fleet_of, Path(sys.argv[1])
code = (
    "import signal, time\\n"
    "def end(n, f): print(signal.Signals(n).name, flush=True); raise SystemExit\\n"
    "for n in (1, 2, 15): signal.signal(n, end)\\n"
    "print('up', flush=True); time.sleep(600)"
)

def fleet_of(*given):
    store = whole(*given).children[0]
    log = data / "teller.log"
    ready = lambda: "never" not in sys.argv and log.exists() and "up" in log.read_text()
    return Fleet([store, Child("teller", [sys.executable, "-c", code], log, store.environment, ready=ready)])

def lost(names):
    raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

fleet.Places, fleet.fleet_of = lambda: places, fleet_of
if "lost" in sys.argv:
    fleet.census = lost
main(["up", "--data", str(data)])
"""


@pytest.mark.parametrize("board", ["6", "3x3", "six"])
def test_a_board_that_cannot_be_is_refused_at_once(board: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(up, ["--board", board, "--data", str(tmp_path)])
    assert told.exit_code == 2
    assert f'board is "{board}"; accepted: HEIGHTxWIDTH' in told.output
    assert not list(tmp_path.iterdir())


@contextmanager
def small_fleet(data: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`stratagem up` in a session of its own, as in a terminal of its own."""
    environment = {
        **os.environ,
        "STRATAGEM_PLAIN": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SMALL, str(data), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        limit = time.monotonic() + PATIENCE
        while not (data / "teller.log").exists() or "up" not in (data / "teller.log").read_text():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < limit
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()  # so that it stops its own
            process.wait(PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_terminal_stops_the_fleet_in_order(number: signal.Signals, tmp_path: Path) -> None:
    with small_fleet(tmp_path) as process:
        assert process.stdout is not None
        while "processes; version" not in process.stdout.readline():
            pass
        os.killpg(process.pid, number)
        told = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, told
    ending = told.splitlines()[-3:]
    assert (ending[0], ending[2]) == ("stopping teller", "stopping store")
    assert ending[1].startswith("0 games in the lake")
    assert (tmp_path / "teller.log").read_text().split() == ["up", "SIGTERM"]


def test_ctrl_c_while_a_process_starts_does_not_wait_for_it(tmp_path: Path) -> None:
    with small_fleet(tmp_path, "never") as process:
        os.killpg(process.pid, signal.SIGINT)
        told = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, told
    assert "stopping store" in told
    assert "Traceback" not in told


def test_a_fleet_whose_store_is_lost_is_stopped_all_the_same(tmp_path: Path) -> None:
    with small_fleet(tmp_path, "lost") as process:
        os.killpg(process.pid, signal.SIGTERM)
        told = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, told
    assert told.splitlines()[-3:] == [
        "stopping teller",
        'lake and ladder are not compared: Could not connect to the endpoint URL: "http://127.0.0.1:1"',
        "stopping store",
    ]
