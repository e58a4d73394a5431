"""`GeneralsEnv(transport="grpc")`: what it hands out is what the game's record says, and its experience arrives."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from tests.services.game_server import local_server
from tests.services.replay_service import replay_service

from actors.fragment import Replayer
from actors.recorded import TURNS, actions_of, fragments_of
from actors.remote_arena import RemoteArena
from engine import Game
from engine.envs.generals_env import GeneralsEnv
from engine.map_specs import MapSpec
from engine.rewards import Shaping
from services.replay_server import default_tables
from services.settings import R2D2_TABLE

BOARD = MapSpec.plain(5, 5, mountains=0.1, cities=1)


def make(server: str, **options: Any) -> GeneralsEnv:
    connection = {"server": server, **options.pop("connection", {})}
    return GeneralsEnv(transport="grpc", connection=connection, **{"board": BOARD, "opponent": "random", **options})


def play(env: GeneralsEnv, seed: int) -> tuple[list[Any], list[float], bool, bool, dict[str, Any]]:
    """A game of random legal moves: observations, rewards and its end."""
    chance = np.random.default_rng(seed)
    observation, info = env.reset(seed=seed)
    seen, rewards = [observation], []
    while True:
        legal = np.flatnonzero(info["action_mask"])
        observation, reward, terminated, truncated, info = env.step(int(chance.choice(legal)))
        seen.append(observation)
        rewards.append(reward)
        if terminated or truncated:
            return seen, rewards, terminated, truncated, info


@pytest.mark.parametrize("seat", [0, 1])
def test_it_shows_what_the_record_of_the_game_shows(tmp_path: Path, seat: int) -> None:
    with local_server(tmp_path) as (server, client):
        env = make(server.address, seat=seat, max_turns=150)
        seen, rewards, terminated, truncated, info = play(env, 3)
        record = client.replay(env.arena._place.game_id)
        env.close()
    actions = actions_of(record)
    assert len(seen) == len(actions) + 1 == record.turns + 1 == info["turn"] + 1
    game = Game(record.ruleset, record.layout)
    for turn, observation in enumerate(seen):
        for name, array in env.arena.form.encode(game.observe(seat)).items():
            assert np.array_equal(observation[name], array), (turn, name)
            assert observation[name].dtype == array.dtype
        if turn < len(actions):
            game.step_actions(actions[turn])
    assert (terminated, truncated) == (record.winner != -1, record.winner == -1)
    assert rewards[:-1] == [0.0] * (len(rewards) - 1)
    assert rewards[-1] == (0.0 if truncated else 1.0 if record.winner == seat else -1.0)
    assert info["winner"] == (-2 if truncated else record.winner)
    assert info["invalid"] == 0


@pytest.mark.parametrize("limit", [20, 400])
def test_rewards_and_ends_are_those_of_a_local_game(tmp_path: Path, limit: int) -> None:
    """The same game, played again locally by the record's actions; the shorter one is cut."""
    shaping = Shaping(land=0.3, army=0.2, structures=0.0, gamma=0.99)
    with local_server(tmp_path) as (server, client):
        env = make(server.address, max_turns=limit, shaping=shaping, opponent="expander")
        fragments: list[Any] = []
        env.arena.reporter = SimpleNamespace(send=fragments.append, stop=lambda: None)
        seen, rewards, terminated, truncated, info = play(env, 5)
        record = client.replay(env.arena._place.game_id)
        env.close()
    mine, other = actions_of(record).T.tolist()
    local = GeneralsEnv(board=BOARD, max_turns=limit, shaping=shaping, opponent=lambda _: other[local.arena.turn[0]])
    local.reset()
    local.arena.batch.restore(0, Game("generalsio", record.layout).row)
    steps = [local.step(code) for code in mine]
    assert rewards == pytest.approx([step[1] for step in steps], abs=1e-6)
    assert steps[-1][2:4] == (terminated, truncated) == (limit == 400, limit == 20)
    for name in ("turn", "winner", "invalid"):
        assert steps[-1][4][name] == info[name]
    for name, array in steps[-1][0].items():
        assert np.array_equal(seen[-1][name], array)
    told = [Replayer().replay(fragment) for fragment in fragments]
    assert rewards == pytest.approx(np.concatenate([part.rewards[:, 0, 0] for part in told])[: len(rewards)], abs=1e-6)
    assert (told[-1].terminated.any(), told[-1].truncated.any()) == (terminated, truncated)


