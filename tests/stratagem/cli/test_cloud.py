"""`stratagem cloud` without an account, and with a stand-in's."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from cloud.deployment import Deployment
from cloud.doctor import BOOTSTRAP, examine
from cloud.stand_ins import local_cloud
from stratagem.cli.cloud import cloud

CREDENTIALS = "no AWS credentials: run `aws configure sso` or set AWS_PROFILE, then try again\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cloud, list(arguments))


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials and no region anywhere."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nonexistent")


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """An account without anything."""
    with local_cloud() as endpoint:
        yield endpoint


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("arguments", [["deploy"], ["status"], ["train", "demo"], ["logs"], ["destroy", "--yes"]])
def test_without_credentials_one_line_tells_how_to_go_on(arguments: list[str]) -> None:
    told = run(*arguments)
    assert (told.exit_code, told.output) == (2, CREDENTIALS)


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("command", ["deploy", "status"])
def test_without_a_region_one_line_tells_how_to_go_on(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    told = run(command)
    assert (told.exit_code, told.output) == (2, "no AWS region: set AWS_REGION, to us-east-1 say, then try again\n")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Deployment("stratagem-dev").region == "eu-west-1"


@pytest.mark.usefixtures("nobody")
def test_the_doctor_tells_how_to_mend_what_is_missing() -> None:
    told = run("doctor")
    assert told.exit_code == 1
    assert "--  account: no AWS credentials\n    run `aws configure sso` or set AWS_PROFILE" in told.output


def test_the_doctor_asks_for_the_bootstrap_and_takes_it(empty: str) -> None:
    deployment = Deployment("stratagem-dev", empty)
    deployment.client("ssm").delete_parameters(Names=[BOOTSTRAP])  # of another stand-in in this process

    def bootstrap() -> tuple[bool, str]:
        found = {finding.what: finding for finding in examine(deployment, "ml.g4dn.xlarge", 3)}
        assert found["account"].told.startswith("123456789012 as ")
        return found["bootstrap"].good, found["bootstrap"].told + found["bootstrap"].mend

    assert bootstrap() == (False, "is missingrun `npx aws-cdk bootstrap aws://123456789012/us-east-1` once")
    deployment.client("ssm").put_parameter(Name=BOOTSTRAP, Value="5", Type="String")
    assert bootstrap()[0] is False
    deployment.client("ssm").put_parameter(Name=BOOTSTRAP, Value="30", Type="String", Overwrite=True)
    assert bootstrap()[0] is True


def test_without_the_bootstrap_one_line_tells_how_to_go_on() -> None:
    with local_cloud() as endpoint:
        Deployment("stratagem-dev", endpoint).client("ssm").delete_parameters(Names=[BOOTSTRAP])
        told = run("deploy", "--endpoint", endpoint)
    assert told.exit_code == 2
    assert told.output == (
        "the CDK's bootstrap in 123456789012, us-east-1: is missing; "
        "run `npx aws-cdk bootstrap aws://123456789012/us-east-1` once\n"
    )


@pytest.mark.parametrize("command", [["status"], ["train", "demo"], ["stop"]])
def test_where_nothing_is_deployed_one_line_says_so(empty: str, command: list[str]) -> None:
    told = run(*command, "--endpoint", empty)
    assert told.exit_code == 2
    assert told.output.startswith("nothing is deployed as stratagem-dev")
    assert told.output.endswith("run `stratagem cloud deploy` first\n")


def test_costs_are_told_with_their_date_and_region() -> None:
    told = run("cost", "--profile", "small")
    assert told.exit_code == 0
    assert told.output.startswith("small, list prices of us-east-1 as of mid-2025")
    for title in ("a month of standing idle", "an hour of training", "a billion turns", "a thousand human matches"):
        assert f"\n{title}: " in told.output


def test_what_is_wrong_on_the_command_line_is_named() -> None:
    assert run("cost", "--profile", "huge").output == 'profile "huge" is unknown; known: dev, small, large\n'
    assert '"tag" is not accepted; accepted: NAME=VALUE' in run("deploy", "--local", "--set", "tag").output
