"""What a seat knows beside the board, as numbers that a network reads: the clock, land and armies of all seats."""

import torch
from torch import Tensor

from engine.board import VECTOR_SEAT

HARVEST_TURNS = 50
CYCLE_FACT = 1  # place of the part of a cycle that is over among `scalars`
CLOCK_SCALE = 9.0  # log2(1 + turn) / CLOCK_SCALE: 1.0 at turn 511
TOTAL_SCALE = 9.0  # the same for a seat's armies


def scalars(vector: Tensor, tiles: int) -> Tensor:
    """What a seat always knows, (N, 1 + 3S) int32, as floats near 1: (N, 3 + 3S)."""
    turn = vector[:, :1].float()
    seats = vector[:, 1:].reshape(len(vector), -1, VECTOR_SEAT).float()
    clock = torch.cat(
        [turn % 2, (turn % HARVEST_TURNS) / HARVEST_TURNS, torch.log2(1.0 + turn.clamp(min=0)) / CLOCK_SCALE], dim=1
    )
    land = seats[..., 0] / tiles
    army = torch.log2(1.0 + seats[..., 1].clamp(min=0)) / TOTAL_SCALE
    gone = (seats[..., 2] > 0).float()
    return torch.cat([clock, land, army, gone], dim=1)


def phase(vector: Tensor) -> Tensor:
    """The turn of the cycle in which land grows, one of HARVEST_TURNS numbers that is 1: float32 (N, HARVEST_TURNS).

    What to do changes from one turn of it to the next, which a network reads with difficulty from one number.
    """
    turns = torch.arange(HARVEST_TURNS, device=vector.device, dtype=vector.dtype)
    return (vector[:, :1] % HARVEST_TURNS == turns).float()
