"""Train a policy with sb3-contrib's MaskablePPO against a scripted bot, then count its wins.

    pip install stratagem[sb3]
    python examples/train_maskable_ppo.py

Some minutes on a laptop's CPU. The network is a plain MLP over the planes of an 8x8 board and has no memory of its
own; `make demo` trains a better one.
"""

import gymnasium as gym
from sb3_contrib import MaskablePPO
from stable_baselines3.common.vec_env import DummyVecEnv

import stratagem  # noqa: F401 - registers Generals-v0

OPTIONS = {"board": "small", "opponent": "random", "observation": "planes", "max_turns": 300}


def make() -> gym.Env:
    """A game of the training, with rewards for land and armies on the way to the win."""
    return gym.make("Generals-v0", shaping={"land": 0.5, "army": 0.3, "gamma": 0.99}, **OPTIONS).unwrapped


games = DummyVecEnv([make] * 8)
model = MaskablePPO("MlpPolicy", games, n_steps=128, batch_size=256, n_epochs=4, gamma=0.99, verbose=1, seed=0)
model.learn(50_000)

env = gym.make("Generals-v0", **OPTIONS).unwrapped
wins = 0
for game in range(50):
    observation, info = env.reset(seed=1000 + game)
    ended = False
    while not ended:
        action, _ = model.predict(observation, action_masks=info["action_mask"])
        observation, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
    wins += info["winner"] == 0
print(f"{wins} of 50 games won against {OPTIONS['opponent']}")
