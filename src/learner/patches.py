"""Thinking in patches: squares of tiles that the trunk of a network takes as one place.

What a layer costs, arithmetic and the bytes it moves alike, goes with the places that it works on: a quarter of the
tiles for patches of 2x2. A narrow layer looks at tiles before, and another after with what is thought of their patch.
What a patch reads of its tiles is their mean and the largest, so that a turned board is still played the turned way,
unless its sides are no multiples of a patch's. (Ronneberger et al. 2015: U-Net.)
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from learner.blocks import Block


def must_pad(x: Tensor, patch: int) -> bool:
    """Whether a board's sides, of (N, C, H, W), are no multiples; an exported graph is for boards of any size."""
    return torch.onnx.is_in_onnx_export() or x.shape[2] % patch > 0 or x.shape[3] % patch > 0


def padded(x: Tensor, patch: int) -> Tensor:
    """(N, C, H, W) with so many zeros behind that steps of `patch` reach all tiles."""
    return F.pad(x, (0, patch - 1, 0, patch - 1)) if must_pad(x, patch) else x


def folded(x: Tensor, patch: int) -> Tensor:
    """Tiles (N, C, H, W) as patches (N, patch ** 2 * C, h, w), with zeros for tiles beyond the board."""
    n, _, height, width = x.shape
    h, w = (height + patch - 1) // patch, (width + patch - 1) // patch
    x = padded(x, patch)[:, :, : h * patch, : w * patch].permute(0, 2, 3, 1)
    return x.reshape(n, h, patch, w, patch, -1).transpose(2, 3).reshape(n, h, w, -1).permute(0, 3, 1, 2)


def unfolded(x: Tensor, patch: int, height: int, width: int) -> Tensor:
    """What `folded` was made of, (N, C, H, W)."""
    n, _, h, w = x.shape
    tiles = x.permute(0, 2, 3, 1).reshape(n, h, w, patch, patch, -1).transpose(2, 3)
    return tiles.reshape(n, h * patch, w * patch, -1)[:, :height, :width].permute(0, 3, 1, 2)


class Patches(nn.Module):
    """The way from tiles to patches, and back."""

    def __init__(self, width: int, wide: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.near = Block(width)
        self.gather = nn.Conv2d(2 * width, wide, 1)
        self.spread = nn.Conv2d(wide, width, 1)
        self.far = Block(width)

    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Tiles (N, width, H, W) to patches (N, wide, h, w), and tiles that have looked at their neighbours."""
        tiles = self.near(tiles)
        whole = padded(tiles, self.patch)
        both = torch.cat([F.avg_pool2d(whole, self.patch), F.max_pool2d(whole, self.patch)], dim=1)
        return F.relu(self.gather(both), inplace=True), tiles

    def back(self, x: Tensor, tiles: Tensor) -> Tensor:
        """Patches (N, wide, h, w) and tiles (N, width, H, W) to tiles that know of their patch."""
        height, width = tiles.shape[2:]
        raised = F.interpolate(self.spread(x), scale_factor=float(self.patch), mode="nearest")[:, :, :height, :width]
        known: Tensor = self.far(F.relu(tiles + raised, inplace=True))
        return known
