"""All stacks on a local stand-in by their synthesized templates, and the real code on what they made."""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from click.testing import CliRunner
from tests.cdk.asl import as_service_names, walk
from tests.cdk.conftest import Synthesized
from tests.cdk.lambda_runtime import running
from tests.cdk.test_access import as_list, statements

from cloud.assembly import read_assembly
from cloud.deployment import ROOMS, Deployment
from cloud.errors import CloudError
from cloud.jobs import Jobs, Order
from cloud.profiles import load_profile
from cloud.stand_ins import local_cloud
from learner import sagemaker_entry
from learner.judge import judge
from store.lake import Lake
from store.names import CLUSTER_OUTPUT, FLEET_OUTPUT, IMAGES, MACHINE_OUTPUT, WEB_OUTPUT
from store.policies import Policies
from store.ratings import Player, Ratings
from stratagem.cli import cloud as face
from stratagem.cli.cloud import cloud
from stratagem.supervisor import Child, Fleet

ROOT = Path(__file__).resolve().parents[2]

PREFIX = "stratagem-dev"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OUTCOME = {
    "game": "g1",
    "players": ["policy:local@1", "bot:hunter@0"],
    "winner": 0,
    "turns": 120,
    "ladder": "generalsio",
    "finished_ms": 1_790_000_000_000,
}
ORDER = Order(
    "local",
    "ml.g4dn.xlarge",
    fleet=2,
    pairs=10,
    hyperparameters={"seconds": "2", "board": "4x4", "device": "cpu", "seed": "5"},
)


@pytest.fixture(scope="module")
def deployed(dev: Synthesized) -> Iterator[Deployment]:
    """The deployment, found by its prefix and its endpoint alone."""
    with local_cloud() as endpoint:
        deployment = Deployment(PREFIX, endpoint)
        deployment.create(list(read_assembly(dev.folder)))
        yield Deployment(PREFIX, endpoint)


def test_every_stack_stands(deployed: Deployment) -> None:
    states = list(deployed.states())
    assert [state.name for state in states] == [f"{PREFIX}-{room}" for room in ROOMS]
    assert {state.status for state in states} == {"CREATE_COMPLETE"}
    told = CliRunner().invoke(cloud, ["status", "--endpoint", str(deployed.endpoint)])
    assert told.exit_code == 0
    assert f"CREATE_COMPLETE          {PREFIX}-storage" in told.output
    assert deployed.names().models_bucket in told.output


