"""The game server's log: nothing that was acknowledged is lost, whatever is cut off is cut away, and it stays small."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.services.game_server import local_server, small

from engine.record import Record
from services.client import GameClient
from services.finished import FinishedGame
from services.game_log import GameLog
from services.game_setup import GameSetup
from services.live_game import LiveGame
from services.stubs import game_pb2
from store.ratings import Player


def opened(folder: Path, **options: Any) -> tuple[GameLog, list[dict[str, Any]]]:
    log = GameLog(folder, **options)
    return log, list(log.events())


def test_events_come_back_in_order(tmp_path: Path) -> None:
    log, events = opened(tmp_path)
    assert events == []
    log.append([{"game": "a", "e": "x", "n": n} for n in range(3)])
    log.append([])
    log.append([{"game": "b", "e": "x", "n": 3}])
    log.close()
    again, events = opened(tmp_path)
    assert [event["n"] for event in events] == [0, 1, 2, 3]
    again.close()


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_line_that_was_cut_off_is_cut_away(tmp_path: Path, cut: int) -> None:
    log, _ = opened(tmp_path)
    log.append([{"game": "a", "e": "x"}, {"game": "b", "e": "y"}])
    log.close()
    (path,) = tmp_path.glob("games-*.jsonl")
    path.write_bytes(path.read_bytes()[:-cut])
    again, events = opened(tmp_path)
    assert [event["game"] for event in events] == ["a"]
    again.append([{"game": "c", "e": "z"}])
    again.close()
    last, events = opened(tmp_path)
    assert [event["game"] for event in events] == ["a", "c"]
    last.close()


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    (tmp_path / "games-000001.jsonl").write_text('{"game": "a", "e": "x"}\nnonsense\n{"game": "b", "e": "x"}\n')
    log = GameLog(tmp_path)
    with pytest.raises(ValueError, match="line 2 is damaged"):
        list(log.events())


def test_two_servers_cannot_share_a_folder(tmp_path: Path) -> None:
    log, _ = opened(tmp_path)
    with pytest.raises(BlockingIOError, match="in use by another game server"):
        GameLog(tmp_path)
    log.close()
    GameLog(tmp_path)


def test_what_the_disk_does_not_take_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = opened(tmp_path)
    log.append([{"game": "a", "e": "x"}])
    write, calls = os.write, []

    def nearly_full(file: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(file, data[:10])

    monkeypatch.setattr("services.game_log.os.write", nearly_full)
    with pytest.raises(OSError, match="No space"):
        log.append([{"game": "b", "e": "y"}])
    monkeypatch.undo()
    log.append([{"game": "c", "e": "z"}])
    log.close()
    again, events = opened(tmp_path)
    assert [event["game"] for event in events] == ["a", "c"]
    again.close()


def test_old_segments_go_and_games_that_are_needed_stay(tmp_path: Path) -> None:
    log, _ = opened(tmp_path, segment_bytes=200, keep=3)
    states: dict[str, int] = {}
    log.whole = lambda game: {"e": "whole", "n": states[game]} if game != "done" else None
    for n in range(200):
        game = ("long", "done", f"short {n // 50}")[n % 3]
        log.append([{"game": game, "e": "x", "n": n}])
        states[game] = n
        assert len(list(tmp_path.glob("games-*.jsonl"))) <= 3
    log.close()
    again, events = opened(tmp_path)
    latest = {}
    for event in events:
        latest[event["game"]] = event["n"]
    assert {name: n for name, n in latest.items() if name != "done"} == {
        name: n for name, n in states.items() if name != "done"
    }
    again.close()


def played(turns: int, seats: int = 3) -> LiveGame:
    request = game_pb2.CreateGameRequest(seats=[""] * seats, board=small(8, 8), seed=9)
    game = LiveGame("g", GameSetup.of(request), 123, 0, "request", "digest")
    for event in (*game.join(0, Player("human:anna"), "token of anna"), *game.surrender(0)):
        game.apply(event, 0)
    for s in range(seats):
        for event in game.join(s, Player("policy:p", s), f"token {s}"):
            game.apply(event, 0)
    chance = np.random.default_rng(0)
    for turn in range(turns):
        if turn == 20:
            game.apply(game.surrender(1)[0], 0)
        for s in range(seats):
            if game.playing(s):
                action = int(chance.integers(0, 8 * 64 + 1))
                submit = game_pb2.SubmitActionRequest(turn=turn, actions=[action], request_id=f"{turn}")
                for event in game.submit(s, submit)[0]:
                    game.apply(event, 0)
        if turn < turns - 1:
            game.apply(game.play(), 0)
    return game


def test_one_event_tells_a_whole_game(tmp_path: Path) -> None:
    game = played(40)
    back = LiveGame.from_whole("g", json.loads(json.dumps(game.whole())), 5)
    assert back.whole() == game.whole()
    np.testing.assert_array_equal(back.game.row, game.game.row)
    assert [seat.queue for seat in back.seats] == [seat.queue for seat in game.seats]
    assert [seat.gone for seat in back.seats] == [seat.gone for seat in game.seats]
    assert [seat.moved for seat in back.seats] == [seat.moved for seat in game.seats]
    assert back.gave_back("token of anna")
    assert back.play() == game.play()
    assert back.record() == game.record()


class Shelf:
    """Takes finished games in; refuses the first `refusals` deliveries."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.games: list[FinishedGame] = []

    async def deliver(self, games: Sequence[FinishedGame]) -> None:
        if self.refusals > 0:
            self.refusals -= 1
            raise ConnectionError("not now")
        self.games.extend(games)


