"""The scout on the page: its network by ONNX Runtime, its notes among what the match remembers."""

import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Float32, Int16, Int32
from engine.board import Shape
from engine.bots.scout import BOARD, Notes, choose_scout, take_apart
from engine.bots.told import NEVER
from engine.game import Game
from engine.observation import widened

NETWORK = Path(__file__).with_name("scout.onnx")  # `stratagem scout` writes it
_LOADING = threading.Lock()


class ScoutMind:
    """A `lambdas.match_logic.Mind` for matches of two on boards that are no larger than those its network has seen.

    It remembers float32 (2, H, W): the turns in which it first and last saw an enemy on each tile.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def act(self, game: Game, seat: int, seed: int, memory: Float32 | None) -> tuple[int, Float32]:
        """See `Mind`."""
        notes = Notes(1, game.height, game.width)
        if memory is not None:
            notes.first[0], notes.last[0] = memory
        shape = Shape.of(game.ruleset, game.seats, game.height, game.width)
        action = choose_scout(game.row, shape, seat, seed, notes, self._guess)
        return action, np.stack([notes.first[0], notes.last[0]]).astype(np.float32)

    def _guess(self, words: Int32, vector: Int32, first: Int16, last: Int16, points: Int32) -> Int32:
        """An `engine.bots.scout.Guesser`; the map lies on the network's board as those did that it learned from."""
        seen = take_apart(widened(words[0], *BOARD)[None])
        fields = {**seen._asdict(), "vector": np.ascontiguousarray(vector)}
        fields |= {"first": _on_board(first, 0), "last": _on_board(last, 0), "points": _on_board(points, NEVER)}
        (told,) = self._session.run(None, fields)
        height, width = words.shape[1:]
        return np.ascontiguousarray(told.reshape(1, *BOARD)[:, :height, :width]).reshape(1, -1)


def _on_board(tiles: np.ndarray, beyond: int) -> np.ndarray:
    """A map (1, H, W) in the corner of the network's board."""
    wide = np.full((1, *BOARD), beyond, tiles.dtype)
    wide[:, : tiles.shape[1], : tiles.shape[2]] = tiles
    return wide


def load_scout() -> ScoutMind:
    """The scout in the box; it is read once."""
    with _LOADING:
        return _load_scout()


@cache
def _load_scout() -> ScoutMind:
    import onnxruntime  # takes a tenth of a second, and few matches need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ScoutMind(onnxruntime.InferenceSession(NETWORK.read_bytes(), options, providers=["CPUExecutionProvider"]))
