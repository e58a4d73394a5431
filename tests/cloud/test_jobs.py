"""Trainings as the command line starts and stops them: names that AWS takes, and ends that let the fleet go."""

import re
import time
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner

from cloud.errors import CloudError
from cloud.jobs import ON_DEMAND, Jobs, job_name
from store.names import MACHINE_OUTPUT
from stratagem.cli.cloud import cloud

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:stratagem-training"
SAGEMAKER_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@pytest.mark.parametrize("policy", ["a", "first", "big.net_v2", "x..__", "p" * 64, "a_" * 32, "ab.c" * 16])
@pytest.mark.parametrize("prefix", ["stratagem", "stratagem-dev"])
def test_a_job_has_a_name_that_sagemaker_takes_and_no_other_training_has(prefix: str, policy: str) -> None:
    first, second = (job_name(prefix, policy, time.gmtime(seconds)) for seconds in (1_790_000_000, 1_790_000_001))
    for name in (first, second, first + ON_DEMAND):
        assert SAGEMAKER_NAME.fullmatch(name)
        assert len(name) <= 63
    assert first != second
    assert first.startswith(f"{prefix}-{policy[0]}")


class Stubbed:
    """A deployment whose Step Functions and SageMaker answer what a test says."""

    prefix = "stratagem"

    def __init__(self) -> None:
        session = boto3.session.Session("local", "local", region_name="us-east-1")
        self.clients = {name: session.client(name) for name in ("stepfunctions", "sagemaker")}
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()
        self.stubs["stepfunctions"].add_response(
            "describe_execution",
            {"executionArn": MACHINE, "stateMachineArn": MACHINE, "status": "RUNNING", "startDate": 0},
            {"executionArn": MACHINE.replace(":stateMachine:", ":execution:") + ":job"},
        )

    def outputs(self) -> dict[str, str]:
        return {MACHINE_OUTPUT: MACHINE}

    def client(self, service: str) -> Any:
        return self.clients[service]

    def job(self, name: str, status: str | None) -> None:
        """The next question for a job is answered so; None: there is none."""
        if status is None:
            self.stubs["sagemaker"].add_client_error("describe_training_job", "ValidationException")
            return
        told = {
            "TrainingJobName": name,
            "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
            "ModelArtifacts": {"S3ModelArtifacts": "s3://models"},
            "TrainingJobStatus": status,
            "SecondaryStatus": "Training",
            "ResourceConfig": {"VolumeSizeInGB": 1},
            "StoppingCondition": {},
            "AlgorithmSpecification": {"TrainingInputMode": "File"},
            "CreationTime": 0,
        }
        self.stubs["sagemaker"].add_response("describe_training_job", told, {"TrainingJobName": name})


@pytest.mark.parametrize(
    ("on_demand", "spot", "stopped"),
    [(None, "InProgress", "job"), ("InProgress", "Stopped", "job-on-demand"), ("Stopping", "Failed", "")],
)
def test_a_stop_is_of_the_job_that_is_under_way(on_demand: str | None, spot: str, stopped: str) -> None:
    """No other request is answered: the execution itself goes on."""
    deployment = Stubbed()
    deployment.job("job-on-demand", on_demand)
    if on_demand is None:
        deployment.job("job", spot)
    if stopped:
        deployment.stubs["sagemaker"].add_response("stop_training_job", {}, {"TrainingJobName": stopped})
    Jobs(deployment).stop("job")  # type: ignore[arg-type]
    for stub in deployment.stubs.values():
        stub.assert_no_pending_responses()


def test_where_no_job_is_under_way_that_is_said() -> None:
    deployment = Stubbed()
    deployment.job("job-on-demand", None)
    deployment.job("job", "Completed")
    with pytest.raises(CloudError, match="job does not train now, its execution is RUNNING: there is no job to stop"):
        Jobs(deployment).stop("job")  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", [3, -1])
def test_a_fleet_larger_than_the_profile_s_most_is_refused_at_once(wanted: int) -> None:
    told = CliRunner().invoke(cloud, ["train", "p", f"--fleet={wanted}"])
    assert told.exit_code == 2
    assert f"{wanted} is not accepted; accepted: 0 to 2, the most of profile dev" in told.output
