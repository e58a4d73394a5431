"""Proximal policy optimisation over recurrent fragments (Schulman et al. 2017), read from top to bottom.

One iteration: play T turns of L rows (`learner.rollout`), reckon advantages, then go over the fragment some epochs in
minibatches of whole rows. A row's turns stay in order: the network runs through them from the memory that was stored at
the fragment's start and empties it where an episode begins, so gradients flow back through up to T turns.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from learner.clock import Clock
from learner.crew import crew_of
from learner.network import Policy
from learner.rollout import Fragment
from learner.vtrace import Corrected, vtrace

RATE_CHANGE = 1.2
LOWEST_RATE, HIGHEST_RATE = 1e-5, 5e-3


@dataclass(frozen=True)
class Settings:
    """How to learn."""

    turns: int = 32  # turns of a fragment: how far back gradients reach
    epochs: int = 2  # times each fragment is gone over
    minibatches: int = 4  # parts the rows are dealt into; one gradient step each
    gamma: float = 0.99  # discount a turn
    lam: float = 0.95  # GAE's lambda: 0 trusts the value head alone, 1 the rewards alone
    clip: float = 0.2  # how far a probability ratio may move before its gradient stops
    learning_rate: float = 1e-3  # of Adam, at the start; then it follows the divergence
    divergence: float = 0.015  # KL(old || new) wanted of an iteration, at first: the rate rises below it, falls above
    final_divergence: float = 0.2  # part of that divergence that is wanted at the end; it falls linearly
    entropy: float = 0.01  # weight of the entropy bonus at the start
    final_entropy: float = 0.3  # part of that weight that is left at the end
    value: float = 0.5  # weight of the value loss
    max_grad_norm: float = 0.5  # gradients longer than this are shortened to it
    vtrace: bool = False  # correct for actors that lag behind; the same as GAE where they do not

    def __post_init__(self) -> None:
        for name in ("turns", "epochs", "minibatches"):
            if getattr(self, name) < 1:
                raise ValueError(f"PPO {name} is {getattr(self, name)}; accepted: 1 and more")
        for name in ("gamma", "lam"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"PPO {name} is {getattr(self, name)}; accepted: 0 to 1")
        if not 0.0 <= self.learning_rate <= HIGHEST_RATE:
            raise ValueError(f"PPO learning_rate is {self.learning_rate}; accepted: 0 to {HIGHEST_RATE}")
        if not self.entropy >= 0.0:
            raise ValueError(f"PPO entropy is {self.entropy}; accepted: 0 and more")


class Losses(NamedTuple):
    """What a gradient step lowered, and how far the policy moved; scalars."""

    policy: Tensor
    value: Tensor
    entropy: Tensor  # of the policy, in nats
    divergence: Tensor  # estimated KL(old || new): mean of ratio - 1 - log ratio (Schulman 2020)
    clipped: Tensor  # part of the samples whose ratio was outside the clip


def advantages_of(
    rewards: Tensor, values: Tensor, terminated: Tensor, truncated: Tensor, gamma: float, lam: float
) -> Tensor:
    """Generalised advantage estimates (Schulman et al. 2016), float32 (T, L).

    rewards (T, L); values (T + 1, L); terminated and truncated (T, L) bool. After a terminated turn nothing is worth
    anything; after a truncated one `values[t + 1]` is the worth of the observation at which the episode was cut.
    """
    advantages = torch.zeros_like(rewards)
    advantage = torch.zeros_like(rewards[0])
    going_on = (~(terminated | truncated)).float()
    lives = (~terminated).float()
    for t in reversed(range(len(rewards))):
        surprise = rewards[t] + gamma * lives[t] * values[t + 1] - values[t]
        advantage = surprise + gamma * lam * going_on[t] * advantage
        advantages[t] = advantage
    return advantages


def normalised(advantages: Tensor, valid: Tensor) -> Tensor:
    """Advantages with mean 0 and deviation 1 over the valid ones, if there are any."""
    chosen = advantages[valid]
    if not len(chosen):
        return torch.zeros_like(advantages)
    return (advantages - chosen.mean()) / (chosen.std(correction=0) + 1e-8)


def explained_of(returns: Tensor, values: Tensor) -> float:
    """The part of the returns' variance that the values explain, (N,) each; of nothing 0."""
    if not len(returns):
        return 0.0
    return float(1.0 - (returns - values).var(correction=0) / returns.var(correction=0).clamp(min=1e-8))


