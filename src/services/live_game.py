"""One game on the server, as a function of its events: the same ones give the same game, so a log of them is enough.

An event is a dictionary for JSON with its kind under "e". What is asked of a game is checked and made into an event
here; the hall (`services.game_hall`) writes it to the log and then has `apply` change the game. Nothing else does.
"""

from array import array
from base64 import b64decode, b64encode
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine import Game
from engine.actions import action_count
from engine.arrays import Int32
from engine.board import ALIVE, AWAY, STATUS, TEAM, Shape
from engine.bots import bot_actions, find_bot, scratch_words
from engine.layout import Layout
from engine.record import Record
from engine.views import BoardView
from services.game_setup import BOT_PREFIX, GameSetup
from services.refusal import exhausted, failed, invalid
from services.stubs import game_pb2
from store.ratings import Player

OPEN, RUNNING, FINISHED = (
    game_pb2.GAME_STATE_OPEN,
    game_pb2.GAME_STATE_RUNNING,
    game_pb2.GAME_STATE_FINISHED,
)
AFK_TURN_DUEL, AFK_TURN = 71, 121  # who has made no move by then is AFK (RULES.md), with two seats and with more
LEAVE_TURNS = 50  # from a seat's first AFK event to its second, which gives its land away
QUEUE = 1000  # actions of a seat that may wait
REMEMBERED = 64  # request ids of a seat, and tokens of seats that were given back, the latest

Event = dict[str, Any]


@dataclass
class Seat:
    """One seat of a game."""

    bot: int = -1  # code of the scripted bot that plays it
    player: Player | None = None  # None: open
    token: str = ""  # SHA-256 of its token, hexadecimal; a bot has none
    queue: deque[tuple[int, int]] = field(default_factory=deque)  # turn from which on it may be played, action code
    requests: dict[str, tuple[int, int]] = field(default_factory=dict)  # by request id: turn and queued, as answered
    moved: bool = False
    gone: int = -1  # turn of its first AFK event


