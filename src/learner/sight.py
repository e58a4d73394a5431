"""What a network sees: the engine's compact words as planes, and the actions that their masks allow.

Letters: N rows, H x W tiles, A actions.
"""

import numpy as np
import torch
from torch import Tensor, nn

from engine.actions import action_count
from engine.board import ARMY_SHIFT, MASK_SHIFT
from engine.observation import ARMY_SCALE, PLANES, planes

ARMY_PLANES = 4  # the last planes of PLANES are armies, the others follow from the flags alone


def flag_table() -> np.ndarray:
    """The planes that follow from a flags byte, and whose army stands there: float32 (256, len(PLANES))."""
    flags = np.arange(256, dtype=np.uint8).reshape(1, 256)
    one_unit = 2 ** int(ARMY_SCALE) - 1  # an army whose plane holds 1.0
    return planes(flags, np.full((1, 256), one_unit, np.int16))[:, 0, :].T.copy()


class Sight(nn.Module):
    """The first layer's input: compact words become float planes here, on the device that trains."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.from_numpy(flag_table()), persistent=False)

    @property
    def count(self) -> int:
        """Planes it makes: those of `engine.observation` and one of ones, which shows the board's edge."""
        return len(PLANES) + 1

    def forward(self, words: Tensor) -> Tensor:
        """Words (N, H, W) int32 to planes (N, len(PLANES) + 1, H, W) float32, channels last in memory."""
        board = words.new_empty((*words.shape, self.count), dtype=torch.float32)
        board[..., :-1] = self.table[words & 255]
        size = torch.log2(1.0 + (words >> ARMY_SHIFT).float()) / ARMY_SCALE
        board[..., -1 - ARMY_PLANES : -1] *= size[..., None]
        board[..., -1] = 1.0
        return board.permute(0, 3, 1, 2)


def legal_actions(words: Tensor, halves: bool, castles: bool) -> Tensor:
    """Which action codes the words' masks allow: words (N, H, W) int32 to bool (N, A). A pass always is."""
    n = len(words)
    mask = (words >> MASK_SHIFT).reshape(n, -1)
    tiles = mask.shape[1]
    bits = torch.arange(4, device=words.device, dtype=mask.dtype)
    moves = (mask[..., None] >> bits) & 1 == 1  # (N, tiles, 4)
    legal = torch.zeros((n, action_count(tiles, castles)), dtype=torch.bool, device=words.device)
    legal[:, 0] = True
    both = legal[:, 1 : 1 + 8 * tiles].view(n, tiles, 4, 2)
    both[..., 0] = moves
    if halves:
        both[..., 1] = moves
    if castles:
        legal[:, 1 + 8 * tiles :] = mask & 16 != 0
    return legal
