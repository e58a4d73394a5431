"""A pyramid beside the encoder: the board at a half, a quarter, an eighth of its size, where most thinking is done.

A 3x3 convolution over a 24x24 board costs 64 times what it costs over 3x3 tiles, and moves as many more bytes; so
weights are many where tiles are few. Each halving doubles the width and so keeps the arithmetic of a block the same.
At an eighth of its size a tile sees the whole board. (Ronneberger et al. 2015: U-Net; He et al. 2016: residual blocks.)
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

FIRST_GAIN = 0.3  # of a branch beside a shortcut, at the start: so that what flows through keeps its size


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.gain = nn.Parameter(torch.tensor(FIRST_GAIN))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H, W)."""
        return F.relu(x + self.gain * self.second(F.relu(self.first(x), inplace=True)))


class Pyramid(nn.Module):
    """`levels` halvings of the board with `blocks` residual blocks each, then back up, each added to the one above."""

    def __init__(self, channels: int, levels: int, blocks: int) -> None:
        super().__init__()
        widths = [channels << level for level in range(levels + 1)]
        self.down = nn.ModuleList(nn.Conv2d(above, below, 3, stride=2, padding=1) for above, below in pairwise(widths))
        self.think = nn.ModuleList(nn.Sequential(*(Residual(width) for _ in range(blocks))) for width in widths[1:])
        self.up = nn.ModuleList(nn.Conv2d(below, above, 1) for above, below in pairwise(widths))
        self.gains = nn.Parameter(torch.full((levels,), FIRST_GAIN))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H, W); any size, odd sides round up."""
        floors = [x]
        for down, think in zip(self.down, self.think, strict=True):
            floors.append(think(F.relu(down(floors[-1]))))
        below = floors.pop()
        for level in reversed(range(len(floors))):
            above = floors[level]
            raised = F.interpolate(self.up[level](below), size=above.shape[2:], mode="nearest")
            below = F.relu(above + self.gains[level] * raised)
        return below
