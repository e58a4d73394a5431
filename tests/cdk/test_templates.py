"""The templates, in what a stand-in for AWS would not show: encryption, access, recovery, lifetimes, removal."""

import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.config import ConfigMixIn, ManualArgs
from cfnlint.runner import Runner
from tests.cdk.conftest import Synthesized
from tests.cdk.test_access import as_list

from lambdas import handlers
from lambdas.app import PAGE_HEADERS, PARTS, PREFIX
from store.connect import table_request
from store.names import API_PATH, RECORD_PREFIX, TABLES, WAITING_PREFIX, Names

WORKFLOWS = Path(__file__).resolve().parents[2] / ".github/workflows"
KEPT = {"small", "large"}  # the profiles whose data outlive the stack


def test_no_finding_is_left_and_every_acknowledgement_tells_why(app: Synthesized) -> None:
    plugins = json.loads((app.folder / "validation-report.json").read_text())["pluginReports"]
    nag = next(plugin for plugin in plugins if plugin["pluginName"] == "AwsSolutions")
    assert (nag["conclusion"], nag["violations"]) == ("success", [])
    assert nag["suppressedViolations"]
    for acknowledged in nag["suppressedViolations"]:
        assert len(acknowledged["reason"]) > 30, acknowledged["ruleName"]


@pytest.mark.parametrize("profile", ["dev", "large"])  # small's templates differ from dev's in numbers alone
def test_cfn_lint_finds_nothing(profile: str, synthesized: Callable[[str], Synthesized]) -> None:
    app = synthesized(profile)
    templates = [str(app.folder / f"{stack}.template.json") for stack in app.stacks]
    # W3005: an explicit DependsOn beside an implicit one, which CDK writes.
    arguments = ManualArgs(templates=templates, ignore_checks=["W3005"], regions=["us-east-1"])
    found = list(Runner(ConfigMixIn(**arguments)).run())
    assert [str(match) for match in found] == []


