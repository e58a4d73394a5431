"""Trainings in the cloud: executions of the training machine, and the SageMaker jobs that they start."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cloud.deployment import Deployment
from cloud.errors import CloudError
from store.connect import error_code
from store.names import MACHINE_OUTPUT
from store.policies import check_name

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
ON_DEMAND = "-on-demand"  # what the machine adds to the name of a job that Spot had no room for
LONGEST_NAME = 63 - len(ON_DEMAND)  # of a job; SageMaker takes 63 characters
UNDER_WAY = ("InProgress", "Stopping")  # SageMaker's words for a job that has not ended


def job_name(prefix: str, policy: str, now: time.struct_time) -> str:
    """The name of a training's job: SageMaker takes letters, digits and '-', and the time tells it from all others."""
    when = time.strftime("%Y%m%d-%H%M%S", now)
    what = re.sub(r"[^a-z0-9]+", "-", f"{prefix}-{policy}")[: LONGEST_NAME - len(when) - 1]
    return f"{what.strip('-')}-{when}"


@dataclass(frozen=True)
class Order:
    """What to train, on what, and how the result is judged."""

    policy: str
    instance: str
    run: str = ""  # whose checkpoints it goes on from; empty: the policy's own
    nodes: int = 1
    spot: bool = True
    fleet: int = 0  # actors that stand while it trains
    pairs: int = 400  # mirrored pairs against the champion
    hyperparameters: Mapping[str, str] = field(default_factory=dict)

    def input(self, job: str) -> dict[str, Any]:
        """The execution's input under a job's name."""
        return {
            "job": job,
            "run": self.run or self.policy,
            "policy": self.policy,
            "instance": self.instance,
            "nodes": self.nodes,
            "spot": self.spot,
            "fleet": self.fleet,
            "pairs": self.pairs,
            "hyperparameters": {"policy": self.policy, **self.hyperparameters},
        }


@dataclass(frozen=True)
class JobState:
    """How a training stands."""

    job: str
    execution: str  # RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED
    training: str  # SageMaker's word for what the job does, or why it failed; empty before it was started
    metrics: dict[str, float]  # the latest


class Jobs:
    """The trainings of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.machine = deployment.outputs()[MACHINE_OUTPUT]
        self._states = deployment.client("stepfunctions")
        self._sagemaker = deployment.client("sagemaker")

    def start(self, order: Order) -> str:
        """Start a training; its job's name. Raises InvalidError for a policy's name that is not accepted."""
        job = job_name(self.deployment.prefix, check_name(order.policy), time.gmtime())
        self._states.start_execution(stateMachineArn=self.machine, name=job, input=json.dumps(order.input(job)))
        return job

    def latest(self) -> str:
        """The job that was started last. Raises CloudError where there is none."""
        found = self._states.list_executions(stateMachineArn=self.machine, maxResults=1)["executions"]
        if not found:
            raise CloudError("nothing was trained yet: start with `stratagem cloud train`")
        name: str = found[0]["name"]
        return name

    def status(self, job: str) -> JobState:
        """How a training stands."""
        execution = self._execution(job)
        told = self._job(job + ON_DEMAND) or self._job(job) or {}
        metrics = {one["MetricName"]: one["Value"] for one in told.get("FinalMetricDataList", ())}
        training = told.get("FailureReason") or told.get("SecondaryStatus") or told.get("TrainingJobStatus", "")
        return JobState(job, execution["status"], training, metrics)

    def stop(self, job: str) -> None:
        """Stop a training's job, which saves its checkpoint; the machine then lets the fleet go and tells how it ended.

        An execution that is stopped itself takes no further step. Raises CloudError where no job is under way.
        """
        execution = self._execution(job)
        for name in (job + ON_DEMAND, job):
            told = self._job(name)
            if told and told["TrainingJobStatus"] in UNDER_WAY:
                if told["TrainingJobStatus"] != "Stopping":
                    self._sagemaker.stop_training_job(TrainingJobName=name)
                return
        raise CloudError(f"{job} does not train now, its execution is {execution['status']}: there is no job to stop")

    def logs(self, job: str) -> Iterator[str]:
        """The lines that a job has logged, of all its hosts, the oldest first."""
        client = self.deployment.client("logs")
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=LOG_GROUP, logStreamNamePrefix=job)
        try:
            for page in pages:
                for event in page["events"]:
                    yield event["message"]
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise

    def _execution(self, job: str) -> dict[str, Any]:
        arn = self.machine.replace(":stateMachine:", ":execution:") + f":{job}"
        try:
            told: dict[str, Any] = self._states.describe_execution(executionArn=arn)
        except ClientError as error:
            if error_code(error) != "ExecutionDoesNotExist":
                raise
            raise CloudError(f'training "{job}" is unknown; the last one is {self.latest()}') from None
        return told

    def _job(self, name: str) -> dict[str, Any] | None:
        try:
            told: dict[str, Any] = self._sagemaker.describe_training_job(TrainingJobName=name)
        except ClientError as error:
            if error_code(error) in ("ValidationException", "ResourceNotFound"):
                return None
            raise
        return told
