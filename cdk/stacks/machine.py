"""The training machine in Amazon States Language: plain data, so that every branch can be walked in a test.

Its input, which `stratagem cloud train` writes:

    {"job": "NAME", "run": "NAME", "policy": "NAME", "instance": "ml...", "nodes": 1, "spot": true, "fleet": 4,
     "pairs": 400, "hyperparameters": {"NAME": "TEXT"}}

    ScaleUp -> Train on Spot, or on demand where Spot has no room -> Judge -> Promote if better -> ScaleDown -> Tell

Whatever fails on the way, takes too long or is stopped, the fleet is scaled down and the end told: the limits are those
of the states, for an execution that times out as a whole takes no further step. CloudFormation has no training job, and
CDK's task for one lacks Spot, checkpoints and retries, so the states are written out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from store.names import CHECKPOINT_PREFIX, EVALUATION_METRICS, JOB_PREFIX, POLICIES, TRAINING_METRICS, alias_item

State = dict[str, Any]

CHAMPION = "champion"  # the alias that a better policy is given
NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
WAIT_HOURS = 12  # for capacity, beside the training itself
JUDGE_HOURS = 3
THROTTLED = ["SageMaker.AmazonSageMakerException", "ThrottlingException", "SageMaker.ResourceLimitExceededException"]
ALL = ["States.ALL"]


@dataclass(frozen=True)
class Places:
    """The deployed things that the machine works with."""

    region: str
    partition: str
    image: str
    training_role: str
    subnets: list[str]
    learner_group: str
    models_bucket: str
    environment: Mapping[str, str]  # of the training container
    volume: int  # GB
    hours: int
    cluster: str
    fleet: str
    fleet_most: int
    judge_task: str
    actor_group: str
    public_address: bool
    policies_table: str
    topic: str


def metric_definitions() -> list[dict[str, str]]:
    """What SageMaker reads from the log and plots; it accepts up to 40."""
    return [
        {"Name": f"stratagem:{name}", "Regex": rf"\b{name}={NUMBER}"}
        for name in (*TRAINING_METRICS, *EVALUATION_METRICS)
    ]


def machine(places: Places) -> dict[str, Any]:
    """The definition of the state machine."""
    states: dict[str, State] = {}
    states |= _scaling_up(places)
    states |= _training(places)
    states |= _judging(places)
    states |= _ending(places)
    return {
        "Comment": "Train a policy, judge it against the champion, promote it if it is better.",
        "StartAt": "WithFleet",
        "States": states,
    }


def _caught(state: State) -> State:
    """A state whose failure goes the way of all failures."""
    catch = [*state.get("Catch", []), {"ErrorEquals": ALL, "ResultPath": "$.error", "Next": "Failed"}]
    return {**state, "Catch": catch}


def _retried(errors: list[str]) -> list[State]:
    return [
        {"ErrorEquals": errors, "IntervalSeconds": 30, "BackoffRate": 2.0, "MaxAttempts": 6, "JitterStrategy": "FULL"}
    ]


def _scaling_up(places: Places) -> dict[str, State]:
    """The fleet's least number of tasks, and its number now, become what the input asks for."""
    return {
        "WithFleet": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.fleet", "NumericGreaterThan": 0, "Next": "KeepFleet"}],
            "Default": "OnSpot",
        },
        "KeepFleet": _caught(_target(places, "$.fleet", "ScaleUp")),
        "ScaleUp": _caught(_desire(places, "$.fleet", "OnSpot")),
    }


def _target(places: Places, least: str | int, following: str) -> State:
    """Set the least number of tasks that the fleet's scaling goes down to."""
    amount = {"MinCapacity.$": least} if isinstance(least, str) else {"MinCapacity": least}
    return {
        "Type": "Task",
        "Resource": f"arn:{places.partition}:states:::aws-sdk:applicationautoscaling:registerScalableTarget",
        "Parameters": {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": f"service/{places.cluster}/{places.fleet}",
            "MaxCapacity": places.fleet_most,
            **amount,
        },
        "Retry": _retried(ALL),
        "ResultPath": None,
        "Next": following,
    }


