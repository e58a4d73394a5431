"""The scout in games that are played elsewhere."""

from pathlib import Path

import numpy as np
import torch

from actors.foreign_view import ForeignView
from engine.arrays import Int32
from engine.bots.told import choose_told_in_game, guess, told_words
from engine.compile import COMPILED
from learner.scout import SCOUT, WEIGHTS, Notes, Position, Scout, load_scout, must_guess, told_points

FIRST_GAME = np.zeros(1, np.int32)


class ScoutMind:
    """The scout with its notes on the game at hand. An `actors.bot_mind.Mind`."""

    name = SCOUT
    board = (24, 24)  # what its network has seen

    def __init__(self, network: Scout, seed: int = 0) -> None:
        self.network, self.seed = network, seed

    @classmethod
    def load(cls, path: Path = WEIGHTS, seed: int = 0) -> "ScoutMind":
        """Read a file of weights. Raises SnapshotError."""
        return cls(load_scout(path), seed)

    def begin(self, view: ForeignView) -> None:
        """Forget the game before. Raises ValueError for a game of other than two seats."""
        if view.seats != 2:
            raise ValueError(f"the scout plays games of 2 seats; this one has {view.seats}")
        self._notes = Notes(1, view.shape.height, view.shape.width)

    def decide(self, view: ForeignView) -> int:
        """The action code."""
        shape, seat = view.shape, view.seat
        words, vector = view.words[None], view.vector[None]
        self._notes.take(words, vector[:, 0], FIRST_GAME)
        points = np.zeros((1, shape.tiles), np.int32)
        board, desk = _for_kernels(view.row), _for_kernels(np.zeros(told_words(shape.tiles), np.int32))
        if must_guess(words, vector[:, 0])[0] and guess(board, seat, desk, points[0]):
            position = words, vector, self._notes.first, self._notes.last, points.reshape(1, shape.height, shape.width)
            points = told_points(self.network, Position(*(torch.from_numpy(field) for field in position)))
        return int(choose_told_in_game(board, 0, seat, self.seed, _for_kernels(points[0]), desk))


def _for_kernels(numbers: Int32) -> Int32:
    """As kernels read them best: plain ones read lists some ten times faster than arrays."""
    return numbers if COMPILED else numbers.tolist()