def test_a_release_goes_on_once_its_images_are_pushed_and_asks_for_what_its_role_may(
    deployed: Deployment, dev: Synthesized, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside what the CDK's command line does, which takes the bootstrap's roles."""
    made: list[tuple[str, ...]] = []
    calls = {"cloudfront:CreateInvalidation"}  # which a stand-in is not asked for
    monkeypatch.setattr(face, "_cdk", lambda profile, settings, *what: made.append(what))
    deployment = Deployment(PREFIX, deployed.endpoint)
    clients = deployment.client

    def client(service: str) -> Any:
        asked = clients(service)
        note = lambda model, **_: calls.add(f"{service}:{model.name}")  # noqa: E731
        asked.meta.events.register("before-parameter-build", note)
        return asked

    deployment.client = client  # type: ignore[method-assign, assignment]

    def release() -> None:
        settings = ("github=example/stratagem", "email=someone@example.org")
        face._deploy(load_profile("dev"), deployment, False, 0, False, "v1", settings)

    bootstrap = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "21", "Type": "String"}
    deployed.client("ssm").put_parameter(**bootstrap, Overwrite=True)
    with pytest.raises(CloudError, match=f"{PREFIX}/server, .* hold no image v1: push it"):
        release()
    assert made == [("Images", "Delivery")], "who may push stands, and nothing that runs images does"
    for image in IMAGES:
        layers = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": f"sha256:{image}"}, "layers": []}
        pushed = {"imageManifest": json.dumps(layers), "imageTag": "v1"}
        deployed.client("ecr").put_image(repositoryName=f"{PREFIX}/{image}", **pushed)
    release()
    for image in IMAGES:  # moto does not empty a registry whose stack goes
        deployed.client("ecr").batch_delete_image(repositoryName=f"{PREFIX}/{image}", imageIds=[{"imageTag": "v1"}])
    assert made[1:] == [("Images", "Delivery"), ("--all",)]
    page = deployed.client("s3").list_objects_v2(Bucket=deployed.outputs()[WEB_OUTPUT])["Contents"]
    assert "index.html" in {row["Key"] for row in page}
    allowed = {
        action for role, one in statements(dev) if role == "Delivery/Deployer" for action in as_list(one["Action"])
    }
    assert calls - allowed == {"sts:GetCallerIdentity"}, "everybody may ask who they are"


def handler_of(app: Synthesized, name: str) -> str:
    """The handler that a function's image is told to run; moto's description leaves it out."""
    functions = [one["Properties"] for one in app.of_type("AWS::Lambda::Function").values()]
    handler: str = next(f for f in functions if f["FunctionName"] == name)["ImageConfig"]["Command"][0]
    return handler


def test_ratings_change_through_the_lambda(deployed: Deployment, dev: Synthesized) -> None:
    name = f"{PREFIX}-ratings"
    function = deployed.client("lambda").get_function_configuration(FunctionName=name)
    environment = {
        **function["Environment"]["Variables"],
        "AWS_REGION": deployed.region,
        "STRATAGEM_ENDPOINT": str(deployed.endpoint),
    }
    with running(handler_of(dev, name), environment) as ratings:
        report = {"outcomes": [OUTCOME]}
        assert ratings.call("POST", "/v1/outcomes", report)[0] == 401
        assert ratings.call("POST", "/v1/outcomes", report, signed=True) == (200, {"counted": 1, "duplicates": 0})
        assert ratings.call("POST", "/v1/outcomes", report, signed=True) == (200, {"counted": 0, "duplicates": 1})
        status, ladder = ratings.call("GET", "/v1/ladders/generalsio?limit=10")
        assert status == 200
        assert [(place["player"], place["elo"]) for place in ladder["places"]] == [
            ("policy:local@1", 1212.0),
            ("bot:hunter@0", 1188.0),
        ]
        wrong = {"outcomes": [{**OUTCOME, "winner": 9}]}
        assert ratings.call("POST", "/v1/outcomes", wrong, signed=True)[0] == 422
    assert Ratings(deployed.connection()).get("generalsio", Player("policy:local", 1)).millielo == 1_212_000


def test_the_machine_trains_judges_and_promotes(
    deployed: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deployed definition is walked; every task calls the stand-in with what the definition asks.

    Between CreateTrainingJob and the judge the entry point trains in a folder laid out from the job that SageMaker
    then describes.
    """
    policies = Policies(deployed.connection())
    machine = deployed.outputs()[MACHINE_OUTPUT]
    states = deployed.client("stepfunctions")
    definition = json.loads(states.describe_state_machine(stateMachineArn=machine)["definition"])
    jobs = Jobs(deployed)
    job = jobs.start(ORDER)
    execution = states.list_executions(stateMachineArn=machine)["executions"][0]
    assert execution["name"] == job == jobs.latest()
    told = states.describe_execution(executionArn=execution["executionArn"])

    def call(service: str, operation: str, parameters: dict[str, Any]) -> Any:
        model = botocore.session.get_session().get_service_model(service)
        asked = as_service_names(parameters, model.operation_model(operation).input_shape)
        client = deployed.client(service)
        return client._make_api_call(operation, asked)

    def train(parameters: dict[str, Any]) -> Any:
        call("sagemaker", "CreateTrainingJob", parameters)
        asked = deployed.client("sagemaker").describe_training_job(TrainingJobName=job)
        config = tmp_path / "input/config"
        config.mkdir(parents=True)
        (config / "hyperparameters.json").write_text(json.dumps(asked["HyperParameters"]))
        count = asked["ResourceConfig"]["InstanceCount"]
        hosts = [f"algo-{n + 1}" for n in range(count)]
        (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": hosts}))
        # moto's description leaves the environment out; what was asked for stands in the request.
        for name, value in {**parameters["Environment"], "STRATAGEM_ENDPOINT": str(deployed.endpoint)}.items():
            monkeypatch.setenv(name, value)
        assert sagemaker_entry.main(tmp_path) == 0
        return {"TrainingJobStatus": asked["TrainingJobStatus"]}

    def judged(parameters: dict[str, Any]) -> Any:
        variables = parameters["Overrides"]["ContainerOverrides"][0]["Environment"]
        told = {one["Name"]: one["Value"] for one in variables}
        verdict = judge(policies, told["JUDGE_POLICY"], int(told["JUDGE_PAIRS"]))
        return vars(verdict)

    done = walk(
        definition,
        json.loads(told["input"]),
        {
            "ScaleUp": lambda p: call("ecs", "UpdateService", p),
            "TrainOnSpot": train,
            "Judge": judged,
            "Promote": lambda p: call("dynamodb", "UpdateItem", p),
            "ScaleDown": lambda p: call("ecs", "UpdateService", p),
            "Tell": lambda p: call("sns", "Publish", p),
        },
    )
    assert done.path[-1] == "Success"
    assert done.data["outcome"]["word"] == "gave a new champion"
    assert policies.resolve("local", "champion").version == 1
    assert policies.resolve("local").about["board"] == [4, 4]
    assert jobs.status(job).training == "Completed"
    fleet = deployed.client("ecs").describe_services(
        cluster=deployed.outputs()[CLUSTER_OUTPUT], services=[deployed.outputs()[FLEET_OUTPUT]]
    )["services"][0]
    assert fleet["desiredCount"] == 0
    with pytest.raises(CloudError, match=f"{job} does not train now, its execution is RUNNING"):
        jobs.stop(job)
    with pytest.raises(CloudError, match=f'training "other" is unknown; the last one is {job}'):
        jobs.status("other")


def free_port() -> int:
    """A port of this machine that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def containers_of(app: Synthesized) -> dict[str, Any]:
    """What the task definitions run, by the container's name."""
    definitions = app.of_type("AWS::ECS::TaskDefinition").values()
    return {one["Name"]: one for task in definitions for one in task["Properties"]["ContainerDefinitions"]}


def test_server_actor_and_learner_play_on_what_was_deployed(
    deployed: Deployment, dev: Synthesized, tmp_path: Path
) -> None:
    """The containers' own commands, with the names that the stacks tell them, as processes of this machine."""
    containers, address = containers_of(dev), f"127.0.0.1:{free_port()}"
    environment = {**deployed.names().environment(), "STRATAGEM_ENDPOINT": str(deployed.endpoint)}
    for name in ("server", "actor"):
        told = {variable["Name"] for variable in containers[name]["Environment"]}
        assert told - {"STRATAGEM_SERVER"} <= set(environment), "no other names than those given here"
    environment |= {**os.environ, "STRATAGEM_SERVER": address, "PYTHONPATH": str(ROOT / "src")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    serve = [address if "50051" in word else word for word in containers["server"]["Command"]]
    serve = [f"127.0.0.1:{free_port()}" if "9464" in word else word for word in serve]
    learn = ["learn", "--name", "small", "--board", "4x4", "--server", address, "--replay", address]
    commands = {
        "server": ["stratagem", *serve, "--data", str(tmp_path / "games")],
        "learner": ["stratagem", *learn, "--data", str(tmp_path / "learn"), "--publish-seconds", "1"],
        "actor": ["sh", str(ROOT / "docker/actor.sh"), "--policy", "small"],
    }
    fleet = Fleet([Child(name, command, tmp_path / name, environment) for name, command in commands.items()])
    policies, ratings = Policies(deployed.connection()), Ratings(deployed.connection())
    fleet.start(lambda line: None)
    try:
        limit = time.monotonic() + 180
        while len(list(policies.versions("small"))) < 3 or len(set(ratings.games("generalsio"))) < 20:
            logs = "\n".join(child.tail() for child in fleet.children)
            assert all(child.state == "running" for child in fleet.children), logs
            assert time.monotonic() < limit, logs
            time.sleep(0.5)
    finally:
        fleet.stop(lambda line: None)
    assert {rating.player.name for rating in ratings.ladder("generalsio")} >= {"policy:small"}
    lake = Lake(deployed.connection())
    lake.fold()
    rows = [row.game_id for row in lake.all_rows()]
    assert len(rows) == len(set(rows))
    assert set(rows) <= set(ratings.games("generalsio")), "what was filed was counted"


def test_nothing_is_left_once_it_is_destroyed(deployed: Deployment) -> None:
    told = CliRunner().invoke(cloud, ["destroy", "--all", "--yes", "--endpoint", str(deployed.endpoint)])
    assert told.exit_code == 0, told.output
    assert told.output.endswith("nothing is left\n")
    assert list(deployed.states()) == []
    left = deployed.client("dynamodb").list_tables()["TableNames"]
    left += [bucket["Name"] for bucket in deployed.client("s3").list_buckets()["Buckets"]]
    assert [name for name in left if name.startswith("stratagem")] == [], "other names are other tests'"
    assert deployed.client("ecr").describe_repositories()["repositories"] == []
    with pytest.raises(CloudError, match="nothing is deployed as stratagem-dev in us-east-1"):
        deployed.outputs()
