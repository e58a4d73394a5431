"""Many games at once: one call steps them all on all cores, with maps, rewards and autoreset inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.actions import action_count, as_codes, expand_mask
from engine.arrays import Bool, Float32, Int16, Int32, Int64, UInt8
from engine.board import (
    EPISODE,
    INVALID,
    MASK_BUILD,
    MASK_MOVES,
    RUNNING,
    SEATS,
    TILES,
    TURN,
    UNSETTLED,
    WINNER,
    Shape,
    allocate,
    get,
    header_of,
)
from engine.bots import HUNTERS, bot_actions, find_bot, scratch_words
from engine.bots.equals import hunter_equals
from engine.compile import inlined, kernel, loop, prange
from engine.game import Game
from engine.maps import MapSpec, draw_map, find_map
from engine.prefetch import AHEAD, fetch_header, fetch_tiles
from engine.rewards import NO_SHAPING, Shaping, outcome, potential
from engine.rules import play_turn
from engine.rulesets import Ruleset, find_ruleset
from engine.views import BoardView

DEVICES = ("cpu", "cuda")
AUTORESET = ("same", "next", "off")
OFF, SAME, NEXT = 0, 1, 2
FIXED = np.r_[0:TURN, TILES:UNSETTLED]  # words of a header that are the same in all games of a batch
CHUNK = 64  # games a core takes at a time: long enough to be worth handing out, short enough to balance


@kernel
def next_episode(board: Int32, spec: Int32, seed: int, g: int, episode: int) -> None:
    """Draw a game's next map and start it."""
    board[EPISODE] = episode
    draw_map(board, spec, seed, g, episode)


@inlined
def is_over(board: Int32, max_turns: int) -> bool:
    """Whether the episode has ended: by the rules, or at the limit of turns where there is one."""
    return get(board, WINNER) != RUNNING or (max_turns > 0 and get(board, TURN) >= max_turns)


# What a step tells of a game: winner and turns of the episode that was stepped and how it ended; then invalid moves and
# number of the episode that is now on the board.
END_WINNER, END_TURNS, END_TERMINATED, END_TRUNCATED, END_INVALID, END_EPISODE = range(6)
END_FIELDS = 6


@inlined
def step_game(
    board: Int32,
    actions: Int32,
    reward: Float32,
    ended: Int32,
    weights: Float32,
    spec: Int32,
    seed: int,
    g: int,
    max_turns: int,
    autoreset: int,
) -> None:
    """One turn of a game.

    reward float32 (S,); ended int32 (END_FIELDS,). A game that is over stays as it is until it is
    reset, with reward 0. Inlined, since it has one caller: a call with so many arrays costs as much as half a turn.
    """
    seats = get(board, SEATS)
    for s in range(seats):
        reward[s] = 0.0
    terminated = 0
    truncated = 0
    anew = autoreset == NEXT
    if not is_over(board, max_turns):
        anew = False
        shaped = weights[0] != 0.0 or weights[1] != 0.0 or weights[2] != 0.0
        if shaped:
            for s in range(seats):
                reward[s] = -potential(board, s, weights)
        play_turn(board, actions)
        if shaped:
            for s in range(seats):
                reward[s] = float(reward[s]) + float(weights[3]) * potential(board, s, weights)
        if get(board, WINNER) != RUNNING:
            terminated = 1
            for s in range(seats):
                reward[s] = float(reward[s]) + outcome(board, s)
        elif is_over(board, max_turns):
            truncated = 1
        anew = autoreset == SAME and terminated + truncated != 0
    ended[END_WINNER] = get(board, WINNER)
    ended[END_TURNS] = get(board, TURN)
    if anew:
        next_episode(board, spec, seed, g, get(board, EPISODE) + 1)
        if autoreset == NEXT:
            ended[END_WINNER] = RUNNING
            ended[END_TURNS] = 0
    ended[END_TERMINATED] = terminated
    ended[END_TRUNCATED] = truncated
    ended[END_INVALID] = get(board, INVALID)
    ended[END_EPISODE] = get(board, EPISODE)


