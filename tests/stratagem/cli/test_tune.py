"""`stratagem tune`: it begins from a policy, learns, and goes on."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from learner import tuning
from learner.network import NetworkConfig, Policy
from learner.snapshot import load_policy, save_policy
from stratagem.cli import main


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("SELF_GAMES", "POOL_GAMES"):
        monkeypatch.setattr(tuning, name, 2)
    torch.manual_seed(1)
    save_policy(Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8)), tmp_path / "start", {})
    return tmp_path / "start"


def run(*arguments: object):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(main, ["tune", *map(str, arguments)])


def test_it_learns_from_where_the_policy_stood_and_goes_on(policy: Path) -> None:
    asked = (policy, "--board", "small", "--against", "hunter:2", "--against", "random:2", "--quiet")
    told = run(*asked, "--minutes", 0.03)
    assert told.exit_code == 0, told.output
    rows = [json.loads(line) for line in Path("runs/tune/metrics.jsonl").read_text().splitlines()]
    assert set(rows[-1]["win_rate"]) == {"pool", "hunter", "random"}
    first = sorted(Path("runs/tune/snapshots").glob("*.json"))[0].with_suffix("")
    begun, now = load_policy(first).policy, load_policy(Path("runs/tune/policy")).policy
    assert torch.equal(begun.value.weight, load_policy(policy).policy.value.weight)
    assert not torch.equal(now.value.weight, begun.value.weight)
    told = run(*asked, "--minutes", rows[-1]["seconds"] / 60 + 0.03)
    assert told.exit_code == 0, told.output
    assert len(Path("runs/tune/metrics.jsonl").read_text().splitlines()) > len(rows)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nowhere",), "nowhere"),
        (("{policy}", "--board", "moon"), 'map "moon" is unknown'),
        (("{policy}", "--against", "nobody:4"), '"nobody:4" is not accepted'),
        (("{policy}", "--against", "hunter"), '"hunter" is not accepted'),
    ],
)
def test_what_cannot_be_is_refused(policy: Path, arguments: tuple[str, ...], complaint: str) -> None:
    told = run(*(argument.format(policy=policy) for argument in arguments))
    assert told.exit_code == 2
    assert complaint in told.output
