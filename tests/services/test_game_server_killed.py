"""A game server that is killed with `kill -9` in mid-game and started again: nothing acknowledged is lost."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.services.game_process import GameProcess
from tests.services.game_server import small

from engine.record import Record
from services.client import GameClient, ServiceError

GAMES = 8


@dataclass
class Held:
    """A seat that a client holds, and what it was told."""

    game: str
    token: str
    turn: int = 0  # the turn of the last acknowledged action
    acknowledged: int = 0
    seen: dict[int, bytes] = field(default_factory=dict)  # the words that were shown, by turn


@pytest.fixture
def processes() -> Any:
    started: list[GameProcess] = []
    yield started
    for process in started:
        if process.process.poll() is None:
            process.kill()


def play_until_killed(address: str, held: Held, enough: threading.Barrier) -> None:
    """Submit passes as fast as can be until the server is gone; meet at the barrier after 20 turns."""
    with GameClient(address) as client:
        seat = client.rejoin(held.game, held.token)
        try:
            for sight in seat.sights():
                held.seen[sight.turn] = sight.message.words
                answer = seat.submit(0, sight.turn)
                assert answer.accepted
                held.turn, held.acknowledged = sight.turn, held.acknowledged + 1
                if held.acknowledged == 20:
                    enough.wait(timeout=60)
        except ServiceError:
            return


def test_killed_in_mid_game_every_game_goes_on_at_the_turn_it_had_acknowledged(
    tmp_path: Path, processes: list[GameProcess]
) -> None:
    delivered = tmp_path / "delivered"
    processes.append(GameProcess(tmp_path / "log", delivered))
    address = processes[0].address
    with GameClient(address) as client:
        seats = [
            client.join(client.create(["", "bot:random"], board=small(12, 12), turn_limit=2000), "anna")
            for _ in range(GAMES)
        ]
        clocked = client.join(client.create(["", "bot:random"], board=small(12, 12), turn_ms=60_000), "bert")
        clocked.submit([1, 2, 3])
    games = [Held(seat.game_id, seat.token) for seat in seats]
    enough = threading.Barrier(GAMES + 1)
    with ThreadPoolExecutor(GAMES) as pool:
        for held in games:
            pool.submit(play_until_killed, address, held, enough)
        enough.wait(timeout=60)  # every game is in full swing
        processes[0].kill()

    processes.append(GameProcess(tmp_path / "log", delivered))
    with GameClient(processes[1].address) as client:
        for held in games:
            assert held.acknowledged >= 20
            seat = client.rejoin(held.game, held.token)
            assert seat.info.turn in (held.turn + 1, held.turn + 2)  # the last one may have been played unanswered
            history = {}
            for sight in seat.sights(since=0):
                history[sight.turn] = sight.message.words
                if sight.turn == seat.info.turn:
                    break
            assert all(history[turn] == words for turn, words in held.seen.items())
            assert seat.submit(0, seat.info.turn).accepted
            seat.surrender()
        assert next(client.rejoin(clocked.game_id, clocked.token).sights()).message.queued == 3
        records = {held.game: client.replay(held.game) for held in games}
    assert processes[1].stop() == 0
    told = [json.loads(line) for line in delivered.read_text(encoding="utf-8").splitlines()]
    assert sorted(game["id"] for game in told) == sorted(held.game for held in games)
    for game in told:
        assert Record.from_bytes(bytes.fromhex(game["record"])) == records[game["id"]]
        assert game["winner"] == 1


def test_a_finished_game_that_was_not_taken_in_is_delivered_by_the_next_server(
    tmp_path: Path, processes: list[GameProcess]
) -> None:
    processes.append(GameProcess(tmp_path / "log", tmp_path / "lost", "hold"))
    with GameClient(processes[0].address) as client:
        seat = client.join(client.create(["", "bot:random"], board=small()), "anna")
        seat.submit(0, 0)
        seat.surrender()
        record = client.replay(seat.game_id)
    processes[0].kill()
    delivered = tmp_path / "delivered"
    processes.append(GameProcess(tmp_path / "log", delivered))
    with GameClient(processes[1].address) as client:
        assert client.replay(seat.game_id) == record
    assert processes[1].stop() == 0
    (told,) = (json.loads(line) for line in delivered.read_text(encoding="utf-8").splitlines())
    assert Record.from_bytes(bytes.fromhex(told["record"])) == record
