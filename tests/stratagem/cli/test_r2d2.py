"""The command `stratagem r2d2`, on a tiny board for moments."""

import json

import pytest
from click.testing import CliRunner

from learner import r2d2_run as schedule
from learner.r2d2 import Settings
from learner.snapshot import load_q_network
from stratagem.cli.r2d2 import r2d2

SMALL = ("--set", "turns=4", "--set", "burn_in=2", "--set", "steps=2", "--set", "batch=8", "--set", "warm_up=16")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A working directory, short games and a rating of few."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(schedule.Run.rate, "__defaults__", (("random",), 2))
    monkeypatch.setattr(schedule, "turn_limit", lambda height, width: 12)
    return tmp_path / "runs" / "small"


def run(*arguments):
    return CliRunner().invoke(r2d2, ["--board", "4x4", "--name", "small", "--minutes", "0.03", *arguments])


def test_a_run_leaves_a_network_and_a_summary_and_the_next_one_moves_it_aside(small):
    result = run(*SMALL, "--seed", "5")
    assert result.exit_code == 0, result.output
    assert "of 4 games against random" in result.output
    summary = json.loads((small / "summary.json").read_text())
    assert (summary["seed"], summary["board"], summary["settings"]["turns"]) == (5, "4x4", 4)
    assert load_q_network(small / "policy").about["seed"] == 5
    assert "small.1" in run(*SMALL, "--quiet").output
    assert (small.with_name("small.1") / "summary.json").exists()


def test_the_settings_are_listed_with_what_they_are():
    result = run("--settings")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert len(lines) == len(Settings.__dataclass_fields__)
    assert any(line.startswith("burn_in=4 ") and "memory" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--set", "depth=3"), 'setting "depth" is unknown'),
        (("--set", "batch=many"), 'setting batch is "many"; accepted: int'),
        (("--set", "double=1"), 'setting double is "1"; accepted: bool'),
        (("--set", "gamma=2"), "gamma is 2.0"),
        (("--name", "../x"), 'name is "../x"'),
        (("--size", "huge"), 'size is "huge"'),
    ],
)
def test_what_cannot_be_is_refused_by_name(small, arguments, complaint):
    result = run(*arguments)
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.replace("│", " ").split())
