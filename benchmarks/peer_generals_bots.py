"""Turns a second of PyPI's generals-bots: one process, one 24x24 game for two, both observations, random valid moves.

Run by `benchmarks/engine_speed.py` in an environment of its own. Prints the rate of each round, one a line.
"""

import os
import sys
import time

os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"

import numpy as np
from generals import GridFactory, PettingZooGenerals
from generals.core.action import Action, compute_valid_move_mask

SIDE = 24


def choose(observation: object, chance: np.random.Generator) -> Action:
    """A random valid full move, or a pass."""
    valid = np.argwhere(compute_valid_move_mask(observation))
    if len(valid) == 0:
        return Action(to_pass=True)
    row, column, direction = valid[chance.integers(len(valid))]
    return Action(to_pass=False, row=row, col=column, direction=direction, to_split=False)


def main() -> None:
    """Play rounds of turns; only the environment's own steps are in the time."""
    rounds, turns = int(sys.argv[1]), int(sys.argv[2])
    chance = np.random.default_rng(0)
    factory = GridFactory(min_grid_dims=(SIDE, SIDE), max_grid_dims=(SIDE, SIDE), seed=1)
    environment = PettingZooGenerals(agents=["a", "b"], grid_factory=factory, truncation=1000)
    observations, _ = environment.reset(seed=1)
    for _ in range(rounds):
        spent = 0.0
        for _ in range(turns):
            actions = {agent: choose(observation, chance) for agent, observation in observations.items()}
            start = time.perf_counter()
            observations, _, terminated, truncated, _ = environment.step(actions)
            if terminated or truncated:
                observations, _ = environment.reset()
            spent += time.perf_counter() - start
        print(turns / spent, flush=True)


if __name__ == "__main__":
    main()
