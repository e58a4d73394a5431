"""`GeneralsEnv`: Gymnasium's contract, seats and opponents, rewards, rendering."""

import re
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence

import stratagem  # noqa: F401 - registers the environment
from engine.actions import decode, encode
from engine.envs.generals_env import GeneralsEnv
from engine.maps import MapSpec
from engine.observation import planes

TINY = MapSpec.plain(4, 4, cities=0, mountains=0.0)


def play(env: GeneralsEnv, seed: int, steps: int) -> list[Any]:
    """Everything the environment says while random legal actions are played, the same for the same seed."""
    said: list[Any] = [env.reset(seed=seed)]
    choose = np.random.default_rng(0)
    for _ in range(steps):
        said.append(env.step(int(choose.choice(np.flatnonzero(said[-1][-1]["action_mask"])))))
        if said[-1][2] or said[-1][3]:
            said.append(env.reset())
    return said


@pytest.mark.parametrize("observation", ["compact", "planes"])
@pytest.mark.parametrize("opponent", ["random", None])
def test_gymnasiums_checker_finds_nothing(observation: str, opponent: str | None) -> None:
    env = gym.make("Generals-v0", board="small", opponent=opponent, observation=observation)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


def test_make_imports_the_module_that_registers() -> None:
    env = gym.make("stratagem:Generals-v0", board="small")
    assert isinstance(env.unwrapped, GeneralsEnv)


def test_the_default_is_a_duel_on_the_sites_maps() -> None:
    env = GeneralsEnv()
    observation, info = env.reset(seed=0)
    assert observation["flags"].shape == (24, 24)
    assert info["action_mask"].shape == (1 + 8 * 24 * 24,)
    assert env.action_space == gym.spaces.Discrete(1 + 8 * 24 * 24)


def test_castles_add_an_action_a_tile() -> None:
    env = GeneralsEnv(ruleset="competition", board=TINY)
    assert env.action_space == gym.spaces.Discrete(1 + 9 * 16)


def test_a_seed_gives_the_same_games_again() -> None:
    first = play(GeneralsEnv(board=TINY, max_turns=30), 7, 80)
    again = play(GeneralsEnv(board=TINY, max_turns=30), 7, 80)
    other = play(GeneralsEnv(board=TINY, max_turns=30), 8, 80)
    assert data_equivalence(first, again, exact=True)
    assert not data_equivalence(first[0], other[0], exact=True)


def test_episodes_after_one_seed_differ() -> None:
    env = GeneralsEnv(board="small")
    maps = [env.reset(seed=7)[0]["flags"]] + [env.reset()[0]["flags"] for _ in range(3)]
    assert len({board.tobytes() for board in maps}) > 1


def test_without_a_seed_two_environments_play_different_games() -> None:
    boards = {GeneralsEnv().reset()[0]["flags"].tobytes() for _ in range(4)}
    assert len(boards) > 1


def test_winning_gives_one_and_ends_the_episode() -> None:
    env = GeneralsEnv(opponent=lambda seen: 0, board=TINY, max_turns=0)
    _, info = env.reset(seed=1)
    hunter = env.arena.batch
    rewards, terminated, truncated = [], False, False
    while not (terminated or truncated):
        action = int(hunter.bot_actions(["expander", None])[0, 0])
        _, reward, terminated, truncated, info = env.step(action)
        rewards.append(reward)
        assert info["turn"] < 500, "an idle opponent on a 4x4 board was not beaten"
    assert (terminated, truncated, info["winner"]) == (True, False, 0)
    assert rewards[-1] == 1.0
    assert not any(rewards[:-1])


def test_losing_gives_minus_one() -> None:
    env = GeneralsEnv(opponent="expander", board=TINY, max_turns=0)
    env.reset(seed=1)
    terminated, reward, info = False, 0.0, {"turn": 0}
    while not terminated:
        assert info["turn"] < 500, "an idle seat on a 4x4 board was not beaten"
        _, reward, terminated, _, info = env.step(0)
    assert (reward, info["winner"]) == (-1.0, 1)


