"""Plays on generals.io, or any server that speaks its Socket.IO protocol, with a policy or a scripted bot.

One move a turn at most: each update is shown to the mind, which remembers; only the latest is answered. A move that was
sent and not yet played when the next one is due is taken back first. After a lost connection it joins again, and where
the server gives it its seat back it plays on with what it remembers; a server that stays away is given up, and so is
one that has refused a place in a game three times.

Source: RULES.md, "Live protocol of the site".
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import socketio

from actors.bot_mind import Mind
from actors.foreign_view import ForeignView
from actors.site_wire import ShownGame, WireError
from engine.actions import decode
from engine.rulesets import RULESETS

BOT_PREFIX = "[Bot]"  # the site asks it of bots' names
DUEL, FFA = "1v1", "ffa"
OF_MOVES = ("attack", "clear_moves", "leave_game")  # what errors begin with that need not end the waiting for a game
WAITS = (1.0, 4.0)  # seconds after which it joins again, where a server refuses: it may have been too fast


class LiveError(RuntimeError):
    """A server that cannot be played on; the message says why."""


@dataclass(frozen=True)
class Seat:
    """Who plays, and where."""

    user_id: str
    name: str
    key: str = ""
    queue: str = DUEL  # "1v1", "ffa", or the name of a private room
    force_start: bool = True  # in rooms and the ffa queue: start as soon as all want to
    moves_a_second: float = 10.0  # at most
    patience: float = 60.0  # seconds that a lost server may stay away

    def __post_init__(self) -> None:
        if not self.user_id:
            raise ValueError("user_id is empty; accepted: the secret text that names a player")
        if not self.name.startswith(BOT_PREFIX):
            raise ValueError(f'name is "{self.name}"; accepted: names that begin with "{BOT_PREFIX}"')
        if not self.moves_a_second > 0:
            raise ValueError(f"moves a second are {self.moves_a_second}; accepted: more than 0")
        if not self.patience >= 0:
            raise ValueError(f"patience is {self.patience} seconds; accepted: 0 or more")


@dataclass
class Outcome:
    """A game that was played."""

    replay_id: str
    won: bool = False
    turns: int = 0
    moves: int = 0  # that were sent


class LivePlayer:
    """Plays games one after another. `watch` is called with the view after every turn, `tell` with what people should
    know of the connection, a line each.
    """

    def __init__(
        self,
        mind: Mind,
        seat: Seat,
        watch: Callable[[ForeignView], None] = lambda view: None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.mind, self.seat, self._watch, self._tell = mind, seat, watch, tell
        self.outcomes: list[Outcome] = []
        self.complaints: list[str] = []  # what the server refused, and what of it was no protocol
        self._heard: deque[tuple[str, object]] = deque()
        self._news = asyncio.Event()
        self._outcome: Outcome | None = None
        self._view: ForeignView | None = None
        self._shown = ShownGame(0)
        self._place: object = None  # our seat, as the server says
        self._teams: list[int] = []
        self._index = -1  # of the last move sent in this game
        self._moved = -1e9  # when that was
        self._lost: float | None = None  # when the connection was
        self._refusals = 0  # of the game that is waited for
        self.client = socketio.AsyncClient(
            reconnection=True,
            reconnection_delay=0.2,
            reconnection_delay_max=5,
            handle_sigint=False,  # else Ctrl-C cancels this player in place of interrupting who runs it
        )
        for event in ("connect", "disconnect", "game_start", "game_update", "game_won", "game_lost", "gio_error"):
            self.client.on(event, self._listener(event))

    def _listener(self, event: str) -> Callable[..., None]:
        """Handlers only note what was heard: one task deals with everything in order."""

        def note(*data: object) -> None:
            self._heard.append((event, data[0] if data else None))
            self._news.set()

        return note

    @property
    def standing(self) -> str:
        """What was played so far, in words."""
        played = f"games played: {len(self.outcomes)}"
        return played if self._outcome is None else f"{played}, one left in turn {self._outcome.turns}"

    async def play(self, url: str, games: int = 1) -> list[Outcome]:
        """Play so many games on a server. Raises LiveError."""
        try:
            await self.client.connect(url, transports=["websocket"])
        except socketio.exceptions.ConnectionError as error:
            raise LiveError(f"{url} cannot be reached: {error}") from None
        try:
            while len(self.outcomes) < games:
                await self._listen(url)
                while self._heard and len(self.outcomes) < games:
                    await self._deal(*self._heard.popleft(), more=len(self.outcomes) + 1 < games)
        finally:
            await self.client.disconnect()
        return self.outcomes

    async def _listen(self, url: str) -> None:
        """Wait until something is heard. Raises LiveError where a lost server stays away."""
        left = None if self._lost is None else max(0.0, self._lost + self.seat.patience - time.monotonic())
        try:
            await asyncio.wait_for(self._news.wait(), left)
        except TimeoutError:
            raise LiveError(f"{url} was lost and has stayed away for {self.seat.patience:g} seconds") from None
        self._news.clear()

    async def _deal(self, event: str, data: object, more: bool) -> None:
        if event == "connect":
            if self._lost is not None:
                self._tell(f"the server is back after {time.monotonic() - self._lost:.1f} seconds")
                self._lost = None
            await self._join()
        elif event == "disconnect":
            self._lost = time.monotonic()
            self._tell(f"the connection is lost; trying for {self.seat.patience:g} seconds to have it again")
        elif event == "game_start":
            self._start(data)
        elif event == "game_update":
            await self._turn(data)
        elif event in ("game_won", "game_lost"):
            await self._end(event == "game_won", more)
        elif event == "gio_error":
            self.complaints.append(str(data))
            is_late = str(data).startswith(OF_MOVES)  # of a move that was on its way as its game ended
            if self._outcome is None and not is_late:
                await self._join_again(f"the server refuses: {data}")

    async def _emit(self, event: str, *data: object) -> None:
        """Send, if there is a connection: what a lost one swallows, joining again makes good."""
        try:
            await self.client.emit(event, data)
        except socketio.exceptions.SocketIOError as error:
            self.complaints.append(f"{event} was not sent: {error}")

    async def _join(self) -> None:
        seat = self.seat
        await self._emit("set_username", seat.user_id, seat.name, seat.key)
        if seat.queue == DUEL:
            await self._emit("join_1v1", seat.user_id, seat.key)
            return
        if seat.queue == FFA:
            await self._emit("play", seat.user_id, seat.key)
        else:
            await self._emit("join_private", seat.queue, seat.user_id, seat.key)
        if seat.force_start:
            await self._emit("set_force_start", None if seat.queue == FFA else seat.queue, True)

    async def _join_again(self, why: str) -> None:
        """Wait, then ask for a game once more, unless one begins. Raises LiveError after the last of WAITS."""
        if self._refusals == len(WAITS):
            raise LiveError(why)
        wait = WAITS[self._refusals]
        self._refusals += 1
        self._tell(f"{why}; joining again in {wait:g} s")
        await asyncio.sleep(wait)
        news = [(event, data) for event, data in self._heard if event != "gio_error"]  # of one refusal there are many
        self.complaints += [str(data) for event, data in self._heard if event == "gio_error"]
        self._heard = deque(news)
        if not any(event in ("connect", "disconnect", "game_start") for event, _ in news):
            await self._join()

    def _start(self, data: object) -> None:
        """A game begins, or goes on after a lost connection."""
        if not isinstance(data, dict) or not isinstance(data.get("usernames"), list):
            raise LiveError(f"game_start says {data!r}; accepted: an object with usernames")
        self._refusals = 0
        replay_id, self._place = str(data.get("replay_id")), data.get("playerIndex")
        teams = data.get("teams")
        self._teams = teams if isinstance(teams, list) and len(teams) == len(data["usernames"]) else []
        if self._outcome is not None and self._outcome.replay_id == replay_id:
            self._shown.forget()
            return
        self._outcome = Outcome(replay_id)
        self._shown = ShownGame(len(data["usernames"]))
        self._view, self._index = None, -1

    async def _turn(self, data: object) -> None:
        """Take in a turn; answer it unless the next one is here already."""
        if self._outcome is None:
            return
        try:
            seen = self._shown.take(data)
            if self._view is not None and (self._view.height, self._view.width) != self._shown.size:
                raise WireError("the map has changed its size")
        except WireError as error:
            self.complaints.append(f"game_update: {error}")
            return
        if self._view is None:
            self._view = self._new_view()
        self._view.show(seen)
        self._outcome.turns = seen.turn
        self._watch(self._view)
        action = self.mind.decide(self._view)
        if any(event != "gio_error" for event, _ in self._heard):
            return
        await self._answer(action, data.get("attackIndex") if isinstance(data, dict) else None)

    def _new_view(self) -> ForeignView:
        if type(self._place) is not int:
            raise LiveError(f"playerIndex is {self._place!r}; accepted: a seat")
        try:
            view = ForeignView(
                RULESETS["generalsio"], self._place, self._shown.seats, *self._shown.size, self.mind.board, self._teams
            )
            self.mind.begin(view)
        except ValueError as error:
            raise LiveError(str(error)) from None
        return view

    async def _answer(self, action: int, played: object) -> None:
        """Send a move, or nothing for a pass; what was sent before and still waits is taken back."""
        assert self._view is not None
        assert self._outcome is not None
        now = time.monotonic()
        if now - self._moved < 1.0 / self.seat.moves_a_second:
            return
        if type(played) is int and played < self._index:
            await self._emit("clear_moves")
        move = decode(self._view.on_map(action), self._view.height, self._view.width)
        if move is None:
            return
        self._index += 1
        self._moved = now
        self._outcome.moves += 1
        await self._emit("attack", move[0], move[1], bool(move[2]), self._index)

    async def _end(self, won: bool, more: bool) -> None:
        if self._outcome is None:
            return
        self._outcome.won = won
        self.outcomes.append(self._outcome)
        self._outcome = None
        await self._emit("leave_game")
        if more:
            await self._join()
