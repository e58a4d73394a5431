"""The judge as the training machine starts it: it tells that it lives, then what it found or why it could not."""

import json
from typing import Any

import pytest

from learner.judge import main
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.published import to_published
from store.connect import Connection
from store.policies import Policies

FACTS = {"board": [4, 4], "ruleset": "generalsio", "turn_limit": 10}


class States:
    """Takes what Step Functions is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda **arguments: self.told.append((name, arguments))


def variables(connection: Connection, **more: str) -> dict[str, str]:
    return {**connection.names.environment(), "JUDGE_POLICY": "p", "JUDGE_PAIRS": "6", **more}


@pytest.fixture
def two_versions(connection: Connection) -> Connection:
    policies = Policies(connection)
    for _ in range(2):
        policies.publish("p", *to_published(Policy(NetworkConfig()), FACTS))
    policies.set_alias("p", "champion", 1)
    return connection


def test_it_lives_until_it_has_found_something(
    two_versions: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("learner.judge.PART", 4)
    states = States()
    assert main(variables(two_versions, JUDGE_TOKEN="t"), states) == 0
    assert [name for name, _ in states.told] == ["send_task_heartbeat", "send_task_heartbeat", "send_task_success"]
    assert {told["taskToken"] for _, told in states.told} == {"t"}
    verdict = json.loads(states.told[-1][1]["output"])
    assert (verdict["version"], verdict["champion"], verdict["games"]) == (2, 1, 12)
    assert json.loads(capsys.readouterr().out) == verdict


def test_without_a_token_it_only_prints(two_versions: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    states = States()
    assert main(variables(two_versions), states) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 2
    assert not states.told


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"JUDGE_POLICY": "nobody"}, 'policy "nobody" is unknown'),
        ({"JUDGE_POLICY": ""}, "JUDGE_POLICY is not set"),
        ({"JUDGE_PAIRS": "many"}, 'JUDGE_PAIRS is "many"; accepted: a whole number above 0'),
        ({"JUDGE_PAIRS": "0"}, 'JUDGE_PAIRS is "0"; accepted: a whole number above 0'),
    ],
)
def test_why_it_could_not_is_told(
    two_versions: Connection, capsys: pytest.CaptureFixture[str], changes: dict[str, str], cause: str
) -> None:
    states = States()
    assert main(variables(two_versions, JUDGE_TOKEN="t", **changes), states) == 1
    (name, told), *others = states.told
    assert (name, others) == ("send_task_failure", [])
    assert cause in told["cause"]
    assert cause in capsys.readouterr().err
