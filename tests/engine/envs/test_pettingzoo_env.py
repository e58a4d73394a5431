"""PettingZoo's contract, and what becomes of seats that are out."""

import re
from typing import Any

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


def test_shaping_adds_nothing_to_a_seats_episode() -> None:
    """At gamma 1 each seat's sum is outcome - phi(start): 4 seats alike begin with shares of 1/4, so with phi 0.2."""
    shaping = {"land": 0.3, "army": 0.3, "structures": 0.2}
    game = parallel_env(board=MapSpec.plain(6, 6, cities=0, mountains=0.0), seats=4, max_turns=0, shaping=shaping)
    game.reset(seed=0)
    sums = dict.fromkeys(game.possible_agents, 0.0)
    while game.agents:
        actions = game.arena.batch.bot_actions(["expander", None, None, None])[0]
        _, given, *_ = game.step({agent: int(actions[int(agent.removeprefix("seat_"))]) for agent in game.agents})
        for agent, reward in given.items():
            sums[agent] += reward
        assert game.arena.turn[0] < 3000
    assert sums == pytest.approx({"seat_0": 0.8, "seat_1": -1.2, "seat_2": -1.2, "seat_3": -1.2}, abs=1e-5)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({"seat_9": 0}, "agent 'seat_9' is unknown; known: seat_0, seat_1"),
        ({0: 0}, "agent 0 is unknown"),
        ({"seat_1": None}, "action of seat_1 is None; accepted: an integer"),
        ({"seat_0": 3.7}, "action of seat_0 is 3.7"),
        ({"seat_0": [1, 2]}, r"action of seat_0 is \[1, 2\]"),
    ],
)
def test_wrong_actions_are_named(actions: dict[Any, Any], message: str) -> None:
    game = parallel_env(board="small", seats=2)
    game.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        game.step(actions)
    assert game.arena.turn[0] == 0


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
