"""Fragments: what an actor played, as a message of some bytes a turn, and played again, bit for bit what it saw.

A fragment holds where its games stood, the actions of all seats, and what only the actor knew: the log-probabilities
and values of its policy, and the policy's memory before the first turn. Everything else, maps of later episodes
included, follows from these and the batch's setup.
"""

import time
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.positions import Position, compress, content_size, decompress, pack, position_size
from actors.setup import Setup
from engine.actions import action_count
from engine.arrays import Bool, Float32, Int16, Int32
from engine.batch import GameBatch, next_episode
from engine.board import EPISODE, RUNNING, TURN, WINNER, vector_size
from engine.compile import OneThread
from services.stubs.replay_pb2 import Fragment

Float16 = NDArray[np.float16]

MOST_TURNS = 1024
MOST_GAMES = 4096
LONGEST_NAME = 128
MOST_START = 64 * 1024 * 1024  # bytes of a start or memory before compression
MOST_CELLS = 1 << 28  # tiles seen: what playing a fragment again may cost in memory, times 4 bytes


class Replayed(NamedTuple):
    """A fragment played again: T turns of G games, L learning seats, A seat's vector of V numbers."""

    words: Int32  # (T + 1, G, L, H, W): see `engine.observation`
    vector: Int32  # (T + 1, G, L, V)
    resets: Bool  # (T + 1, G): the observation is an episode's first
    rewards: Float32  # (T, G, L)
    terminated: Bool  # (T, G)
    truncated: Bool  # (T, G)
    valid: Bool  # (T, G): the actions were played; else the turn only showed an episode's end
    winner: Int32  # (T, G), after the turn: -2 the game goes on, -1 draw, else the seat


class Sizes(NamedTuple):
    """What a fragment's arrays are sized by."""

    turns: int  # T
    games: int  # G
    seats: int  # S
    learners: int  # L
    height: int  # H
    width: int  # W

    @property
    def transitions(self) -> int:
        """Turns of learning seats."""
        return self.turns * self.games * self.learners

    @property
    def vector(self) -> int:
        """V."""
        return vector_size(self.seats)


class Recorder:
    """Makes fragments of what is played in games `first` to `first + games` of a batch of a setup.

    `learners` are the seats whose observations are learned from. Raises ValueError for a board whose action codes are
    beyond int16, and for a batch that was not made by the setup.
    """

    def __init__(
        self,
        setup: Setup,
        batch: GameBatch,
        actor: str,
        learners: tuple[int, ...],
        *,
        first: int = 0,
        games: int | None = None,
    ) -> None:
        self.setup, self.batch, self.actor = setup, batch, actor
        self.learners, self.first, self.games = learners, first, batch.num_games if games is None else games
        self.sequence = 0
        check_actions(batch.action_count)
        if (batch.seed, batch.seats, batch.map_spec) != (setup.seed, setup.seats, setup.board):
            raise ValueError("the batch was not made by the setup; accepted: `setup.batch(games)`")
        self._text = setup.to_json()
        self._turns: list[tuple[Int16, Float16, Float16]] = []
        self._start = self._memory = b""
        self._policy_version = 0

    def __len__(self) -> int:
        """Turns recorded so far."""
        return len(self._turns)

    def begin(self, policy_version: int, memory: Float32 | None = None) -> None:
        """Note where the games stand; memory float (G, L, M, H, W) of the policy, None: zeros."""
        self._turns.clear()
        self._start = pack(self.batch, self.first, self.games)
        self._policy_version = policy_version
        self._memory = b"" if memory is None else compress(np.asarray(memory, "<f2").tobytes())

    def add(self, actions: Int32, log_probs: Float32, values: Float32) -> None:
        """A turn, before or after it is played: actions (G, S) of all seats, log-probabilities and values (G, L)."""
        self._turns.append((actions.astype("<i2"), log_probs.astype("<f2"), values.astype("<f2")))

    def finish(self, last_values: Float32, priority: float | None = None) -> Fragment:
        """The fragment, given the values (G, L) of what is seen now."""
        actions, log_probs, values = (np.stack(column) for column in zip(*self._turns, strict=True))
        self.sequence += 1
        values = np.concatenate([values, last_values.astype("<f2")[None]])
        return Fragment(
            actor=self.actor,
            sequence=self.sequence,
            policy_version=self._policy_version,
            setup=self._text,
            turns=len(actions),
            games=self.games,
            seats=self.batch.seats,
            learners=sum(1 << seat for seat in self.learners),
            start=self._start,
            actions=actions.tobytes(),
            log_probs=log_probs.tobytes(),
            values=values.tobytes(),
            memory=self._memory,
            priority=priority,
            played_ms=time.time_ns() // 1_000_000,
            first_game=self.first,
        )


