"""`envpool.make("Generals-v0")`: EnvPool's own interface over a batch."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence

envpool = pytest.importorskip("envpool", reason="EnvPool is not installed: stratagem[envpool]")

import stratagem  # noqa: E402, F401 - registers the environment
from engine.envs.generals_env import GeneralsEnv  # noqa: E402
from engine.maps import MapSpec  # noqa: E402


def make(games: int, **options: Any) -> Any:
    chosen = {"env_type": "gymnasium", "board": "small", "opponent": "random", "seed": 3, **options}
    return envpool.make("Generals-v0", num_envs=games, **chosen)


def test_it_is_registered() -> None:
    assert "Generals-v0" in envpool.list_all_envs()


@pytest.mark.parametrize("options", [{}, {"observation": "planes"}, {"seats": 5}, {"ruleset": "competition"}])
def test_sync_steps_lie_in_the_spaces(options: dict[str, Any]) -> None:
    pool = make(3, **options)
    observation, info = pool.reset()
    for _ in range(5):
        actions = np.array([np.flatnonzero(mask)[-1] for mask in info["action_mask"]], np.int32)
        observation, reward, terminated, truncated, info = pool.step(actions)
    single = {key: part[1] for key, part in observation.items()} if isinstance(observation, dict) else observation[1]
    assert single in pool.observation_space
    assert info["env_id"].tolist() == [0, 1, 2]
    assert info["elapsed_step"].tolist() == [5, 5, 5]
    assert (reward.dtype, terminated.dtype, truncated.dtype) == (np.float32, np.bool_, np.bool_)


def test_game_0_is_the_game_of_a_single_environment() -> None:
    pool, one = make(4), GeneralsEnv(board="small", opponent="random")
    observations, info = pool.reset()
    observation, _ = one.reset(seed=3)
    for _ in range(50):
        assert data_equivalence({key: part[0] for key, part in observations.items()}, observation, exact=True)
        actions = np.array([np.flatnonzero(mask)[-1] for mask in info["action_mask"]], np.int32)
        observations, _, _, _, info = pool.step(actions)
        observation, *_ = one.step(int(actions[0]))
    assert observation["vector"][1] > 1


def test_batches_smaller_than_the_pool_come_in_the_order_of_sending() -> None:
    pool = make(6, batch_size=2)
    pool.async_reset()
    received = []
    for turn in range(4):
        for _ in range(3):
            _, _, _, _, info = pool.recv()
            received.append((info["env_id"].tolist(), info["elapsed_step"].tolist()))
            pool.send(np.zeros(2, np.int32), info["env_id"])
        assert received[-3:] == [([0, 1], [turn] * 2), ([2, 3], [turn] * 2), ([4, 5], [turn] * 2)]


def test_games_can_be_sent_in_any_grouping() -> None:
    pool = make(6, batch_size=3)
    pool.async_reset()
    for _ in range(2):
        pool.recv()
    pool.send(np.zeros(1, np.int32), np.array([5]))
    pool.send(np.zeros(4, np.int32), np.array([1, 0, 4, 2]))
    assert pool.recv()[-1]["env_id"].tolist() == [5, 1, 0]
    pool.send(np.zeros(2, np.int32), np.array([3, 1]))
    info = pool.recv()[-1]
    assert info["env_id"].tolist() == [4, 2, 3]
    assert info["elapsed_step"].tolist() == [1, 1, 1]


def test_partial_sends_play_what_whole_sends_play() -> None:
    whole, parts = make(4, opponent="expander"), make(4, opponent="expander", batch_size=1)
    whole.reset()
    parts.async_reset()
    for _ in range(30):
        kept = whole.step(np.ones(4, np.int32))[0]
        for _ in range(4):
            info = parts.recv()[-1]
            parts.send(np.ones(1, np.int32), info["env_id"])
    pieces = [parts.recv()[0] for _ in range(4)]
    together = {key: np.concatenate([piece[key] for piece in pieces]) for key in kept}
    assert data_equivalence(together, kept, exact=True)


def test_a_finished_game_starts_anew_in_the_step_after() -> None:
    pool = make(2, max_turns=2)
    pool.reset()
    steps = [pool.step(np.zeros(2, np.int32)) for _ in range(4)]
    assert [step[3].tolist() for step in steps] == [[False] * 2, [True] * 2, [False] * 2, [False] * 2]
    assert [step[4]["elapsed_step"].tolist() for step in steps] == [[1, 1], [2, 2], [0, 0], [1, 1]]
    assert not any(step[2].any() for step in steps)


def test_two_players_take_a_row_each() -> None:
    pool = make(3, opponent=None, board=MapSpec.plain(4, 4, cities=0, mountains=0.0), max_turns=0)
    observation, info = pool.reset()
    assert observation["flags"].shape == (6, 4, 4)
    assert info["players"]["env_id"].tolist() == [0, 0, 1, 1, 2, 2]
    ended: list[float] = []
    for _ in range(600):
        rows = info["players"]["env_id"]
        wanted = pool._arena.batch.bot_actions([None, "expander"]).reshape(-1)
        action = {"action": wanted, "env_id": info["env_id"], "players": {"env_id": rows}}
        observation, reward, terminated, _, info = pool.step(action)
        ended += reward.reshape(3, 2)[terminated].tolist()
    assert len(ended) >= 3
    assert all(pair == [-1.0, 1.0] for pair in ended)


def test_players_rows_may_come_in_any_order() -> None:
    straight, mixed = make(3, opponent=None), make(3, max_num_players=2)
    _, info = straight.reset()
    mixed.reset()
    for _ in range(20):
        actions = np.array([np.flatnonzero(mask)[-1] for mask in info["action_mask"]], np.int32)
        rows = info["players"]["env_id"]
        kept, *_, info = straight.step({"action": actions, "env_id": info["env_id"], "players": {"env_id": rows}})
        order = np.array([2, 4, 0, 5, 3, 1])  # rows of games 1, 2, 0, 2, 1, 0: a game's first row is its seat 0
        ids = np.array([2, 0, 1], np.int32)
        seen, *_ = mixed.step({"action": actions[order], "env_id": ids, "players": {"env_id": rows[order]}})
        back = np.array([2, 3, 4, 5, 0, 1])
        assert data_equivalence({key: part[back] for key, part in seen.items()}, kept, exact=True)
    assert kept["vector"][:, 1].min() > 1


def test_deepminds_interface_works_too() -> None:
    pool = make(2, env_type="dm", max_turns=1)
    assert pool.reset().first().all()
    step = pool.step(np.zeros(2, np.int32))
    assert step.last().all()
    assert step.observation.flags.shape == (2, 8, 8)


def test_it_is_a_gymnasium_vector_environment() -> None:
    pool = make(2)
    assert isinstance(pool, gym.vector.VectorEnv)
    assert (pool.num_envs, pool.single_action_space) == (2, gym.spaces.Discrete(513))


def test_games_can_be_drawn() -> None:
    pool = make(2, render_mode="rgb_array", render_width=64, render_height=32)
    pool.reset()
    assert pool.render(env_ids=[0, 1]).shape == (2, 32, 64, 3)


def test_what_would_wait_for_ever_is_an_error() -> None:
    pool = make(4, batch_size=2)
    with pytest.raises(RuntimeError, match="recv waits for 2 games; 0 were sent something"):
        pool.recv()


@pytest.mark.parametrize(
    ("ids", "message"),
    [([0, 0], "names a game twice"), ([4], "accepted: one or more of 0 to 3"), ([1], r"games \[1\] were sent before")],
)
def test_sending_what_cannot_be_sent_is_an_error(ids: list[int], message: str) -> None:
    pool = make(4, batch_size=1)
    pool._reset(np.array([1, 2], np.int32))
    with pytest.raises(ValueError, match=message):
        pool.send(np.zeros(len(ids), np.int32), np.array(ids))
    assert pool.recv()[-1]["env_id"].tolist() == [1], "the pool goes on"


def test_a_refused_send_leaves_the_pool_as_it_was() -> None:
    pool = make(2)
    pool.reset()
    with pytest.raises(ValueError, match="actions are float64"):
        pool._send([np.arange(2), np.arange(2), np.zeros(2)])
    assert pool.step(np.zeros(2, np.int32))[-1]["elapsed_step"].tolist() == [1, 1]


@pytest.mark.parametrize("rows", [[0, 0, 1, 2], [0, 0, 0, 1], [7, 7, 1, 1]])
def test_players_rows_of_other_games_are_refused(rows: list[int]) -> None:
    pool = make(3, opponent=None, batch_size=2)
    pool.async_reset()
    pool.recv()
    ids = np.arange(2, dtype=np.int32)
    action = {"action": np.zeros(4, np.int32), "env_id": ids, "players": {"env_id": np.array(rows, np.int32)}}
    with pytest.raises(ValueError, match=r"players.env_id is .*; accepted: each of \[0, 1\] 2 times"):
        pool.send(action)
    pool.send({**action, "players": {"env_id": np.repeat(ids, 2)}})
    assert pool.recv()[-1]["env_id"].tolist() == [2, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": [1, 2]}, "seed is a list"),
        ({"max_num_players": 3}, "max_num_players is 3; accepted: 1, or all 2 seats"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(2, **options)
