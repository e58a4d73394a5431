"""What plays the bots' seats: the engine's bots, and policies by ONNX Runtime; neither torch nor numba."""

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.actions import expand_mask, recode
from engine.arrays import Float32
from engine.board import ARMY_SHIFT, MASK_SHIFT, Shape
from engine.bots import bot_actions, find_bot, scratch_words
from engine.bots.scout import BOARD as SCOUTED
from engine.bots.scout import SCOUT
from engine.compile import OneThread
from engine.game import Game
from engine.observation import planes, widened
from engine.views import BoardView
from lambdas.match_logic import Mind, map_of
from lambdas.scout_mind import load_scout
from store import objects
from store.connect import Connection
from store.errors import DamagedError, InvalidError
from store.matches import Setup
from store.names import EXPORT_PREFIX, export_key

METADATA_KEY = "stratagem"  # of `learner.export_onnx`
KEPT_POLICIES = 4


class ScriptedMind:
    """A bot of `engine.bots`."""

    def __init__(self, name: str) -> None:
        self._code = find_bot(name)

    def act(self, game: Game, seat: int, seed: int, memory: Float32 | None) -> tuple[int, None]:
        """See `Mind`."""
        bots = np.full((1, game.seats), -1, np.int8)
        bots[0, seat] = self._code
        actions = np.zeros((1, game.seats), np.int32)
        scratch = np.zeros((1, scratch_words(game.height * game.width)), np.int32)
        with OneThread():
            bot_actions(game.row[None], bots, seed, actions, scratch)
        return int(actions[0, seat]), None


class PolicyMind:
    """A policy's ONNX form on the boards it knows.

    A batch of games has room for the largest map and mountains around the others; a match's board is cut to its map. So
    the mountains are put around it again, and the policy sees what it saw in training.
    """

    def __init__(self, session: Any, network: Mapping[str, Any], height: int, width: int) -> None:
        self._session, self._network = session, network
        self._height, self._width = height, width

    def act(self, game: Game, seat: int, seed: int, memory: Float32 | None) -> tuple[int, Float32]:
        """See `Mind`. The action is drawn from the policy, by numbers that follow from seed, turn and seat."""
        view = BoardView.of(game.row, Shape.of(game.ruleset, game.seats, game.height, game.width))
        words = widened(view.view[seat], self._height, self._width)
        if memory is None:
            memory = np.zeros((1, self._network["memory"], self._height, self._width), np.float32)
        board = planes((words & 255).astype(np.uint8), (words >> ARMY_SHIFT).astype(np.int16))
        inputs = {"planes": board[None], "vector": view.vector[seat][None].copy(), "memory": memory}
        logits, _, remembered = self._session.run(None, inputs)
        mask = (words >> MASK_SHIFT & 255).astype(np.uint8).ravel()
        legal = expand_mask(mask, self._network["castles"])
        numbers = np.random.Generator(np.random.Philox(key=[seed, game.turn * 16 + seat]))
        noise = numbers.standard_exponential(legal.size, dtype=np.float32)
        noisy = np.where(legal, logits[0] - np.log(noise + np.float32(1e-30)), -np.inf)  # Gumbel: a draw by the softmax
        on_board = int(noisy.argmax())
        return recode(on_board, (self._height, self._width), (game.height, game.width)), remembered


class Minds:
    """The bots of a deployment; the policies asked for last stay loaded. Safe to share between threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loaded: OrderedDict[str, tuple[Any, dict[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, setup: Setup) -> dict[int, Mind]:
        """What plays the seats of a match that no person plays. Raises StoreError for a policy that cannot play it."""
        spec = map_of(setup.board, len(setup.players))
        minds: dict[int, Mind] = {}
        for seat, player in enumerate(setup.players):
            kind, _, name = player.name.partition(":")
            if kind == "bot" and name == SCOUT:
                if len(setup.players) != 2:
                    raise InvalidError(f"{player.key} plays games of 2; accepted: as many players")
                if spec.board_height > SCOUTED[0] or spec.board_width > SCOUTED[1]:
                    largest = "x".join(map(str, SCOUTED))
                    raise InvalidError(f"{player.key} does not play on {setup.board}; accepted: boards up to {largest}")
                minds[seat] = load_scout()
            elif kind == "bot":
                minds[seat] = ScriptedMind(name)
            elif kind == "policy":
                session, network = self.load(setup.weights[seat])
                if network["seats"] != len(setup.players):
                    raise InvalidError(f"{player.key} plays games of {network['seats']}; accepted: as many players")
                if network["castles"] != (setup.ruleset == "competition"):
                    rules = "competition" if network["castles"] else "classic, generalsio"
                    raise InvalidError(f"{player.key} does not play {setup.ruleset}; accepted: {rules}")
                minds[seat] = PolicyMind(session, network, spec.board_height, spec.board_width)
        return minds

    def load(self, sha256: str) -> tuple[Any, dict[str, Any]]:
        """The session and the network's options of an exported policy. Raises NotFoundError and DamagedError."""
        with self._lock:
            if sha256 in self._loaded:
                self._loaded.move_to_end(sha256)
                return self._loaded[sha256]
        data = objects.get(self._connection, self._connection.names.models_bucket, export_key(sha256))
        found = open_session(data)
        with self._lock:
            self._loaded[sha256] = found
            while len(self._loaded) > KEPT_POLICIES:
                self._loaded.popitem(last=False)
        return found

    def exported(self) -> set[str]:
        """The sha256 of all policies whose ONNX form lies in the store."""
        found = objects.keys(self._connection, self._connection.names.models_bucket, EXPORT_PREFIX)
        return {key.removeprefix(EXPORT_PREFIX).removesuffix(".onnx") for key in found}


def open_session(data: bytes) -> tuple[Any, dict[str, Any]]:
    """An ONNX Runtime session and the network's options. Raises DamagedError for what is no exported policy."""
    import onnxruntime  # takes a tenth of a second, and only matches against policies need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        network = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
    except Exception as error:  # the library raises classes of its own for each way a file can be wrong
        raise DamagedError(f"the policy's ONNX file cannot be used: {error}") from None
    return session, network
