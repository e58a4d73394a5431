"""Servers that ask for a token and prove themselves by TLS: whoever has the environment's settings is let in."""

from pathlib import Path

import grpc
import pytest
from tests.services.certificate import make_certificate
from tests.services.game_server import local_server
from tests.services.replay_service import fragments, replay_service

from actors.reporter import Reporter, ReportError
from engine.envs.generals_env import GeneralsEnv
from engine.map_specs import MapSpec
from learner.experience import ExperienceClient
from services.replay_server import PPO_TABLE, default_tables
from services.settings import R2D2_TABLE, Settings


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of servers; the environment has what their clients need."""
    tls = make_certificate(tmp_path)
    monkeypatch.setenv("STRATAGEM_TOKEN", "sesame")
    monkeypatch.setenv("STRATAGEM_TLS_AUTHORITY", tls["tls_authority"])
    return Settings(listen="localhost:0", token="sesame", **tls)


def test_an_actors_experience_reaches_the_learner(guarded: Settings) -> None:
    with replay_service(default_tables(), guarded) as address:
        reporter = Reporter(address, PPO_TABLE)
        for fragment in fragments(2):
            reporter.send(fragment, timeout=20)
        learner = ExperienceClient(address, PPO_TABLE, 2, memory=1)
        assert learner.sample().policy_versions.tolist() == [0, 1]
        assert reporter.stop(timeout=20) == 0
        learner.close()


def test_an_environment_plays_and_reports(guarded: Settings, tmp_path: Path) -> None:
    tables = default_tables()
    with local_server(tmp_path / "games", settings=guarded) as (server, _), replay_service(tables, guarded) as replay:
        connection = {"server": server.address, "replay": replay}
        board = MapSpec.plain(5, 5)
        env = GeneralsEnv(transport="grpc", connection=connection, board=board, opponent="random", max_turns=2)
        env.reset(seed=1)
        env.step(0)
        assert env.step(0)[3]
        env.close()
    assert len(next(table for table in tables if table.name == R2D2_TABLE)) == 1


def test_a_stranger_is_not_let_in(guarded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRATAGEM_TOKEN")
    with replay_service(default_tables(), guarded) as address:
        reporter = Reporter(address, PPO_TABLE, waiting=1)
        first, second = fragments(2)
        reporter.send(first, timeout=20)
        with pytest.raises(ReportError, match="UNAUTHENTICATED"):
            reporter.send(second, timeout=20)
        reporter.stop()
        learner = ExperienceClient(address, PPO_TABLE, 1, memory=1)
        with pytest.raises(grpc.RpcError, match="UNAUTHENTICATED"):
            learner.sample()
        learner.close()
