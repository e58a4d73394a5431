"""PPO on the device: `learner.ppo` with bfloat16, compiled networks and gradients gathered in parts, and its switches.

Switches, each one setting: `keep` (top-advantage filtering), `ema` (an average of the weights, which is then what is
published); with `NetworkConfig.value_bins` values are histograms.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from learner.clock import Clock
from learner.histogram import histogram_loss
from learner.network import Output, Policy
from learner.ppo import PPO, Losses, Settings, advantages_of, losses_of, normalised
from learner.precision import half_precision
from learner.rollout import Fragment
from learner.world import ALONE, World


@dataclass(frozen=True)
class FusedSettings(Settings):
    """How to learn on the device; the base has what PPO needs."""

    rows_at_once: int = 512  # rows of a gradient pass; a minibatch is gone through in parts of so many
    keep: float = 1.0  # part of each fragment's rows that is learned from, those with the largest advantages
    ema: float = 0.0  # decay a gradient step of the weights' average; 0 keeps none
    bf16: bool = True  # arithmetic of the network in bfloat16; weights, losses and their sums stay float32
    compiled: bool = False  # by torch.compile: minutes once, then fewer passes over memory
    graph: bool = True  # a turn of the rollout captured in a CUDA graph, on a GPU

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rows_at_once < 1:
            raise ValueError(f"PPO rows_at_once is {self.rows_at_once}; accepted: 1 and more")
        if not 0.0 < self.keep <= 1.0:
            raise ValueError(f"PPO keep is {self.keep}; accepted: above 0, to 1")
        if not 0.0 <= self.ema < 1.0:
            raise ValueError(f"PPO ema is {self.ema}; accepted: 0 to below 1")
        if self.vtrace:
            raise ValueError("PPO vtrace is True; a rollout on the device does not lag behind: accepted: False")


def rows_to_keep(advantages: Tensor, valid: Tensor, part: float) -> Tensor:
    """The rows, int64 (K,), whose valid advantages (T, L) are largest on average by size: at least one.

    Where everything went as expected there is little to learn; leaving such rows out saves their gradient passes.
    """
    sizes = (advantages.abs() * valid).sum(0) / valid.sum(0).clamp(min=1)
    return sizes.topk(max(1, round(part * len(sizes)))).indices


def choose_rows(fragment: Fragment, rows: Tensor) -> Fragment:
    """Some rows of a fragment, int64 (K,)."""
    columns = {name: column for name, column in fragment._asdict().items() if column is not None}
    return Fragment(**{name: column[rows] if name == "memory" else column[:, rows] for name, column in columns.items()})


class FusedPPO(PPO):
    """PPO whose gradient passes run on the device; `network` is the policy, or what torch.compile made of it.

    In a world of several processes each has rows of its own, equally many, and all make the same gradient steps.
    """

    settings: FusedSettings

    def __init__(
        self,
        policy: Policy,
        settings: FusedSettings,
        seed: int,
        clock: Clock,
        network: Callable[..., Output] | None = None,
        world: World = ALONE,
    ) -> None:
        super().__init__(policy, settings, seed, clock)
        self.world = world
        if self.device.type == "cuda":
            self.optimizer = torch.optim.Adam(policy.parameters(), lr=settings.learning_rate, eps=1e-5, fused=True)
        self.network: Callable[..., Output] = policy if network is None else network
        self.average = None
        if settings.ema:
            decay = get_ema_multi_avg_fn(settings.ema)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(policy, multi_avg_fn=decay)
            self.optimizer.register_step_post_hook(self._average)

    @property
    def best(self) -> Policy:
        """The policy to publish: the average of the weights where one is kept."""
        if self.average is None:
            return self.policy
        assert isinstance(self.average.module, Policy)
        return self.average.module

    def update(self, fragment: Fragment, progress: float) -> dict[str, float]:
        """Learn from a fragment: see `PPO.update`."""
        if self.settings.keep < 1.0:
            s = self.settings
            advantages = advantages_of(
                fragment.rewards, fragment.values, fragment.terminated, fragment.truncated, s.gamma, s.lam
            )
            fragment = choose_rows(fragment, rows_to_keep(advantages, fragment.valid, s.keep))
        return super().update(fragment, progress)

    def compile(self, fragment: Fragment) -> None:
        """Go forward and back over a minibatch of a fragment's rows, once: what compiles the network does so now."""
        rows = torch.arange(-(-fragment.words.shape[1] // self.settings.minibatches), device=self.device)
        nothing = torch.zeros_like(fragment.rewards[:, rows])
        self._step(fragment, rows, nothing, nothing, 0.0)
        self.optimizer.zero_grad(set_to_none=True)

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take weights and optimizer state from a checkpoint of the same network."""
        super().load_tensors(tensors)
        if self.device.type == "cuda":  # where the fused optimizer counts its steps
            for state in self.optimizer.state.values():
                if "step" in state:  # none of a run that was stopped before it learned
                    state["step"] = state["step"].to(self.device)

    def _average(self, *_: object) -> None:
        assert self.average is not None
        self.average.update_parameters(self.policy)

    def _step(
        self, fragment: Fragment, rows: Tensor, advantages: Tensor, returns: Tensor, entropy_weight: float
    ) -> Losses:
        """Set the gradients of the loss over all turns of some rows, gathered over parts of them."""
        valid = fragment.valid[:, rows]
        samples, advantages = self._normalised(advantages, valid)
        self.optimizer.zero_grad(set_to_none=True)
        for parameter in self.policy.parameters() if self.world.size > 1 else ():
            parameter.grad = torch.zeros_like(parameter)  # a process may have no row of a minibatch
        sums: list[Tensor] = [torch.zeros(len(Losses._fields), device=self.device)]
        parts = -(-len(rows) // self.settings.rows_at_once) or 1
        for part in torch.arange(len(rows), device=self.device).chunk(parts) if len(rows) else ():
            chosen = rows[part]
            words, vector, resets = (x[:, chosen] for x in (fragment.words, fragment.vector, fragment.resets))
            searched = None if fragment.searched is None else fragment.searched[:, chosen]
            with half_precision(self.device, self.settings.bf16):
                output: Output = self.network(words, vector, fragment.memory[chosen], resets, searched)
            losses = losses_of(
                output.logits.float(),
                output.values.float(),
                fragment.actions[:, chosen],
                fragment.log_probs[:, chosen],
                advantages[:, part],
                returns[:, part],
                valid[:, part],
                self.settings.clip,
                samples,
            )
            if output.bins is not None:
                weight = valid[:, part].float() / samples.clamp(min=1)
                losses = losses._replace(value=(histogram_loss(output.bins, returns[:, part]) * weight).sum())
            loss = losses.policy + self.settings.value * losses.value - entropy_weight * losses.entropy
            loss.backward()  # type: ignore[no-untyped-call]
            sums.append(torch.stack([number.detach() for number in losses]))
        gradients = [parameter.grad for parameter in self.policy.parameters() if parameter.grad is not None]
        total, *added = self.world.add(torch.stack(sums).sum(0), *gradients)
        for gradient, whole in zip(gradients, added, strict=True) if self.world.size > 1 else ():
            gradient.copy_(whole)
        return Losses(*total.unbind())

    def _deal(self, rows: int) -> list[Tensor]:
        """The rows of all processes in a new order, the same on all; of each minibatch those that are here."""
        order = torch.randperm(rows * self.world.size, generator=self.generator)
        begin = rows * self.world.rank
        parts = order.chunk(self.settings.minibatches)
        return [(part[(part >= begin) & (part < begin + rows)] - begin).to(self.device) for part in parts]

    def _normalised(self, advantages: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """How many samples a minibatch has on all processes, and its advantages with mean 0 and deviation 1."""
        if self.world.size == 1:
            return valid.sum(), normalised(advantages, valid)
        samples, total = self.world.add(valid.sum(), (advantages * valid).sum())
        mean = total / samples.clamp(min=1)
        (squares,) = self.world.add(((advantages - mean).square() * valid).sum())
        return samples, (advantages - mean) / ((squares / samples.clamp(min=1)).sqrt() + 1e-8)