def finish_a_game(client: GameClient) -> str:
    seats = [client.join(game, name) for game in [client.create(board=small())] for name in ("anna", "policy:p")]
    seats[0].submit(0, 0)
    seats[1].submit(0, 0)
    seats[0].surrender()
    assert list(seats[1].sights())[-1].finished
    return seats[0].game_id


def test_finished_games_are_delivered_until_they_are_taken(tmp_path: Path) -> None:
    shelf = Shelf(refusals=2)
    with local_server(tmp_path, shelf) as (server, client):
        game = finish_a_game(client)
        server.do(server.hall.settled())
    (told,) = shelf.games
    assert told.game_id == game
    assert (told.players, told.winner, told.turns) == ((Player("human:anna"), Player("policy:p")), 1, 2)
    record = Record.from_bytes(told.record)
    assert (record.turns, record.winner, record.id) == (2, 1, game)
    again = Shelf()
    with local_server(tmp_path, again) as (server, client):
        assert client.replay(game).turns == 2  # lately finished, still there
        server.do(server.hall.settled())
    assert again.games == []


def test_a_game_nobody_took_is_delivered_after_the_next_start_as_it_was(tmp_path: Path) -> None:
    never = Shelf(refusals=10**9)
    with local_server(tmp_path, never) as (server, client):
        game = finish_a_game(client)
        first = server.read(lambda hall: hall.tables[game].game.finished_ms)
    shelf = Shelf()
    with local_server(tmp_path, shelf) as (server, _):
        server.do(server.hall.settled())
    assert [(told.game_id, told.finished_ms) for told in shelf.games] == [(game, first)]


def test_a_server_that_stops_goes_on_where_it_was(tmp_path: Path) -> None:
    with local_server(tmp_path) as (_, client):
        clocked = client.join(client.create(["", "bot:hunter"], board=small(12, 12), turn_ms=60_000), "anna")
        clocked.submit([5, 6, 7])
        stepped = client.join(client.create(["", "bot:random"], board=small(12, 12), request_id="r"), "bert")
        for turn in range(10):
            stepped.submit(0, turn)
        before = next(stepped.sights()).message
        waiting = client.create(["", ""])
    with local_server(tmp_path) as (_, client):
        back = client.rejoin(stepped.game_id, stepped.token)
        assert next(back.sights()).message == before
        assert next(client.rejoin(clocked.game_id, clocked.token).sights()).message.queued == 3
        assert client.create(["", "bot:random"], board=small(12, 12), request_id="r") == stepped.game_id
        assert client.join(waiting, "carl").seat == 0
        assert back.submit(0, 10).accepted