def _desire(places: Places, count: str | int, following: str) -> State:
    """Set the fleet's number of tasks now."""
    amount = {"DesiredCount.$": count} if isinstance(count, str) else {"DesiredCount": count}
    return {
        "Type": "Task",
        "Resource": f"arn:{places.partition}:states:::aws-sdk:ecs:updateService",
        "Parameters": {"Cluster": places.cluster, "Service": places.fleet, **amount},
        "Retry": _retried(ALL),
        "ResultPath": None,
        "Next": following,
    }


def _training(places: Places) -> dict[str, State]:
    """One job on Spot; where it found no room, another on demand that goes on from the same checkpoints."""

    def job(spot: bool, otherwise: str) -> State:
        caught = {"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": otherwise}
        return _caught({**_job(places, spot=spot), "Catch": [caught]})

    why = [
        {"Variable": "$.error.Cause", "StringMatches": f"*{cause}*", "Next": "TrainOnDemand"}
        for cause in ("CapacityError", "MaxWaitTimeExceeded", "Insufficient capacity")
    ]
    return {
        "OnSpot": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.spot", "BooleanEquals": True, "Next": "TrainOnSpot"}],
            "Default": "TrainOnDemand",
        },
        "TrainOnSpot": job(True, "WhyNot"),
        "WhyNot": {"Type": "Choice", "Choices": why, "Default": "ByHand"},
        "TrainOnDemand": job(False, "ByHand"),
        "ByHand": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.error.Cause", "StringMatches": '*"SecondaryStatus":"Stopped"*', "Next": "Stopped"}
            ],
            "Default": "Failed",
        },
        # Whether a job that was stopped counts as failed AWS does not say; here it is not judged either way.
        "Trained": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.training.TrainingJobStatus", "StringEquals": "Stopped", "Next": "Stopped"}],
            "Default": "Judge",
        },
    }


def _job(places: Places, *, spot: bool) -> State:
    """A training job; `.sync` waits for its end and stops it when the execution is stopped."""
    seconds = 3600 * places.hours
    longest = seconds + 3600 * WAIT_HOURS
    stopping = {"MaxRuntimeInSeconds": seconds}
    if spot:  # the longest wait holds the run as well
        stopping["MaxWaitTimeInSeconds"] = longest
    bucket = f"s3://{places.models_bucket}"
    return {
        "Type": "Task",
        "Resource": f"arn:{places.partition}:states:::sagemaker:createTrainingJob.sync",
        "Parameters": {
            "TrainingJobName.$": "$.job" if spot else "States.Format('{}-on-demand', $.job)",
            "RoleArn": places.training_role,
            "AlgorithmSpecification": {
                "TrainingImage": places.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": metric_definitions(),
            },
            "HyperParameters.$": "$.hyperparameters",
            "Environment": dict(places.environment),
            "ResourceConfig": {
                "InstanceType.$": "$.instance",
                "InstanceCount.$": "$.nodes",
                "VolumeSizeInGB": places.volume,
            },
            "VpcConfig": {"Subnets": places.subnets, "SecurityGroupIds": [places.learner_group]},
            "EnableManagedSpotTraining": spot,
            "CheckpointConfig": {
                "S3Uri.$": f"States.Format('{bucket}/{CHECKPOINT_PREFIX}{{}}', $.run)",
                "LocalPath": "/opt/ml/checkpoints",
            },
            "OutputDataConfig": {"S3OutputPath": f"{bucket}/{JOB_PREFIX}"},
            "StoppingCondition": stopping,
            "RetryStrategy": {"MaximumRetryAttempts": 3},  # of SageMaker's own faults
            "Tags": [{"Key": "project", "Value": "stratagem"}],
        },
        "TimeoutSeconds": longest + 3600,
        "Retry": _retried(THROTTLED),
        "ResultPath": "$.training",
        "Next": "Trained",
    }


