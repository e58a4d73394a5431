"""PettingZoo's contract, and what becomes of seats that are out."""

import re

import numpy as np
import pytest

pettingzoo_test = pytest.importorskip("pettingzoo.test")

from engine.envs.pettingzoo_env import GeneralsParallelEnv, env, parallel_env  # noqa: E402
from engine.maps import MapSpec  # noqa: E402


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seats", [2, 16])
def test_pettingzoos_parallel_test_finds_nothing(seats: int) -> None:
    pettingzoo_test.parallel_api_test(parallel_env(board="small", seats=seats, max_turns=40), num_cycles=50)


@pytest.mark.parametrize("observation", ["compact", "planes"])
def test_pettingzoos_seed_tests_find_nothing(observation: str) -> None:
    def make_parallel() -> GeneralsParallelEnv:
        return parallel_env(board="small", seats=3, observation=observation)

    pettingzoo_test.parallel_seed_test(make_parallel, num_cycles=20)
    pettingzoo_test.seed_test(lambda: env(board="small", seats=3, observation=observation), num_cycles=20)


def test_masks_are_in_observation_and_info() -> None:
    game = parallel_env(board="small", seats=2)
    observations, infos = game.reset(seed=0)
    for _ in range(8):
        observations, _, _, _, infos = game.step(dict.fromkeys(game.agents, 0))
    for agent in game.agents:
        mask = observations[agent]["action_mask"]
        assert mask.dtype == np.int8
        assert (mask == infos[agent]["action_mask"]).all()
        assert mask[1:].sum() > 0, "at turn 8 the general can move"
        assert observations[agent] in game.observation_space(agent)


def test_a_beaten_seat_leaves_and_the_last_one_wins() -> None:
    game = parallel_env(board=MapSpec.plain(6, 6, cities=0, mountains=0.0), seats=4, max_turns=0)
    game.reset(seed=0)
    rewards = dict.fromkeys(game.possible_agents, 0.0)
    ended_at = {}
    bots = ["expander", None, None, None]
    while game.agents:
        actions = game.arena.batch.bot_actions(bots)[0]
        played = {agent: int(actions[int(agent.removeprefix("seat_"))]) for agent in game.agents}
        _, given, terminations, truncations, infos = game.step(played)
        assert not any(truncations.values())
        for agent, reward in given.items():
            rewards[agent] += reward
            if terminations[agent]:
                ended_at[agent] = infos[agent]["turn"] if agent in infos else game.arena.turn[0]
        assert game.arena.turn[0] < 3000
    assert rewards == {"seat_0": 1.0, "seat_1": -1.0, "seat_2": -1.0, "seat_3": -1.0}
    assert len(set(ended_at.values())) == 3, "three captures at three turns; the last ends the game for two"


def test_truncation_ends_it_for_all() -> None:
    game = parallel_env(board="small", seats=3, max_turns=2)
    game.reset(seed=0)
    game.step(dict.fromkeys(game.agents, 0))
    _, _, terminations, truncations, _ = game.step(dict.fromkeys(game.agents, 0))
    assert not any(terminations.values())
    assert all(truncations.values())
    assert game.agents == []


def test_the_whole_board_is_drawn() -> None:
    game = parallel_env(board="small", seats=5, render_mode="ansi")
    game.reset(seed=0)
    text = re.sub("\x1b\\[[0-9;]*m", "", game.render())
    assert {letter for letter in "abcde" if f"{letter}1G" in text} == set("abcde")
