"""Who decides in games that are played elsewhere; the scripted bots among them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from actors.foreign_view import ForeignView
from engine.bots import bot_actions, choose_in_game, find_bot, scratch_words
from engine.compile import COMPILED, OneThread


class Mind(Protocol):
    """Decides for one seat of one game at a time."""

    name: str
    board: tuple[int, int]  # least height and width of the board its observations must lie on

    def begin(self, view: ForeignView) -> None:
        """A game begins: forget the one before. Raises ValueError where it cannot play such games."""

    def decide(self, view: ForeignView) -> int:
        """The action code for the turn the view shows; to be asked once every turn, whether it is played or not."""


@dataclass(frozen=True)
class Player:
    """Somebody who can sit down at many games at once, with a mind for each."""

    name: str
    mind: Callable[[int], Mind]  # from a seed


class BotMind:
    """A bot of the engine, which draws as it does there in a batch's first game. Raises ValueError for its name."""

    board = (0, 0)

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name, self.seed = name, seed
        self._bot = find_bot(name)

    def begin(self, view: ForeignView) -> None:
        """Nothing to forget."""
        self._words = scratch_words(view.shape.tiles)

    def decide(self, view: ForeignView) -> int:
        """The action code."""
        if COMPILED:
            bots = np.full((1, view.seats), -1, np.int8)
            bots[0, view.seat] = self._bot
            actions = np.zeros((1, view.seats), np.int32)
            with OneThread():
                bot_actions(view.row[None], bots, self.seed, actions, np.zeros((1, self._words), np.int32))
            return int(actions[0, view.seat])
        board = view.row.tolist()  # plain kernels read lists some ten times faster than arrays
        return int(choose_in_game(board, 0, view.seat, self._bot, self.seed, [0] * self._words))  # type: ignore[arg-type]
