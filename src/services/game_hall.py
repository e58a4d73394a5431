"""All games of a server: opened, joined, played by clock or by submission, logged, watched, delivered when finished.

One task plays all games that go by the clock. A table has a game of its own (`engine.Game`) and no row of a batch: a
turn of one takes microseconds, games of many sizes and clocks need no grouping, and stepping them together would save
nothing that matters beside the messages.
"""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from engine.compile import OneThread
from engine.record import Record
from services import metrics
from services.delivery import Delivery
from services.finished import Finished
from services.game_log import GameLog
from services.game_setup import GameSetup, check_name
from services.game_streams import STOPPING, Stream
from services.game_view import SPECTATOR, Eye
from services.live_game import FINISHED, OPEN, RUNNING, Event, LiveGame
from services.logs import get_log
from services.refusal import RefusedError, denied, exhausted, failed, invalid, not_found, taken, unauthenticated
from services.stubs import game_pb2
from services.table import NEVER, DueQueue, Table
from store.ratings import Player

SEAT_TOKEN_HEADER = "x-seat-token"
LONGEST_REQUEST_ID = 128
BY_ITSELF_S = 0.01  # a stepped game that nobody is left to step goes on at this pace
SLICE = 16  # games whose turns are played, in a millisecond or two, before others get the event loop
HELD_UP_S = 1.0  # until turns that the log did not take are tried again

_log = get_log("games")


@dataclass(frozen=True)
class Limits:
    """How much a server takes on."""

    games: int = 5_000  # open and running
    finished: int = 1_000  # kept in memory after they were delivered
    undelivered: int = 10_000  # finished, not yet taken in; beyond, no games are opened
    streams: int = 100  # that watch one game
    open_ms: int = 600_000  # a game whose seats are not taken by then is dropped


SEAT_TOKEN = re.compile(r"[A-Za-z0-9_-]{43,128}")


def token_hash(token: str) -> str:
    """How a seat's token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def _wanted_token(given: str) -> str:
    """The token for a seat that is taken: the client's own, or a new one. Raises RefusedError."""
    if given and not SEAT_TOKEN.fullmatch(given):
        raise invalid("seat_token", f"of {len(given)} characters", "43 to 128 characters of base64url, or none")
    return given or secrets.token_urlsafe(32)


