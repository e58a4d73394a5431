"""Measure the game server: `make bench-game-server`. Prints a table and writes build/bench/game_server.json.

The server is a process of its own; every live game has one person, here a task of this process that holds its stream
open and submits one action a turn, against the hunter on a map of the site's, at two turns a second. Latency is that of
SubmitAction as the client sees it, its own event loop included. The server's share of a core says what it costs where
the machine is busy with other things.
"""

import argparse
import asyncio
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import psutil
from rich.console import Console
from rich.table import Table

from machine import describe_machine, write_result
from services.client import SEAT_TOKEN_HEADER
from services.metrics import PREFIX
from services.stubs import game_pb2, game_pb2_grpc

TURN_MS = 500
GAMES = (100, 1000)
ACTIONS = 18 * 18 * 8  # codes that every board of the site has


def free_port() -> int:
    """A port of this machine that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """A game server to measure."""

    def __init__(self, folder: Path) -> None:
        self.address, self.metrics = (f"127.0.0.1:{free_port()}" for _ in range(2))
        environment = os.environ | {
            "STRATAGEM_LISTEN": self.address,
            "STRATAGEM_METRICS": self.metrics,
            "STRATAGEM_LOG_LEVEL": "error",
        }
        self.process = subprocess.Popen([sys.executable, "-m", "services.game_server", str(folder)], env=environment)
        self.watched = psutil.Process(self.process.pid)

    def cpu_seconds(self) -> float:
        """Processor time used so far."""
        times = self.watched.cpu_times()
        return float(times.user + times.system)

    def metric(self, name: str) -> float:
        """One number of the server's metrics."""
        text = urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10).read().decode()
        found = re.search(rf"^{PREFIX}{name} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=60)


class Person:
    """One game's person: watches, and submits an action for each turn it sees."""

    def __init__(self, stub: Any, latencies: list[float]) -> None:
        self.stub, self.latencies = stub, latencies
        self.turns = 0

    async def sit_down(self) -> None:
        """Open a game and take the seat."""
        request = game_pb2.CreateGameRequest(seats=["", "bot:hunter"], turn_ms=TURN_MS)
        self.game = (await self.stub.CreateGame(request)).game_id
        joined = await self.stub.JoinGame(game_pb2.JoinGameRequest(game_id=self.game, name="bench"))
        self.metadata = ((SEAT_TOKEN_HEADER, joined.seat_token),)

    async def play(self) -> None:
        """Play until cancelled."""
        watch = game_pb2.StreamGameRequest(game_id=self.game, since_turn=-1)
        async for message in self.stub.StreamGame(watch, metadata=self.metadata):
            self.turns += 1
            request = game_pb2.SubmitActionRequest(
                game_id=self.game,
                turn=message.turn,
                actions=[random.randrange(ACTIONS)],
                request_id=f"{message.turn}",
                clear=True,
            )
            began = time.perf_counter()
            await self.stub.SubmitAction(request, metadata=self.metadata)
            self.latencies.append(time.perf_counter() - began)


async def measure_games(server: ServerProcess, games: int, seconds: float) -> dict[str, float]:
    """The figures of so many live games."""
    latencies: list[float] = []
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = game_pb2_grpc.GameServiceStub(channel)
        people = [Person(stub, latencies) for _ in range(games)]
        tasks = []
        for person in people:
            await person.sit_down()
            tasks.append(asyncio.create_task(person.play()))
        await asyncio.sleep(2.0)  # settled
        latencies.clear()
        for person in people:
            person.turns = 0
        cpu, late = server.cpu_seconds(), server.metric("turn_lateness_seconds_sum")
        played, began = server.metric("turns_total"), time.perf_counter()
        await asyncio.sleep(seconds)
        took = time.perf_counter() - began
        played, late = server.metric("turns_total") - played, server.metric("turn_lateness_seconds_sum") - late
        cpu = (server.cpu_seconds() - cpu) / took
        measured = list(latencies)
        seen = sum(person.turns for person in people)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    cuts = statistics.quantiles(measured, n=100)
    return {
        f"submit_p50_ms_{games}": cuts[49] * 1000,
        f"submit_p99_ms_{games}": cuts[98] * 1000,
        f"submits_per_s_{games}": len(measured) / took,
        f"messages_per_s_{games}": seen / took,
        f"turns_per_s_{games}": played / took,
        f"turn_late_ms_{games}": 1000 * late / max(played, 1.0),
        f"server_cores_{games}": cpu,
    }


async def measure(seconds: float) -> dict[str, float]:
    """All figures, by name; each number of games on a server of its own."""
    figures: dict[str, float] = {"load_before": os.getloadavg()[0]}
    for games in GAMES:
        with tempfile.TemporaryDirectory() as folder:
            server = ServerProcess(Path(folder))
            try:
                async with grpc.aio.insecure_channel(server.address) as channel:
                    await asyncio.wait_for(channel.channel_ready(), 600)
                figures |= await measure_games(server, games, seconds)
            finally:
                server.stop()
    return figures


LABELS = {
    "submit_p50_ms": "SubmitAction p50, ms",
    "submit_p99_ms": "SubmitAction p99, ms",
    "submits_per_s": "SubmitAction calls/s",
    "messages_per_s": "messages of streams/s",
    "turns_per_s": "turns/s",
    "turn_late_ms": "turns played later than due by, mean, ms",
    "server_cores": "cores that the server used",
}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="that each number of games is measured for")
    figures = asyncio.run(measure(parser.parse_args().seconds))
    machine = describe_machine()
    title = f"Game server, {1000 // TURN_MS} turns/s a game · {machine['machine']} · {machine['commit']}"
    table = Table(title=f"{title} · load before {figures['load_before']:.1f}")
    table.add_column("figure")
    for games in GAMES:
        table.add_column(f"{games:,} live games", justify="right")
    for name, label in LABELS.items():
        table.add_row(label, *(f"{figures[f'{name}_{games}']:,.2f}" for games in GAMES))
    Console().print(table)
    print(f"written: {write_result('game_server', figures)}")


if __name__ == "__main__":
    main()
