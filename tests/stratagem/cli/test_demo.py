"""The command `stratagem demo`, on a tiny board for moments."""

import json
import signal

import pytest
from click.testing import CliRunner
from rich.console import Console

from engine.replay_files import read_replay
from learner import demo as schedule
from learner import live
from learner.snapshot import load_policy
from stratagem.cli.demo import demo, gentle_stop

ARGUMENTS = ("--board", "4x4", "--name", "small", "--minutes", "0.05")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A working directory, and a rating of few games."""
    monkeypatch.chdir(tmp_path)
    for name, pairs in (("HEADLINE_PAIRS", 3), ("TABLE_PAIRS", 2), ("RECORDED_GAMES", 1)):
        monkeypatch.setattr(schedule, name, pairs)
    monkeypatch.setattr(schedule, "turn_limit", lambda height, width: 12)
    return tmp_path / "runs" / "small"


def run(*arguments):
    return CliRunner().invoke(demo, [*ARGUMENTS, *arguments])


def test_a_demo_leaves_all_that_the_design_names(small):
    result = run("--seed", "5")
    assert result.exit_code == 0, result.output
    summary = json.loads((small / "summary.json").read_text())
    assert set(summary["win_rate"]) == {"random", "expander", "hunter", "first_snapshot"}
    for rate in summary["win_rate"].values():
        assert rate["games"] == 6
        assert 0 <= rate["low"] <= rate["mean"] <= rate["high"] <= 1
    assert (summary["seed"], summary["ruleset"], summary["board"]) == (5, "generalsio", "4x4")
    assert summary["seconds"] == 3.0
    assert summary["steps_per_second"] == pytest.approx(summary["env_steps"] / 3.0, rel=0.01)
    for name in ("learning_curve.png", "report.html", "metrics.jsonl", "policy.json", "policy.safetensors"):
        assert (small / name).stat().st_size > 0
    assert load_policy(small / "policy").about["seed"] == 5
    games = sorted((small / "games").glob("*.gior"))
    assert len(games) == 3
    assert (read_replay(games[0]).width, read_replay(games[0]).height) == (4, 4)
    assert "report.html" in result.output

    again = run("--seed", "5")
    assert again.exit_code == 0
    assert "is trained and rated" in again.output
    assert json.loads((small / "summary.json").read_text()) == summary


class Interrupting(live.QuietView):
    """A view under which Ctrl-C is pressed after two iterations."""

    def update(self, status):
        if status.iteration == 2:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_keeps_the_policy_and_the_same_command_goes_on(small, monkeypatch):
    monkeypatch.setattr(live, "choose_view", lambda title, quiet: Interrupting(Console()))
    stopped = run("--minutes", "60")
    assert stopped.exit_code == 130, stopped.output
    assert "Traceback" not in stopped.output
    assert load_policy(small / "policy").about["steps"] > 0
    noted = (small / "metrics.jsonl").read_text().splitlines()
    assert len(noted) == 2
    assert not (small / "summary.json").exists()

    monkeypatch.undo()
    monkeypatch.chdir(small.parents[1])
    for name, pairs in (("HEADLINE_PAIRS", 2), ("TABLE_PAIRS", 1), ("RECORDED_GAMES", 1)):
        monkeypatch.setattr(schedule, name, pairs)
    monkeypatch.setattr(schedule, "turn_limit", lambda height, width: 12)
    finished = run("--quiet", "--minutes", str(json.loads(noted[-1])["seconds"] / 60 + 0.1))
    assert finished.exit_code == 0, finished.output
    rows = [json.loads(line) for line in (small / "metrics.jsonl").read_text().splitlines()]
    assert [row["iteration"] for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) > 2
    assert (small / "summary.json").exists()


def test_a_second_ctrl_c_stops_at_once():
    before = signal.getsignal(signal.SIGINT)
    with gentle_stop() as stopped:
        signal.raise_signal(signal.SIGINT)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--board", "6"), 'board is "6"; accepted: HEIGHTxWIDTH'),
        (("--board", "3x9"), "sides of 4 to 40"),
        (("--board", "08x8"), 'board is "08x8"; accepted: HEIGHTxWIDTH'),
        (("--board", "٨x٨"), 'board is "٨x٨"; accepted: HEIGHTxWIDTH'),
        (("--name", "../up"), 'name is "../up"'),
        (("--size", "huge"), 'size is "huge"; known: tiny'),
        (("--minutes", "0"), "minutes"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(arguments, complaint):
    result = run(*arguments)
    assert result.exit_code == 2
    assert complaint in result.output
