"""Settings of the command line: what the app would not take is refused before anything is made."""

import pytest
from click.testing import CliRunner

from cloud import doctor
from stratagem.cli import cloud as face


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("budget=7", '--set: setting "budget" is unknown; known: budget_dollars'),
        ("prefix=foo", '--set: setting "prefix" is the profile\'s own'),
        ("log_days=8", "--set: log_days is 8; accepted: 1, 3"),
        ("tag=v1", '"tag" is an option of its own; accepted: --tag'),
        ("profile=small", '"profile" is an option of its own; accepted: --profile'),
        ("email", '"email" is not accepted; accepted: NAME=VALUE'),
    ],
)
@pytest.mark.parametrize("where", [["--local"], []])
def test_what_is_not_accepted_is_refused_at_once(
    setting: str, told: str, where: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "_cdk", lambda *_: pytest.fail("the CDK was asked"))
    monkeypatch.setattr(face, "_deploy_here", lambda *_: pytest.fail("a stand-in was started"))
    done = CliRunner().invoke(face.cloud, ["deploy", *where, "--set", setting])
    assert done.exit_code == 2
    assert told in done.output


def test_the_doctor_looks_for_the_constructs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name == "aws_cdk" else object())
    found = doctor._constructs()
    assert not found.good
    assert "aws_cdk" in found.told
    assert "requirements/cdk.txt" in found.mend
