"""The training machine: every branch is walked, and what it asks of AWS at each state is looked at."""

import json
import re
import time
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from cdk.stacks.machine import Places, machine, metric_definitions
from tests.cdk.asl import TaskError, Walk, as_service_names, check, walk
from tests.cdk.conftest import Synthesized

from cloud.jobs import job_name
from store.names import TRAINING_METRICS

PLACES = Places(
    region="us-east-1",
    partition="aws",
    image="123456789012.dkr.ecr.us-east-1.amazonaws.com/stratagem/learner:latest",
    training_role="arn:aws:iam::123456789012:role/job",
    subnets=["subnet-1", "subnet-2"],
    learner_group="sg-1",
    models_bucket="models",
    environment={"STRATAGEM_PREFIX": "stratagem"},
    volume=50,
    hours=24,
    cluster="cluster",
    fleet="actors",
    fleet_most=16,
    judge_task="arn:aws:ecs:us-east-1:123456789012:task-definition/judge:1",
    actor_group="sg-2",
    public_address=True,
    policies_table="stratagem-policies",
    topic="arn:aws:sns:us-east-1:123456789012:news",
)
DEFINITION = machine(PLACES)
INPUT = {
    "job": "first-1",
    "run": "first",
    "policy": "first",
    "instance": "ml.g5.xlarge",
    "nodes": 1,
    "spot": True,
    "fleet": 4,
    "pairs": 400,
    "hyperparameters": {"seconds": "3600"},
}
BETTER = {"better": True, "version": 7, "champion": 5, "judged_ms": 1_790_000_000_000}
ENDING = ["LetFleetGo", "ScaleDown", "Tell", "HowItEnded"]


def fails(error: str, cause: str = "") -> Any:
    def task(parameters: dict[str, Any]) -> None:
        raise TaskError(error, cause)

    return task


def answers(value: Any) -> Any:
    return lambda parameters: value


def run(more: dict[str, Any] | None = None, **tasks: Any) -> Walk:
    trained = answers({"TrainingJobStatus": "Completed", "SecondaryStatus": "Completed"})
    usual = {"TrainOnSpot": trained, "TrainOnDemand": trained, "Judge": answers(BETTER)}
    return walk(DEFINITION, {**INPUT, **(more or {})}, {**usual, **tasks})


def test_the_definition_is_sound() -> None:
    check(DEFINITION)


def test_a_better_policy_becomes_champion() -> None:
    done = run()
    before = ["WithFleet", "KeepFleet", "ScaleUp", "OnSpot", "TrainOnSpot", "Trained"]
    assert done.path == [*before, "Judge", "Better", "Promote", "Promoted", *ENDING, "Success"]
    (promoted,) = done.calls["Promote"]
    assert promoted["Key"] == {"policy": {"S": "first"}, "item": {"S": "alias#champion"}}
    assert promoted["ExpressionAttributeValues"][":new"] == {"N": "7"}
    assert promoted["ExpressionAttributeValues"][":old"] == {"N": "5"}
    assert [done.calls[state][0]["DesiredCount"] for state in ("ScaleUp", "ScaleDown")] == [4, 0]
    assert [done.calls[state][0]["MinCapacity"] for state in ("KeepFleet", "LetFleetGo")] == [4, 0]
    assert done.calls["Tell"][0]["Subject"] == "Stratagem: training first-1 gave a new champion"


def test_one_that_is_not_better_leaves_the_champion() -> None:
    done = run(Judge=answers({**BETTER, "better": False}))
    assert "Promote" not in done.path
    assert done.path[-6:] == ["Kept", *ENDING, "Success"]


def test_a_champion_that_changed_in_the_meantime_stays() -> None:
    done = run(Promote=fails("DynamoDB.ConditionalCheckFailedException"))
    assert done.path[-6:] == ["Overtaken", *ENDING, "Success"]


def test_without_a_fleet_none_is_scaled_up() -> None:
    assert run({"fleet": 0}).path[:3] == ["WithFleet", "OnSpot", "TrainOnSpot"]


def test_without_spot_it_trains_on_demand() -> None:
    done = run({"spot": False})
    assert done.path[3:7] == ["OnSpot", "TrainOnDemand", "Trained", "Judge"]
    (job,) = done.calls["TrainOnDemand"]
    assert job["EnableManagedSpotTraining"] is False
    assert "MaxWaitTimeInSeconds" not in job["StoppingCondition"]


@pytest.mark.parametrize("cause", ["CapacityError: Unable to provision", "MaxWaitTimeExceeded"])
def test_where_spot_has_no_room_it_goes_on_on_demand_from_the_same_checkpoints(cause: str) -> None:
    done = run(TrainOnSpot=fails("States.TaskFailed", json.dumps({"FailureReason": cause})))
    assert done.path[4:9] == ["TrainOnSpot", "WhyNot", "TrainOnDemand", "Trained", "Judge"]
    spot, demand = done.calls["TrainOnSpot"][0], done.calls["TrainOnDemand"][0]
    assert spot["CheckpointConfig"] == demand["CheckpointConfig"]
    assert spot["CheckpointConfig"]["S3Uri"] == "s3://models/checkpoints/first"
    assert spot["TrainingJobName"] != demand["TrainingJobName"]


def test_a_training_that_fails_of_itself_is_not_paid_for_twice() -> None:
    done = run(TrainOnSpot=fails("States.TaskFailed", "AlgorithmError: loss is nan"))
    assert done.path[4:] == ["TrainOnSpot", "WhyNot", "ByHand", "Failed", *ENDING, "Failure"]
    assert done.failure is not None
    assert "loss is nan" in done.failure[1]