def test_buckets_are_private_encrypted_and_speak_tls_alone(app: Synthesized) -> None:
    buckets, policies = app.of_type("AWS::S3::Bucket"), app.of_type("AWS::S3::BucketPolicy")
    assert len(buckets) == 4
    for place, bucket in buckets.items():
        properties = bucket["Properties"]
        rules = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rules[0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        name = place.partition("/")[2]
        text = json.dumps([p for p in policies.values() if p["Properties"]["Bucket"] == {"Ref": name}])
        assert '"aws:SecureTransport": "false"' in text
        assert '"s3:TlsVersion": "1.2"' in text or '"s3:TlsVersion": 1.2' in text


def test_removal_follows_the_profile(app: Synthesized) -> None:
    kept = "Retain" if app.profile in KEPT else "Delete"
    for place, table in app.of_type("AWS::DynamoDB::Table").items():
        assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == kept, place
        assert table["Properties"]["DeletionProtectionEnabled"] == (app.profile in KEPT)
    for place, bucket in app.of_type("AWS::S3::Bucket").items():
        lasting = re.search("Models|Lake", place) is not None
        assert bucket["DeletionPolicy"] == (kept if lasting else "Delete"), place
    for place, repository in app.of_type("AWS::ECR::Repository").items():
        assert repository["DeletionPolicy"] == "Delete", place
        assert repository["Properties"]["EmptyOnDelete"]
        assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_tables_are_as_the_store_says_and_can_be_recovered(app: Synthesized) -> None:
    tables = {t["Properties"]["TableName"]: t["Properties"] for t in app.of_type("AWS::DynamoDB::Table").values()}
    prefix = "stratagem-dev" if app.profile == "dev" else "stratagem"
    for schema in TABLES:
        properties = tables[f"{prefix}-{schema.name}"]
        wanted = table_request(Names.of(prefix), schema)
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["KeySchema"] == wanted["KeySchema"]
        assert properties["BillingMode"] == wanted["BillingMode"]
        assert properties.get("GlobalSecondaryIndexes") == wanted.get("GlobalSecondaryIndexes")

        def names(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
            return sorted((row["AttributeName"], row["AttributeType"]) for row in rows)

        assert names(properties["AttributeDefinitions"]) == names(wanted["AttributeDefinitions"])
        expiry = properties.get("TimeToLiveSpecification", {"AttributeName": None})["AttributeName"]
        assert expiry == schema.expiry
    assert len(tables) == len(TABLES)


def test_games_grow_cold_and_never_expire(app: Synthesized) -> None:
    lake = next(b for place, b in app.of_type("AWS::S3::Bucket").items() if "Lake" in place)
    rules = {rule.get("Prefix"): rule for rule in lake["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert not {RECORD_PREFIX, WAITING_PREFIX} & rules.keys()
    assert rules["lake/"]["Transitions"][0]["StorageClass"] == "INTELLIGENT_TIERING"
    assert "ExpirationInDays" not in rules["lake/"]


def test_logs_end_with_the_profile(app: Synthesized) -> None:
    days = {"dev": 7, "small": 30, "large": 90}[app.profile]
    groups = app.of_type("AWS::Logs::LogGroup")
    assert len(groups) >= 9
    for place, group in groups.items():
        assert group["Properties"]["RetentionInDays"] == days, place
        assert group["DeletionPolicy"] == "Delete", place


def test_nothing_listens_to_the_world_but_the_listener_that_was_asked_for(app: Synthesized) -> None:
    open_ports = [
        (place, rule["FromPort"])
        for place, group in app.of_type("AWS::EC2::SecurityGroup").items()
        for rule in group["Properties"].get("SecurityGroupIngress", [])
        if rule.get("CidrIp") == "0.0.0.0/0"
    ]
    assert [port for _, port in open_ports] == ([443] if app.profile == "large" else [])


def test_the_balancer_reaches_the_server_and_nothing_else(synthesized: Callable[[str], Synthesized]) -> None:
    """Held in the network's stack, so that neither stack refers to one that refers to it."""
    app = synthesized("large")
    rooms = app.template("Network")["Resources"]
    groups = {
        name: next(place for place in rooms if re.fullmatch(rf"{name}Group[0-9A-F]{{8}}", place))
        for name in ("Balancer", "Server")
    }
    ids = {name: {"Fn::GetAtt": [place, "GroupId"]} for name, place in groups.items()}

    def rules(kind: str, own: str, peer: str) -> list[tuple[Any, ...]]:
        found = [r["Properties"] for r in rooms.values() if r["Type"] == f"AWS::EC2::SecurityGroup{kind}"]
        return [(r["FromPort"], r["ToPort"], r[peer]) for r in found if r["GroupId"] == ids[own]]

    assert rules("Egress", "Balancer", "DestinationSecurityGroupId") == [(50051, 50051, ids["Server"])]
    assert "SecurityGroupEgress" not in rooms[groups["Balancer"]]["Properties"]
    assert (50051, 50051, ids["Balancer"]) in rules("Ingress", "Server", "SourceSecurityGroupId")
    balancer = next(iter(app.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer").values()))["Properties"]
    (group,) = balancer["SecurityGroups"]
    assert groups["Balancer"] in group["Fn::ImportValue"]


def test_tasks_have_public_addresses_only_in_public_subnets(app: Synthesized) -> None:
    private = app.profile == "large"
    services = app.of_type("AWS::ECS::Service").values()
    addresses = {s["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] for s in services}
    assert addresses == {"DISABLED" if private else "ENABLED"}
    assert app.of_type("AWS::EC2::NatGateway") == {}
    endpoints = [e["Properties"]["VpcEndpointType"] for e in app.of_type("AWS::EC2::VPCEndpoint").values()]
    assert endpoints.count("Gateway") == 2
    assert endpoints.count("Interface") == (5 if private else 0)


def test_the_fleet_stands_on_spot_first_and_begins_with_nothing(app: Synthesized) -> None:
    fleet = next(s["Properties"] for place, s in app.of_type("AWS::ECS::Service").items() if "Actors" in place)
    assert fleet["DesiredCount"] == 0
    assert [(row["CapacityProvider"], row["Weight"]) for row in fleet["CapacityProviderStrategy"]] == [
        ("FARGATE_SPOT", 4),
        ("FARGATE", 1),
    ]
    target = next(iter(app.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()))["Properties"]
    assert target["MinCapacity"] == 0
    containers = [
        container
        for place, task in app.of_type("AWS::ECS::TaskDefinition").items()
        for container in task["Properties"]["ContainerDefinitions"]
        if "Actor" in place or "Server" in place
    ]
    assert {c["StopTimeout"] for c in containers} == {115}
    server = next(c for c in containers if c["Name"] == "server")
    assert server["HealthCheck"]["Command"] == ["CMD", "python", "/app/health.py", "grpc", "50051"]
    assert server["Command"] == ["serve", "--listen", "0.0.0.0:50051", "--metrics", "0.0.0.0:9464"]


def test_whoever_writes_signs_but_for_matches(app: Synthesized) -> None:
    routes = {r["Properties"]["RouteKey"]: r["Properties"] for r in app.of_type("AWS::ApiGatewayV2::Route").values()}
    assert len(routes) == 48
    for key, route in routes.items():
        signed = not key.startswith("GET") and re.search("ladders|outcomes|models", key) is not None
        assert (route.get("AuthorizationType") == "AWS_IAM") == signed, key
    stage = next(iter(app.of_type("AWS::ApiGatewayV2::Stage").values()))["Properties"]
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 200
    assert "requestId" in json.dumps(stage["AccessLogSettings"]["Format"])


def test_every_route_of_the_application_has_its_function(dev: Synthesized) -> None:
    functions = {place: f["Properties"] for place, f in dev.of_type("AWS::Lambda::Function").items()}
    parts = {f["ImageConfig"]["Command"][0].rpartition(".")[2] for f in functions.values()}
    assert parts == set(PARTS)
    keys = {r["Properties"]["RouteKey"] for r in dev.of_type("AWS::ApiGatewayV2::Route").values()}
    assert PREFIX == API_PATH
    for part in PARTS:
        assert callable(getattr(handlers, part))
        for route in import_module(f"lambdas.{part}").router.routes:
            whole = PREFIX + route.path
            first = "/".join(whole.split("/")[:3])
            wanted = first if whole == first else f"{first}/{{rest+}}"
            assert {f"{method} {wanted}" for method in route.methods} <= keys, route.path


def test_the_page_is_read_through_cloudfront_alone(app: Synthesized) -> None:
    distribution = next(iter(app.of_type("AWS::CloudFront::Distribution").values()))["Properties"]["DistributionConfig"]
    assert distribution["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    assert distribution["CacheBehaviors"][0]["PathPattern"] == "/v1/*"
    assert "OriginAccessControlId" in distribution["Origins"][0]
    headers = next(iter(app.of_type("AWS::CloudFront::ResponseHeadersPolicy").values()))["Properties"]
    security = headers["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert security["ContentSecurityPolicy"]["ContentSecurityPolicy"] == PAGE_HEADERS["Content-Security-Policy"]
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 365 * 86_400


def test_a_repository_is_let_in_by_its_branch_and_its_tags_alone(dev: Synthesized) -> None:
    told = {}
    for place, role in dev.of_type("AWS::IAM::Role").items():
        if place.startswith("Delivery/"):
            condition = role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]
            assert list(condition["StringEquals"].values()) == ["sts.amazonaws.com"]
            told[role["Properties"]["RoleName"]] = next(iter(condition["StringLike"].values()))
    branch, tags = "repo:example/stratagem:ref:refs/heads/main", "repo:example/stratagem:ref:refs/tags/v*"
    assert told == {"stratagem-dev-builder": [branch, tags], "stratagem-dev-deployer": [tags]}


def test_an_account_has_one_identity_provider_of_github(synthesized: Callable[[str], Synthesized]) -> None:
    def trusted(app: Synthesized) -> list[Any]:
        roles = (role for place, role in app.of_type("AWS::IAM::Role").items() if place.startswith("Delivery/"))
        return [
            role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Federated"] for role in roles
        ]

    made, known = synthesized("dev"), synthesized("large")  # which is told that there is one
    (provider,) = made.of_type("AWS::IAM::OIDCProvider")
    assert not known.of_type("AWS::IAM::OIDCProvider")
    assert trusted(made) == 2 * [{"Ref": provider.removeprefix("Delivery/")}]
    (arn,) = {json.dumps(one) for one in trusted(known)}
    assert ":oidc-provider/token.actions.githubusercontent.com" in arn
    assert '{"Ref": "AWS::AccountId"}' in arn


def subject(repository: str, job: dict[str, Any], ref: str) -> str:
    """Under which name a job of a workflow comes to AWS.

    https://docs.github.com/actions/concepts/security/openid-connect
    """
    return f"repo:{repository}:" + (f"environment:{job['environment']}" if "environment" in job else f"ref:{ref}")


def test_the_workflows_come_under_names_that_the_roles_trust(dev: Synthesized) -> None:
    trusted = {}
    for role in (role for place, role in dev.of_type("AWS::IAM::Role").items() if place.startswith("Delivery/")):
        condition = role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringLike"]
        trusted[role["Properties"]["RoleName"].removeprefix("stratagem-dev-")] = next(iter(condition.values()))
    jobs = {
        name: next(job for job in yaml.safe_load(path.read_text())["jobs"].values() if "steps" in job)
        for name, path in ((path.stem, path) for path in WORKFLOWS.glob("*.yaml"))
    }

    def may(role: str, workflow: str, ref: str) -> bool:
        (asked,) = [
            s["with"]["role-to-assume"] for s in jobs[workflow]["steps"] if "role-to-assume" in s.get("with", {})
        ]
        assert asked.endswith(f"-{role}")
        name = subject("example/stratagem", jobs[workflow], ref)
        return any(fnmatchcase(name, pattern) for pattern in trusted[role])

    main, release, other = "refs/heads/main", "refs/tags/v1.2.3", "refs/heads/else"
    assert [may("deployer", "deploy", ref) for ref in (main, release, other)] == [False, True, False]
    assert [may("builder", "images", ref) for ref in (main, release, other)] == [True, True, False]


def test_what_hurts_is_watched(app: Synthesized) -> None:
    prefix = "stratagem-dev-" if app.profile == "dev" else "stratagem-"
    alarms = {
        alarm["Properties"]["AlarmName"].removeprefix(prefix): alarm["Properties"]
        for place, alarm in app.of_type("AWS::CloudWatch::Alarm").items()
        if place.startswith("Observability/")
    }
    assert sorted(alarms) == [
        "api-errors",
        "dead-actors",
        "failed-training",
        "lambda-errors-matches",
        "lambda-errors-models",
        "lambda-errors-ratings",
        "no-learner-progress",
        "no-server",
        "stale-policies",
    ]
    assert all(len(alarm["AlarmActions"]) == 1 for alarm in alarms.values())
    assert len(app.of_type("AWS::Budgets::Budget")) == 1


def test_alarms_and_the_budget_may_publish_to_their_topic(app: Synthesized) -> None:
    training = app.template("Training")
    arns = {name: output["Value"] for name, output in training["Outputs"].items()}
    names = {output["Export"]["Name"]: arns[name] for name, output in training["Outputs"].items() if "Export" in output}
    told = {
        service: [json.dumps(names[place["Fn::ImportValue"]]) for place in places]
        for service, places in {
            "cloudwatch": [
                place
                for name, alarm in app.of_type("AWS::CloudWatch::Alarm").items()
                for place in alarm["Properties"]["AlarmActions"]
                if not name.startswith("Services/")  # those of the fleet's scaling, which tell nobody
            ],
            "budgets": [
                subscriber["Address"]
                for budget in app.of_type("AWS::Budgets::Budget").values()
                for notice in budget["Properties"]["NotificationsWithSubscribers"]
                for subscriber in notice["Subscribers"]
            ],
        }.items()
    }
    allowed = {
        (service, json.dumps(statement["Resource"]))
        for policy in app.of_type("AWS::SNS::TopicPolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and statement["Action"] == "sns:Publish"
        if statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        for service in as_list(statement["Principal"]["Service"])
    }
    assert told["cloudwatch"]
    assert told["budgets"]
    assert {(f"{service}.amazonaws.com", topic) for service, topics in told.items() for topic in topics} == allowed


@pytest.mark.parametrize("profile", ["dev", "small", "large"])
def test_only_a_named_repository_makes_the_delivery_stack(
    profile: str, synthesized: Callable[[str], Synthesized]
) -> None:
    assert ("Delivery" in synthesized(profile).stacks) == (profile != "small")
