"""`Generals-v0` for EnvPool: a spec and a pool in Python over `GameBatch`, behind EnvPool's own interface.

`import stratagem` registers it; `envpool.make("Generals-v0", env_type="gymnasium", num_envs=256)` then works as with
EnvPool's own environments: sync mode, or send and recv with `batch_size < num_envs`; a finished game starts anew in the
step after. A `send` plays the turn at once, on all cores; `recv` hands the results out in the order of sending.

With two and more players (`opponent=None`) arrays hold a row for each player, game by game; pass actions as a dict with
explicit `players.env_id`, since EnvPool is slow at guessing them:

    pool.send({"action": actions, "env_id": ids, "players": {"env_id": np.repeat(ids, 2)}})
"""

from collections import deque
from functools import cache
from typing import Any, ClassVar

import numpy as np
from envpool.python.api import py_env
from gymnasium import spaces

from engine.arrays import Bool, Int32
from engine.envs.arena import Arena
from engine.envs.rendering import draw_pixels, look
from engine.envs.settings import EnvSettings

# What `envpool.make` accepts, with defaults. EnvPool's own options come first; a batch uses all cores, so those of
# threads mean nothing here.
ENVPOOL_OPTIONS: dict[str, Any] = {
    "num_envs": 1,
    "batch_size": 0,  # games a recv hands out; 0: all
    "num_threads": 0,
    "max_num_players": 1,  # becomes the number of seats where all are played
    "thread_affinity_offset": -1,
    "base_path": "",
    "seed": 42,
    "env_seed": (),
    "gym_reset_return_info": True,
}
SEAT_OPTIONS: dict[str, Any] = {
    "opponent": "expander",  # see `GeneralsEnv`; None: all seats are played
    "seat": 0,
    "info_mask": True,  # `action_mask` in the info
}
SETTINGS = {name: field.default for name, field in EnvSettings.__dataclass_fields__.items()}
OPTIONS = ENVPOOL_OPTIONS | SEAT_OPTIONS | SETTINGS

FIRST, MIDDLE, LAST = range(3)  # dm_env's step types
INT32 = np.iinfo(np.int32)

ArraySpec = tuple[np.dtype[Any], list[int], tuple[Any, Any], tuple[list[Any], list[Any]], bool]


def _array(dtype: Any, shape: list[int], low: Any, high: Any) -> ArraySpec:
    """An array's description as EnvPool's own environments give it; a leading -1 stands for the players."""
    return (np.dtype(dtype), shape, (low, high), ([], []), False)


def _make_arena(config: dict[str, Any], games: int) -> Arena:
    settings = EnvSettings(**{name: config[name] for name in SETTINGS})
    opponent = None if config["max_num_players"] > 1 else config["opponent"]
    return Arena(settings, games, opponent, config["seat"])


class _GeneralsEnvSpec:
    """The options of a pool, and what arrays go in and out."""

    _config_keys: ClassVar[list[str]] = list(OPTIONS)
    _default_config_values: ClassVar[tuple[Any, ...]] = tuple(OPTIONS.values())

    def __init__(self, config: Any) -> None:
        options = dict(zip(self._config_keys, config, strict=True))
        if len(options["env_seed"]) > 0:
            raise ValueError("seed is a list; accepted: one int, from which every game draws its own maps")
        if options["batch_size"] == 0:
            options["batch_size"] = options["num_envs"]
        arena = _make_arena(options, 1)
        players = arena.batch.seats if arena.joint else 1
        if options["max_num_players"] not in (1, players):
            raise ValueError(f"max_num_players is {options['max_num_players']}; accepted: 1, or all {players} seats")
        options["max_num_players"] = players
        self._config_values = tuple(options.values())
        state = self._describe_state(arena, options["info_mask"])
        self._state_keys, self._state_spec = list(state), tuple(state.values())
        action = {
            "env_id": _array(np.int32, [], INT32.min, INT32.max),
            "players.env_id": _array(np.int32, [-1], INT32.min, INT32.max),
            "action": _array(np.int32, [-1], 0, arena.batch.action_count - 1),
        }
        self._action_keys, self._action_spec = list(action), tuple(action.values())

    @staticmethod
    def _describe_state(arena: Arena, info_mask: bool) -> dict[str, ArraySpec]:
        batch = arena.batch
        state = {
            "info:env_id": _array(np.int32, [], INT32.min, INT32.max),
            "info:players.env_id": _array(np.int32, [-1], INT32.min, INT32.max),
            "info:winner": _array(np.int32, [], -2, batch.seats - 1),
            "elapsed_step": _array(np.int32, [], 0, INT32.max),
            "done": _array(np.bool_, [], False, True),
            "reward": _array(np.float32, [-1], -2.0, 2.0),
            "discount": _array(np.float32, [-1], 0.0, 1.0),
            "step_type": _array(np.int32, [], FIRST, LAST),
            "trunc": _array(np.bool_, [], False, True),
        }
        if info_mask:
            state["info:action_mask"] = _array(np.int8, [-1, batch.action_count], 0, 1)
        space = arena.form.space(batch.seats, batch.height, batch.width)
        parts = (
            {f"obs:{name}": part for name, part in space.items()} if isinstance(space, spaces.Dict) else {"obs": space}
        )
        for name, part in parts.items():
            assert isinstance(part, spaces.Box)
            state[name] = _array(part.dtype, [-1, *part.shape], part.low.min(), part.high.max())
        return state


