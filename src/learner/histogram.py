"""Values as histograms: the value head names a distribution over bins instead of a number.

HL-Gauss (Imani and White 2018; Farebrother et al. 2024, "Stop regressing"): a return becomes a normal distribution
around it, cut into the bins, and the head learns that by cross-entropy; its value is the mean. The gradient's size then
does not grow with the error.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

REACH = 2.0  # bins cover -REACH to REACH: a game's outcome is 1 at most, shaping adds less than another
SPREAD = 0.75  # deviation of a return's distribution, in widths of a bin


def edges(bins: int, like: Tensor) -> Tensor:
    """The borders of the bins, float32 (bins + 1,), on the device of `like`."""
    return torch.linspace(-REACH, REACH, bins + 1, device=like.device)


def mean_of(logits: Tensor) -> Tensor:
    """The values that logits (..., bins) stand for, float32 (...)."""
    borders = edges(logits.shape[-1], logits)
    return logits.float().softmax(-1) @ ((borders[1:] + borders[:-1]) / 2)


def target_of(returns: Tensor, bins: int) -> Tensor:
    """Returns (...) as distributions over the bins, float32 (..., bins); what lies outside is moved to the border."""
    borders = edges(bins, returns)
    sigma = SPREAD * 2 * REACH / bins
    inside = returns.float().clamp(-REACH, REACH)[..., None]
    below = 0.5 * (1 + torch.erf((borders - inside) / (sigma * math.sqrt(2))))
    mass = below.diff(dim=-1)
    return mass / mass.sum(-1, keepdim=True)


def histogram_loss(logits: Tensor, returns: Tensor) -> Tensor:
    """Cross-entropy of logits (..., bins) to returns (...), each float32 (...)."""
    return -(target_of(returns, logits.shape[-1]) * F.log_softmax(logits.float(), -1)).sum(-1)
