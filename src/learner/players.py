"""Who can sit at a table: scripted bots and policies, behind one method."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from engine.arrays import Bool, Int32
from engine.batch import GameBatch
from learner.crew import Crew, crew_of
from learner.network import Output, Policy, Trunk, sample
from learner.precision import half_precision
from learner.q_network import QNetwork, explore


class Player(Protocol):
    """Plays one seat of all games of a batch."""

    name: str

    def begin(self, batch: GameBatch, seat: int) -> None:
        """Take a seat of a batch that was just reset."""

    def act(self, fresh: Bool, games: Int32 | None = None) -> Int32:
        """Action codes int32 (K,) for K games of the batch, int32 (K,), or for all of them.

        `fresh` (K,) marks those that have just begun.
        """


class BotPlayer:
    """A scripted bot of the engine."""

    def __init__(self, name: str) -> None:
        self.name = name

    def begin(self, batch: GameBatch, seat: int) -> None:
        """Take a seat."""
        self._batch, self._seat = batch, seat
        self._names: list[str | None] = [self.name if s == seat else None for s in range(batch.seats)]

    def act(self, fresh: Bool, games: Int32 | None = None) -> Int32:
        """Action codes int32 (K,)."""
        actions: Int32 = self._batch.bot_actions(self._names, games)[:, self._seat]
        return actions


def answer(
    crew: Crew, policy: Trunk, words: Tensor, vector: Tensor, memory: Tensor, resets: Tensor, in_half: bool = False
) -> Output:
    """The network's answer to one turn of L rows, without gradients; the crew deals the rows out.

    words (L, H, W), vector (L, V), memory (L, M, H, W), resets (L,); answers to (1, L, ...), memory (L, M, H, W).
    in_half: computed in bfloat16.
    """
    count = crew.parts(len(words))

    def work(part: tuple[Tensor, ...]) -> Output:
        words, vector, memory, resets = part
        with torch.no_grad(), half_precision(words.device, in_half):  # settings of each thread
            output: Output = policy(words[None], vector[None], memory, resets[None])
        return output

    columns = (tensor.chunk(count) for tensor in (words, vector, memory, resets))
    outputs = crew.map(work, list(zip(*columns, strict=True)))
    if len(outputs) == 1:
        return outputs[0]
    logits, values, memories, _ = zip(*outputs, strict=True)
    return Output(torch.cat(logits, dim=1), torch.cat(values, dim=1), torch.cat(memories))


class NetworkPlayer:
    """A network with its memory of each game. `forgetful` empties the memory every turn: the GRU's ablation."""

    def __init__(self, name: str, policy: Trunk, seed: int, forgetful: bool) -> None:
        self.name, self.policy, self.forgetful = name, policy, forgetful
        self._device = next(policy.parameters()).device
        self._generator = torch.Generator(self._device).manual_seed(seed)
        self._crew = crew_of(self._device)

    def begin(self, batch: GameBatch, seat: int) -> None:
        """Take a seat, remembering nothing."""
        self._batch, self._seat = batch, seat
        self._memory = self.policy.first_memory(batch.num_games, batch.height, batch.width)

    @torch.no_grad()
    def act(self, fresh: Bool, games: Int32 | None = None) -> Int32:
        """Action codes int32 (K,)."""
        chosen = np.arange(self._batch.num_games) if games is None else games
        seen = self._batch.observe()
        words = torch.from_numpy(seen.words[chosen, self._seat]).to(self._device)
        vector = torch.from_numpy(seen.vector[chosen, self._seat]).to(self._device)
        resets = torch.ones_like(torch.from_numpy(fresh)) if self.forgetful else torch.from_numpy(fresh)
        rows = torch.from_numpy(chosen).to(self._device)
        output = answer(self._crew, self.policy, words, vector, self._memory[rows], resets.to(self._device))
        self._memory[rows] = output.memory
        return self._choose(output.logits[0]).to("cpu", torch.int32).numpy()

    def _choose(self, logits: Tensor) -> Tensor:
        """An action for each row of logits (K, A)."""
        raise NotImplementedError


class PolicyPlayer(NetworkPlayer):
    """A policy, which draws its actions."""

    def __init__(self, name: str, policy: Policy, seed: int = 0, *, forgetful: bool = False) -> None:
        super().__init__(name, policy, seed, forgetful)

    def _choose(self, logits: Tensor) -> Tensor:
        return sample(logits, self._generator)


class QPlayer(NetworkPlayer):
    """A Q network in evaluation mode: takes the action worth most, and with probability epsilon any legal one."""

    def __init__(
        self, name: str, network: QNetwork, seed: int = 0, *, epsilon: float = 0.0, forgetful: bool = False
    ) -> None:
        super().__init__(name, network, seed, forgetful)
        self.epsilon = epsilon

    def _choose(self, logits: Tensor) -> Tensor:
        return explore(logits, torch.full(logits.shape[:1], self.epsilon, device=self._device), self._generator)
