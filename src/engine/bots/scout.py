"""What the scout remembers of a game, and how it decides by it; who guesses for it is told from outside.

The scout is the strategist that is told where an enemy's general probably is, by a network that reads what its seat
sees and what it has noted: `learner.scout`, `lambdas.scout_mind`. Letters: B positions, H x W tiles, T = H * W.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Int16, Int32
from engine.board import ARMY_SHIFT, DISCOVERED, ENEMY, KIND_SHIFT, RELATION_SHIFT, VISIBLE, Shape
from engine.bots import BOTS, scratch_words
from engine.bots.hunter import CYCLE
from engine.bots.told import choose_told_in_game, guess
from engine.compile import COMPILED
from engine.tiles import KIND_BITS
from engine.views import BoardView

SCOUT = "scout"  # its name among players
PLAYERS = (*BOTS, SCOUT)  # all in the box that play by name
BOARD = (24, 24)  # what its network has seen: maps lie in the corner, what is beyond them are mountains
FIRST_GAME = np.zeros(1, np.int32)

Guesser = Callable[[Int32, Int32, Int16, Int16, Int32], Int32]
"""From words (1, H, W), vector (1, V), first and last of `Notes` and the tables' points (1, H, W) to points (1, T)."""


class Notes:
    """Where a seat has seen enemies: the turns in which it first and last did, int16 (B, H, W), 0 for never."""

    def __init__(self, games: int, height: int, width: int) -> None:
        self.first: Int16 = np.zeros((games, height, width), np.int16)
        self.last: Int16 = np.zeros((games, height, width), np.int16)

    def forget(self, games: Int32) -> None:
        """Begin anew in some games, (K,)."""
        self.first[games] = 0
        self.last[games] = 0

    def take(self, words: Int32, turns: Int32, games: Int32) -> None:
        """Note what is in sight this turn in some games: words (K, H, W), turns and games (K,)."""
        seen = (words & VISIBLE != 0) & ((words >> RELATION_SHIFT) & 3 == ENEMY)
        now = np.maximum(turns, 1).astype(np.int16)[:, None, None]
        first, last = self.first[games], self.last[games]
        self.first[games] = np.where(seen & (first == 0), now, first)
        self.last[games] = np.where(seen, now, last)


class Seen(NamedTuple):
    """An observation's words taken apart, arrays or tensors (B, H, W)."""

    relation: Any  # int32
    kind: Any  # int32
    visible: Any  # bool
    discovered: Any  # bool
    army: Any  # int32


def take_apart(words: Any) -> Seen:
    """The parts of words, an int32 array or tensor (B, H, W)."""
    return Seen(
        (words >> RELATION_SHIFT) & 3,
        (words >> KIND_SHIFT) & KIND_BITS,
        words & VISIBLE != 0,
        words & DISCOVERED != 0,
        (words >> ARMY_SHIFT).clip(min=0),
    )


def must_guess(words: Int32, turns: Int32) -> NDArray[np.bool_]:
    """Whether it marches on a guess: it has an enemy in sight or left the opening. (B, H, W), (B,) to (B,)."""
    met: NDArray[np.bool_] = ((words >> RELATION_SHIFT) & 3 == ENEMY).any((1, 2))
    return met | (turns >= CYCLE)


def choose_scout(row: Int32, shape: Shape, seat: int, seed: int, notes: Notes, guesser: Guesser) -> int:
    """The scout's action code in a single game, after it has noted what is in sight; notes of one game."""
    view = BoardView.of(row, shape)
    words, vector = view.view[seat][None], view.vector[seat][None]
    notes.take(words, vector[:, 0], FIRST_GAME)
    points = np.zeros((1, shape.tiles), np.int32)
    board, desk = _for_kernels(row), _for_kernels(np.zeros(scratch_words(shape.tiles), np.int32))
    if must_guess(words, vector[:, 0])[0] and guess(board, seat, desk, points[0]):
        points = guesser(words, vector, notes.first, notes.last, points.reshape(1, shape.height, shape.width))
    return int(choose_told_in_game(board, 0, seat, seed, _for_kernels(points[0]), desk))


def _for_kernels(numbers: Int32) -> Int32:
    """As kernels read them best: plain ones read lists some ten times faster than arrays."""
    return numbers if COMPILED else numbers.tolist()