class Hall:
    """All games of a server. `sink` takes finished ones in; without one they are only kept for a while.

    Made within a running event loop, used in it alone. Raises what `GameLog` raises.
    """

    def __init__(self, log: GameLog, sink: Finished | None = None, limits: Limits | None = None) -> None:
        self.log, self.limits = log, limits or Limits()
        self.tables: dict[str, Table] = {}
        self.stopping = False
        self._requests: dict[str, str] = {}  # id of a CreateGame request: id of its game
        self._unfinished = 0
        self._delivered: dict[str, None] = {}  # ids, the oldest first
        self._delivery = Delivery(sink, self._acknowledged) if sink is not None else None
        self._queue = DueQueue()
        self._tasks: list[asyncio.Task[None]] = []
        self._recover()

    def start(self) -> None:
        """Let the clocks run and deliver what has finished."""
        self._tasks = [asyncio.create_task(self._run_clocks())]
        if self._delivery is not None:
            self._tasks.append(asyncio.create_task(self._delivery.run()))

    async def stop(self) -> None:
        """Play no more and close the log; who watches is sent away. The next start goes on from here."""
        self.stopping = True
        for table in self.tables.values():
            table.notify()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.log.close()

    async def settled(self) -> None:
        """Wait until every finished game has been taken in."""
        if self._delivery is not None:
            await self._delivery.settled()

    # What is asked of it.

    def create(self, request: Any) -> LiveGame:
        """Open a game; with a request_id that opened one before, that game. Raises RefusedError."""
        self._check_running()
        if len(request.request_id) > LONGEST_REQUEST_ID:
            raise invalid("request_id", request.request_id, f"at most {LONGEST_REQUEST_ID} characters")
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
        if request.request_id in self._requests:
            return self._created_before(request.request_id, digest)
        setup = GameSetup.of(request)
        if self._unfinished >= self.limits.games:
            raise exhausted("open and running games", self._unfinished + 1, f"at most {self.limits.games}")
        if self._delivery is not None and len(self._delivery) >= self.limits.undelivered:
            raise exhausted("finished games to deliver", len(self._delivery) + 1, f"at most {self.limits.undelivered}")
        opened = {
            "e": "open",
            "game": secrets.token_hex(8),
            "setup": setup.to_json(),
            "request": request.request_id,
            "digest": digest,
            "ms": _unix_ms(),
        }
        events = [opened, {"e": "begin", "game": opened["game"]}] if all(setup.seats) else [opened]
        self._write(events)
        table = self._open(opened)
        for event in events[1:]:
            table.game.apply(event, _now_ms())
        self._unfinished += 1
        self._schedule(table)
        _log.info("game opened", game=table.game.id, ruleset=setup.ruleset, seats=setup.seats, turn_ms=setup.turn_ms)
        return table.game

    def _created_before(self, request_id: str, digest: str) -> LiveGame:
        game = self.tables[self._requests[request_id]].game
        if game.digest != digest:
            raise taken("request_id", request_id)
        return game

    def join(self, request: Any, token: str | None) -> tuple[LiveGame, int, str]:
        """A seat and its token: a free one, or the one that a given token is for. Raises RefusedError."""
        self._check_running()
        table = self.table(request.game_id)
        if token is not None:
            return table.game, self.seat(table, token), token
        player = Player(check_name(request.name, request.policy_version), request.policy_version)
        token = _wanted_token(request.seat_token)
        if table.game.seat_of(token_hash(token)) is not None:
            return table.game, self.seat(table, token), token
        self._commit([(table, event) for event in table.game.join(request.seat, player, token_hash(token))])
        if table.game.state == RUNNING:
            _log.info("game begun", game=table.game.id, players=[p.key for p in table.game.players if p])
        self._schedule(table)
        table.notify()
        return table.game, self.seat(table, token), token

    def submit(self, request: Any, token: str | None) -> tuple[int, int, bool]:
        """Queue a seat's actions; the turn, how many wait, and whether they were accepted. Raises RefusedError."""
        self._check_running()
        table = self.table(request.game_id)
        s = self.seat(table, token)
        if len(request.request_id) > LONGEST_REQUEST_ID:
            raise invalid("request_id", request.request_id, f"at most {LONGEST_REQUEST_ID} characters")
        events, answer = table.game.submit(s, request)
        if events:
            self._commit([(table, event) for event in events])
            self._step(table)
        return answer

    def surrender(self, game_id: str, token: str | None) -> LiveGame:
        """A seat gives up; nothing more where it gave itself back before. Raises RefusedError."""
        self._check_running()
        table = self.table(game_id)
        if token and table.game.gave_back(token_hash(token)):
            return table.game
        self._commit([(table, event) for event in table.game.surrender(self.seat(table, token))])
        self._step(table)
        self._schedule(table)
        table.notify()
        return table.game

    def table(self, game_id: str) -> Table:
        """The table of a game. Raises RefusedError."""
        table = self.tables.get(game_id)
        if table is None:
            raise not_found("game_id", game_id, "a game that is open, running or lately finished")
        return table

    def seat(self, table: Table, token: str | None) -> int:
        """The seat that a token is for. Raises RefusedError."""
        if not token:
            raise unauthenticated(SEAT_TOKEN_HEADER, "the token that JoinGame gave for a seat")
        s = table.game.seat_of(token_hash(token))
        if s is None:
            raise denied(SEAT_TOKEN_HEADER, "the token that JoinGame gave for a seat of this game")
        return s

    async def record(self, game_id: str) -> tuple[LiveGame, Record]:
        """A finished game and its record. Raises RefusedError."""
        table = self.table(game_id)
        if table.game.state != FINISHED:
            raise failed("game_id", f"{game_id}, which is not finished", "a game that is finished")
        return table.game, await asyncio.to_thread(table.finished_record)

    async def watch(self, game_id: str, token: str | None, since: int) -> AsyncIterator[Any]:
        """The messages that a seat may see, or without a token a spectator. Raises RefusedError."""
        self._check_running()
        table = self.table(game_id)
        game = table.game
        s = SPECTATOR if token is None else self.seat(table, token)
        if not -1 <= since <= game.turn:
            raise invalid("since_turn", since, f"-1 to {game.turn}, the turn the game is at")
        if s == SPECTATOR and game.setup.spectators == game_pb2.SPECTATORS_NONE and game.state != FINISHED:
            raise failed("game_id", f"{game_id}, which has no spectators", "a seat's token, or a finished game")
        if table.streams >= self.limits.streams:
            raise exhausted("streams of the game", table.streams + 1, f"at most {self.limits.streams}")
        stream = Stream(table, Eye(game, s), lambda: self.stopping)
        table.streams += 1
        try:
            async for message in stream.of_spectator(since) if s == SPECTATOR else stream.of_seat(since):
                yield message
        finally:
            table.streams -= 1

    def _check_running(self) -> None:
        if self.stopping:
            raise RefusedError(grpc.StatusCode.UNAVAILABLE, STOPPING)

    # Changes: first the log, then the game.

    def _write(self, events: Sequence[Event]) -> None:
        try:
            self.log.append(events)
        except OSError as error:
            raise RefusedError(grpc.StatusCode.UNAVAILABLE, f"the log cannot be written: {error.strerror}") from error

    def _commit(self, changes: Sequence[tuple[Table, Event]]) -> None:
        self._write([{**event, "game": table.game.id} for table, event in changes])
        now = _now_ms()
        for table, event in changes:
            table.game.apply(event, now)

    def _open(self, event: Event) -> Table:
        setup = GameSetup.from_json(event["setup"])
        return self._add(LiveGame(event["game"], setup, event["ms"], _now_ms(), event["request"], event["digest"]))

    def _add(self, game: LiveGame) -> Table:
        table = self.tables[game.id] = Table(game)
        if game.request:
            self._requests[game.request] = game.id
        return table

    def _forget(self, id: str) -> None:
        table = self.tables.pop(id, None)
        if table is not None:
            self._requests.pop(table.game.request, None)

    def _step(self, table: Table) -> None:
        """Play a stepped game's turn if it can be played."""
        if table.game.setup.turn_ms == 0 and table.game.ready():
            self._play([table])

    def _play(self, tables: Sequence[Table]) -> None:
        """Play a turn of games that are due one, AFK events first."""
        now = _now_ms()
        self._commit([(table, event) for table in tables for event in table.game.absences(now)])
        with OneThread():
            turns = [(table, table.game.play()) for table in tables]
        self._commit(turns)
        metrics.TURNS.inc(len(tables))
        finished = [table for table in tables if table.game.state == FINISHED]
        if finished:
            self._unfinished -= len(finished)
            self._finish(finished)
        for table in tables:
            self._schedule(table)
            table.notify()

    def _finish(self, tables: Sequence[Table]) -> None:
        """Note when games ended, and hand them on."""
        ms = _unix_ms()
        self._commit([(table, {"e": "over", "ms": ms}) for table in tables if not table.game.finished_ms])
        for table in tables:
            game = table.game
            metrics.GAMES_FINISHED.labels(game.setup.ruleset).inc()
            _log.info("game over", game=game.id, turns=game.turn, winner=game.winner)
            if self._delivery is not None:
                self._delivery.add(table)
        if self._delivery is None:
            self._acknowledged(tables)

    def _acknowledged(self, tables: Sequence[Table]) -> None:
        """Note that games were taken in, and let go of the oldest such."""
        self._write([{"e": "told", "game": table.game.id} for table in tables])
        self._delivered.update((table.game.id, None) for table in tables)
        self._trim()

    def _trim(self) -> None:
        while len(self._delivered) > self.limits.finished:
            oldest = next(iter(self._delivered))
            del self._delivered[oldest]
            self._forget(oldest)

    # Starting again.

    def _recover(self) -> None:
        self.log.whole = self._whole
        for event in self.log.events():
            self._redo(event)
        self._trim()
        for table in list(self.tables.values()):
            if table.game.state != FINISHED:
                self._unfinished += 1
                self._schedule(table)
            elif table.game.id not in self._delivered:
                self._finish([table])
        if self.tables:
            _log.info("recovered", games=len(self.tables), unfinished=self._unfinished)

    def _redo(self, event: Event) -> None:
        id, kind = event["game"], event["e"]
        if kind == "open":
            self._open(event)
        elif kind == "whole":
            self._add(LiveGame.from_whole(id, event, _now_ms()))
        elif kind == "drop":
            self._forget(id)
        elif id in self.tables:  # else its beginning went with an old segment, since it was delivered
            if kind == "told":
                self._delivered[id] = None
            else:
                self.tables[id].game.apply(event, _now_ms())

    def _whole(self, id: str) -> Event | None:
        """What the log must keep of a game: nothing once it was delivered."""
        if id not in self.tables or id in self._delivered:
            return None
        return self.tables[id].game.whole()

    # Clocks.

    def _schedule(self, table: Table) -> None:
        """Have the clock look at a table when something is due, if it would not look before."""
        due = self._due(table.game)
        if due < table.due:
            self._queue.push(table, due)

    def _due(self, game: LiveGame) -> float:
        """When something is due in a game, seconds of the monotonic clock."""
        now = time.monotonic()
        if game.state == FINISHED:
            return NEVER
        if game.state == OPEN:
            return now + max(0, game.created_ms + self.limits.open_ms - _unix_ms()) / 1000
        if game.setup.turn_ms:
            return now + game.setup.turn_ms / 1000
        if game.by_itself():
            return now + BY_ITSELF_S
        idle = ((game.heard[s] + game.setup.idle_ms) / 1000 for s in game.awaited())
        return min(idle, default=now)  # nobody is awaited: the server died between the last action and the turn

    async def _run_clocks(self) -> None:
        while True:
            due = self._queue.take(SLICE)
            if not due:
                await self._queue.wait()
                continue
            try:
                self._look_at(due)
            except Exception as error:  # a full disk, say; what is not logged is not played
                _log.error("turns are held up", games=len(due), exc_info=error)
                for table in due:
                    self._queue.push(table, time.monotonic() + HELD_UP_S)
            await asyncio.sleep(0)

    def _look_at(self, tables: Sequence[Table]) -> None:
        """Do what is due: turns of games that go by themselves, AFK events of stepped ones, the end of open ones."""
        now = time.monotonic()
        turns = []
        for table in tables:
            game, due = table.game, table.due
            table.due = NEVER
            if game.state == RUNNING and (game.setup.turn_ms or game.by_itself()):
                metrics.TURN_LATENESS.observe(now - due)
                turns.append(table)
                if game.setup.turn_ms:  # by the clock's beat and not from now, unless a whole turn was missed
                    self._queue.push(table, max(due + game.setup.turn_ms / 1000, now))
            elif game.state == RUNNING:
                self._look_at_stepped(table)
            elif game.state == OPEN:
                self._look_at_open(table)
        if turns:
            self._play(turns)
        metrics.GAMES.set(self._unfinished)

    def _look_at_stepped(self, table: Table) -> None:
        absent = table.game.absences(_now_ms())
        self._commit([(table, event) for event in absent])
        self._step(table)
        self._schedule(table)
        if absent:
            table.notify()

    def _look_at_open(self, table: Table) -> None:
        if table.game.created_ms + self.limits.open_ms > _unix_ms():
            self._schedule(table)
            return
        self._write([{"e": "drop", "game": table.game.id}])
        self._unfinished -= 1
        self._forget(table.game.id)
        table.dropped = True
        table.notify()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000
