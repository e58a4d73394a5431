"""Games as tensors that stay where they are: what a rollout on the device, and a captured CUDA graph, step."""

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from engine.batch import GameBatch

if TYPE_CHECKING:
    from engine.cuda import CudaGameBatch


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