@pytest.mark.parametrize("spot", [True, False])
@pytest.mark.parametrize("as_failure", [True, False])
def test_a_job_that_was_stopped_by_hand_is_not_judged_and_lets_the_fleet_go(spot: bool, as_failure: bool) -> None:
    told = {"TrainingJobName": "first-1", "TrainingJobStatus": "Stopped", "SecondaryStatus": "Stopped"}
    cause = json.dumps(told, separators=(",", ":"))
    state = "TrainOnSpot" if spot else "TrainOnDemand"
    done = run({"spot": spot}, **{state: fails("States.TaskFailed", cause) if as_failure else answers(told)})
    assert done.path[-6:] == ["Stopped", *ENDING, "Success"]
    assert "Judge" not in done.path
    assert done.calls["ScaleDown"][0]["DesiredCount"] == 0
    assert done.calls["Tell"][0]["Subject"] == "Stratagem: training first-1 was stopped"


def test_the_limits_are_those_of_the_states_after_which_the_end_is_gone_through() -> None:
    assert "TimeoutSeconds" not in DEFINITION, "an execution that times out leaves the fleet standing and tells nobody"
    waiting = [
        name
        for name, state in DEFINITION["States"].items()
        if state.get("Resource", "").endswith((".sync", ".waitForTaskToken"))
    ]
    assert waiting == ["TrainOnSpot", "TrainOnDemand", "Judge"]
    for name in waiting:
        assert DEFINITION["States"][name]["TimeoutSeconds"] > 0
        done = run({"spot": name == "TrainOnSpot"}, **{name: fails("States.Timeout")})
        assert done.path[-6:] == ["Failed", *ENDING, "Failure"]


def test_sns_takes_the_longest_subject() -> None:
    job = job_name("stratagem-dev", "p" * 64, time.gmtime())
    words = [s["Result"]["word"] for s in DEFINITION["States"].values() if "word" in s.get("Result", {})]
    assert len(words) >= 5
    told = [run({"job": job}).calls["Tell"][0]["Subject"].replace("gave a new champion", word) for word in words]
    assert [subject for subject in told if len(subject) > 100] == []


def test_a_throttled_request_is_repeated() -> None:
    left = [2]

    def throttled(parameters: dict[str, Any]) -> dict[str, Any]:
        left[0] -= 1
        if left[0] >= 0:
            raise TaskError("SageMaker.AmazonSageMakerException", "Rate exceeded")
        return {"TrainingJobStatus": "Completed"}

    done = run(TrainOnSpot=throttled)
    assert len(done.calls["TrainOnSpot"]) == 3
    assert done.path[-1] == "Success"


@pytest.mark.parametrize("state", ["KeepFleet", "ScaleUp", "TrainOnDemand", "Judge", "Promote"])
def test_whatever_fails_the_fleet_is_scaled_down_and_the_failure_told(state: str) -> None:
    done = run({"spot": False}, **{state: fails("Some.Fault", "for a reason")})
    assert done.path[-6:] == ["Failed", *ENDING, "Failure"]
    assert done.calls["ScaleDown"][-1]["DesiredCount"] == 0
    assert done.calls["Tell"][0]["Subject"].endswith("first-1 failed")
    assert "for a reason" in done.calls["Tell"][0]["Message"]


def test_a_judge_that_falls_silent_is_asked_again_and_then_given_up() -> None:
    done = run(Judge=fails("States.HeartbeatTimeout"))
    assert len(done.calls["Judge"]) == 3
    assert done.path[-1] == "Failure"


@pytest.mark.parametrize("state", ["LetFleetGo", "ScaleDown", "Tell"])
def test_a_fault_at_the_end_does_not_hide_how_it_ended(state: str) -> None:
    assert run(**{state: fails("Some.Fault")}).path[-1] == "Success"


@pytest.mark.parametrize(
    ("state", "service", "operation"),
    [
        ("KeepFleet", "application-autoscaling", "RegisterScalableTarget"),
        ("ScaleUp", "ecs", "UpdateService"),
        ("TrainOnSpot", "sagemaker", "CreateTrainingJob"),
        ("Judge", "ecs", "RunTask"),
        ("Promote", "dynamodb", "UpdateItem"),
        ("LetFleetGo", "application-autoscaling", "RegisterScalableTarget"),
        ("ScaleDown", "ecs", "UpdateService"),
        ("Tell", "sns", "Publish"),
    ],
)
def test_what_a_state_asks_is_what_the_service_accepts(state: str, service: str, operation: str) -> None:
    """Held against AWS's own model of the service, whose names the SDK writes its own way."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    asked = as_service_names(run().calls[state][0], shape)
    report = ParamValidator().validate(asked, shape)
    assert not report.has_errors(), report.generate_report()


def test_metrics_are_read_from_the_lines_that_are_logged() -> None:
    definitions = {row["Name"]: row["Regex"] for row in metric_definitions()}
    assert len(definitions) <= 40
    line = " ".join(f"{name}={-1.5e-3 * number}" for number, name in enumerate(TRAINING_METRICS, 1))
    for number, name in enumerate(TRAINING_METRICS, 1):
        found = re.findall(definitions[f"stratagem:{name}"], line)
        assert [float(one) for one in found] == [-1.5e-3 * number]


def test_the_stack_holds_this_definition(app: Synthesized) -> None:
    resource = next(iter(app.of_type("AWS::StepFunctions::StateMachine").values()))["Properties"]
    text = "".join(part if isinstance(part, str) else "x" for part in resource["DefinitionString"]["Fn::Join"][1])
    deployed = json.loads(text)
    check(deployed)
    assert list(deployed["States"]) == list(DEFINITION["States"])
    for name, state in DEFINITION["States"].items():
        assert sorted(deployed["States"][name]) == sorted(state)
    assert resource["LoggingConfiguration"]["Level"] == "ALL"
    assert resource["TracingConfiguration"] == {"Enabled": True}
