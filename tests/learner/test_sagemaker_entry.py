"""A training job in a folder laid out as SageMaker lays out /opt/ml, with the store on a local server."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from cdk.stacks.machine import metric_definitions

from learner import sagemaker_entry
from learner.judge import judge
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.sagemaker_entry import FAILED, RequestError, main, read_request
from learner.snapshot import load_policy, save_policy
from learner.training import Training
from store.connect import Connection
from store.policies import Policies

JOB = {"policy": "job", "seed": "3", "seconds": "3", "board": "4x4", "size": "tiny", "device": "cpu"}


def lay_out(root: Path, hyperparameters: dict[str, str], host: str = "algo-1", hosts: int = 1) -> Path:
    config = root / "input/config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    told = {"current_host": host, "hosts": [f"algo-{n}" for n in range(1, hosts + 1)]}
    (config / "resourceconfig.json").write_text(json.dumps(told))
    return root


def in_environment(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in connection.names.environment().items():
        monkeypatch.setenv(name, value)


def test_a_job_trains_tells_its_metrics_and_publishes(
    tmp_path: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_environment(connection, monkeypatch)
    root = lay_out(tmp_path, JOB)
    assert main(root) == 0
    out = capsys.readouterr().out
    found = {row["Name"]: re.findall(row["Regex"], out) for row in metric_definitions()}
    for name in ("env_steps", "steps_per_second", "policy_loss", "value_loss", "entropy"):
        assert found[f"stratagem:{name}"], name
    assert (root / "checkpoints/algo-1/checkpoint.safetensors").exists()
    assert not (root / "output/failure").exists()
    steps = load_policy(root / "model/policy").about["steps"]
    policies = Policies(connection)
    version = policies.resolve("job")
    assert (version.version, version.about["steps"], version.about["board"]) == (1, steps, [4, 4])
    assert policies.weights(version) == (root / "model/policy.safetensors").read_bytes()

    # SageMaker starts a job anew that died after its end: the same version, not another one.
    assert main(root) == 0
    assert policies.resolve("job").version == 1

    # A second job begins with the first one's policy, on a host of its own.
    other = lay_out(tmp_path / "second", {**JOB, "seconds": "0.5", "parent": "1"}, "algo-2", 2)
    assert main(other) == 0
    assert policies.resolve("job").parent == 1
    assert (other / "model/algo-2/policy.json").exists()

    assert judge(policies, "job", 10).champion == 0
    policies.set_alias("job", "champion", 1)
    seen = []
    monkeypatch.setattr("learner.judge.PART", 4)
    verdict = judge(policies, "job", 6, lambda: seen.append(1))
    assert (verdict.version, verdict.champion, verdict.games, len(seen)) == (2, 1, 12, 2)
    assert verdict.score_low <= verdict.score <= verdict.score_high
    assert verdict.better == (verdict.score_low > 0.5)


def test_a_stopped_job_keeps_what_it_learned_and_goes_on(
    tmp_path: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = lay_out(tmp_path, {**JOB, "seconds": "1000"})
    command = [sys.executable, "-m", "learner.sagemaker_entry", "train", str(root)]
    environment = {**os.environ, "PYTHONPATH": "src", **connection.names.environment()}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        watchdog = threading.Timer(300, process.kill)
        watchdog.start()
        assert process.stdout is not None
        lines = iter(process.stdout)
        while "env_steps=" not in (line := next(lines)):
            pass
        process.send_signal(signal.SIGTERM)
        rest = "".join(lines)
        assert process.wait() == 0
        watchdog.cancel()
    assert "the checkpoint is saved" in rest
    assert not (root / "output/failure").exists()
    assert not (root / "model").exists()
    before = int(float(re.findall(r"env_steps=(\S+)", line)[0]))

    in_environment(connection, monkeypatch)
    policy = load_policy(root / "checkpoints/algo-1/policy")
    assert policy.about["steps"] >= before
    lay_out(root, {**JOB, "seconds": str(policy.about["seconds"] + 0.5)})
    assert main(root) == 0
    assert load_policy(root / "model/policy").about["steps"] > policy.about["steps"]


def test_a_job_taken_away_before_it_learned_still_begins_with_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = lay_out(tmp_path, JOB)
    parent = Policy(NetworkConfig.of("tiny", halves=False))
    save_policy(parent, root / "input/data/policy/policy", {})
    begun: list[bool] = []

    def taken_away(training: Training) -> None:
        weights = zip(training.policy.state_dict().values(), parent.state_dict().values(), strict=True)
        begun.append(all(torch.equal(mine, theirs) for mine, theirs in weights))
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "prepare", taken_away)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            sagemaker_entry.train(root)
    assert begun == [True, True]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"speed": "1"}, 'hyperparameter "speed" is unknown; known: policy, seed'),
        ({"seed": "one"}, 'hyperparameter seed is "one"; accepted: int'),
        ({"board": "2x2"}, 'hyperparameter board is "2x2"; accepted: HEIGHTxWIDTH'),
        ({"board": "²x5"}, 'hyperparameter board is "²x5"; accepted: HEIGHTxWIDTH'),
        ({"board": "06x6"}, 'hyperparameter board is "06x6"; accepted: HEIGHTxWIDTH'),
        ({"seconds": "-1"}, "hyperparameter seconds is -1.0; accepted: more than 0"),
    ],
)
def test_settings_that_are_wrong_are_named(settings: dict[str, str], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        read_request(settings)


def test_a_failure_is_written_where_sagemaker_reads_it(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {**JOB, "seed": "one"})
    assert main(root) == FAILED
    assert (root / "output/failure").read_text() == 'RequestError: hyperparameter seed is "one"; accepted: int'


def test_a_training_that_hangs_tells_no_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sagemaker_entry, "PROGRESS_SECONDS", 0.01)
    view, ended = sagemaker_entry.MetricLines(), threading.Event()
    view.env_steps = 50
    turns = iter([False, False, True])

    def wait(seconds: float) -> bool:
        view.env_steps = 80 if seconds else 0
        return next(turns)

    monkeypatch.setattr(ended, "wait", wait)
    sagemaker_entry.tell_progress(view, ended)
    assert capsys.readouterr().out == "progress=30\nprogress=0\n"
