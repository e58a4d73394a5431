"""Who can sit at a table: scripted bots and policies, behind one method."""

from typing import Protocol

import numpy as np
import torch

from engine.arrays import Bool, Int32
from engine.batch import GameBatch
from learner.network import Policy, sample


class Player(Protocol):
    """Plays one seat of all games of a batch."""

    name: str

    def begin(self, batch: GameBatch, seat: int) -> None:
        """Take a seat of a batch that was just reset."""

    def act(self, fresh: Bool) -> Int32:
        """Action codes int32 (G,) for the batch as it stands; `fresh` (G,) marks games that have just begun."""


class BotPlayer:
    """A scripted bot of the engine."""

    def __init__(self, name: str) -> None:
        self.name = name

    def begin(self, batch: GameBatch, seat: int) -> None:
        """Take a seat."""
        self._batch, self._seat = batch, seat
        self._names: list[str | None] = [self.name if s == seat else None for s in range(batch.seats)]

    def act(self, fresh: Bool) -> Int32:
        """Action codes int32 (G,)."""
        actions: Int32 = self._batch.bot_actions(self._names)[:, self._seat]
        return actions


class PolicyPlayer:
    """A policy with its memory of each game. `forgetful` empties the memory every turn: the GRU's ablation."""

    def __init__(self, name: str, policy: Policy, seed: int = 0, *, forgetful: bool = False) -> None:
        self.name, self.policy, self.forgetful = name, policy, forgetful
        self._device = next(policy.parameters()).device
        self._generator = torch.Generator(self._device).manual_seed(seed)

    def begin(self, batch: GameBatch, seat: int) -> None:
        """Take a seat, remembering nothing."""
        self._batch, self._seat = batch, seat
        self._memory = self.policy.first_memory(batch.num_games, batch.height, batch.width)

    @torch.inference_mode()
    def act(self, fresh: Bool) -> Int32:
        """Action codes int32 (G,), drawn from the policy."""
        seen = self._batch.observe()
        words = torch.from_numpy(np.ascontiguousarray(seen.words[:, self._seat])).to(self._device)
        vector = torch.from_numpy(np.ascontiguousarray(seen.vector[:, self._seat])).to(self._device)
        resets = torch.ones_like(torch.from_numpy(fresh)) if self.forgetful else torch.from_numpy(fresh)
        output = self.policy(words[None], vector[None], self._memory, resets[None].to(self._device))
        self._memory = output.memory
        return sample(output.logits[0], self._generator).to("cpu", torch.int32).numpy()
