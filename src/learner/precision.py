"""What is computed in bfloat16, where that is faster, and what is not."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def half_precision(device: torch.device, wanted: bool) -> AbstractContextManager[object]:
    """Arithmetic in bfloat16 where that is wanted, in this thread alone. Weights are cast anew each time: a graph must
    not keep old casts.
    """
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if wanted else nullcontext()


def half_pays(device: torch.device) -> bool:
    """Whether convolutions are faster in bfloat16: on a GPU, and on a CPU that has matrix units for it (AMX)."""
    if device.type == "cpu":
        abilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # which older torch has not
        return bool(abilities.get("amx_bf16", False))
    return device.type == "cuda"


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Arithmetic as the numbers come, on the device of `x`: what bfloat16's eight bits would round too coarsely."""
    if not torch.amp.is_autocast_available(x.device.type):
        return nullcontext()
    return torch.autocast(x.device.type, enabled=False)
