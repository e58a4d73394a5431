"""Write a bot, watch it play, and let it be the opponent of another.

python examples/custom_bot.py
"""

from typing import Any

import gymnasium as gym
import numpy as np

import stratagem  # noqa: F401 - registers Generals-v0

chance = np.random.default_rng(0)


def crowd(seen: dict[str, Any], legal: np.ndarray) -> int:
    """Take the enemy's or free land from where the most armies stand; else walk that army somewhere."""
    width = seen["flags"].shape[1]
    mine = (seen["flags"] >> 1) & 3 == 1  # bits 1-2: whose a tile is
    best, choice = -1.0, 0
    for action in np.flatnonzero(legal)[1:]:  # legal[0] is the pass
        tile, direction, half = (action - 1) // 8, (action - 1) // 2 % 4, (action - 1) % 2
        row, column = divmod(int(tile), width)
        row_step, column_step = [(-1, 0), (1, 0), (0, -1), (0, 1)][direction]
        goal = row + row_step, column + column_step
        army, there = int(seen["army"][row, column]), int(seen["army"][goal])
        gain = army - there if not mine[goal] else 0.1 * army + chance.random()
        if not half and gain > best:
            best, choice = gain, int(action)
    return choice


env = gym.make("Generals-v0", board="small", opponent="random", render_mode="ansi").unwrapped
wins = 0
for game in range(20):
    observation, info = env.reset(seed=game)
    ended = False
    while not ended:
        observation, _, terminated, truncated, info = env.step(crowd(observation, info["action_mask"]))
        ended = terminated or truncated
    wins += info["winner"] == 0
print(env.render())
print(f"crowd won {wins} of 20 games against random")

# The same function as an opponent: it gets what the learner in its seat would get.
env = gym.make("Generals-v0", board="small", opponent=crowd).unwrapped
observation, info = env.reset(seed=0)
observation, reward, terminated, truncated, info = env.step(env.action_space.sample(info["action_mask"]))
