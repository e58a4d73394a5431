"""What the HTTP API costs: a poll and a move, importing each handler, the size of each function, matches in real time.

Everything runs as on Lambda: the engine uncompiled, neither torch nor numba. The store is the local one, in a process
of its own; its share of a request is measured by itself. Run by `make bench-api`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["STRATAGEM_PLAIN"] = "1"  # before the engine is imported

import numpy as np
from rich.console import Console
from rich.table import Table
from starlette.testclient import TestClient

from engine.game import Game
from lambdas.app import PARTS, create_app
from lambdas.http import Services
from lambdas.match_logic import draw_layout, map_of, rules_of, turn_due
from lambdas.minds import PolicyMind, open_session
from machine import ROOT, write_result
from store.connect import Connection, create_all
from store.names import Names

POLLS, MOVES, TURNS = 300, 150, 100
IMPORTS = 5
REAL_TIME_SECONDS = 10.0
LIMIT_MB = 250.0  # what Lambda takes of an unzipped function
WEB = ("fastapi", "starlette", "pydantic", "pydantic_core", "mangum", "anyio", "typing_extensions", "annotated-types")
STORE = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "python-dateutil", "six", "zstandard", "numpy")
NEEDS = {
    "matches": (*WEB, *STORE, "onnxruntime", "flatbuffers", "protobuf", "packaging"),
    "ratings": (*WEB, *STORE),
    "models": (*WEB, *STORE),
}


def start_store() -> tuple[subprocess.Popen[str], str]:
    """A local store in a process of its own, and where it answers."""
    code = (
        "from store.local import LocalStore\nstore = LocalStore()\nprint(store.endpoint, flush=True)\nstore.serve()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def milliseconds(repeats: int, call: Callable[[], Any]) -> tuple[float, float]:
    """Median and 99th percentile of a call."""
    call()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - begun))
    return float(np.percentile(times, 50)), float(np.percentile(times, 99))


def measure_requests(api: TestClient, services: Services, clock: list[int]) -> dict[str, float]:
    """A poll with nothing due, one that plays a turn, and a move; on the site's boards against three bots."""
    figures = {}
    for bot in ("expander", "hunter", "scout"):
        made = api.post("/v1/matches", json={"players": ["human", f"bot:{bot}"], "pace": "turns"}).json()
        url, seat = f"/v1/matches/{made['match']}", {"Authorization": f"Bearer {made['token']}"}
        if bot == "expander":
            asked = milliseconds(POLLS, lambda url=url: api.get(url, params={"since": 0}))
            figures |= _percentiles("poll, nothing due", asked)
            figures |= _percentiles(
                "of it the store's read",
                milliseconds(POLLS, lambda made=made: services.matches.items.get(made["match"], "state")),
            )
        asked = milliseconds(
            MOVES, lambda url=url, seat=seat: api.post(url, json={"plays": 1, "since": 0}, headers=seat)
        )
        figures |= _percentiles(f"move and turn against {bot}", asked)
    made = api.post("/v1/matches", json={"players": ["human", "bot:expander"], "pace": "realtime"}).json()

    def turn() -> None:
        clock[0] += 500
        api.get(f"/v1/matches/{made['match']}", params={"since": 0})

    clock[0] += 2000
    return figures | _percentiles("poll that plays a turn", milliseconds(TURNS, turn))


