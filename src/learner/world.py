"""The processes that train one policy together: data parallel, started by `torchrun`, one a GPU.

Every process plays games of its own and keeps the whole policy. A minibatch is dealt out over the rows of all of them,
and sums over it (advantages, samples, gradients, losses) are added up, so all weights stay the same, and the same as
those of one process that had all rows. By NCCL between GPUs, by gloo between CPUs.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

Told = TypeVar("Told")


@dataclass(frozen=True)
class World:
    """This process among all."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the run's files."""
        return self.rank == 0

    def share_of(self, total: int, what: str) -> int:
        """What each process has of so many. Raises ValueError where they cannot be dealt out evenly."""
        if total % self.size:
            raise ValueError(f"{what} is {total}; accepted: a multiple of {self.size}, the number of processes")
        return total // self.size

    def add(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The sums over all processes, of tensors that have the same shapes everywhere; in one message."""
        if self.size == 1:
            return tensors
        whole = any(not tensor.is_floating_point() for tensor in tensors)  # counts, which float32 would round
        flat = torch.cat([tensor.reshape(-1).to(torch.float64 if whole else torch.float32) for tensor in tensors])
        dist.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        return tuple(part.view(tensor.shape).to(tensor.dtype) for part, tensor in zip(parts, tensors, strict=True))

    def of_first(self, told: Told) -> Told:
        """What the first process has, on all. It is pickled, so only among processes that trust each other."""
        if self.size == 1:
            return told
        box = [told]
        dist.broadcast_object_list(box, src=0)
        return box[0]


ALONE = World()


@contextmanager
def joined_world(device: str) -> Iterator[World]:
    """The world that `torchrun` tells of in the environment; alone without it.

    On GPUs this process then sees one alone, that of its rank, so that torch, numba and CUDA graphs all take it. It
    must not have used any before.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    if device == "cuda":
        number = int(os.environ.get("LOCAL_RANK", "0"))
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[number] if visible else str(number)
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
