"""Stable-Baselines3 and sb3-contrib train on the environment."""

import warnings
from collections.abc import Iterator

import numpy as np
import pytest

sb3 = pytest.importorskip("stable_baselines3", reason="not installed: stratagem[sb3]")
sb3_contrib = pytest.importorskip("sb3_contrib", reason="not installed: stratagem[sb3]")

from stable_baselines3.common.env_checker import check_env  # noqa: E402

from engine.envs.generals_env import GeneralsEnv  # noqa: E402
from engine.maps import MapSpec  # noqa: E402

torch = pytest.importorskip("torch")

TINY = MapSpec.plain(4, 4, cities=0, mountains=0.0)
STEPS = 3000


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny(observation: str) -> GeneralsEnv:
    return GeneralsEnv(opponent="random", board=TINY, observation=observation, max_turns=100, shaping={"land": 0.3})


@pytest.mark.parametrize("observation", ["compact", "planes"])
def test_its_checker_finds_nothing(observation: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="(?s).*(image|unconventional shape|minimal resolution)")
        check_env(tiny(observation))


def test_dqn_trains_on_compact_observations() -> None:
    model = sb3.DQN(
        "MultiInputPolicy",
        tiny("compact"),
        buffer_size=STEPS,
        learning_starts=200,
        train_freq=16,
        batch_size=64,
        target_update_interval=500,
        policy_kwargs={"net_arch": [32]},
        seed=0,
    )
    before = [parameter.detach().clone() for parameter in model.q_net.parameters()]
    model.learn(STEPS)
    after = list(model.q_net.parameters())
    assert model.num_timesteps >= STEPS
    assert all(bool(parameter.isfinite().all()) for parameter in after)
    assert any(bool((old != new).any()) for old, new in zip(before, after, strict=True))
    assert model.replay_buffer is not None
    assert {-1.0, 1.0} & set(np.round(model.replay_buffer.rewards.ravel(), 0)), "games were decided"


def test_maskable_ppo_trains_on_planes_and_plays_legal_moves_alone() -> None:
    env = tiny("planes")
    model = sb3_contrib.MaskablePPO(
        "MlpPolicy", env, n_steps=500, batch_size=250, n_epochs=2, policy_kwargs={"net_arch": [32]}, seed=0
    )
    before = [parameter.detach().clone() for parameter in model.policy.parameters()]
    model.learn(STEPS)
    assert model.num_timesteps == STEPS
    assert any(bool((old != new).any()) for old, new in zip(before, model.policy.parameters(), strict=True))
    observation, info = env.reset(seed=1)
    ended = False
    while not ended:
        action, _ = model.predict(observation, action_masks=env.action_masks())
        observation, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
    assert info["turn"] > 5
    assert info["invalid"] == 0