def test_max_turns_truncates() -> None:
    env = GeneralsEnv(opponent="random", board="small", max_turns=3)
    env.reset(seed=0)
    ends = [env.step(0)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_shaping_rewards_land() -> None:
    """From 1 of 2 tiles to 2 of 3 at weight 0.6: 0.6 * (2/3 - 1/2) = 0.1."""
    env = GeneralsEnv(
        opponent=lambda seen: 0, board=TINY, shaping={"land": 0.6, "army": 0.0, "structures": 0.0, "gamma": 1.0}
    )
    _, info = env.reset(seed=3)
    rewards = []
    while not info["action_mask"][1:].any():
        _, reward, _, _, info = env.step(0)
        rewards.append(reward)
    _, reward, _, _, _ = env.step(int(np.flatnonzero(info["action_mask"])[1]))
    assert rewards == pytest.approx([0.0] * len(rewards))
    assert reward == pytest.approx(0.1)


def test_a_policy_plays_the_other_seat_by_its_own_observation() -> None:
    seen: list[Any] = []

    def policy(observation: dict[str, Any], action_mask: Any) -> int:
        seen.append(observation)
        return int(np.flatnonzero(action_mask)[-1])

    env = GeneralsEnv(opponent=policy, board="small")
    env.reset(seed=2)
    for _ in range(20):
        _, _, _, _, info = env.step(0)
    assert [observation["vector"][0] for observation in seen] == list(range(20))
    assert seen[-1]["vector"][1] > 1, "the policy's moves took land"
    assert info["invalid"] == 0
    assert env.arena.batch.game(0).land == [1, seen[-1]["vector"][1]]


def test_a_policy_sees_what_an_agent_in_its_seat_would_see() -> None:
    seen: list[Any] = []

    def policy(observation: Any) -> int:
        seen.append(observation)
        return 0

    env = GeneralsEnv(opponent=policy, board="small", observation="planes")
    env.reset(seed=2)
    env.step(0)
    other = GeneralsEnv(opponent="random", board="small", observation="planes", seat=1)
    np.testing.assert_array_equal(seen[0], other.reset(seed=2)[0])


def test_the_seat_can_be_chosen() -> None:
    mine = {}
    for seat in (0, 1):
        env = GeneralsEnv(opponent="random", board="small", seat=seat)
        observation, _ = env.reset(seed=4)
        mine[seat] = int(np.argmax((observation["flags"] >> 1) & 3 == 1))
        assert mine[seat] == env.arena.batch.game(0).generals[seat]
    assert mine[0] != mine[1]


def test_both_seats_can_be_played_at_once() -> None:
    env = GeneralsEnv(opponent=None, board=TINY)
    observation, info = env.reset(seed=1)
    reward, terminated = 0.0, False
    while not terminated:
        action = int(env.arena.batch.bot_actions([None, "expander"])[0, 1])
        observation, reward, terminated, _, info = env.step(np.array([0, action]))
        assert info["turn"] < 500
    assert observation["flags"].shape == (2, 4, 4)
    assert info["action_mask"].shape == (2, 129)
    assert reward == -1.0
    assert info["rewards"].tolist() == [-1.0, 1.0]


def test_with_many_seats_an_episode_ends_when_ones_own_is_out() -> None:
    env = GeneralsEnv(opponent="expander", seats=4, board=MapSpec.plain(6, 6, cities=0, mountains=0.0), max_turns=0)
    _, info = env.reset(seed=0)
    terminated, reward = False, 0.0
    while not terminated:
        assert info["turn"] < 2000
        _, reward, terminated, _, info = env.step(0)
    assert reward == -1.0
    assert env.step(0)[1] == 0.0


@pytest.mark.parametrize(("player", "opponent"), [("random", "expander"), ("expander", lambda seen: 0)])
def test_shaping_adds_nothing_to_an_episode_wherever_it_ends(player: str, opponent: Any) -> None:
    """At gamma 1 an episode's sum is outcome - phi(start): of 4 seats alike each has a share of 1/4, so phi is 0.2."""
    options: dict[str, Any] = {"seats": 4, "board": MapSpec.plain(6, 6, cities=0, mountains=0.0), "max_turns": 0}
    env = GeneralsEnv(opponent=opponent, shaping={"land": 0.3, "army": 0.3, "structures": 0.2}, **options)
    env.reset(seed=0)
    rewards, terminated, winner = [], False, -2
    while not terminated:
        _, reward, terminated, _, info = env.step(int(env.arena.batch.bot_actions(player)[0, 0]))
        rewards.append(reward)
        winner = info["winner"]
        assert info["turn"] < 2000
    assert winner == (0 if player == "expander" else -2), "beaten, it leaves a game that goes on"
    assert sum(rewards) == pytest.approx((1.0 if winner == 0 else -1.0) - 0.2, abs=1e-5)


def test_the_action_mask_is_what_the_rules_accept() -> None:
    env = GeneralsEnv(opponent="random", ruleset="competition", board="small")
    env.reset(seed=0)
    for _ in range(60):
        env.step(int(env.arena.batch.bot_actions(["expander", None])[0, 0]))
    game = env.arena.batch.game(0)
    legal = np.flatnonzero(env.action_masks())
    assert len(legal) > 10
    for action in range(int(env.action_space.n)):
        trial = game.copy()
        trial.step([decode(action, 8, 8), None])
        assert (trial.invalid == game.invalid) == (action in legal), decode(action, 8, 8)


def test_with_many_seats_owners_are_named() -> None:
    env = GeneralsEnv(opponent="expander", seats=5, seat=3, board="small")
    env.reset(seed=2)
    named: set[int] = set()
    terminated = False
    while not terminated:
        observation, _, terminated, _, info = env.step(int(env.arena.batch.bot_actions("expander")[0, 3]))
        owners = env.arena.batch.game(0).owners.astype(int)
        seen = (observation["flags"] & 1 == 1) & (owners >= 0)
        np.testing.assert_array_equal(observation["owner"], np.where(seen, 1 + (owners - 3) % 5, 0))
        named |= set(observation["owner"].ravel().tolist())
        assert info["turn"] < 2000
    assert observation in env.observation_space
    assert {0, 1} < named, "itself and some enemy came in sight"


def test_planes_are_the_observations_planes_and_its_numbers() -> None:
    compact, _ = GeneralsEnv(board="small").reset(seed=5)
    board, _ = GeneralsEnv(board="small", observation="planes").reset(seed=5)
    assert board.shape == (22, 8, 8)
    np.testing.assert_array_equal(board[:16], planes(compact["flags"], compact["army"]))
    numbers = board[16:, 0, 0]
    np.testing.assert_allclose(numbers, [0, 0, 1 / 64, 1 / 64, 1 / 6, 1 / 6], rtol=1e-6)
    assert (board[16:] == numbers[:, None, None]).all()


def test_changing_the_opponent() -> None:
    env = GeneralsEnv(opponent="random", board="small")
    env.reset(seed=0)
    env.set_opponent(lambda seen: encode((-1, -1, 0), 8, 8))
    assert env.step(0)[-1]["invalid"] == 1


@pytest.mark.parametrize("action", [3.7, "5", None, [1, 2], 2**70])
def test_what_is_no_action_is_refused(action: Any) -> None:
    env = GeneralsEnv(opponent="random", board="small")
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"actions are .*; accepted: integers"):
        env.step(action)
    env = GeneralsEnv(opponent=lambda seen: action, board="small")
    env.reset(seed=0)
    with pytest.raises(ValueError, match="policy of seat 1: "):
        env.step(0)
    assert env.arena.turn[0] == 0


