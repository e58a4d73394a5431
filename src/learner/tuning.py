"""Going on from a policy that imitates: PPO against itself, its older snapshots and the bots, carefully."""

from collections.abc import Mapping
from pathlib import Path

from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import Ruleset
from learner.ppo import Settings
from learner.snapshot import load_policy
from learner.training import Plan

SELF_GAMES = POOL_GAMES = 8
TURN_LIMIT = 700  # where the ruleset has none
GAMMA = 0.997  # as `learner.teaching` has it, so that the value head knows what it is asked
SNAPSHOT_SECONDS = 300.0


def tuning_plan(
    start: Path,
    name: str,
    seed: int,
    minutes: float,
    ruleset: Ruleset,
    board: MapSpec,
    bots: Mapping[str, int],
    device: str,
) -> Plan:
    """The plan. bots: games against each. Raises SnapshotError where `start` holds no policy.

    The step is kept small by a low learning rate and divergence, so that what was imitated is not forgotten at once.
    """
    return Plan(
        name=name,
        seed=seed,
        ruleset=ruleset if ruleset.turn_limit else ruleset.vary(turn_limit=TURN_LIMIT),
        board=board,
        network=load_policy(start).policy.config,
        settings=Settings(
            turns=16, gamma=GAMMA, minibatches=4, divergence=0.02, entropy=0.002, value=1.0, learning_rate=3e-4
        ),
        shaping=Shaping(land=0.3, army=0.3, structures=0.0, gamma=1.0),
        gains=True,
        defeat=0.0,
        seconds=60.0 * minutes,
        self_games=SELF_GAMES,
        pool_games=POOL_GAMES,
        bot_games=bots,
        snapshot_seconds=SNAPSHOT_SECONDS,
        device=device,
        start=str(start),
    )
