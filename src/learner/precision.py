"""What a GPU computes in bfloat16, and what it does not."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def half_precision(device: torch.device, wanted: bool) -> AbstractContextManager[object]:
    """Arithmetic in bfloat16 where that is wanted. Weights are cast anew each time: a graph must not keep old casts."""
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if wanted else nullcontext()


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Arithmetic as the numbers come, on the device of `x`: what bfloat16's eight bits would round too coarsely."""
    if not torch.amp.is_autocast_available(x.device.type):
        return nullcontext()
    return torch.autocast(x.device.type, enabled=False)