def test_codes_beyond_32_bits_are_illegal_moves() -> None:
    env = GeneralsEnv(opponent=lambda seen: 0, board="small")
    env.reset(seed=0)
    legal = 0
    while not legal:
        _, _, _, _, info = env.step(0)
        legal = int(np.flatnonzero(info["action_mask"])[-1])
    observation, _, _, _, info = env.step(np.int64(2**32 + legal))
    assert info["invalid"] == 1
    assert observation["vector"][1] == 1, "no land was taken"


def test_text_shows_owners_armies_and_structures() -> None:
    env = GeneralsEnv(board=TINY, render_mode="ansi", opponent="random")
    env.reset(seed=1)
    drawn = env.render()
    text = re.sub("\x1b\\[[0-9;]*m", "", drawn).split("\n")
    assert text[0] == "turn 0"
    assert sorted(" ".join(text[1:]).split()) == ["."] * 14 + ["a1G", "b1G"]
    assert "\x1b[2;38;2;67;99;216mb1G" in drawn, "the enemy's general lies in fog, so it is dim"


def test_armies_of_any_size_are_drawn() -> None:
    env = GeneralsEnv(board=TINY, render_mode="rgb_array", opponent="random")
    env.reset(seed=1)
    pictures = set()
    for army in (999_999, 1_000_000, -1_000_000, 2_000_000, 2**29):
        env.arena.batch.view.army[0, 0, 0] = army
        pictures.add(env.render()[:24, :24].tobytes())
    assert len(pictures) == 4, "signs are left out"


def test_pixels_show_the_board() -> None:
    env = GeneralsEnv(board=TINY, render_mode="rgb_array", opponent="random")
    env.reset(seed=1)
    before = env.render()
    for _ in range(10):
        env.step(int(env.arena.batch.bot_actions(["expander", None])[0, 0]))
    after = env.render()
    assert before.shape == (96, 96, 3)
    assert before.dtype == np.uint8
    assert (after == np.array([214, 48, 49])).all(axis=-1).sum() > (before == np.array([214, 48, 49])).all(
        axis=-1
    ).sum()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opponent": "genius"}, 'bot "genius" is unknown; known: random, expander'),
        ({"opponent": 5}, "opponent 5 is not understood"),
        ({"opponent": ["random", "random"]}, "2 opponents are given; accepted: one, or one for each of 1 seats"),
        ({"seat": 2}, "seat is 2; accepted: 0 to 1"),
        ({"observation": "pixels"}, 'observation "pixels" is unknown; known: compact, planes'),
        ({"render_mode": "human"}, 'render_mode "human" is unknown; known: ansi, rgb_array'),
        ({"ruleset": "chess"}, 'ruleset "chess" is unknown'),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        GeneralsEnv(board="small", **{key: value for key, value in options.items() if key != "board"})
