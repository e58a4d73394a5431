"""A memory that is a board as well: each tile remembers some numbers, and mixes them with its neighbours' once a turn.

Letters: T turns, B rows, C channels, M numbers of a tile, H x W tiles.
"""

import torch
from torch import Tensor, nn

from learner.blocks import Neighbours


class BoardGRU(nn.Module):
    """A GRU whose state is a board: each tile's gates read its input and its neighbours' state of the turn before."""

    def __init__(self, channels: int, memory: int) -> None:
        super().__init__()
        self.memory = memory
        self.read = nn.Conv2d(channels, 3 * memory, 1)
        self.recall = nn.Sequential(Neighbours(memory), nn.Conv2d(memory, 3 * memory, 1))

    def forward(self, x: Tensor, state: Tensor, resets: Tensor, inside: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Inputs (T, B, C, H, W), state (B, M, H, W), resets (T, B) bool; to states (T, B, M, H, W) and the last one.

        Where `resets` is set, the state is emptied before that turn: its observation is an episode's first. inside:
        (1, M, H, W), 0 for numbers that are not to be kept.
        """
        turns, rows = x.shape[:2]
        reads = (
            self.read(x.flatten(0, 1)).unflatten(0, (turns, rows)).unbind(0)
        )  # indexing by t fills its gradient T times
        keeps = (~resets).to(x.dtype)[..., None, None, None].unbind(0)
        states = []
        for read, keep in zip(reads, keeps, strict=True):
            state = state * keep
            update, reset, fresh = read.chunk(3, dim=1)
            update_, reset_, fresh_ = self.recall(state).chunk(3, dim=1)
            gate = torch.sigmoid(update + update_)
            candidate = torch.tanh(fresh + torch.sigmoid(reset + reset_) * fresh_)
            state = candidate + gate * (state - candidate)
            if inside is not None:
                state = state * inside
            states.append(state)
        return torch.stack(states), state
