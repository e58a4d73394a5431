"""`gymnasium.make_vec("Generals-v0")`: as many single environments, in one batch."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

import stratagem  # noqa: F401 - registers the environment
from engine.envs.generals_env import GeneralsEnv
from engine.envs.vector_env import GeneralsVectorEnv
from engine.maps import MapSpec

TINY = MapSpec.plain(4, 4, cities=0, mountains=0.0)


def make(games: int, **options: Any) -> GeneralsVectorEnv:
    env = gym.make_vec("Generals-v0", num_envs=games, **{"board": "small", "opponent": "random", **options})
    assert isinstance(env, GeneralsVectorEnv)
    return env


def legal(info: dict[str, Any], choose: np.random.Generator) -> np.ndarray:
    return np.array([choose.choice(np.flatnonzero(mask)) for mask in info["action_mask"]])


@pytest.mark.parametrize("observation", ["compact", "planes"])
def test_observations_and_actions_lie_in_their_spaces(observation: str) -> None:
    env = make(3, observation=observation)
    first, info = env.reset(seed=0)
    assert first in env.observation_space
    assert legal(info, np.random.default_rng(0)) in env.action_space
    second, reward, terminated, truncated, _ = env.step(env.action_space.sample())
    assert second in env.observation_space
    assert (reward.dtype, terminated.dtype, truncated.dtype) == (np.float64, np.bool_, np.bool_)
    assert env.observation_space.shape == (None if observation == "compact" else (3, 22, 8, 8))


def test_game_0_is_the_game_of_a_single_environment() -> None:
    many, one = make(3), GeneralsEnv(board="small", opponent="random")
    observations, info = many.reset(seed=9)
    observation, _ = one.reset(seed=9)
    choose = np.random.default_rng(1)
    for _ in range(60):
        assert data_equivalence({key: part[0] for key, part in observations.items()}, observation, exact=True)
        actions = legal(info, choose)
        observations, _, _, _, info = many.step(actions)
        observation, _, _, _, _ = one.step(int(actions[0]))
    assert observation["vector"][1] > 1


def test_games_differ_from_each_other_and_come_again_with_the_seed() -> None:
    env = make(4)
    first, _ = env.reset(seed=3)
    for _ in range(5):
        env.step(np.zeros(4, np.int64))
    again, _ = env.reset(seed=3)
    assert data_equivalence(first, again, exact=True)
    assert len({board.tobytes() for board in first["flags"]}) > 1


def test_next_step_resets_in_the_step_after() -> None:
    env = make(2, max_turns=3)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    env.reset(seed=0)
    steps = [env.step(np.zeros(2, np.int64)) for _ in range(5)]
    assert [step[3].tolist() for step in steps] == [[False] * 2] * 2 + [[True] * 2] + [[False] * 2] * 2
    assert [step[4]["turn"].tolist() for step in steps] == [[1, 1], [2, 2], [3, 3], [0, 0], [1, 1]]
    assert steps[2][0]["vector"][:, 0].tolist() == [3, 3], "the last observation is the finished game's"
    assert (steps[2][0]["flags"] != steps[3][0]["flags"]).any(), "the next episode has another map"


def test_same_step_resets_at_once_and_keeps_the_end() -> None:
    env = make(2, max_turns=3, autoreset_mode=AutoresetMode.SAME_STEP)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    env.reset(seed=0)
    steps = [env.step(np.zeros(2, np.int64)) for _ in range(4)]
    assert [step[3].tolist() for step in steps] == [[False] * 2] * 2 + [[True] * 2, [False] * 2]
    observation, info = steps[2][0], steps[2][4]
    assert observation["vector"][:, 0].tolist() == [0, 0]
    assert info["_final_obs"].tolist() == [True, True]
    assert [final["vector"][0] for final in info["final_obs"]] == [3, 3]
    assert info["final_info"]["turn"].tolist() == [3, 3]
    assert "final_obs" not in steps[3][4]


def test_both_modes_play_the_same_episodes() -> None:
    starts = {}
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
        env = make(3, max_turns=4, autoreset_mode=mode)
        seen = [env.reset(seed=5)[0]] + [env.step(np.zeros(3, np.int64))[0] for _ in range(12)]
        starts[mode] = [board["flags"] for board in seen if (board["vector"][:, 0] == 0).all()][:3]
    assert data_equivalence(starts[AutoresetMode.NEXT_STEP], starts[AutoresetMode.SAME_STEP], exact=True)
    assert len(starts[AutoresetMode.NEXT_STEP]) == 3


def test_disabled_waits_for_a_reset_of_those_that_ended() -> None:
    env = make(3, max_turns=2, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    env.step(np.zeros(3, np.int64))
    env.reset(options={"reset_mask": np.array([True, False, False])})
    _, _, _, truncated, info = env.step(np.zeros(3, np.int64))
    assert truncated.tolist() == [False, True, True]
    assert info["turn"].tolist() == [1, 2, 2]


def test_a_finished_game_gives_its_reward_once() -> None:
    env = make(2, opponent="expander", board=TINY, max_turns=0)
    env.reset(seed=1)
    rewards, ends, turns = [], [], [0, 0]
    while sum(ends, np.zeros(2, np.int64)).min() < 2:
        assert len(ends) < 2000
        _, reward, terminated, truncated, info = env.step(np.zeros(2, np.int64))
        assert not truncated.any()
        assert ((reward == -1.0) == terminated).all()
        assert ((info["winner"] == 1) == terminated).all()
        assert (info["turn"] == np.where(ends[-1] if ends else False, 0, np.array(turns) + 1)).all()
        turns = info["turn"]
        rewards.append(reward)
        ends.append(terminated)
    assert sum(rewards).max() <= -2.0


def test_nothing_handed_out_changes_later() -> None:
    env = make(2)
    kept, info = env.reset(seed=0)
    before = {key: part.copy() for key, part in kept.items()}
    mask = info["action_mask"].copy()
    for _ in range(30):
        _, _, _, _, later = env.step(np.ones(2, np.int64))
    assert data_equivalence(kept, before, exact=True)
    assert (info["action_mask"] == mask).all()
    assert later["turn"].tolist() == [30, 30]


def test_views_are_handed_out_when_asked_for() -> None:
    env = make(2, copy=False, info_mask=False)
    kept, info = env.reset(seed=0)
    env.step(np.zeros(2, np.int64))
    assert kept["vector"][:, 0].tolist() == [1, 1]
    assert "action_mask" not in info
    assert env.action_masks().shape == (2, 513)


def test_all_seats_at_once() -> None:
    env = make(3, opponent=None)
    observation, info = env.reset(seed=0)
    assert observation in env.observation_space
    assert info["action_mask"].shape == (3, 2, 513)
    observation, reward, _, _, info = env.step(np.zeros((3, 2), np.int64))
    assert reward.shape == (3,)
    assert info["rewards"].shape == (3, 2)
    assert observation["vector"][:, :, 0].tolist() == [[1, 1]] * 3


def test_a_batched_policy_is_asked_once_for_all_games() -> None:
    asked: list[Any] = []

    def each(observation: dict[str, Any]) -> int:
        return int((observation["mask"].reshape(-1) != 0).argmax() * 8 + 1)

    def batched(observation: dict[str, Any]) -> np.ndarray:
        asked.append(observation)
        return (observation["mask"].reshape(3, -1) != 0).argmax(axis=1) * 8 + 1

    batched.batched = True  # type: ignore[attr-defined]
    ends = []
    for policy in (each, batched):
        env = make(3, opponent=policy)
        env.reset(seed=0)
        ends.append([env.step(np.zeros(3, np.int64))[0]["vector"] for _ in range(12)])
    assert len(asked) == 12
    assert asked[0]["flags"].shape == (3, 8, 8)
    np.testing.assert_array_equal(ends[0], ends[1])


def test_gymnasiums_vector_wrappers_accept_it() -> None:
    env = gym.wrappers.vector.RecordEpisodeStatistics(make(2, max_turns=5))
    wrapped = gym.wrappers.vector.DictInfoToList(env)
    wrapped.reset(seed=0)
    for _ in range(5):
        _, _, _, truncated, infos = wrapped.step(np.zeros(2, np.int64))
    assert truncated.all()
    assert [info["episode"]["l"] for info in infos] == [5, 5]


def test_every_game_can_be_drawn() -> None:
    env = make(2, render_mode="rgb_array")
    env.reset(seed=0)
    frames = env.render()
    assert frames is not None
    assert [frame.shape for frame in frames] == [(192, 192, 3)] * 2


@pytest.mark.parametrize("actions", [5, [1, 2, 3], [0.0, 1.0], ["1", "2"]])
def test_actions_of_another_shape_or_type_are_refused(actions: Any) -> None:
    env = make(2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"actions are .*; accepted: integers of shape \(2,\)"):
        env.step(actions)


@pytest.mark.parametrize(
    ("seed", "mask", "message"),
    [
        (3, [True, False], "reset_mask leaves games out at seed 3"),
        (None, [1, 0], "reset_mask is int64 of shape"),
        (None, [True], r"reset_mask is bool of shape \(1,\); accepted: bool of shape \(2,\)"),
    ],
)
def test_masks_that_cannot_be_reset_are_refused(seed: int | None, mask: list[Any], message: str) -> None:
    env = make(2)
    first, _ = env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.reset(seed=seed, options={"reset_mask": np.array(mask)})
    again, _ = env.reset(seed=0, options={"reset_mask": np.array([True, True])})
    assert data_equivalence(first, again, exact=True)


def test_the_first_reset_begins_all_games() -> None:
    with pytest.raises(ValueError, match="reset_mask leaves games out at the first reset"):
        make(2).reset(options={"reset_mask": np.array([True, False])})


def test_a_list_of_seeds_is_refused() -> None:
    with pytest.raises(ValueError, match="accepted: one int"):
        make(2).reset(seed=[1, 2])  # type: ignore[arg-type]