@loop
def step_games(
    rows: Int32,
    games: Int32,
    actions: Int32,
    reward: Float32,
    ended: Int32,
    weights: Float32,
    spec: Int32,
    seed: int,
    max_turns: int,
    autoreset: int,
) -> None:
    """One turn of K games, int32 (K,), by actions (K, S).

    Of all games are rows (G, N), reward (G, S) and ended (G, END_FIELDS): see `step_game`.
    """
    count, words = games.shape[0], rows.shape[1]
    memory = rows.reshape(rows.size)
    for chunk in prange((count + CHUNK - 1) // CHUNK):
        end = min(count, (chunk + 1) * CHUNK)
        for i in range(chunk * CHUNK, end):
            if i + 2 * AHEAD < end:
                fetch_header(memory, int(games[i + 2 * AHEAD]) * words)
            if i + AHEAD < end:
                fetch_tiles(memory, int(games[i + AHEAD]) * words, actions[i + AHEAD])
            g = int(games[i])
            step_game(rows[g], actions[i], reward[g], ended[g], weights, spec, seed, g, max_turns, autoreset)


@loop
def reset_all(rows: Int32, spec: Int32, seed: int, chosen: Bool) -> None:
    """Start the chosen games anew, each with its next episode's map."""
    games = rows.shape[0]
    for chunk in prange((games + CHUNK - 1) // CHUNK):
        for g in range(chunk * CHUNK, min(games, (chunk + 1) * CHUNK)):
            if chosen[g]:
                next_episode(rows[g], spec, seed, g, get(rows[g], EPISODE) + 1)


@dataclass(frozen=True)
class BatchObservation:
    """What every seat of every game observes; see `engine.observation` for the bits.

    Views into the batch's memory, true until the next step; `copy` keeps them.
    """

    words: Int32  # (G, S, H, W): flags | mask << 8 | army << 16
    flags: UInt8  # (G, S, H, W)
    mask: UInt8  # (G, S, H, W)
    army: Int16  # (G, S, H, W)
    vector: Int32  # (G, S, 1 + 3 * S)

    def copy(self) -> "BatchObservation":
        """The same observation in memory of its own."""
        words = self.words.copy()
        parts = words[..., None]
        return BatchObservation(
            words,
            parts.view(np.uint8)[..., 0],
            parts.view(np.uint8)[..., 1],
            parts.view(np.int16)[..., 1],
            self.vector.copy(),
        )


def checked_seed(seed: Any) -> int:
    """A seed of maps and bots as a Python int. Raises ValueError for what is none."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**62:
        raise ValueError(f"seed is {seed!r}; accepted: an integer, 0 to 2**62 - 1")
    return int(seed)


class GameBatch:
    """Games of one ruleset, board size and number of seats, stepped together.

    Every map follows from (seed, game, episode). `autoreset`: "same" starts a finished game's next episode in the step
    that finished it, "next" in the step after (gymnasium's NEXT_STEP), "off" leaves it. `max_turns` truncates longer
    games (0: never). `device` "cuda" makes an `engine.cuda.CudaGameBatch`, whose memory is a GPU's. Raises ValueError
    for unknown names and sizes that cannot be.
    """

    def __new__(
        cls,
        ruleset: str | Ruleset = "generalsio",
        num_games: int = 1,
        seed: int = 0,
        device: str = "cpu",
        **options: Any,
    ) -> "GameBatch":
        """The batch of a device."""
        if device == "cuda" and cls is GameBatch:
            from engine.cuda import CudaGameBatch

            return super().__new__(CudaGameBatch)
        return super().__new__(cls)

    def __init__(
        self,
        ruleset: str | Ruleset = "generalsio",
        num_games: int = 1,
        seed: int = 0,
        device: str = "cpu",
        *,
        board: str | MapSpec = "site",
        seats: int = 2,
        autoreset: str = "same",
        max_turns: int = 0,
        shaping: Shaping | None = None,
        memory: bool = True,
        observed: bool = True,
    ) -> None:
        if device not in DEVICES:
            raise ValueError(f'device "{device}" is unknown; known: {", ".join(DEVICES)}')
        if num_games < 1:
            raise ValueError(f"num_games is {num_games}; accepted: 1 and more")
        if autoreset not in AUTORESET:
            raise ValueError(f'autoreset "{autoreset}" is unknown; accepted: {", ".join(AUTORESET)}')
        if max_turns < 0:
            raise ValueError(f"max_turns is {max_turns}; accepted: 0 (never truncate) and more")
        self.ruleset = find_ruleset(ruleset)
        self.map_spec = find_map(board, seats)
        self.map_spec.check_sides(seats)
        self.num_games, self.seats, self.seed, self.max_turns = num_games, seats, checked_seed(seed), max_turns
        self.height, self.width = self.map_spec.board_height, self.map_spec.board_width
        self.tiles = self.height * self.width
        self.castles = self.ruleset.castle_price > 0
        self.action_count = action_count(self.tiles, self.castles)
        self.shape = Shape.of(self.ruleset, seats, self.height, self.width)
        self._spec = self.map_spec.integers()
        self._weights = (shaping or NO_SHAPING).numbers()
        self._autoreset = {"off": OFF, "same": SAME, "next": NEXT}[autoreset]
        self._fixed = header_of(self.shape, self.ruleset, observed, memory)[FIXED]
        self._begun = False  # no game was started yet
        self._allocate(observed, memory)

    def _allocate(self, observed: bool, memory: bool) -> None:
        """Take the memory for rows and for what a step tells."""
        num_games, seats = self.num_games, self.seats
        self.rows = allocate(self.shape, self.ruleset, num_games, observed=observed, memory=memory)
        self.rows[:, EPISODE] = -1
        self.view = BoardView.of(self.rows, self.shape)
        self._observation = BatchObservation(
            self.view.view, self.view.flags, self.view.mask, self.view.seen_army, self.view.vector
        )
        self._reward = np.zeros((num_games, seats), np.float32)
        self._all = np.arange(num_games, dtype=np.int32)
        self._ended = np.zeros((num_games, END_FIELDS), np.int32)
        self._scratch = np.zeros(((num_games + CHUNK - 1) // CHUNK, scratch_words(self.tiles)), np.int32)

    def reset(self, seed: int | None = None, games: Bool | Int64 | None = None) -> BatchObservation:
        """Start all games anew, or some: marked, bool (G,), or named, different integers (K,).

        A `seed` restarts the count of episodes, of all games alone: it is no seed of single ones.
        """
        chosen = self._to_reset(seed, games)
        if seed is not None:
            self.seed = checked_seed(seed)
            self.rows[:, EPISODE] = -1
        reset_all(self.rows, self._spec, self.seed, chosen)
        return self._observation

    def _to_reset(self, seed: int | None, games: Bool | Int64 | None) -> Bool:
        """The games to start anew, bool (G,). Raises ValueError for a seed of some games."""
        if games is None:
            return np.ones(self.num_games, np.bool_)
        if seed is not None:
            raise ValueError(
                f"seed is {seed}, and games are named; accepted: a seed for all games, or games without one"
            )
        chosen = np.zeros(self.num_games, np.bool_)
        chosen[self._indices(games)] = True
        return chosen

    def _indices(self, games: Bool | Int32 | Int64) -> Int32:
        """Games marked, bool (G,), or named, different integers (K,), as int32 (K,). Raises ValueError otherwise."""
        given = np.asarray(games)
        if given.dtype == np.bool_ and given.shape == (self.num_games,):
            return np.flatnonzero(given).astype(np.int32)
        if given.ndim != 1 or given.dtype.kind not in "iu":
            raise ValueError(
                f"games are {given.dtype} of shape {given.shape}; "
                f"accepted: bool of shape {(self.num_games,)}, or different integers of shape (K,)"
            )
        if given.size and not 0 <= int(given.min()) <= int(given.max()) < self.num_games:
            raise ValueError(f"games reach from {given.min()} to {given.max()}; accepted: 0 to {self.num_games - 1}")
        chosen = np.ascontiguousarray(given, np.int32)
        if len(np.unique(chosen)) != len(chosen):
            raise ValueError(f"games name a game twice: {given.tolist()[:100]}; accepted: each at most once")
        return chosen

    def _check_begun(self) -> None:
        """Raise ValueError before the first game has started: stepped, nothing would ever happen."""
        if not self._begun:
            self._begun = self._has_begun()
            if not self._begun:
                raise ValueError("no game has started; call reset() before step()")

    def _has_begun(self) -> bool:
        return bool((self.rows[:, EPISODE] >= 0).any())

    def change_maps(self, board: str | MapSpec) -> None:
        """Draw the maps of later episodes from another specification of the same board's size.

        From then on they follow from (specification, seed, game, episode). Raises ValueError for another size.
        """
        spec = find_map(board, self.seats)
        if (spec.board_height, spec.board_width) != (self.height, self.width):
            raise ValueError(
                f'map "{spec.name}" needs a board of {spec.board_height}x{spec.board_width}; '
                f"accepted: {self.height}x{self.width}"
            )
        self.map_spec = spec
        self._spec[:] = spec.integers()

    def observe(self) -> BatchObservation:
        """The present observation, as views that the next step changes."""
        return self._observation

    def step(
        self, actions: Int32, games: Int32 | Bool | None = None
    ) -> tuple[BatchObservation, Float32, Bool, Bool, dict[str, Any]]:
        """Play one turn of every game, or of K of them; K then stands for G below.

        games: which those are, different integers (K,), or bool (G,) with K marks.
        actions: int32 (G, S), see `engine.actions`; 0 is a pass, an invalid action counts as such and passes.
        Returns observation (views), reward float32 (G, S), terminated and truncated bool (G,), and info with winner
        int32 (G,) (-2 running, -1 draw, else the seat) and turns int32 (G,), both of the episode that was stepped, and
        invalid and episode int32 (G,) of the episode that is now on the board. Raises ValueError for games and actions
        that cannot be, and before the first reset.
        """
        self._check_begun()
        chosen = self._all if games is None else self._indices(games)
        actions = as_codes(actions, (len(chosen), self.seats))
        step_games(
            self.rows,
            chosen,
            actions,
            self._reward,
            self._ended,
            self._weights,
            self._spec,
            self.seed,
            self.max_turns,
            self._autoreset,
        )
        at = slice(None) if games is None else chosen
        reward, ended = np.array(self._reward[at]), np.array(self._ended[at])
        info = {
            "winner": ended[:, END_WINNER],
            "turns": ended[:, END_TURNS],
            "invalid": ended[:, END_INVALID],
            "episode": ended[:, END_EPISODE],
        }
        return self._observation, reward, ended[:, END_TERMINATED] != 0, ended[:, END_TRUNCATED] != 0, info

    def action_masks(self) -> Bool:
        """Legal actions, bool (G, S, action_count)."""
        mask = (self.view.mask & (MASK_MOVES | (MASK_BUILD if self.castles else 0))).astype(np.uint8)
        return expand_mask(mask.reshape(self.num_games, self.seats, self.tiles), self.castles)

    def bot_actions(self, names: str | Sequence[str | None] | None, games: Int32 | Bool | None = None) -> Int32:
        """Actions of scripted bots, int32 (G, S): one name for all seats or one a seat; None leaves a 0.

        `games`, as in `step`, asks for those of K games alone, (K, S).
        """
        chosen = [names] * self.seats if names is None or isinstance(names, str) else list(names)
        if len(chosen) != self.seats:
            raise ValueError(f"{len(chosen)} bots are named; accepted: one, or one for each of {self.seats} seats")
        actions = np.zeros((self.num_games, self.seats), np.int32)
        bots = np.full(actions.shape, -1, np.int8)
        at = slice(None) if games is None else self._indices(games)
        bots[at] = [-1 if name is None else find_bot(name) for name in chosen]
        bot_actions(self.rows, bots, self.seed, actions, self._scratch)
        return actions[at]

    def hunter_equals(self, name: str = "hunter") -> tuple[Int32, UInt8]:
        """What `bot_actions(name)` says of a bot of HUNTERS, and all moves that it likes as well as those.

        int32 (G, S), and uint8 (G, S, H, W): bits 0-3 a move of the whole army up, down, left, right; none where it
        passes or builds a castle.
        """
        if name not in HUNTERS:
            raise ValueError(f'bot "{name}" does not tell what it likes as well; those that do: {", ".join(HUNTERS)}')
        actions = np.zeros((self.num_games, self.seats), np.int32)
        moves = np.zeros((*actions.shape, self.tiles), np.uint8)
        hunter_equals(self.rows, find_bot(name), self.seed, actions, moves, self._scratch)
        return actions, moves.reshape(*actions.shape, self.height, self.width)

    def snapshot(self, game: int) -> Int32:
        """All of one game as int32 (N,): what `restore` takes."""
        return np.array(self.rows[game])

    def restore(self, game: int, snapshot: Int32) -> None:
        """Put a snapshot of a batch of the same ruleset, board, seats and switches in a game's place."""
        self._check_snapshot(snapshot)
        self.rows[game] = snapshot

    def _check_snapshot(self, snapshot: Int32) -> None:
        if snapshot.shape != (self.shape.words,) or snapshot.dtype != np.int32:
            raise ValueError(f"snapshot is {snapshot.dtype} {snapshot.shape}; accepted: int32 ({self.shape.words},)")
        fixed = snapshot[FIXED]
        if not np.array_equal(fixed, self._fixed):
            raise ValueError(
                f"snapshot is of a game with other rules, board or switches: its header has {fixed.tolist()}; "
                f"accepted: {self._fixed.tolist()}"
            )

    def fork(self, source: int, target: int) -> None:
        """Make game `target` a copy of game `source`."""
        self.restore(target, self.rows[source])

    def game(self, game: int) -> Game:
        """An independent `Game` that stands where one of the batch's games does."""
        return Game.of_row(self.ruleset, self.shape, self.rows[game].copy())