def policy_turn() -> dict[str, float]:
    """What policies take for a move, without the request around it: one of the demo's size, and the one in the box.

    torch draws the first one's weights, which cost as much as learned ones, and exports both in a process of its own.
    """
    figures = {}
    with TemporaryDirectory() as folder:
        code = (
            "import sys\nfrom pathlib import Path\nfrom learner.export_onnx import export_onnx\n"
            "from learner.network import Policy\nfrom learner.network_config import NetworkConfig\n"
            "from learner.snapshot import load_policy\n"
            "from stratagem.policies import BOX\nto = Path(sys.argv[1])\n"
            "(to / 'demo').write_bytes(export_onnx(Policy(NetworkConfig.of('tiny', halves=False))))\n"
            "(to / 'box').write_bytes(export_onnx(load_policy(BOX / 'pupil').policy))"
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        subprocess.run([sys.executable, "-c", code, folder], env=environment, check=True)
        demo, box = (open_session((Path(folder) / name).read_bytes()) for name in ("demo", "box"))
    for name, session, board in (("demo", demo, "6x6"), ("demo", demo, "site"), ("box", box, "site")):
        rules, spec = rules_of("generalsio"), map_of(board, 2)
        game = Game(rules, draw_layout(rules, spec, 2, 1))
        mind = PolicyMind(*session, spec.board_height, spec.board_width)
        _, memory = mind.act(game, 0, 1, None)
        asked = milliseconds(POLLS, lambda mind=mind, game=game, memory=memory: mind.act(game, 0, 1, memory))
        figures |= _percentiles(f"the {name}'s policy, its move on {board}", asked)
    return figures


def _percentiles(name: str, found: tuple[float, float]) -> dict[str, float]:
    return {f"{name}, p50 ms": found[0], f"{name}, p99 ms": found[1]}


def cold_import(part: str) -> float:
    """Seconds from an interpreter's start of importing to a handler that is ready; the best of some."""
    code = (
        "import sys, time\n"
        "for name in ('torch', 'numba', 'moto', 'pyarrow'): sys.modules[name] = None\n"
        "begun = time.perf_counter()\n"
        f"import lambdas.handlers\nlambdas.handlers.{part}\n"
        "print(time.perf_counter() - begun)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return min(
        float(
            subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(IMPORTS)
    )


def unzipped_megabytes(part: str) -> float:
    """The installed files that a function needs, and the project's own."""
    total = sum(path.stat().st_size for name in NEEDS[part] for path in _files(name))
    own = (ROOT / "src" / folder for folder in ("engine", "store", "lambdas"))
    total += sum(path.stat().st_size for folder in own for path in folder.rglob("*.py"))
    return total / 1e6


def _files(name: str) -> list[Path]:
    found = distribution(name)
    paths = (Path(str(found.locate_file(file))) for file in found.files or ())
    return [path for path in paths if path.is_file() and "__pycache__" not in path.parts]


def sustained(api: TestClient, services: Services, clock: list[int]) -> float:
    """How many matches against expander, polled once a turn, one process keeps at two turns a second."""
    made = [
        api.post("/v1/matches", json={"players": ["human", "bot:expander"], "pace": "realtime"}).json()["match"]
        for _ in range(8)
    ]
    clock[0] += 1500
    polls, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < REAL_TIME_SECONDS:
        clock[0] += 500
        for match in made:
            api.get(f"/v1/matches/{match}", params={"since": 0})
            polls += 1
    rate = polls / (time.perf_counter() - begun)
    stored = [services.matches.get(match) for match in made]
    assert all(match.state != "running" or match.turn == turn_due(match, clock[0]) for match in stored)
    return rate / 2


def main() -> None:
    """Measure, print a table, write build/bench/api.json."""
    store, endpoint = start_store()
    try:
        connection = Connection(Names.of("bench", endpoint))
        create_all(connection)
        clock = [1_700_000_000_000]
        services = Services(connection, lambda: clock[0], "", "", limited=False)
        api = TestClient(create_app(services), base_url="http://127.0.0.1")
        figures = measure_requests(api, services, clock)
        figures |= policy_turn()
        figures["matches in real time, one process"] = sustained(api, services, clock)
    finally:
        store.terminate()
    for part in PARTS:
        figures[f"import of {part}, s"] = cold_import(part)
        size = unzipped_megabytes(part)
        figures[f"unzipped size of {part}, MB"] = size
        if size > LIMIT_MB:
            raise SystemExit(f"{part} is {size:.0f} MB unzipped; Lambda takes {LIMIT_MB:.0f}")
    table = Table("figure", "value", title="HTTP API")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.2f}")
    console = Console()
    console.print(table)
    console.print(f"written to {write_result('api', figures)}")


if __name__ == "__main__":
    main()
