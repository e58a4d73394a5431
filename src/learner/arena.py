"""Games as tensors that stay where they are: what a rollout on the device, and a captured CUDA graph, step."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from engine.arrays import Int8
from engine.batch import GameBatch
from engine.bots import bot_actions, scratch_words

if TYPE_CHECKING:
    from engine.cuda import CudaGameBatch


BOT_GAMES = 64  # games whose bots one thread of a CPU plays at a time


class Arena:
    """A batch whose observations, actions and outcomes are always the same tensors.

    Of a CUDA batch they are the batch's own memory, shared without a copy, and `step` only queues kernels on torch's
    current stream. Of a CPU batch `step` plays and copies. The batch must have been made with autoreset "next".
    """

    def __init__(self, batch: GameBatch) -> None:
        self.batch = batch
        seen = batch.reset()
        self.device = torch.device("cuda" if hasattr(seen.words, "__cuda_array_interface__") else "cpu")
        self.games = self._share(batch.rows)  # (G, N) int32: all that games are
        self.words = self._share(seen.words)  # (G, S, H, W) int32, strided
        self.vector = self._share(seen.vector)  # (G, S, V) int32
        games = batch.num_games
        # By its arrays, not its class: numba-cuda is imported only where a CUDA batch is made.
        self._resident = cast("CudaGameBatch", batch) if hasattr(batch, "ended") else None
        if self._resident:
            self.actions = self._share(self._resident.actions)
            self.reward = self._share(self._resident.reward)
            self.terminated, self.truncated, self.winner, self.turns = (
                self._share(self._resident.ended[name]) for name in ("terminated", "truncated", "winner", "turns")
            )
        else:
            self.actions = torch.zeros((games, batch.seats), dtype=torch.int32)
            self._bots = np.full((games, batch.seats), -1, np.int8)
            self._scratch = np.zeros((-(-games // BOT_GAMES), scratch_words(batch.tiles)), np.int32)
            self.reward = torch.zeros((games, batch.seats))
            self.terminated, self.truncated = torch.zeros((2, games), dtype=torch.bool)
            self.winner, self.turns = torch.zeros((2, games), dtype=torch.int32)

    @property
    def resident(self) -> bool:
        """Whether the batch's memory is these tensors' own."""
        return self._resident is not None

    @property
    def rows(self) -> int:
        """Seats of all games: a row each, game by game."""
        return self.batch.num_games * self.batch.seats

    def step(self) -> None:
        """Play `actions`, int32 (G, S); the other tensors then tell what came of it."""
        if self._resident:
            self._follow_stream(self._resident)
            self._resident.step(self._resident.actions)
            return
        _, reward, terminated, truncated, info = self.batch.step(self.actions.numpy())
        for tensor, array in (
            (self.reward, reward),
            (self.terminated, terminated),
            (self.truncated, truncated),
            (self.winner, info["winner"]),
            (self.turns, info["turns"]),
        ):
            tensor.copy_(torch.from_numpy(array))

    def seat_bots(self, bots: Int8) -> None:
        """Give seats to scripted bots for `play_bots`: codes of `engine.bots.find_bot`, int8 (G, S), -1 for nobody."""
        if self._resident:
            self._follow_stream(self._resident)
            self._resident.seat_bots(bots)
        else:
            self._bots = bots

    def play_bots(self) -> None:
        """Let the bots of `seat_bots` write their seats' `actions`."""
        if self._resident:
            self._follow_stream(self._resident)
            self._resident.play_bots()
            return
        bot_actions(self.batch.rows, self._bots, self.batch.seed, self.actions.numpy(), self._scratch)

    def scatter(self, bot: int, turns: int, seed: int) -> None:
        """Let a bot begin the games, each for another number of turns below `turns`; its maps are drawn as usual.

        Games that begin together are in the same phase for long, and all fragments then teach the same.
        """
        shape = (self.batch.num_games, self.batch.seats)
        self.seat_bots(np.full(shape, bot, np.int8))
        begin = np.random.default_rng(seed).integers(turns, size=len(self.turns))
        for turn in range(turns):
            self.batch.reset(games=begin == turn)
            self.play_bots()
            self.step()
        self.seat_bots(np.full(shape, -1, np.int8))

    def prepare(self) -> None:
        """Draw maps ahead on the device: once a fragment, since a captured turn does not."""
        if self._resident:
            self._follow_stream(self._resident)
            self._resident.draw_spares()

    def _follow_stream(self, batch: "CudaGameBatch") -> None:
        if self.device.type == "cuda":
            batch.stream = torch.cuda.current_stream().cuda_stream

    def _share(self, array: Any) -> Tensor:
        return torch.as_tensor(array, device=self.device)