class _GeneralsEnvPool:
    """Games that are sent actions in any grouping and hand out their states in the order of sending."""

    _state_keys: ClassVar[list[str]]
    _action_keys: ClassVar[list[str]] = ["env_id", "players.env_id", "action"]

    def __init__(self, spec: Any) -> None:
        self._spec = spec
        config = dict(zip(spec._config_keys, spec._config_values, strict=True))
        games = config["num_envs"]
        self._batch_size, self._sync = config["batch_size"], config["batch_size"] == games
        self._arena = arena = _make_arena(config, games)
        self._players = config["max_num_players"]
        self._info_mask = config["info_mask"]
        arena.reset(config["seed"])
        self._fresh = np.ones(games, np.bool_)  # drawn, and not handed out yet
        self._reward = np.zeros((games, *arena.lead), np.float32)
        self._terminated = np.zeros(games, np.bool_)
        self._truncated = np.zeros(games, np.bool_)
        self._waiting = np.zeros(games, np.bool_)  # sent, and not received
        self._order: deque[Int32] = deque()  # which games those are

    def _reset(self, env_id: Int32) -> None:
        ids = self._sendable(env_id)
        self._restart(ids[~self._fresh[ids]])
        self._clear(ids)
        self._enqueue(ids)

    def _send(self, action: list[Int32]) -> None:
        env_id, players_env_id, codes = action
        ids = self._sendable(env_id)
        codes = self._by_game(ids, np.asarray(players_env_id, np.int32), codes)
        finished = self._terminated[ids] | self._truncated[ids]
        whole = len(ids) == len(self._waiting) and ids[0] == 0 and bool((np.diff(ids) == 1).all())
        reward, terminated, truncated = self._arena.step(codes, None if whole else ids)
        self._reward[ids], self._terminated[ids], self._truncated[ids] = reward, terminated, truncated
        self._fresh[ids] = False
        if finished.any():
            self._restart(ids[finished])
            self._clear(ids[finished])
        self._enqueue(ids)

    def _recv(self) -> list[Any]:
        ids = self._dequeue()
        arena, players = self._arena, self._players
        seen = arena.observe(ids)
        done = self._terminated[ids] | self._truncated[ids]
        turn = arena.turn[ids]
        rows = np.repeat(ids, players)
        state = {
            "info:env_id": ids,
            "info:players.env_id": rows,
            "info:winner": arena.winner[ids],
            "elapsed_step": turn,
            "done": done,
            "reward": self._reward[ids].reshape(-1),
            "discount": np.repeat((~self._terminated[ids]).astype(np.float32), players),
            "step_type": np.where(done, LAST, np.where(turn == 0, FIRST, MIDDLE)).astype(np.int32),
            "trunc": self._truncated[ids],
        }
        if self._info_mask:
            state["info:action_mask"] = arena.action_mask(seen).reshape(len(rows), -1)
        encoded = arena.form.encode(seen)
        parts = (
            {f"obs:{name}": part for name, part in encoded.items()} if isinstance(encoded, dict) else {"obs": encoded}
        )
        lead = 1 + len(arena.lead)
        for name, part in parts.items():
            state[name] = part.reshape(len(rows), *part.shape[lead:])
        return [state[key] for key in self._state_keys]

    def _render(self, env_ids: Int32, width: int, height: int, camera_id: int) -> Any:
        """Pictures uint8 (K, height, width, 3), each pixel the nearest of the full picture's."""
        del camera_id
        arena = self._arena
        seat = None if arena.joint else arena.seat
        frames = np.stack([draw_pixels(look(arena.batch, int(game), seat)) for game in env_ids])
        if height > 0 and width > 0:
            down = np.arange(height) * frames.shape[1] // height
            across = np.arange(width) * frames.shape[2] // width
            frames = frames[:, down[:, None], across]
        return frames

    def _sendable(self, env_id: Int32) -> Int32:
        """The ids of games as int32 (K,). Raises ValueError for ids that cannot be sent now."""
        ids = np.array(env_id, np.int32).reshape(-1)
        if ids.size == 0 or ids.min() < 0 or ids.max() >= len(self._waiting):
            raise ValueError(f"env_id is {ids.tolist()}; accepted: one or more of 0 to {len(self._waiting) - 1}")
        if self._waiting[ids].any():
            raise ValueError(f"games {ids[self._waiting[ids]].tolist()} were sent before; receive their states first")
        if len(np.unique(ids)) != len(ids):
            raise ValueError(f"env_id names a game twice: {ids.tolist()}")
        return ids

    def _enqueue(self, ids: Int32) -> None:
        """Note that these games have been sent something."""
        self._waiting[ids] = True
        self._order.append(ids)

    def _dequeue(self) -> Int32:
        """The games whose states are due. Raises RuntimeError where too few were sent, which would wait for ever."""
        sent = np.concatenate(self._order) if self._order else np.zeros(0, np.int32)
        due = len(sent) if self._sync else self._batch_size
        if len(sent) == 0 or len(sent) < due:
            raise RuntimeError(f"recv waits for {max(due, 1)} games; {len(sent)} were sent something")
        self._order.clear()
        if len(sent) > due:
            self._order.append(sent[due:])
        ids = sent[:due]
        self._waiting[ids] = False
        return ids

    def _by_game(self, ids: Int32, rows: Int32, codes: Int32) -> Int32:
        """Actions of rows that belong to games `rows` as (K,), or (K, players): one line for each of `ids`."""
        if self._players == 1:
            return codes
        if len(codes) != len(ids) * self._players:
            raise ValueError(f"{len(codes)} actions for {len(ids)} games; accepted: {self._players} for each")
        if np.array_equal(rows, np.repeat(ids, self._players)):
            return codes.reshape(-1, self._players)
        if not np.array_equal(np.sort(rows), np.repeat(np.sort(ids), self._players)):
            raise ValueError(
                f"players.env_id is {rows.tolist()[:100]}; accepted: each of {ids.tolist()[:100]} {self._players} times"
            )
        order = np.argsort(rows, kind="stable")
        grouped = codes[order].reshape(-1, self._players)
        place = np.empty(len(self._waiting), np.int64)
        place[rows[order].reshape(-1, self._players)[:, 0]] = np.arange(len(ids))
        return grouped[place[ids]]

    def _restart(self, ids: Int32) -> None:
        if len(ids):
            chosen: Bool = np.zeros(len(self._waiting), np.bool_)
            chosen[ids] = True
            self._arena.reset(None, chosen)

    def _clear(self, ids: Int32) -> None:
        self._reward[ids] = 0.0
        self._terminated[ids] = self._truncated[ids] = self._fresh[ids] = False


@cache
def _classes(state_keys: tuple[str, ...]) -> tuple[Any, Any, Any]:
    """EnvPool's classes for a set of arrays: which there are depends on observation, seats and info_mask."""
    pool = type("_GeneralsEnvPool", (_GeneralsEnvPool,), {"_state_keys": list(state_keys)})
    classes: tuple[Any, Any, Any] = py_env(_GeneralsEnvSpec, pool)
    return classes


GeneralsEnvSpec = _classes(("obs",))[0]


def GeneralsDMEnvPool(spec: Any) -> Any:  # noqa: N802 - EnvPool calls what it takes for a class
    """A pool for `env_type="dm"`."""
    return _classes(tuple(spec._state_keys))[1](spec)


def GeneralsGymnasiumEnvPool(spec: Any) -> Any:  # noqa: N802
    """A pool for `env_type="gymnasium"`."""
    return _classes(tuple(spec._state_keys))[2](spec)
