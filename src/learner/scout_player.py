"""The scout at a table of many games."""

import numpy as np
import torch

from engine.arrays import Bool, Int32
from engine.batch import GameBatch
from engine.bots import scratch_words
from engine.bots.scout import SCOUT, Notes, must_guess
from engine.bots.told import guesses, told_actions
from learner.scout import Position, Scout, told_points

ROWS = 256  # positions the network is shown at once


class ScoutPlayer:
    """Plays one seat of all games of a batch, of two seats each. A `learner.players.Player`."""

    name = SCOUT

    def __init__(self, network: Scout) -> None:
        self.network = network

    def begin(self, batch: GameBatch, seat: int) -> None:
        """Take a seat, remembering nothing. Raises ValueError for games of other than two seats."""
        if batch.seats != 2:
            raise ValueError(f"the scout plays games of 2 seats; these have {batch.seats}")
        self._batch, self._seat = batch, seat
        self._notes = Notes(batch.num_games, batch.height, batch.width)
        self._scratch = np.zeros((min(batch.num_games, 64), scratch_words(batch.tiles)), np.int32)

    def act(self, fresh: Bool, games: Int32 | None = None) -> Int32:
        """Action codes int32 (K,)."""
        batch, seat = self._batch, self._seat
        chosen: Int32 = np.arange(batch.num_games, dtype=np.int32) if games is None else games
        seen = batch.observe()
        words, vector = seen.words[chosen, seat], seen.vector[chosen, seat]
        self._notes.forget(chosen[fresh])
        self._notes.take(words, vector[:, 0], chosen)
        points, is_guess = np.zeros((len(chosen), batch.tiles), np.int32), np.zeros(len(chosen), np.int32)
        guesses(batch.rows, chosen, seat, points, is_guess, self._scratch)
        asked = np.flatnonzero((is_guess == 1) & must_guess(words, vector[:, 0]))
        for k in np.array_split(asked, -(-len(asked) // ROWS) or 1):
            notes = self._notes.first[chosen[k]], self._notes.last[chosen[k]]
            columns = (words[k], vector[k], *notes, points[k].reshape(-1, batch.height, batch.width))
            if len(k):
                points[k] = told_points(self.network, Position(*(torch.from_numpy(column) for column in columns)))
        actions = np.zeros(len(chosen), np.int32)
        told_actions(batch.rows, chosen, seat, batch.seed, points, actions, self._scratch)
        return actions
