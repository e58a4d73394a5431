"""One of two processes that update a policy together, started by `torchrun`: tests/learner/test_world.py.

`python -m tests.learner.two_processes FOLDER`: reads FOLDER/fragment.pt, the rows of both; takes its half, updates
thrice, and writes what came of it to FOLDER/RANK.pt.
"""

import sys
from pathlib import Path

import torch

from learner.clock import Clock
from learner.fused import FusedPPO, FusedSettings, choose_rows
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.rollout import Fragment
from learner.world import World, joined_world

NETWORK = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8)
SETTINGS = FusedSettings(turns=6, minibatches=3, epochs=2, bf16=False, ema=0.9, rows_at_once=2, learning_rate=3e-3)


def updated(fragment: Fragment, world: World) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """Weights, their average and the notes after three updates with this process's rows."""
    rows = torch.arange(fragment.words.shape[1]).chunk(world.size)[world.rank]
    torch.manual_seed(0)
    learner = FusedPPO(Policy(NETWORK), SETTINGS, 7, Clock(), world=world)
    notes = [learner.update(choose_rows(fragment, rows), progress) for progress in (0.0, 0.3, 0.6)]
    weights = dict(learner.policy.state_dict())
    weights |= {f"average/{name}": weight for name, weight in learner.best.state_dict().items()}
    return weights, notes


def main(folder: Path) -> None:
    """Take a half, update, write."""
    torch.set_num_threads(1)
    fragment = Fragment(**torch.load(folder / "fragment.pt"))
    with joined_world("cpu") as world:
        torch.save(updated(fragment, world), folder / f"{world.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