def check_actions(count: int) -> None:
    """Raise ValueError for a board with more action codes than int16 holds."""
    if count - 1 > np.iinfo(np.int16).max:
        raise ValueError(f"the board has {count} actions; accepted: up to {np.iinfo(np.int16).max + 1}")


def learners_of(fragment: Fragment) -> tuple[int, ...]:
    """The learning seats of a fragment."""
    return tuple(seat for seat in range(fragment.seats) if fragment.learners >> seat & 1)


def check(fragment: Fragment) -> Sizes:
    """The sizes of a fragment; raises ValueError unless it can be played again."""
    _within("actor", len(fragment.actor), 1, LONGEST_NAME, " characters")
    _within("turns", fragment.turns, 1, MOST_TURNS)
    _within("games", fragment.games, 1, MOST_GAMES)
    _within("first_game", fragment.first_game, 0, 2**31 - 1 - MOST_GAMES)
    _within("policy_version", fragment.policy_version, 0, 2**63 - 1)
    setup = Setup.from_json(fragment.setup)
    _within("seats", fragment.seats, setup.seats, setup.seats, ", as the setup says")
    _within("learners", fragment.learners, 1, (1 << setup.seats) - 1, ", a bit a seat")
    sizes = Sizes(
        fragment.turns,
        fragment.games,
        fragment.seats,
        fragment.learners.bit_count(),
        setup.board.board_height,
        setup.board.board_width,
    )
    turns, games, seats, learners, height, width = sizes
    tiles = height * width
    _within("tiles seen", (turns + 1) * games * learners * tiles, 1, MOST_CELLS)
    count = action_count(tiles, setup.ruleset.castle_price > 0)
    check_actions(count)
    for name, content, size in (
        ("actions", fragment.actions, 2 * turns * games * seats),
        ("log_probs", fragment.log_probs, 2 * turns * games * learners),
        ("values", fragment.values, 2 * (turns + 1) * games * learners),
    ):
        _within(name, len(content), size, size, " bytes")
    actions = np.frombuffer(fragment.actions, "<i2")
    _within("actions", int(actions.min()), 0, count - 1)
    _within("actions", int(actions.max()), 0, count - 1)
    _within("start", position_size(games, seats, tiles), 1, MOST_START, " bytes")
    Position.of(fragment.start, games, seats, height, width)
    if fragment.memory:
        memory_of(fragment, sizes)
    return sizes


def _within(name: str, value: int, least: int, most: int, unit: str = "") -> None:
    if not least <= value <= most:
        accepted = f"{least}" if least == most else f"{least} to {most}"
        raise ValueError(f"{name} of the fragment is {value}; accepted: {accepted}{unit}")


