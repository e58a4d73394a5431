"""All that a rollout on the device stands at: games, memories and random numbers, so that play goes on bit for bit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from learner.fused_rollout import FusedRollout

RIVAL = "rival/"  # begins the names of the rival's weights


@dataclass(frozen=True)
class PlayState:
    """A copy, on the CPU; `facts` are fit for JSON."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    @classmethod
    def of(cls, rollout: FusedRollout, order: torch.Generator, chance: np.random.Generator) -> "PlayState":
        """A rollout's, with the generators of the rows' order and of chance beside it."""
        tensors = {name: tensor.cpu().clone() for name, tensor in _own(rollout).items()}
        tensors |= {"random": torch.get_rng_state(), "order": order.get_state()}
        if rollout.arena.device.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state()
        return cls(tensors, {"chance": chance.bit_generator.state})

    def put_back(self, rollout: FusedRollout, order: torch.Generator, chance: np.random.Generator) -> None:
        """Let a rollout of the same plan stand there again. Raises KeyError or RuntimeError for another plan's."""
        for name, tensor in _own(rollout).items():
            tensor.copy_(self.tensors[name])
        rollout.arena.prepare()  # draws what belongs to these games
        torch.set_rng_state(self.tensors["random"])
        order.set_state(self.tensors["order"])
        if rollout.arena.device.type == "cuda":
            torch.cuda.set_rng_state(self.tensors["random/cuda"])
        chance.bit_generator.state = self.facts["chance"]


def _own(rollout: FusedRollout) -> dict[str, Tensor]:
    """The tensors that a rollout keeps from turn to turn, by name; not copies."""
    named = {
        "games": rollout.arena.games,
        "memory": rollout.memory,
        "fresh": rollout.fresh,
        "over": rollout.over,
        "counts": rollout.counts,
        "rival_memory": rollout.rival_memory,
    }
    rival = rollout.rival.state_dict() if rollout.rival is not None else {}
    return named | {f"{RIVAL}{name}": weight for name, weight in rival.items()}
