"""A run: what it leaves, how it stops and goes on."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import RULESETS
from learner.network_config import NetworkConfig
from learner.pool import Pool
from learner.ppo import Settings, next_rate
from learner.snapshot import SnapshotError, load_policy
from learner.training import Plan, Training, open_run

PLAN = Plan(
    gains=False,
    name="test",
    seed=1,
    ruleset=RULESETS["generalsio"].vary(turn_limit=10),
    board=MapSpec.plain(4, 4, mountains=0.0, cities=0),
    network=NetworkConfig(channels=8, blocks=1, memory=4, hidden=8),
    settings=Settings(turns=8, epochs=1, minibatches=2),
    shaping=Shaping(),
    defeat=-1.0,
    seconds=1e6,
    self_games=2,
    pool_games=2,
    bot_games={"expander": 2},
    snapshot_seconds=0.0,
)


class Watcher:
    """A view that keeps what it was shown and wants to stop after so many iterations."""

    def __init__(self, iterations):
        self.left, self.shown, self.said = iterations, [], []

    def say(self, text):
        self.said.append(text)

    def update(self, status):
        self.shown.append(status)
        self.left -= 1

    def close(self):
        pass

    def stopped(self):
        return self.left <= 0


def train(folder, iterations, plan=PLAN):
    training, watcher = Training(plan, folder), Watcher(iterations)
    training.run(watcher, watcher.stopped)
    return training, watcher


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_a_policy_its_pool_metrics_and_events(tmp_path):
    training, watcher = train(tmp_path, 3)
    assert [row["iteration"] for row in lines(tmp_path)] == [1, 2, 3]
    assert training.counters.env_steps == 3 * 8 * 6
    assert training.counters.decisions == 3 * 8 * 8
    saved = load_policy(tmp_path / "policy").policy.state_dict()
    for name, tensor in training.policy.state_dict().items():
        torch.testing.assert_close(saved[name], tensor, rtol=0, atol=0)
    assert [member.steps for member in Pool(tmp_path / "snapshots").members] == [0, 48, 96, 144]
    assert any((tmp_path / "tensorboard").iterdir())
    last = watcher.shown[-1]
    assert set(last.win_rates) == {"expander", "pool"}
    assert set(last.shares) == {"act", "opponents", "engine", "learn", "notes"}
    assert sum(last.shares.values()) == pytest.approx(1.0)


def test_learning_changes_the_policy(tmp_path):
    training, _ = train(tmp_path, 2)
    first = training.pool.members[0].policy.state_dict()
    assert any(not torch.equal(first[name], tensor) for name, tensor in training.policy.state_dict().items())


def test_a_run_goes_on_from_weights_optimizer_and_counters(tmp_path):
    before, _ = train(tmp_path, 3)
    after = Training(PLAN, tmp_path)
    assert after.counters.iterations == 3
    assert after.counters.seconds == before.counters.seconds
    assert after.counters.sittings == 2
    assert after.ppo.rate == before.ppo.rate
    found, expected = after.ppo.tensors(), before.ppo.tensors()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)
    watcher = Watcher(2)
    after.run(watcher, watcher.stopped)
    assert [row["iteration"] for row in lines(tmp_path)] == [1, 2, 3, 4, 5]


def test_what_was_noted_after_the_checkpoint_is_dropped(tmp_path):
    train(tmp_path, 2)
    kept = (tmp_path / "checkpoint.safetensors").read_bytes()
    train(tmp_path, 2)
    (tmp_path / "checkpoint.safetensors").write_bytes(kept)
    resumed = Training(PLAN, tmp_path)
    assert len(lines(tmp_path)) == 2
    assert [member.steps for member in resumed.pool.members] == [0, 48, 96]


def test_a_run_ends_when_its_time_is_used_up_and_not_later(tmp_path):
    plan = replace(PLAN, seconds=1.0)
    training, _ = train(tmp_path, 10**9, plan)
    assert training.finished
    ends = [0.0, *(line["seconds"] for line in lines(tmp_path))]
    longest = max(end - begin for begin, end in pairwise(ends))
    assert ends[-1] <= plan.seconds + longest  # a busy machine may stretch the last one
    assert not Training(replace(plan, seconds=2.0), tmp_path).finished


def test_another_plan_moves_the_old_run_aside(tmp_path):
    folder = tmp_path / "demo"
    train(folder, 1)
    watcher = Watcher(0)
    other = open_run(replace(PLAN, seed=2), folder, False, watcher)
    assert other.counters.iterations == 0
    assert load_policy(tmp_path / "demo.1" / "policy").about["seed"] == 1
    assert "is of a run with other settings" in watcher.said[0]
    assert "demo.1" in watcher.said[1]


@pytest.mark.parametrize("fresh", [False, True])
def test_the_same_plan_goes_on_unless_it_should_be_fresh(tmp_path, fresh):
    train(tmp_path / "demo", 1)
    training = open_run(PLAN, tmp_path / "demo", fresh, Watcher(0))
    assert training.counters.iterations == (0 if fresh else 1)


def test_a_damaged_checkpoint_is_refused_by_name(tmp_path):
    train(tmp_path, 1)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"junk")
    with pytest.raises(SnapshotError, match=r"checkpoint\.safetensors"):
        Training(PLAN, tmp_path)


def test_the_rate_follows_the_divergence():
    assert next_rate(1e-3, divergence=0.05, wanted=0.01) < 1e-3
    assert next_rate(1e-3, divergence=0.001, wanted=0.01) > 1e-3
    assert next_rate(1e-3, divergence=0.01, wanted=0.01) == 1e-3
    assert next_rate(1e-5, divergence=1.0, wanted=0.01) == 1e-5
