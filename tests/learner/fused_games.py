"""Small games and a small network, for the tests of training on the device."""

import torch

from engine.batch import GameBatch
from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import RULESETS
from learner.arena import Arena
from learner.fused_rollout import FusedRollout
from learner.network import Policy
from learner.network_config import NetworkConfig

BOARD = MapSpec.plain(4, 4, mountains=0.0, cities=0)
NETWORK = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8)


def arena(games=5, limit=9, seed=3):
    ruleset = RULESETS["generalsio"].vary(turn_limit=limit)
    return Arena(GameBatch(ruleset, games, seed, board=BOARD, autoreset="next", shaping=Shaping()))


def policy(**options):
    torch.manual_seed(0)
    return Policy(NetworkConfig(**{**NETWORK.__dict__, **options}))


def fragment_of(turns=20, **options):
    play = FusedRollout(arena(**options), policy(), turns)
    play.collect()
    return play, play.collect()
