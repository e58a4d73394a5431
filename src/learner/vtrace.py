"""V-trace: what turns were worth to a policy that is not the one that played them (Espeholt et al. 2018, "IMPALA").

Actors play with a policy that lags behind the learner's. With the ratio p = pi(a | x) / mu(a | x) of the learner's
probability of an action to the actor's, rho = min(rho_bar, p) and c = lambda * min(c_bar, p), the target of turn s is

    v_s = V(x_s) + sum_(t >= s) of gamma^(t - s) * c_s * ... * c_(t - 1) * rho_t * (r_t + gamma V(x_(t + 1)) - V(x_t))

and the advantage of its action rho_s * (r_s + gamma q_(s + 1) - V(x_s)) with q = lambda * v + (1 - lambda) * V. The
paper has lambda = 1; with this q the advantages of a policy that did not change are generalised advantage estimates.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Corrected(NamedTuple):
    """What a fragment teaches the policy that learns."""

    targets: Tensor  # (T, L) float32, of the value head
    advantages: Tensor  # (T, L) float32


def vtrace(
    ratios: Tensor,
    rewards: Tensor,
    values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    lam: float = 1.0,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
) -> Corrected:
    """Targets and advantages of T turns of L rows.

    ratios (T, L), not negative: probability of the action now, through that when it was drawn; rewards (T, L); values
    (T + 1, L) of the policy that learns; terminated and truncated (T, L) bool. After a terminated turn nothing is worth
    anything; after a truncated one `values[t + 1]` is the worth of the observation at which the episode was cut.
    """
    rho, trace = ratios.clamp(max=rho_bar), lam * ratios.clamp(max=c_bar)
    going_on = (~(terminated | truncated)).float()
    following = gamma * (~terminated).float() * values[1:]
    surprises = rewards + following - values[:-1]
    targets, advantages = torch.empty_like(rewards), torch.empty_like(rewards)
    beyond = torch.zeros_like(rewards[0])  # v - V of the turn after
    for t in reversed(range(len(rewards))):
        kept = gamma * going_on[t] * beyond
        advantages[t] = rho[t] * (surprises[t] + lam * kept)
        beyond = rho[t] * surprises[t] + trace[t] * kept
        targets[t] = values[t] + beyond
    return Corrected(targets, advantages)
