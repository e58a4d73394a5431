"""Every action that each role of the stacks has, written out: a new one must be written here as well."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.cdk.conftest import Synthesized

TABLE_READ = {"dynamodb:GetItem", "dynamodb:Query"}
TABLE_WRITE = {*TABLE_READ, "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
PULL = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
}
SECRET = {"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"}
TRACING = {
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
LOG_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
ACTIONS = {
    "Network/VpcFlowLog": {"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
    "Services/ServerTaskTaskRole": {
        *TABLE_WRITE,
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    },
    "Services/ServerTaskExecutionRole": {*PULL, *LOG},
    "Services/ActorTaskExecutionRole": {*PULL, *LOG},
    "Training/JudgeTaskTaskRole": {
        *TABLE_READ,
        "s3:GetObject",
        "s3:ListBucket",
        "states:SendTaskFailure",
        "states:SendTaskHeartbeat",
        "states:SendTaskSuccess",
    },
    "Training/JudgeTaskExecutionRole": {*PULL, *LOG},
    "Training/JobRole": {
        *TABLE_WRITE,
        *PULL,
        *LOG,
        "cloudwatch:PutMetricData",
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "logs:CreateLogGroup",
        "logs:DescribeLogStreams",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    },
    "Training/MachineRole": {
        *TRACING,
        *LOG_DELIVERY,
        "application-autoscaling:RegisterScalableTarget",
        "dynamodb:UpdateItem",
        "ecs:RunTask",
        "ecs:UpdateService",
        "events:DescribeRule",
        "events:PutRule",
        "events:PutTargets",
        "iam:PassRole",
        "sagemaker:AddTags",
        "sagemaker:CreateTrainingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:StopTrainingJob",
        "sns:Publish",
    },
    "Api/RatingsRole": {*TABLE_WRITE, *LOG},
    "Api/ModelsRole": {*TABLE_WRITE, *LOG, "s3:GetObject", "s3:ListBucket", "s3:PutObject"},
    "Api/MatchesRole": {*TABLE_WRITE, *LOG, "s3:GetObject", "s3:ListBucket", "s3:PutObject"},
    "Delivery/Builder": {
        *PULL,
        "ecr:CompleteLayerUpload",
        "ecr:DescribeImages",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    },
    "Delivery/Deployer": {
        "cloudformation:DescribeStacks",
        "cloudfront:CreateInvalidation",
        "dynamodb:DescribeTable",
        "ecr:DescribeImages",
        "s3:PutObject",
        "ssm:GetParameter",
        "sts:AssumeRole",
    },
}
WITHOUT = {"Delivery/Builder", "Delivery/Deployer"}  # where nobody's repository is let in
WITH_TOKEN = {  # once the services ask for one
    "Services/ServerTaskExecutionRole": SECRET,
    "Services/ActorTaskExecutionRole": SECRET,
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def role_of(stack: str, role: dict[str, str]) -> str:
    """ "Stack/Role" of a policy's role, which may be another stack's."""
    if "Ref" in role:
        return f"{stack}/{role['Ref'][:-8]}"
    found = re.fullmatch(r".*-([a-z]+):ExportsOutputRef(\w+)[0-9A-F]{16}", role["Fn::ImportValue"])
    assert found, role
    return f"{found[1].capitalize()}/{found[2]}"


def statements(app: Synthesized) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role's policies, by "Stack/Role" without CDK's hash."""
    for place, policy in app.of_type("AWS::IAM::Policy").items():
        for role in policy["Properties"]["Roles"]:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                yield role_of(place.partition("/")[0], role), statement
    for place, role in app.of_type("AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield place[:-8], statement


def test_each_role_has_the_actions_that_are_written_here(app: Synthesized) -> None:
    found: dict[str, set[str]] = {}
    for role, statement in statements(app):
        assert statement["Effect"] == "Allow"
        found.setdefault(role, set()).update(as_list(statement["Action"]))
    wanted = {role: set(actions) for role, actions in ACTIONS.items()}
    if app.profile == "small":
        wanted = {role: actions for role, actions in wanted.items() if role not in WITHOUT}
    if app.profile == "large":
        wanted = {role: actions | WITH_TOKEN.get(role, set()) for role, actions in wanted.items()}
    assert {r.replace("IAMRole", ""): sorted(a) for r, a in sorted(found.items())} == {
        r: sorted(a) for r, a in sorted(wanted.items())
    }


def test_no_statement_has_a_star_for_action_and_resource(app: Synthesized) -> None:
    for role, statement in statements(app):
        actions = as_list(statement["Action"])
        assert not any("*" in action for action in actions), (role, actions)


def test_no_role_takes_a_managed_policy(app: Synthesized) -> None:
    for place, role in app.of_type("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role["Properties"], place


def test_what_is_written_in_tables_and_buckets_is_named(app: Synthesized) -> None:
    """The actions that have no resource of their own are the only ones on all resources."""
    free = {*TRACING, *LOG_DELIVERY, *ACTIONS["Training/JobRole"]} - TABLE_WRITE - LOG
    for role, statement in statements(app):
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= free, role
            assert "s3:" not in json.dumps(statement["Action"]), role
