"""Searches of `engine.ways` for tensors on a GPU, queued on torch's current stream."""

from typing import Any

import torch
from numba import cuda
from torch import Tensor

from engine.cuda.kernels import survey_each
from engine.ways import MAPS, map_places

THREADS = 64  # of a block


def survey_on_gpu(boards: Tensor, armies: Tensor, out: Tensor) -> None:
    """Fill in `out` as `engine.ways.survey_boards` does; waits for nothing."""
    count, height, width = armies.shape
    if count == 0:  # no grid is empty
        return
    maps = torch.empty((count, MAPS, map_places(height, width)), dtype=torch.int32, device=boards.device)
    stream: Any = cuda.external_stream(torch.cuda.current_stream(boards.device).cuda_stream)
    arrays = (cuda.as_cuda_array(x, sync=False) for x in (boards, armies, out, maps))
    survey_each[-(-count // THREADS), THREADS, stream](*arrays)