def losses_of(
    logits: Tensor,
    values: Tensor,
    actions: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    returns: Tensor,
    valid: Tensor,
    clip: float,
    samples: Tensor | None = None,
) -> Losses:
    """The parts of PPO's loss over (T, B) samples, logits (T, B, A); means over the valid ones.

    Where these are a part of a minibatch with so many valid `samples`, the losses of all parts add up to its own.
    """
    weight = valid.float() / (valid.sum() if samples is None else samples).clamp(min=1)
    log_p = logits.log_softmax(-1)
    log_probs = log_p.gather(-1, actions[..., None]).squeeze(-1)
    change = torch.where(valid, log_probs - old_log_probs, 0.0)
    ratio = change.exp()
    gain = torch.minimum(ratio * advantages, ratio.clamp(1.0 - clip, 1.0 + clip) * advantages)
    entropy = -(log_p.exp() * log_p).sum(-1)
    return Losses(
        policy=-(gain * weight).sum(),
        value=0.5 * ((values - returns).square() * weight).sum(),
        entropy=(entropy * weight).sum(),
        divergence=((ratio - 1.0 - change) * weight).sum().detach(),
        clipped=(((ratio - 1.0).abs() > clip).float() * weight).sum().detach(),
    )


def next_rate(rate: float, divergence: float, wanted: float) -> float:
    """The learning rate after an iteration that moved the policy so far: the step is what matters, not the rate."""
    if divergence > 1.5 * wanted:
        return max(rate / RATE_CHANGE, LOWEST_RATE)
    if divergence < wanted / 1.5:
        return min(rate * RATE_CHANGE, HIGHEST_RATE)
    return rate


