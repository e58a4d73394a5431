"""`python -m tests.learner.fused_simulated`: a fragment of a CUDA batch in numba's simulator beside a CPU batch's.

Bots have begun the games and play some of their seats.
"""

import json

import torch

from engine.batch import GameBatch
from engine.bots import find_bot
from engine.map_specs import MapSpec
from engine.rulesets import RULESETS
from learner.arena import Arena
from learner.fused_rollout import FusedRollout
from learner.network import Policy
from learner.network_config import NetworkConfig


def fragment(device):
    """A fragment, the games' outcomes and whether the batch's memory is shared."""
    torch.manual_seed(0)
    policy = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8))
    ruleset = RULESETS["generalsio"].vary(turn_limit=7)
    batch = GameBatch(ruleset, 3, 5, device, board=MapSpec.plain(4, 4, mountains=0.0, cities=0), autoreset="next")
    arena = Arena(batch)
    arena.scatter(find_bot("expander"), 3, 0)
    play = FusedRollout(arena, policy, 12, bot="expander", bot_games=2)
    torch.manual_seed(1)
    return play.collect(), play.outcomes(), play.arena.resident


if __name__ == "__main__":
    from engine.cuda import CudaGameBatch

    CudaGameBatch.threads = 2
    (host, ends, _), (device, device_ends, resident) = fragment("cpu"), fragment("cuda")
    same = all(a is b or torch.equal(a, b) for a, b in zip(host, device, strict=True)) and ends == device_ends
    print(json.dumps({"resident": resident, "same": same, "episodes": ends.episodes}))
