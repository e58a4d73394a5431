"""The scout in games that are played elsewhere."""

from pathlib import Path

from actors.foreign_view import ForeignView
from engine.bots.scout import BOARD, SCOUT, Notes, choose_scout
from learner.scout import WEIGHTS, Scout, guesser_of, load_scout


class ScoutMind:
    """The scout with its notes on the game at hand. An `actors.bot_mind.Mind`."""

    name = SCOUT
    board = BOARD

    def __init__(self, network: Scout, seed: int = 0) -> None:
        self.seed = seed
        self._guesser = guesser_of(network)

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
        return choose_scout(view.row, view.shape, view.seat, self.seed, self._notes, self._guesser)
