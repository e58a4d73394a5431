"""Searches of `engine.ways` and `engine.belief`, and advice of `engine.advice`, for tensors on a GPU.

They are queued on torch's current stream.
"""

from functools import cache
from typing import Any

import torch
from numba import cuda
from torch import Tensor

from engine.advice import ADVISERS, advice_words, adviser_words
from engine.arrays import Int32
from engine.board import SEATS
from engine.bots.desk import desk_words
from engine.cuda.kernels import believe_each, mark_seekers_each, mark_strategists_each, survey_each
from engine.ways import MAPS, map_places

ADVISING = dict(zip(ADVISERS, (mark_seekers_each, mark_strategists_each), strict=True))
THREADS = 32  # of a block: a few thousand boards then lie on all multiprocessors


def survey_on_gpu(boards: Tensor, armies: Tensor, likely: Tensor, out: Tensor) -> None:
    """Fill in `out` as `engine.ways.survey_boards` does; waits for nothing."""
    count, height, width = armies.shape
    if count == 0:  # no grid is empty
        return
    maps = torch.empty((count, MAPS, map_places(height, width)), dtype=torch.int32, device=boards.device)
    stream: Any = cuda.external_stream(torch.cuda.current_stream(boards.device).cuda_stream)
    arrays = (cuda.as_cuda_array(x, sync=False) for x in (boards, armies, likely, out, maps))
    survey_each[-(-count // THREADS), THREADS, stream](*arrays)


def believe_on_gpu(boards: Tensor, told: Tensor, out: Tensor) -> None:
    """Fill in `out` as `engine.belief.believe_boards` does; waits for nothing."""
    count, height, width, _ = boards.shape
    if count == 0:
        return
    desks = torch.empty((count, desk_words(height * width)), dtype=torch.int32, device=boards.device)
    stream: Any = cuda.external_stream(torch.cuda.current_stream(boards.device).cuda_stream)
    arrays = (cuda.as_cuda_array(x, sync=False) for x in (boards, told, out, desks))
    believe_each[-(-count // THREADS), THREADS, stream](*arrays)


def advise_on_gpu(adviser: str, words: Tensor, vector: Tensor, header: Int32, out: Tensor) -> None:
    """Fill in `out` as `engine.advice.advise_boards` does; waits for nothing."""
    count, height, width = words.shape
    if count == 0:
        return
    tiles = height * width
    rows = torch.empty((count, advice_words(int(header[SEATS]), tiles)), dtype=torch.int32, device=words.device)
    desks = torch.empty((count, adviser_words(adviser, tiles)), dtype=torch.int32, device=words.device)
    stream: Any = cuda.external_stream(torch.cuda.current_stream(words.device).cuda_stream)
    tensors = (words, vector, header_on(words.device, header.tobytes()), out, rows, desks)
    arrays = (cuda.as_cuda_array(x, sync=False) for x in tensors)
    ADVISING[adviser][-(-count // THREADS), THREADS, stream](*arrays)


@cache
def header_on(device: torch.device, header: bytes) -> Tensor:
    """A header in a GPU's memory, copied there once: within a captured graph nothing may be."""
    return torch.frombuffer(bytearray(header), dtype=torch.int32).to(device)
