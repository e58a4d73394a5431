"""One game on a local server that speaks the site's protocol: queued moves, turns, and what each seat is sent."""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from actors.bot_mind import Mind
from actors.foreign_view import ForeignView
from actors.site_wire import make_diff, scores_of, shown_board
from engine.actions import encode
from engine.arrays import Int32
from engine.batch import GameBatch
from engine.board import ALIVE, AWAY, MAP_HEIGHT, MAP_WIDTH, Shape
from engine.game import Game
from engine.layout import Layout
from engine.record import Record
from engine.rulesets import Ruleset
from engine.views import BoardView

MAX_QUEUE = 1000  # moves a seat may have waiting
AFK_TURN, AFK_TURN_OF_MANY = 71, 121  # a seat that has not moved by then is out, of two seats and of more
LAND_STAYS, LAND_STAYS_AFTER_LEAVING = 50, 1  # turns between a surrender and the loss of the land


class Queued(NamedTuple):
    """A move that waits."""

    start: int
    end: int
    half: bool
    number: int  # by which its client knows it


def draw_layout(seats: int, seed: int) -> Layout:
    """A map of the site for that many seats."""
    batch = GameBatch("generalsio", 1, seed, board="site", seats=seats)
    batch.reset()
    game, (height, width) = batch.game(0), batch.rows[0, [MAP_HEIGHT, MAP_WIDTH]].tolist()
    generals = tuple(tile // batch.width * width + tile % batch.width for tile in game.generals)
    return Layout(
        game.kinds[:height, :width].copy(),
        game.armies[:height, :width].copy(),
        np.maximum(game.owners[:height, :width], -1).astype(np.int8),
        generals,
    )


class SiteGame:
    """A game. `minds` has whoever of this process plays a seat, or None for a client's.

    Raises ValueError where a mind does not play such games.
    """

    def __init__(
        self, id: str, ruleset: Ruleset, layout: Layout, names: Sequence[str], minds: Sequence[Mind | None]
    ) -> None:
        self.id, self.names = id, tuple(names)
        self.game = Game(ruleset, layout)
        self.layout = layout
        self.seats = self.game.seats
        self.queues: list[deque[Queued]] = [deque() for _ in range(self.seats)]
        self.moved = [mind is not None for mind in minds]
        self.played: list[int] = [-1] * self.seats  # number of each seat's last move that left its queue
        self.actions: list[Int32] = []  # of every turn so far, (seats,)
        self.surrenders: list[tuple[int, int]] = []  # turn and seat of every event so far
        size = self.game.height, self.game.width
        self._shape = Shape.of(ruleset, self.seats, *size)
        self._residents: dict[int, tuple[Mind, ForeignView]] = {}
        for seat, mind in enumerate(minds):
            if mind is not None:
                self._residents[seat] = mind, ForeignView(ruleset, seat, self.seats, *size, mind.board)
                mind.begin(self._residents[seat][1])
        self._due: dict[int, int] = {}  # seat -> turn of its next surrender event
        self._sent: list[tuple[list[int], list[int]]] = [([], [])] * self.seats

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.game.winner is not None

    def queue(self, seat: int, move: Queued) -> None:
        """Let a move wait for its turn. Raises ValueError for tiles off the map or a queue that is full."""
        tiles = self.game.height * self.game.width
        if not (0 <= move.start < tiles and 0 <= move.end < tiles):
            raise ValueError(f"move is from {move.start} to {move.end}; accepted: tiles 0 to {tiles - 1}")
        if len(self.queues[seat]) >= MAX_QUEUE:
            raise ValueError(f"{MAX_QUEUE} moves are waiting; accepted: no more than that")
        self.queues[seat].append(move)

    def give_up(self, seat: int, leaves: bool) -> None:
        """A surrender, or a player who leaves: the seat ends its play, its land stays for a while."""
        status = self.game.status[seat]
        if status == ALIVE:
            self._due.setdefault(seat, self.game.turn)
        elif status == AWAY and leaves:
            self._due[seat] = min(self._due.get(seat, self.game.turn), self.game.turn + LAND_STAYS_AFTER_LEAVING)

    def step(self) -> None:
        """Play a turn: surrenders, then of each seat the first waiting move that is valid now, or its mind's."""
        turn = self.game.turn
        if turn == (AFK_TURN if self.seats == 2 else AFK_TURN_OF_MANY):
            for seat in range(self.seats):
                if not self.moved[seat]:
                    self.give_up(seat, leaves=False)
        for seat in [seat for seat, due in self._due.items() if due <= turn]:
            del self._due[seat]
            self.surrenders.append((turn, seat))
            self.game.surrender(seat)
            self.queues[seat].clear()
            if self.game.status[seat] == AWAY:
                self._due[seat] = turn + LAND_STAYS
        actions = np.array(
            [self._decide(seat) if seat in self._residents else self._next_action(seat) for seat in range(self.seats)],
            np.int32,
        )
        self.actions.append(actions)
        self.game.step_actions(actions)

    def _decide(self, seat: int) -> int:
        """The action of a seat that a mind plays."""
        mind, view = self._residents[seat]
        shown = BoardView.of(self.game.row, self._shape)
        view.copy(shown.view[seat], shown.vector[seat])
        return view.on_map(mind.decide(view))

    def _next_action(self, seat: int) -> int:
        queue, game = self.queues[seat], self.game
        if not queue:
            return 0
        mask = game.observe(seat).mask
        while queue:
            move = queue.popleft()
            self.played[seat] = move.number
            action = encode((move.start, move.end, move.half), game.height, game.width)
            if action > 0 and int(mask.flat[move.start]) >> (((action - 1) >> 1) & 3) & 1:
                self.moved[seat] = True
                return action
        return 0

    def forget_sent(self, seat: int) -> None:
        """The next update of a seat tells it everything: it has come back."""
        self._sent[seat] = [], []

    def update(self, seat: int) -> dict[str, Any]:
        """The `game_update` of this turn for a seat."""
        board, cities, generals = shown_board(self.game, seat)
        old_board, old_cities = self._sent[seat]
        self._sent[seat] = board, cities
        return {
            "scores": scores_of(self.game),
            "turn": self.game.turn,
            "attackIndex": self.played[seat],
            "generals": generals,
            "map_diff": make_diff(old_board, board),
            "cities_diff": make_diff(old_cities, cities),
        }

    def record(self) -> Record:
        """The game as its log."""
        gone = np.array(self.surrenders, np.int32).reshape(-1, 2)
        actions = np.array(self.actions, np.int32).reshape(-1, self.seats)
        return Record.from_actions(self.game.ruleset, self.layout, actions, gone, id=self.id, names=self.names)
