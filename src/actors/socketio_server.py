"""A server that speaks the Socket.IO protocol of generals.io's bots, so that bots written for the site can play here.

Games follow the engine's `generalsio` ruleset on the site's maps. A client waits for an opponent in a queue or a
private room; after a while a bot or a policy of the server may sit down instead. A client that comes back finds its
seat again. Chat and unknown events are ignored, malformed ones are answered by `gio_error`, and who sends an event
that is the library's own is disconnected. Team games are not offered.

Source: RULES.md, "Live protocol of the site". A user's id is all that tells who it is: keep the server on loopback, or
among friends.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import socketio
from aiohttp import web

from actors.bot_mind import Mind, Player
from actors.players import bot_player
from actors.site_game import Queued, SiteGame, draw_layout
from engine.board import ALIVE
from engine.record_replay import replay_of
from engine.replays import encode_gior
from engine.rulesets import RULESETS

FFA, DUEL = "ffa", "1v1"  # queues; private rooms have their own names
ROOM_SEATS = 8
MAX_MESSAGE = 10_000  # bytes
LONGEST_WORD = 100  # characters of an id, a name or a room
EVENTS_A_TURN = 20  # that a client may send on the average; others are dropped
LEAST_EVENTS = 40.0  # and a second, however slow the game
MAX_ROOMS = 1000
RESERVED_EVENTS = ("connect", "disconnect", "*")


@dataclass(frozen=True)
class Hosting:
    """How a server runs its games."""

    turn_seconds: float = 0.5
    # Who sits down where nobody else comes; None: nobody.
    resident: Player | None = field(default_factory=lambda: bot_player("hunter"))
    resident_after: float = 5.0  # seconds a client waits in the 1v1 queue before that
    rejoin_seconds: float = 30.0  # that a client may be away from its game
    seed: int = 0
    replays: Path | None = None  # folder to write each finished game to, as .gior


@dataclass(eq=False)
class Client:
    """A connection."""

    sid: str
    events: float  # it may send now
    refilled: float  # when that was reckoned
    user_id: str = ""
    name: str = "Anonymous"
    room: str = ""  # queue or room it waits in
    forces: bool = False
    match: "Match | None" = None
    seat: int = -1
    warned: float = 0.0  # when it was last told that it sends too much


@dataclass(eq=False)
class Match:
    """A game under way, and who is connected to its seats."""

    game: SiteGame
    users: list[str]  # user id of each seat, "" for the server's own
    clients: dict[int, Client] = field(default_factory=dict)
    away: dict[int, float] = field(default_factory=dict)  # seat -> when its client went
    told: set[int] = field(default_factory=set)  # seats that have heard how it ended for them


class RefusedError(ValueError):
    """An event that cannot be followed; the message goes to the client."""


def _text(arguments: tuple[object, ...], at: int, what: str) -> str:
    value = arguments[at] if at < len(arguments) else None
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_WORD:
        raise RefusedError(f"{what} is no text of 1 to {LONGEST_WORD} characters")
    return value


def _number(arguments: tuple[object, ...], at: int, what: str) -> int:
    value = arguments[at] if at < len(arguments) else None
    if type(value) is not int or not -1 <= value < 1 << 31:
        raise RefusedError(f"{what} is no whole number")
    return value


class _EventServer(socketio.AsyncServer):  # type: ignore[misc]  # it has no types
    """Hangs up on a client whose event has no name, or one by which handlers are called for the library's own ends."""

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: object) -> None:
        named = isinstance(data, list) and len(data) > 0 and isinstance(data[0], str)
        if named and data[0] not in RESERVED_EVENTS:  # type: ignore[index]  # seen above
            await super()._handle_event(eio_sid, namespace, id, data)
        elif sid := self.manager.sid_from_eio_sid(eio_sid, namespace or "/"):
            await self.disconnect(sid, namespace)