def test_its_experience_arrives_and_is_what_was_seen(tmp_path: Path) -> None:
    tables = default_tables()
    with local_server(tmp_path) as (server, client), replay_service(tables) as replay:
        env = make(server.address, max_turns=50, connection={"replay": replay})
        games = []
        for seed in range(2):
            seen, *_ = play(env, seed)
            games.append((client.replay(env.arena._place.game_id), seen))
        env.close()
    table = next(table for table in tables if table.name == R2D2_TABLE)
    assert len(table) == sum(-(-len(actions_of(record)) // TURNS) for record, _ in games)
    for record, seen in games:
        turn = 0
        for fragment in fragments_of(record, (0,), "x"):
            replayed = Replayer().replay(fragment)
            for t in range(int(replayed.valid.sum())):
                assert np.array_equal(replayed.words[t, 0, 0] & 255, seen[turn]["flags"])
                assert np.array_equal(replayed.vector[t, 0, 0], seen[turn]["vector"])
                turn += 1
        assert turn == len(seen) - 1


def test_gymnasiums_checker_finds_nothing(tmp_path: Path) -> None:
    with local_server(tmp_path) as (server, _):
        options = {"connection": {"server": server.address}, "board": BOARD, "opponent": "random"}
        env = gymnasium.make("stratagem:Generals-v0", transport="grpc", **options)
        check_env(env.unwrapped, skip_render_check=True)
        env.close()


def test_a_reset_gives_the_game_under_way_up(tmp_path: Path) -> None:
    with local_server(tmp_path) as (server, client):
        env = make(server.address)
        env.reset(seed=1)
        first = env.arena._place.game_id
        env.reset()
        assert client.replay(first).winner == 1
        env.close()


def test_a_code_of_no_action_is_a_pass_and_what_is_no_code_is_refused(tmp_path: Path) -> None:
    with local_server(tmp_path) as (server, _):
        env = make(server.address)
        env.reset(seed=1)
        for number, code in enumerate((9999, -1, 2**32), start=1):
            *_, info = env.step(code)
            assert (info["turn"], info["invalid"]) == (number, number)
        with pytest.raises(ValueError, match="actions are float64"):
            env.step(0.5)
        env.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transport": "http"}, 'transport "http" is unknown; known: local, grpc'),
        ({"transport": "local", "connection": {"server": "x:1"}}, 'accepted with transport "grpc" alone'),
        ({"board": "site"}, 'board "site" is refused; accepted over grpc: MapSpec.plain'),
        ({"render_mode": "ansi"}, 'render_mode is "ansi"; accepted over grpc: None'),
        ({"opponent": None}, "opponent None is refused"),
        ({"opponent": ["random", "random"]}, "2 opponents are given; accepted: one, or one for each of 1 seats"),
        ({"memory": False}, "memory is False; accepted over grpc: True"),
        ({"shaping": {"structures": 0.2}}, "shaping's structures is 0.2; accepted over grpc: 0"),
        ({"seat": 2}, "seat is 2; accepted: 0 to 1"),
    ],
)
def test_what_a_server_does_not_play_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeneralsEnv(**{"transport": "grpc", "board": BOARD, "opponent": "random", **options})


def test_open_seats_wait_for_somebody() -> None:
    env = GeneralsEnv(transport="grpc", board=MapSpec.plain(8, 8), seats=3, opponent=["open", "hunter"], seat=1)
    assert isinstance(env.arena, RemoteArena)
    assert env.arena._seats == ["", "", "bot:hunter"]
    env.close()
