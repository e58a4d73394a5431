"""One game: the rules with a face for people and tools. For many games at speed use `GameBatch`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from engine.actions import as_codes, encode
from engine.arrays import Bool, Int8, Int32, UInt8
from engine.board import (
    ARMY,
    GENERAL_AT,
    INVALID,
    LAND,
    OBSERVED,
    RUNNING,
    STATUS,
    TEAM,
    TURN,
    WINNER,
    Shape,
    allocate,
)
from engine.compile import call
from engine.layout import Layout
from engine.observation import Observation
from engine.rules import play_turn, surrender
from engine.rulesets import Ruleset, find_ruleset
from engine.setup import begin
from engine.tiles import CITY, IMPASSABLE
from engine.views import BoardView

MAX_TURN = 10**9
Move = Sequence[Any] | None  # (start, end, half), ("build", tile) in the competition, or None for a pass


@call
def _begin(board: Int32, height: int, width: int, turn: int) -> None:
    begin(board, height, width, turn)


@call
def _play_turn(board: Int32, actions: Int32) -> None:
    play_turn(board, actions)


@call
def _surrender(board: Int32, s: int) -> None:
    surrender(board, s)


class Game:
    """A game on a map, played turn by turn.

    `observed=False` leaves observations out (faster; `observe` then raises ValueError), `memory=False` makes seats
    forget terrain that is no longer in sight.
    """

    def __init__(
        self,
        ruleset: str | Ruleset,
        layout: Layout,
        turn: int = 0,
        *,
        observed: bool = True,
        memory: bool = True,
    ) -> None:
        self.ruleset = find_ruleset(ruleset)
        self.height, self.width, self.seats = layout.height, layout.width, layout.seats
        if not 0 <= turn <= MAX_TURN:
            raise ValueError(f"turn is {turn}; accepted: 0 to {MAX_TURN}")
        self._shape = Shape.of(self.ruleset, self.seats, self.height, self.width)
        board = self._board = allocate(self._shape, self.ruleset, 1, observed=observed, memory=memory)[0]
        self._view.write_layout(layout)
        self._actions = np.zeros(self.seats, np.int32)
        _begin(board, self.height, self.width, turn)

    @classmethod
    def from_tiles(
        cls, ruleset: str | Ruleset, tiles: ArrayLike, turn: int = 0, *, teams: Sequence[int] = (), **options: Any
    ) -> "Game":
        """A game on a map of integers (H, W): -2 mountain, 0 plain, 1..P general of seat p - 1, >= 10 city."""
        return cls(ruleset, Layout.from_tiles(tiles, teams), turn, **options)

    @classmethod
    def of_row(cls, ruleset: Ruleset, shape: Shape, board: Int32) -> "Game":
        """A game over a row of a batch (not copied)."""
        game = object.__new__(cls)
        game.ruleset = ruleset
        game.height, game.width, game.seats = shape.height, shape.width, shape.seats
        game._shape, game._board = shape, board
        game._actions = np.zeros(shape.seats, np.int32)
        return game

    def step(self, moves: Sequence[Move]) -> None:
        """Play one turn: one move a seat, each None, (start, end, half), or ("build", tile) in the competition.

        A move that the rules forbid is a pass and counts in `invalid`. Raises ValueError for what is no move at all.
        """
        if len(moves) != self.seats:
            raise ValueError(f"{len(moves)} moves are given; accepted: one for each of {self.seats} seats")
        for seat, move in enumerate(moves):
            self._actions[seat] = encode(move, self.height, self.width)
        _play_turn(self._board, self._actions)

    def step_actions(self, actions: Int32) -> None:
        """Play one turn of action codes, int32 (seats,): see `engine.actions`."""
        self._actions[:] = as_codes(actions, (self.seats,))
        _play_turn(self._board, self._actions)

    def surrender(self, seat: int) -> None:
        """A surrender or AFK event of a seat: the first ends its play, the second gives up its land.

        It belongs to the coming turn: `step` plays that to its end and names the winner.
        """
        if not 0 <= seat < self.seats:
            raise ValueError(f"seat is {seat}; accepted: 0 to {self.seats - 1}")
        _surrender(self._board, seat)

    def observe(self, seat: int) -> Observation:
        """What a seat may see, as copies: flags uint8, army int16 and mask uint8 of shape (H, W), and the vector."""
        if not self._board[OBSERVED]:
            raise ValueError("this game was made with observed=False; make it with observed=True to observe")
        if not 0 <= seat < self.seats:
            raise ValueError(f"seat is {seat}; accepted: 0 to {self.seats - 1}")
        return Observation.of(self._view, seat)

    def copy(self) -> "Game":
        """An independent game that stands where this one does."""
        return Game.of_row(self.ruleset, self._shape, self._board.copy())

    @property
    def _view(self) -> BoardView:
        return BoardView.of(self._board, self._shape)

    @property
    def row(self) -> Int32:
        """The game's row itself, int32 (N,), as kernels take it: see `engine.board`."""
        return np.asarray(self._board)

    @property
    def turn(self) -> int:
        """Ticks played."""
        return int(self._board[TURN])

    @property
    def armies(self) -> Int32:
        """Armies, (H, W) int32."""
        return np.array(self._view.army, np.int32)

    @property
    def owners(self) -> Int8:
        """Owners, (H, W) int8: -2 where nobody can stand, -1 neutral, else the seat."""
        view = self._view
        return np.where(IMPASSABLE[view.kind], -2, view.owner).astype(np.int8)

    @property
    def kinds(self) -> UInt8:
        """Kinds of tile, (H, W) uint8: see `engine.tiles`."""
        return self._view.kind

    @property
    def cities(self) -> Bool:
        """Where cities stand, (H, W) bool; fallen generals are cities."""
        return np.equal(self._view.kind, CITY)

    @property
    def generals(self) -> list[int]:
        """Tile of each seat's general, -1 once it is lost."""
        return [int(tile) for tile in self._view.seat[:, GENERAL_AT]]

    @property
    def land(self) -> list[int]:
        """Tiles each seat owns."""
        return [int(land) for land in self._view.seat[:, LAND]]

    @property
    def totals(self) -> list[int]:
        """Armies each seat has on the board."""
        return [int(army) for army in self._view.seat[:, ARMY]]

    @property
    def status(self) -> list[int]:
        """Status of each seat: `engine.board` ALIVE, AWAY (surrendered, land remains) or OUT."""
        return [int(status) for status in self._view.seat[:, STATUS]]

    @property
    def teams(self) -> list[int]:
        """Team of each seat."""
        return [int(team) for team in self._view.seat[:, TEAM]]

    @property
    def invalid(self) -> int:
        """Moves so far that the rules forbade."""
        return int(self._board[INVALID])

    @property
    def winner(self) -> int | None:
        """None while the game runs, -1 for a draw, else the winning seat (of a team, its first living one)."""
        winner = int(self._board[WINNER])
        return None if winner == RUNNING else winner