class LiveGame:
    """One game. `now` are milliseconds of a clock that never goes back; they are in no event."""

    def __init__(
        self, id: str, setup: GameSetup, created_ms: int, now: int, request: str = "", digest: str = ""
    ) -> None:
        self.id, self.setup, self.created_ms = id, setup, created_ms
        self.request, self.digest = request, digest  # of the request that opened it
        self.turn = 0  # turns played
        self.state: game_pb2.GameState = OPEN
        self.seats = [Seat() for _ in setup.seats]
        for seat, name in zip(self.seats, setup.seats, strict=True):
            if name:
                seat.bot, seat.player = find_bot(name.removeprefix(BOT_PREFIX)), Player(name)
        self.actions = array("i")  # (turns, seats), flat
        self.surrenders: list[tuple[int, int]] = []  # turn, seat
        self.finished_ms = 0
        self.given_back: list[str] = []  # SHA-256 of the tokens of seats that were given back, the latest
        self.heard = [now] * len(self.seats)  # when each seat last submitted
        self._bots = np.array([[seat.bot for seat in self.seats]], np.int8)
        self._has_bots = any(setup.seats)

    # What the present is.

    @property
    def winner(self) -> int | None:
        """None while it runs, -1 for a draw, else the seat."""
        return self.game.winner if self.state != OPEN else None

    @property
    def players(self) -> list[Player | None]:
        """By seat; None where one is open."""
        return [seat.player for seat in self.seats]

    def seat_of(self, token: str) -> int | None:
        """The seat that the SHA-256 of a token is for."""
        return next((s for s, seat in enumerate(self.seats) if token and seat.token == token), None)

    def gave_back(self, token: str) -> bool:
        """Whether the SHA-256 of a token is for a seat that was given back, and for none now."""
        return token in self.given_back and self.seat_of(token) is None

    def playing(self, s: int) -> bool:
        """Whether a seat may act."""
        return self.state == RUNNING and bool(self.view.seat[s, STATUS] == ALIVE)

    def awaited(self) -> list[int]:
        """The seats that must act before a stepped game's turn is played, and have not."""
        return [s for s, seat in enumerate(self.seats) if seat.bot < 0 and not seat.queue and self.playing(s)]

    def by_itself(self) -> bool:
        """Whether a stepped game must go on though nobody is left who could step it."""
        return not any(seat.bot < 0 and self.playing(s) for s, seat in enumerate(self.seats))

    def decided(self) -> bool:
        """Whether all who still play are of one team: the next turn will name the winner."""
        playing = self.view.seat[self.view.seat[:, STATUS] == ALIVE]
        return len(set(playing[:, TEAM].tolist())) <= 1

    def ready(self) -> bool:
        """Whether a stepped game's turn can be played."""
        return self.state == RUNNING and (self.decided() or not (self.awaited() or self.by_itself()))

    # Events: what is asked for, checked.

    def join(self, s: int, player: Player, token: str) -> list[Event]:
        """A player takes a seat, -1 for any; the last one begins the game. Raises RefusedError."""
        free = [k for k, seat in enumerate(self.seats) if seat.player is None]
        if self.state != OPEN or not free:
            raise failed("game_id", f"{self.id}, whose seats are taken", "a game with an open seat, or a seat's token")
        if not -1 <= s < len(self.seats):
            raise invalid("seat", s, f"-1 to {len(self.seats) - 1}")
        if s >= 0 and s not in free:
            raise failed("seat", f"{s}, which is taken", f"-1, {', '.join(map(str, free))}")
        seat = free[0] if s < 0 else s
        events = [{"e": "join", "seat": seat, "player": player.key, "token": token}]
        return [*events, {"e": "begin"}] if len(free) == 1 else events

    def submit(self, s: int, request: game_pb2.SubmitActionRequest) -> tuple[list[Event], tuple[int, int, bool]]:
        """A seat's actions for the queue, and the turn, length of the queue and `accepted` to answer.

        Raises RefusedError.
        """
        seat = self.seats[s]
        if request.request_id and request.request_id in seat.requests:
            return [], (*seat.requests[request.request_id], True)
        if self.state == OPEN:
            raise failed("game_id", f"{self.id}, which has not begun", "a game whose seats are taken")
        count = action_count(self.tiles, self.game.ruleset.castle_price > 0)
        for action in request.actions:
            if not 0 <= action < count:
                raise invalid("actions", action, f"0 to {count - 1}")
        if len(request.actions) > QUEUE:
            raise exhausted("actions", f"{len(request.actions)} long", f"at most {QUEUE}")
        if not 0 <= request.turn <= self.turn and not (self.setup.turn_ms and request.turn >= 0):
            raise invalid("turn", request.turn, f"0 to {self.turn}, the turn the game is at")
        if not self.setup.turn_ms and len(request.actions) != 1:
            raise invalid("actions", f"{len(request.actions)} long", "1 of them in a stepped game")
        if not self.playing(s) or (not self.setup.turn_ms and request.turn != self.turn):
            return [], (self.turn, len(seat.queue), False)
        clear = request.clear or not self.setup.turn_ms
        queued = len(request.actions) + (0 if clear else len(seat.queue))
        if queued > QUEUE:
            raise exhausted("the seat's queue", f"{queued} long", f"at most {QUEUE}")
        event: Event = {"e": "submit", "seat": s, "from": request.turn, "actions": list(request.actions)}
        if clear:
            event["clear"] = True
        if request.request_id:
            event["request"] = request.request_id
        return [event], (self.turn, queued, True)

    def surrender(self, s: int) -> list[Event]:
        """A seat gives up, or gives itself back before the game has begun; none where it plays no more."""
        if self.state == OPEN:
            return [{"e": "leave", "seat": s}]
        return [{"e": "gone", "seat": s}] if self.playing(s) else []

    def absences(self, now: int) -> list[Event]:
        """AFK events that are due before the coming turn."""
        events: list[Event] = []
        for s, seat in enumerate(self.seats):
            if seat.bot >= 0:
                continue
            if self.playing(s):
                idle = now - self.heard[s] >= self.setup.idle_ms and (self.setup.turn_ms or not seat.queue)
                never = AFK_TURN_DUEL if len(self.seats) == 2 else AFK_TURN
                if idle or (self.setup.turn_ms and not seat.moved and self.turn >= never):
                    events.append({"e": "gone", "seat": s})
            elif self.view.seat[s, STATUS] == AWAY and self.turn >= seat.gone + LEAVE_TURNS:
                events.append({"e": "gone", "seat": s})
        return events

    def play(self) -> Event:
        """The coming turn: what bots choose and what the queues hold. A move that is not legal now is skipped.

        Within `engine.compile.OneThread` this takes microseconds; without, bots wake all cores for one game.
        """
        codes = np.zeros((1, len(self.seats)), np.int32)
        if self._has_bots:
            bot_actions(self.game.row[None], self._bots, self.setup.seed, codes, self._scratch)
        left = []
        for s, seat in enumerate(self.seats):
            at = 0
            if seat.queue and self.playing(s):
                codes[0, s], at = self._next(s, seat.queue)
            left.append(len(seat.queue) - at)
        event: Event = {"e": "turn", "actions": codes[0].tolist()}
        if any(left):
            event["left"] = left
        return event

    def _next(self, s: int, queue: deque[tuple[int, int]]) -> tuple[int, int]:
        """The code to play and how many of a seat's queue that uses up."""
        if not self.setup.turn_ms:
            return queue[0][1], 1
        for at, (turn, code) in enumerate(queue):
            if turn > self.turn:
                return 0, at
            if self._legal(s, code):
                return code, at + 1
        return 0, len(queue)

    def _legal(self, s: int, code: int) -> bool:
        mask = self.view.mask[s].reshape(-1)
        if code == 0:
            return True
        if code > 8 * mask.size:
            return bool(mask[code - 1 - 8 * mask.size] & 16)
        tile, rest = divmod(code - 1, 8)
        return bool(mask[tile] >> (rest // 2) & 1)

    # Changes.

    def apply(self, event: Event, now: int) -> None:
        """Change the game by an event that was made here."""
        getattr(self, f"_on_{event['e']}")(event, now)

    def _on_join(self, event: Event, now: int) -> None:
        seat = self.seats[event["seat"]]
        seat.player, seat.token = Player.from_key(event["player"]), event["token"]

    def _on_leave(self, event: Event, now: int) -> None:
        self.given_back = [*self.given_back, self.seats[event["seat"]].token][-REMEMBERED:]
        self.seats[event["seat"]] = Seat()

    def _on_begin(self, event: Event, now: int) -> None:
        self._start(self.setup.layout(), now)

    def _start(self, layout: Layout, now: int) -> None:
        self.layout = layout
        self.game = self.fresh_game()
        self.view = BoardView.of(self.game.row, Shape.of(self.game.ruleset, layout.seats, layout.height, layout.width))
        self.tiles = layout.height * layout.width
        self._scratch = np.zeros((1, scratch_words(self.tiles)), np.int32)
        self.state = RUNNING
        self.heard = [now] * len(self.seats)

    def _on_submit(self, event: Event, now: int) -> None:
        seat = self.seats[event["seat"]]
        if event.get("clear"):
            seat.queue.clear()
        seat.queue.extend((event["from"], code) for code in event["actions"])
        self.heard[event["seat"]] = now
        if "request" in event:
            seat.requests[event["request"]] = (self.turn, len(seat.queue))
            if len(seat.requests) > REMEMBERED:
                del seat.requests[next(iter(seat.requests))]

    def _on_gone(self, event: Event, now: int) -> None:
        s = event["seat"]
        self.surrenders.append((self.turn, s))
        if self.seats[s].gone < 0:
            self.seats[s].gone = self.turn
        self.seats[s].queue.clear()
        self.game.surrender(s)

    def _on_turn(self, event: Event, now: int) -> None:
        codes: Int32 = np.array(event["actions"], np.int32)
        self.actions.extend(event["actions"])
        for seat, left in zip(self.seats, event.get("left") or [0] * len(self.seats), strict=True):
            while len(seat.queue) > left:
                seat.queue.popleft()
        for seat, code in zip(self.seats, event["actions"], strict=True):
            seat.moved = seat.moved or code != 0
        self.game.step_actions(codes)
        self.turn += 1
        if self.game.winner is not None:
            self.state = FINISHED

    def _on_over(self, event: Event, now: int) -> None:
        self.finished_ms = event["ms"]

    # The game as a whole.

    def fresh_game(self) -> Game:
        """The game as it began."""
        return Game(self.setup.rules(), self.layout)

    def record(self) -> Record:
        """The record of the game as far as it has gone."""
        actions = np.frombuffer(self.actions, np.int32).reshape(-1, len(self.seats))
        gone = np.array(self.surrenders, np.int32).reshape(-1, 2)
        names = tuple(player.name if player else "" for player in self.players)
        return Record.from_actions(self.setup.rules(), self.layout, actions, gone, id=self.id, names=names)

    def whole(self) -> Event:
        """One event that stands for all so far."""
        return {
            "e": "whole",
            "setup": self.setup.to_json(),
            "request": self.request,
            "digest": self.digest,
            "created_ms": self.created_ms,
            "begun": self.state != OPEN,
            "seats": [
                {
                    "player": seat.player.key if seat.player else None,
                    "token": seat.token,
                    "queue": list(seat.queue),
                    "requests": seat.requests,
                }
                for seat in self.seats
            ],
            "actions": b64encode(np.array(self.actions, "<i4").tobytes()).decode(),
            "surrenders": self.surrenders,
            "finished_ms": self.finished_ms,
            "given_back": self.given_back,
        }

    @classmethod
    def from_whole(cls, id: str, event: Event, now: int) -> "LiveGame":
        """The game that `whole` told of; its turns are played again."""
        setup = GameSetup.from_json(event["setup"])
        game = cls(id, setup, event["created_ms"], now, event["request"], event["digest"])
        for seat, kept in zip(game.seats, event["seats"], strict=True):
            seat.player = Player.from_key(kept["player"]) if kept["player"] else None
            seat.token = kept["token"]
        if event["begun"]:
            game.apply({"e": "begin"}, now)
            rows = np.frombuffer(b64decode(event["actions"]), "<i4").reshape(-1, len(game.seats))
            gone = deque(event["surrenders"])
            for turn in range(len(rows) + 1):
                while gone and gone[0][0] == turn:
                    game.apply({"e": "gone", "seat": gone.popleft()[1]}, now)
                if turn < len(rows):
                    game.apply({"e": "turn", "actions": rows[turn].tolist()}, now)
        for seat, kept in zip(game.seats, event["seats"], strict=True):
            seat.queue.extend((turn, code) for turn, code in kept["queue"])
            seat.requests = {request: (turn, queued) for request, (turn, queued) in kept["requests"].items()}
        game.finished_ms = event["finished_ms"]
        game.given_back = list(event.get("given_back", ()))  # logs of before do not have it
        return game