class PPO:
    """A policy with its optimizer."""

    def __init__(self, policy: Policy, settings: Settings, seed: int, clock: Clock) -> None:
        self.policy, self.settings, self.clock = policy, settings, clock
        self.optimizer = torch.optim.Adam(policy.parameters(), lr=settings.learning_rate, eps=1e-5)
        self.device = next(policy.parameters()).device
        self.generator = torch.Generator().manual_seed(seed)
        self.rate = settings.learning_rate
        self.crew = crew_of(self.device)

    def update(self, fragment: Fragment, progress: float) -> dict[str, float]:
        """Learn from a fragment; `progress` goes from 0 to 1 over the run. Returns means of what was lowered."""
        s = self.settings
        entropy_weight = s.entropy * (1.0 - (1.0 - s.final_entropy) * progress)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        seen: list[Tensor] = []
        with self.clock.measure("learn"):
            if s.vtrace:
                fragment, (returns, advantages) = self._corrected(fragment)
            else:
                advantages = advantages_of(
                    fragment.rewards, fragment.values, fragment.terminated, fragment.truncated, s.gamma, s.lam
                )
                returns = advantages + fragment.values[:-1]
            for _ in range(s.epochs):
                for rows in self._deal(fragment.words.shape[1]):
                    losses = self._step(fragment, rows, advantages[:, rows], returns[:, rows], entropy_weight)
                    norm = nn.utils.clip_grad_norm_(self.policy.parameters(), s.max_grad_norm)
                    self.optimizer.step()
                    seen.append(torch.stack([*losses, norm]))
        steps = torch.stack(seen)
        means = steps.mean(0).tolist()
        moved = float(steps[-s.minibatches :, Losses._fields.index("divergence")].mean())
        notes = {
            **dict(zip((*Losses._fields, "grad_norm"), means, strict=True)),
            "explained": explained_of(returns[fragment.valid], fragment.values[:-1][fragment.valid]),
            "learning_rate": self.rate,
        }
        self.rate = next_rate(self.rate, moved, s.divergence * (1.0 - (1.0 - s.final_divergence) * progress))
        return notes

    def _deal(self, rows: int) -> list[Tensor]:
        """All rows in a new order, dealt into minibatches: int64 (B,) each."""
        order = torch.randperm(rows, generator=self.generator).to(self.device)
        return list(order.chunk(self.settings.minibatches))

    @torch.no_grad()
    def _corrected(self, fragment: Fragment) -> tuple[Fragment, Corrected]:
        """The fragment with log-probabilities and values of the policy as it is now, and what V-trace makes of it.

        From here on ratios are taken to the policy before the update, whose step the clip bounds; V-trace's rho, in the
        advantages, stands for the way from the actor's policy to that one (Hilton et al. 2021: a decoupled objective).
        The value of what follows the fragment is still the actor's, as the fragment does not show what that is.
        """

        @torch.no_grad()  # a setting of each thread
        def work(rows: Tensor) -> tuple[Tensor, Tensor]:
            words, vector, resets = (x[:, rows] for x in (fragment.words, fragment.vector, fragment.resets))
            output = self.policy(words, vector, fragment.memory[rows], resets)
            log_probs = output.logits.log_softmax(-1).gather(-1, fragment.actions[:, rows, None])[..., 0]
            return log_probs, output.values

        order = torch.arange(fragment.words.shape[1], device=self.device)
        parts = self.crew.map(work, order.chunk(self.crew.parts(len(order))))
        log_probs, values = (torch.cat(column, dim=1) for column in zip(*parts, strict=True))
        now = fragment._replace(log_probs=log_probs, values=torch.cat([values, fragment.values[-1:]]))
        ratios = (log_probs - fragment.log_probs).exp()
        ends = (fragment.terminated, fragment.truncated)
        return now, vtrace(ratios, fragment.rewards, now.values, *ends, self.settings.gamma, self.settings.lam)

    def _step(
        self, fragment: Fragment, rows: Tensor, advantages: Tensor, returns: Tensor, entropy_weight: float
    ) -> Losses:
        """Set the gradients of the loss over all turns of some rows; the crew deals the rows out."""
        parameters = list(self.policy.parameters())
        valid = fragment.valid[:, rows]
        samples = valid.sum()
        advantages = normalised(advantages, valid)

        def work(part: Tensor) -> tuple[Losses, tuple[Tensor, ...]]:
            chosen = rows[part]
            words, vector, resets = (x[:, chosen] for x in (fragment.words, fragment.vector, fragment.resets))
            output = self.policy(words, vector, fragment.memory[chosen], resets)
            losses = losses_of(
                output.logits,
                output.values,
                fragment.actions[:, chosen],
                fragment.log_probs[:, chosen],
                advantages[:, part],
                returns[:, part],
                valid[:, part],
                self.settings.clip,
                samples,
            )
            loss = losses.policy + self.settings.value * losses.value - entropy_weight * losses.entropy
            return Losses(*(number.detach() for number in losses)), torch.autograd.grad(loss, parameters)

        parts = torch.arange(len(rows), device=self.device).chunk(self.crew.parts(len(rows)))
        done = self.crew.map(work, parts)
        for parameter, *gradients in zip(parameters, *(gradients for _, gradients in done), strict=True):
            parameter.grad = torch.stack(gradients).sum(0) if len(gradients) > 1 else gradients[0]
        return Losses(*(torch.stack(numbers).sum(0) for numbers in zip(*(losses for losses, _ in done), strict=True)))

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimizer state by name, for a checkpoint."""
        tensors = {f"policy/{name}": tensor for name, tensor in self.policy.state_dict().items()}
        tensors["rate"] = torch.tensor(self.rate, dtype=torch.float64)
        for name, parameter in self.policy.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"adam/{key}/{name}"] = value
        return tensors

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take weights and optimizer state from a checkpoint of the same network."""
        self.policy.load_state_dict(
            {name.removeprefix("policy/"): value for name, value in tensors.items() if name.startswith("policy/")}
        )
        self.rate = float(tensors["rate"])
        for name, parameter in self.policy.named_parameters():
            kept = {key: tensors.get(f"adam/{key}/{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
            # The fused optimizer wants moments that lie in memory as their weights do.
            self.optimizer.state[parameter] = {
                key: tensor if key == "step" else torch.empty_like(parameter.data).copy_(tensor)
                for key, tensor in kept.items()
                if tensor is not None
            }