def memory_of(fragment: Fragment, sizes: Sizes) -> Float16:
    """The policy's memory before the first turn, float16 (G, L, M, H, W); M = 0 where none was sent.

    Raises ValueError for anything else.
    """
    shape = (sizes.games, sizes.learners, -1, sizes.height, sizes.width)
    if not fragment.memory:
        return np.zeros((*shape[:2], 0, *shape[3:]), np.float16)
    one = 2 * sizes.games * sizes.learners * sizes.height * sizes.width
    size = content_size(fragment.memory)
    if not 0 < size <= MOST_START or size % one:
        raise ValueError(f"memory of the fragment has {size} bytes; accepted: multiples of {one} up to {MOST_START}")
    memory = np.frombuffer(decompress("memory of the fragment", fragment.memory, size), "<f2").reshape(shape)
    if not np.isfinite(memory).all():
        raise ValueError("memory of the fragment is not finite; accepted: finite numbers")
    return memory


class Replayer:
    """Plays fragments again; keeps the batches it played them in. Not to be used by two threads at once."""

    KEPT = 8  # batches, of different setups or numbers of games

    def __init__(self) -> None:
        self._batches: OrderedDict[tuple[str, int], GameBatch] = OrderedDict()

    def replay(self, fragment: Fragment) -> Replayed:
        """All that the actor saw and got, on the calling thread alone. Raises ValueError for what is no fragment."""
        with OneThread():
            return self._replay(fragment, check(fragment))

    def _replay(self, fragment: Fragment, sizes: Sizes) -> Replayed:
        setup, batch = Setup.from_json(fragment.setup), self._batch(fragment)
        seats = list(learners_of(fragment))
        Position.of(fragment.start, sizes.games, sizes.seats, sizes.height, sizes.width).write(batch)
        actions = np.frombuffer(fragment.actions, "<i2").reshape(sizes.turns, sizes.games, sizes.seats).astype(np.int32)
        played = _empty(sizes)
        seen, header, spec = batch.observe(), batch.view.header, batch.map_spec.integers()
        everybody = np.arange(sizes.games, dtype=np.int32)

        def begin_next(games: Int32) -> None:
            for g in games.tolist():
                episode = int(header[g, EPISODE]) + 1
                next_episode(batch.rows[g], spec, setup.seed, fragment.first_game + g, episode)

        def look(t: int) -> None:
            played.words[t] = seen.words[:, seats]
            played.vector[t] = seen.vector[:, seats]
            played.resets[t] = header[:, TURN] == 0

        for t in range(sizes.turns):
            look(t)
            over = header[:, WINNER] != RUNNING
            if setup.max_turns:
                over |= header[:, TURN] >= setup.max_turns
            played.valid[t] = ~over
            on = everybody[~over] if over.any() else everybody
            if setup.autoreset == "next":
                begin_next(everybody[over])
            _, reward, terminated, truncated, _ = batch.step(actions[t, on], on)
            played.rewards[t, on] = reward[:, seats]
            played.terminated[t, on] = terminated
            played.truncated[t, on] = truncated
            played.winner[t] = header[:, WINNER]
            if setup.autoreset == "same":
                begin_next(on[terminated | truncated])
        look(sizes.turns)
        return played

    def _batch(self, fragment: Fragment) -> GameBatch:
        key = (fragment.setup, fragment.games)
        batch = self._batches.pop(key, None)
        if batch is None:
            batch = Setup.from_json(fragment.setup).batch(fragment.games, autoreset="off")
        self._batches[key] = batch
        if len(self._batches) > self.KEPT:
            self._batches.popitem(last=False)
        return batch


def _empty(sizes: Sizes) -> Replayed:
    turns, games, _, learners, height, width = sizes
    return Replayed(
        words=np.empty((turns + 1, games, learners, height, width), np.int32),
        vector=np.empty((turns + 1, games, learners, sizes.vector), np.int32),
        resets=np.zeros((turns + 1, games), np.bool_),
        rewards=np.zeros((turns, games, learners), np.float32),
        terminated=np.zeros((turns, games), np.bool_),
        truncated=np.zeros((turns, games), np.bool_),
        valid=np.zeros((turns, games), np.bool_),
        winner=np.full((turns, games), RUNNING, np.int32),
    )