class SiteServer:
    """The server. `await start(...)`, then it answers until `await stop()`."""

    def __init__(self, hosting: Hosting, clock: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.hosting = hosting
        self.matches: list[Match] = []
        self.finished: list[Match] = []  # the latest ten
        self._clock = clock
        self._clients: dict[str, Client] = {}
        self._rooms: dict[str, list[Client]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._games = 0
        self._sio = _EventServer(
            async_mode="aiohttp", cors_allowed_origins="*", max_http_buffer_size=MAX_MESSAGE, logger=False
        )
        self._sio.on("connect", self._connected)
        self._sio.on("disconnect", self._disconnected)
        self._sio.on("*", self._unknown)
        for name, follow in self._events().items():
            self._sio.on(name, partial(self._received, name, follow))
        self._app = web.Application()
        self._sio.attach(self._app)
        self._runner: web.AppRunner | None = None

    def _events(self) -> dict[str, Callable[..., Awaitable[None]]]:
        return {
            "set_username": self._set_username,
            "play": self._play,
            "join_1v1": self._join_1v1,
            "join_private": self._join_private,
            "join_team": self._join_team,
            "set_force_start": self._set_force_start,
            "cancel": self._cancel,
            "attack": self._attack,
            "clear_moves": self._clear_moves,
            "undo_move": self._undo_move,
            "surrender": self._surrender,
            "leave_game": self._leave_game,
        }

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen; returns the address that clients connect to. Raises OSError."""
        self._runner = web.AppRunner(self._app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """End all games and close all connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sid in list(self._clients):
            await self._sio.disconnect(sid)
        if self._runner is not None:
            await self._runner.cleanup()

    # Connections.

    async def _connected(self, sid: str, environ: object, auth: object = None) -> None:
        now = time.monotonic()
        self._clients[sid] = Client(sid, self._most_events(), now)

    async def _disconnected(self, sid: str, reason: object = None) -> None:
        client = self._clients.pop(sid, None)
        if client is not None:
            self._leave_room(client)
            match = client.match
            if match is not None and match.clients.get(client.seat) is client:
                del match.clients[client.seat]
                match.away[client.seat] = time.monotonic()

    async def _unknown(self, event: str, sid: str, *arguments: object) -> None:
        client = self._clients.get(sid)
        if client is not None:
            self._may_send(client)

    async def _received(self, name: str, follow: Callable[..., Awaitable[None]], sid: str, *arguments: object) -> None:
        """Follow an event if its client may send, and answer what cannot be followed."""
        client = self._clients.get(sid)
        if client is None:
            return
        if not self._may_send(client):
            now = time.monotonic()
            if now - client.warned > 1.0:
                client.warned = now
                await self._tell(client, "gio_error", "You send too many events; some are dropped.")
            return
        try:
            await follow(client, arguments)
        except ValueError as error:
            await self._tell(client, "gio_error", f"{name}: {error}")

    def _most_events(self) -> float:
        """Events a second."""
        return max(LEAST_EVENTS, EVENTS_A_TURN / max(self.hosting.turn_seconds, 1e-3))

    def _may_send(self, client: Client) -> bool:
        now, most = time.monotonic(), self._most_events()
        client.events = min(most, client.events + most * (now - client.refilled))
        client.refilled = now
        if client.events < 1.0:
            return False
        client.events -= 1.0
        return True

    async def _tell(self, client: Client, event: str, *data: object) -> None:
        await self._sio.emit(event, data if len(data) != 1 else data[0], to=client.sid)

    def _spawn(self, work: Awaitable[None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Waiting for a game.

    async def _set_username(self, client: Client, arguments: tuple[object, ...]) -> None:
        client.user_id = _text(arguments, 0, "user_id")
        client.name = _text(arguments, 1, "username")

    async def _play(self, client: Client, arguments: tuple[object, ...]) -> None:
        await self._join(client, FFA, _text(arguments, 0, "user_id"))

    async def _join_1v1(self, client: Client, arguments: tuple[object, ...]) -> None:
        await self._join(client, DUEL, _text(arguments, 0, "user_id"))

    async def _join_private(self, client: Client, arguments: tuple[object, ...]) -> None:
        room = _text(arguments, 0, "queue_id")
        if room in (FFA, DUEL):
            raise RefusedError(f'queue_id "{room}" is a queue of its own')
        await self._join(client, room, _text(arguments, 1, "user_id"))

    async def _join_team(self, client: Client, arguments: tuple[object, ...]) -> None:
        raise RefusedError("team games are not offered here; known: play, join_1v1, join_private")

    async def _set_force_start(self, client: Client, arguments: tuple[object, ...]) -> None:
        forces = arguments[1] if len(arguments) > 1 else None
        if not isinstance(forces, bool):
            raise RefusedError("set_force_start is neither true nor false")
        client.forces = forces
        await self._settle(client.room)

    async def _cancel(self, client: Client, arguments: tuple[object, ...]) -> None:
        self._leave_room(client)

    async def _join(self, client: Client, room: str, user_id: str) -> None:
        """Wait in a queue or room, or go back to the game that the user still has a seat in."""
        client.user_id = user_id
        if client.match is not None and client.match.game.over:
            client.match = None
        for match in self.matches:
            if user_id in match.users and not match.game.over:
                await self._seat(match, match.users.index(user_id), client)
                return
        if room not in self._rooms and len(self._rooms) >= MAX_ROOMS:
            raise RefusedError(f"{MAX_ROOMS} rooms are open; accepted: no more than that")
        self._leave_room(client)
        present = self._rooms.setdefault(room, [])
        if any(other.user_id == user_id for other in present):
            raise RefusedError("this user waits there already")
        if len(present) >= ROOM_SEATS:
            raise RefusedError(f"room is full; accepted: {ROOM_SEATS} players")
        present.append(client)
        client.room, client.forces = room, False
        await self._settle(room)
        if room == DUEL and self.hosting.resident and client.room == DUEL:
            self._spawn(self._sit_down_later(client))

    def _leave_room(self, client: Client) -> None:
        present = self._rooms.get(client.room, [])
        if client in present:
            present.remove(client)
            if not present:
                del self._rooms[client.room]
        client.room = ""

    async def _settle(self, room: str) -> None:
        """Start a room's game if all is ready; else tell who is there."""
        present = self._rooms.get(room, [])
        if not present:
            return
        if len(present) >= 2 if room == DUEL else len(present) == ROOM_SEATS:
            await self._begin(present[: 2 if room == DUEL else ROOM_SEATS])
        elif room != DUEL and all(client.forces for client in present) and (len(present) > 1 or self.hosting.resident):
            await self._begin(list(present))
        else:
            names = [client.name for client in present]
            forcing = [number for number, client in enumerate(present) if client.forces]
            for client in present:
                update = {
                    "numPlayers": len(present),
                    "numForce": forcing,
                    "usernames": names,
                    "isForcing": client.forces,
                }
                await self._tell(client, "queue_update", update)

    async def _sit_down_later(self, client: Client) -> None:
        """After a while the server's player sits down opposite a client that still waits."""
        await asyncio.sleep(self.hosting.resident_after)
        if client.room == DUEL and client.sid in self._clients:
            await self._begin([client])

    async def _begin(self, players: list[Client]) -> None:
        """Start a game of these; the server's own player plays against one who is alone."""
        for client in players:
            self._leave_room(client)
        resident = self.hosting.resident
        self._games += 1
        seed = self.hosting.seed * 1_000_000 + self._games
        names, users = [client.name for client in players], [client.user_id for client in players]
        minds: list[Mind | None] = [None] * len(players)
        if len(players) == 1 and resident is not None:
            names, users, minds = [*names, f"[Bot] {resident.name}"], [*users, ""], [None, resident.mind(seed)]
        layout = draw_layout(len(minds), seed)
        game = SiteGame(uuid.uuid4().hex[:9], RULESETS["generalsio"], layout, names, minds)
        match = Match(game, users)
        self.matches.append(match)
        for seat, client in enumerate(players):
            await self._seat(match, seat, client)
        self._spawn(self._run(match))

    # A game.

    async def _seat(self, match: Match, seat: int, client: Client) -> None:
        """Give a client its seat, new or again, and tell it all there is to know."""
        self._leave_room(client)
        match.clients[seat] = client
        match.away.pop(seat, None)
        client.match, client.seat = match, seat
        game = match.game
        game.forget_sent(seat)
        game.queues[seat].clear()
        await self._tell(client, "pre_game_start")
        start = {
            "playerIndex": seat,
            "replay_id": game.id,
            "chat_room": f"game_{game.id}",
            "usernames": list(game.names),
            "teams": list(range(game.seats)),
        }
        await self._tell(client, "game_start", start)
        await self._tell(client, "game_update", game.update(seat))

    async def _run(self, match: Match) -> None:
        """Play a game to its end."""
        game = match.game
        try:
            while not game.over:
                await self._clock(self.hosting.turn_seconds)
                for seat, since in list(match.away.items()):
                    if time.monotonic() - since > self.hosting.rejoin_seconds:
                        game.give_up(seat, leaves=True)
                game.step()
                for seat, client in list(match.clients.items()):
                    await self._tell(client, "game_update", game.update(seat))
                    await self._tell_fate(match, seat, client)
        finally:
            self.matches.remove(match)
            for client in match.clients.values():
                client.match = None
        self._keep(match)

    async def _tell_fate(self, match: Match, seat: int, client: Client) -> None:
        """Tell a client once that it has won or lost."""
        game = match.game.game
        lost = game.status[seat] != ALIVE or (game.winner is not None and game.winner != seat)
        if (lost or game.winner is not None) and seat not in match.told:
            match.told.add(seat)
            if lost:
                await self._tell(client, "game_lost", {"killer": game.winner if game.winner is not None else None})
            else:
                await self._tell(client, "game_won")
        if game.winner is not None:
            await self._tell(client, "game_over")

    def _keep(self, match: Match) -> None:
        self.finished = [*self.finished[-9:], match]
        folder = self.hosting.replays
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{match.game.id}.gior").write_bytes(encode_gior(replay_of(match.game.record())))

    def _seat_of(self, client: Client) -> tuple[SiteGame, int]:
        """A client's game and seat. Raises RefusedError."""
        if client.match is None or client.match.clients.get(client.seat) is not client:
            raise RefusedError("you are in no game")
        return client.match.game, client.seat

    async def _attack(self, client: Client, arguments: tuple[object, ...]) -> None:
        game, seat = self._seat_of(client)
        half = arguments[2] if len(arguments) > 2 else False
        if not isinstance(half, bool | int):
            raise RefusedError("is50 is neither true nor false")
        index = _number(arguments, 3, "attackIndex") if len(arguments) > 3 else -1
        game.queue(seat, Queued(_number(arguments, 0, "start"), _number(arguments, 1, "end"), bool(half), index))

    async def _clear_moves(self, client: Client, arguments: tuple[object, ...]) -> None:
        game, seat = self._seat_of(client)
        game.queues[seat].clear()

    async def _undo_move(self, client: Client, arguments: tuple[object, ...]) -> None:
        game, seat = self._seat_of(client)
        if game.queues[seat]:
            game.queues[seat].pop()

    async def _surrender(self, client: Client, arguments: tuple[object, ...]) -> None:
        game, seat = self._seat_of(client)
        game.give_up(seat, leaves=False)

    async def _leave_game(self, client: Client, arguments: tuple[object, ...]) -> None:
        if client.match is not None:
            game, seat = self._seat_of(client)
            game.give_up(seat, leaves=True)
            match, client.match = client.match, None
            del match.clients[seat]
            match.users[seat] = ""