def _judging(places: Places) -> dict[str, State]:
    """The newest policy plays the champion; the judge answers {"better", "version", "champion", "score", ...}."""
    table_key = {
        POLICIES.partition.name: {"S.$": "$.policy"},
        POLICIES.sort.name: {"S": alias_item(CHAMPION)},
    }
    promote = {
        "Type": "Task",
        "Resource": f"arn:{places.partition}:states:::dynamodb:updateItem",
        "Parameters": {
            "TableName": places.policies_table,
            "Key": table_key,
            "UpdateExpression": "SET goes_to = :new, updated_ms = :now",
            # The judge played the champion that it names; another may have taken its place since.
            "ConditionExpression": "attribute_not_exists(goes_to) OR goes_to = :old",
            "ExpressionAttributeValues": {
                ":new": {"N.$": "States.Format('{}', $.judged.version)"},
                ":old": {"N.$": "States.Format('{}', $.judged.champion)"},
                ":now": {"N.$": "States.Format('{}', $.judged.judged_ms)"},
            },
        },
        "Retry": _retried(["DynamoDB.ProvisionedThroughputExceededException", "DynamoDB.InternalServerError"]),
        "Catch": [
            {
                "ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"],
                "ResultPath": "$.error",
                "Next": "Overtaken",
            }
        ],
        "ResultPath": None,
        "Next": "Promoted",
    }
    return {
        "Judge": _caught(
            {
                "Type": "Task",
                "Resource": f"arn:{places.partition}:states:::ecs:runTask.waitForTaskToken",
                "Parameters": {
                    "Cluster": places.cluster,
                    "TaskDefinition": places.judge_task,
                    "LaunchType": "FARGATE",
                    "NetworkConfiguration": {
                        "AwsvpcConfiguration": {
                            "Subnets": places.subnets,
                            "SecurityGroups": [places.actor_group],
                            "AssignPublicIp": "ENABLED" if places.public_address else "DISABLED",
                        }
                    },
                    "Overrides": {
                        "ContainerOverrides": [
                            {
                                "Name": "judge",
                                "Environment": [
                                    {"Name": "JUDGE_TOKEN", "Value.$": "$$.Task.Token"},
                                    {"Name": "JUDGE_POLICY", "Value.$": "$.policy"},
                                    {"Name": "JUDGE_PAIRS", "Value.$": "States.Format('{}', $.pairs)"},
                                ],
                            }
                        ]
                    },
                },
                "TimeoutSeconds": 3600 * JUDGE_HOURS,
                "HeartbeatSeconds": 900,
                "Retry": [{"ErrorEquals": ["States.HeartbeatTimeout"], "IntervalSeconds": 60, "MaxAttempts": 2}],
                "ResultPath": "$.judged",
                "Next": "Better",
            }
        ),
        "Better": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.judged.better", "BooleanEquals": True, "Next": "Promote"}],
            "Default": "Kept",
        },
        "Promote": _caught(promote),
    }


def _ending(places: Places) -> dict[str, State]:
    """However it ended: the fleet goes, the news is told, the execution ends as the training did."""

    def outcome(word: str, failed: bool = False) -> State:
        result = {"word": word, "failed": failed}
        return {"Type": "Pass", "Result": result, "ResultPath": "$.outcome", "Next": "LetFleetGo"}

    tell = {  # SNS takes subjects of 100 characters
        "Type": "Task",
        "Resource": f"arn:{places.partition}:states:::sns:publish",
        "Parameters": {
            "TopicArn": places.topic,
            "Subject.$": "States.Format('Stratagem: training {} {}', $.job, $.outcome.word)",
            "Message.$": "States.JsonToString($)",
        },
        "Retry": _retried(ALL),
        "Catch": [{"ErrorEquals": ALL, "ResultPath": "$.untold", "Next": "HowItEnded"}],
        "ResultPath": None,
        "Next": "HowItEnded",
    }
    down_anyway = {"ErrorEquals": ALL, "ResultPath": "$.left", "Next": "Tell"}
    return {
        "Promoted": outcome("gave a new champion"),
        "Kept": outcome("did not beat the champion"),
        "Overtaken": outcome("was overtaken by another"),
        "Stopped": outcome("was stopped"),
        "Failed": outcome("failed", failed=True),
        "LetFleetGo": {**_target(places, 0, "ScaleDown"), "Catch": [down_anyway]},
        "ScaleDown": {**_desire(places, 0, "Tell"), "Catch": [down_anyway]},
        "Tell": tell,
        "HowItEnded": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.outcome.failed", "BooleanEquals": True, "Next": "Failure"}],
            "Default": "Success",
        },
        "Failure": {"Type": "Fail", "Error": "TrainingFailed", "CausePath": "States.JsonToString($.error)"},
        "Success": {"Type": "Succeed"},
    }
