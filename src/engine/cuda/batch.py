"""`GameBatch(device="cuda")`: the games, what they show and what a step tells lie in a GPU's memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import cuda

from engine.actions import as_codes
from engine.arrays import Bool, Int8, Int32, Int64
from engine.batch import (
    END_EPISODE,
    END_FIELDS,
    END_INVALID,
    END_TERMINATED,
    END_TRUNCATED,
    END_TURNS,
    END_WINNER,
    OFF,
    BatchObservation,
    GameBatch,
    checked_seed,
)
from engine.board import EPISODE, header_of
from engine.bots import find_bot, scratch_words
from engine.cuda import kernels
from engine.cuda.memory import template, views_of
from engine.game import Game
from engine.map_specs import MapSpec
from engine.views import BoardView

THREADS = 128  # of a block, unless `threads` is set
MOST_BLOCKS = 4096  # of kernels whose threads take one thing after another
DRAW_EVERY = 64  # turns between two drawings of spare maps: short beside an episode, long enough to draw many at once
BOT_THREADS = 1 << 14  # at most: each needs a desk of its own
BOT_BLOCK = 32  # threads of a block of theirs at most: a few thousand seats then lie on all multiprocessors


class CudaGameBatch(GameBatch):
    """Games in a GPU's memory. Arguments and maps are `GameBatch`'s; every array it returns is in device memory.

    Observation, reward, terminated, truncated and info are always the same memory, written anew by each step:
    `torch.as_tensor(array, device="cuda")` shares it without a copy. Nothing waits for the GPU: kernels are queued on
    `stream` (0 or a CUDA stream's handle, such as `torch.cuda.current_stream().cuda_stream`), in order with all that is
    queued there, and a step on device actions may be captured in a CUDA graph. `threads` is the size of a block.

    Raises RuntimeError where there is no GPU or numba-cuda is missing.
    """

    threads = THREADS

    def _allocate(self, observed: bool, memory: bool) -> None:
        """Take device memory: the games, as many spare rows for maps drawn ahead, and what a step tells."""
        if not cuda.is_available():
            raise RuntimeError(
                'device "cuda" needs an NVIDIA GPU with its driver, and numba-cuda with its libraries in '
                "site-packages, not on PYTHONPATH alone (docs/gpu.md); one of them was not found"
            )
        games, seats = self.num_games, self.seats
        self._handle = 0
        self._stream: Any = 0
        self._turns_to_draw = DRAW_EVERY
        shape = (games, self.shape.words)
        self._rows = cuda.device_array(shape, np.int32)
        self._spares = cuda.device_array(shape, np.int32) if self._autoreset != OFF else None
        self._reward = cuda.device_array((games, seats), np.float32)
        self._ended = cuda.to_device(np.zeros((games, END_FIELDS), np.int32))
        self._actions = cuda.to_device(np.zeros((games, seats), np.int32))
        self._chosen = cuda.to_device(np.ones(games, np.bool_))
        self._spent = cuda.to_device(np.zeros(1 + games, np.int32))
        self._none_spent, self._spent_count = cuda.to_device(np.zeros(1, np.int32)), self._spent[:1]
        self._device_spec = cuda.to_device(self._spec)
        self._device_weights = cuda.to_device(self._weights)
        self._legal: Any = None
        self._bots: Any = None
        self._bot_kernels: list[Any] = []
        self._scratch_of_bots: Any = None
        header = header_of(self.shape, self.ruleset, observed, memory)
        header[EPISODE] = -1
        device_header = cuda.to_device(header)
        for rows in (self._rows, self._spares):
            if rows is not None:
                self._over(kernels.lay_out, rows.size)(rows, device_header)
        self._share()

    def _share(self) -> None:
        """Name the views that are handed out."""
        like = template(self.num_games, self.shape.words)
        view = BoardView.of(like, self.shape)
        parts: dict[str, np.ndarray] = {
            "words": view.view,
            "flags": view.flags,
            "mask": view.mask,
            "army": view.seen_army,
            "vector": view.vector,
        }
        self.rows = views_of(self._rows, like, {"rows": like})["rows"]
        self._observation = BatchObservation(**views_of(self._rows, like, parts))
        ends = template(self.num_games, END_FIELDS)
        switches = ends.view(np.bool_)
        self.ended = views_of(
            self._ended,
            ends,
            {
                "terminated": switches[:, 4 * END_TERMINATED],
                "truncated": switches[:, 4 * END_TRUNCATED],
                "winner": ends[:, END_WINNER],
                "turns": ends[:, END_TURNS],
                "invalid": ends[:, END_INVALID],
                "episode": ends[:, END_EPISODE],
            },
        )
        seats = template(self.num_games, self.seats)
        self.actions = views_of(self._actions, seats, {"actions": seats})["actions"]
        self.reward = views_of(self._reward, seats, {"reward": seats.view(np.float32)})["reward"]

    @property
    def stream(self) -> int:
        """The CUDA stream that all work is queued on, as its handle; 0 is the default stream."""
        return self._handle

    @stream.setter
    def stream(self, handle: int) -> None:
        if handle != self._handle:
            self._handle = handle
            self._stream = cuda.external_stream(handle) if handle else 0

    def _over_games(self, kernel: Any) -> Any:
        """A kernel ready to be called, with a thread a game."""
        return kernel[-(-self.num_games // self.threads), self.threads, self._stream]

    def _over(self, kernel: Any, count: int) -> Any:
        """A kernel ready to be called whose threads share so many things to do."""
        return kernel[min(-(-count // self.threads), MOST_BLOCKS), self.threads, self._stream]

    def reset(self, seed: int | None = None, games: Bool | Int64 | None = None) -> BatchObservation:
        """Start all games anew, or some of them: see `GameBatch`."""
        chosen = self._to_reset(seed, games)
        if seed is not None:
            self.seed = checked_seed(seed)
            self._forget_spares()
        self._begun = True
        self._chosen.copy_to_device(chosen, stream=self._stream)
        if seed is not None:
            self._over_games(kernels.forget_episodes)(self._rows, self._chosen)
        self._over_games(kernels.begin_games)(self._rows, self._device_spec, self.seed, self._chosen)
        self.draw_spares()
        return self._observation

    def _has_begun(self) -> bool:
        return False  # reset and restore note it; asking the GPU would wait for it

    def change_maps(self, board: str | MapSpec) -> None:
        """Draw the maps of later episodes from another specification: see `GameBatch`."""
        super().change_maps(board)
        self._device_spec.copy_to_device(self._spec, stream=self._stream)
        self._forget_spares()
        self.draw_spares()

    def _forget_spares(self) -> None:
        if self._autoreset != OFF:
            self._chosen.copy_to_device(np.ones(self.num_games, np.bool_), stream=self._stream)
            self._over_games(kernels.forget_episodes)(self._spares, self._chosen)

    def draw_spares(self) -> None:
        """Draw the next map of every game that has none.

        `step` does so itself every DRAW_EVERY turns; whoever replays a captured graph of steps calls it now and then.
        """
        self._turns_to_draw = DRAW_EVERY
        if self._autoreset == OFF:
            return
        self._spent_count.copy_to_device(self._none_spent, stream=self._stream)
        self._over_games(kernels.list_spent)(self._rows, self._spares, self._spent)
        self._over_games(kernels.draw_spares)(self._rows, self._spares, self._device_spec, self.seed, self._spent)

    def step(
        self, actions: Any, games: Int32 | Bool | None = None
    ) -> tuple[BatchObservation, Any, Any, Any, dict[str, Any]]:
        """Play one turn of every game: `GameBatch.step` with device arrays, `games` must be None.

        actions: int32 (G, S) in device memory, in one piece (`__cuda_array_interface__`), `self.actions` say; or on the
        host, which are copied. The arrays returned are those of every step. Raises ValueError for anything else.
        """
        if games is not None:
            raise ValueError("games are named; a batch on the GPU steps them all: accepted: None")
        self._check_begun()
        self._over_games(kernels.play)(
            self._rows,
            self._on_device(actions),
            self._reward,
            self._ended,
            self._device_weights,
            self._device_spec,
            self.seed,
            self.max_turns,
        )
        if self._autoreset != OFF:
            self._over_games(kernels.renew)(
                self._rows,
                self._spares,
                self._ended,
                self._device_spec,
                self.seed,
                self.max_turns,
                self._autoreset,
            )
            self._turns_to_draw -= 1
            if self._turns_to_draw == 0:
                self.draw_spares()
        info = {name: self.ended[name] for name in ("winner", "turns", "invalid", "episode")}
        return self._observation, self.reward, self.ended["terminated"], self.ended["truncated"], info

    def _on_device(self, actions: Any) -> Any:
        """Actions as an array that kernels take."""
        if actions is self.actions or actions is self._actions:
            return self._actions
        interface = getattr(actions, "__cuda_array_interface__", None)
        if interface is None:
            self._actions.copy_to_device(as_codes(actions, (self.num_games, self.seats)), stream=self._stream)
            return self._actions
        shape, kind, strides = interface["shape"], interface["typestr"], interface.get("strides")
        if (shape, kind) != ((self.num_games, self.seats), "<i4") or strides not in (None, (4 * self.seats, 4)):
            raise ValueError(
                f"actions are {kind} of shape {shape}, strides {strides}; accepted: int32 of shape "
                f"{(self.num_games, self.seats)} in one piece"
            )
        return cuda.as_cuda_array(actions, sync=False)

    def action_masks(self) -> Any:
        """Legal actions, bool (G, S, action_count); the same memory each time."""
        if self._legal is None:
            self._legal = cuda.device_array((self.num_games, self.seats, self.action_count), np.bool_)
        self._over(kernels.expand_masks, self.num_games * self.seats * self.tiles)(
            self._rows, self._legal, self.castles
        )
        return self._legal

    def bot_actions(self, names: str | Sequence[str | None] | None, games: Int32 | Bool | None = None) -> Any:
        """Let scripted bots write their actions into `self.actions`, which is returned: one name or one a seat.

        A seat named None keeps what is written there. `games` must be None.
        """
        chosen = [names] * self.seats if names is None or isinstance(names, str) else list(names)
        if len(chosen) != self.seats or games is not None:
            raise ValueError(
                f"{len(chosen)} bots and games {games}; accepted: one bot or {self.seats}, for all games: None"
            )
        codes = np.array([-1 if name is None else find_bot(name) for name in chosen], np.int8)
        self.seat_bots(np.broadcast_to(codes, (self.num_games, self.seats)))
        self.play_bots()
        return self.actions

    def seat_bots(self, bots: Int8) -> None:
        """Give seats to scripted bots for `play_bots`: codes of `find_bot`, int8 (G, S), -1 for nobody.

        Whoever captures `play_bots` in a CUDA graph may seat the same bots elsewhere later, in the same memory.
        """
        if self._bots is None:
            self._bots = cuda.device_array((self.num_games, self.seats), np.int8)
            self._scratch_of_bots = cuda.device_array((BOT_THREADS, scratch_words(self.tiles)), np.int32)
        self._bots.copy_to_device(np.array(bots, np.int8), stream=self._stream)
        playing = np.unique(bots)
        self._bot_kernels = list(dict.fromkeys(kernels.BOT_KERNELS[int(code)] for code in playing[playing >= 0]))

    def play_bots(self) -> None:
        """Let the bots of `seat_bots` write their actions into `self.actions`; other seats' stay as they are."""
        threads = min(self.threads, BOT_BLOCK)
        blocks = min(-(-self._bots.size // threads), BOT_THREADS // threads)
        for kernel in self._bot_kernels:
            kernel[blocks, threads, self._stream](
                self._rows, self._bots, self.seed, self._actions, self._scratch_of_bots
            )

    def snapshot(self, game: int) -> Int32:
        """All of one game as int32 (N,), on the host: what `restore` takes, here and on a CPU."""
        row: Int32 = self._rows[game].copy_to_host(stream=self._stream)
        if self._stream:
            self._stream.synchronize()
        return row

    def restore(self, game: int, snapshot: Int32) -> None:
        """Put a snapshot of a batch of the same ruleset, board, seats and switches in a game's place."""
        self._check_snapshot(snapshot)
        self._begun = True
        self._rows[game].copy_to_device(np.ascontiguousarray(snapshot), stream=self._stream)

    def fork(self, source: int, target: int) -> None:
        """Make game `target` a copy of game `source`."""
        self._rows[target].copy_to_device(self._rows[source], stream=self._stream)

    def game(self, game: int) -> Game:
        """An independent `Game` on the host that stands where one of the batch's games does."""
        return Game.of_row(self.ruleset, self.shape, self.snapshot(game))
