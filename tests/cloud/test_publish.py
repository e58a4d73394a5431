"""What Docker and the CDK's command line are called with, and what is said where they fail or are missing."""

import json
import sys
from pathlib import Path

import pytest
from moto import mock_aws

from cloud.deployment import Deployment
from cloud.errors import CloudError
from cloud.profiles import load_profile
from cloud.publish import missing_images, push_images
from store.names import IMAGES
from stratagem.cli import cloud as face

REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch):
    """A deployment in an account without anything."""
    for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("REGION", "eu-west-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        yield Deployment("mine")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, fails: str = "nothing") -> Path:
    """A program that writes down what it is called with; it fails where that is its first word."""
    calls = folder / f"{name}.calls"
    path = folder / name
    path.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"given = '' if sys.stdin is None or sys.argv[1] != 'login' else sys.stdin.read()\n"
        f"with open({str(calls)!r}, 'a') as file:\n"
        f"    print(json.dumps([sys.argv[1:], given, os.environ.get('BUILDX_NO_DEFAULT_ATTESTATIONS')]), file=file)\n"
        f"sys.exit(sys.argv[1] == {fails!r})\n"
    )
    path.chmod(0o755)
    return calls


def test_every_image_is_built_and_pushed_under_its_tag(deployment: Deployment, programs: Path) -> None:
    calls = program(programs, "docker")
    said: list[str] = []
    push_images(deployment, "v1", said.append)
    login, *rest = [json.loads(line) for line in calls.read_text().splitlines()]
    assert login[0] == ["login", "--username", "AWS", "--password-stdin", REGISTRY]
    assert login[1], "the password goes by standard input, where no list of processes shows it"
    assert not any(login[1] in " ".join(command) for command, *_ in rest)
    for image, (build, push) in zip(IMAGES, zip(rest[::2], rest[1::2], strict=True), strict=True):
        name = f"{REGISTRY}/mine/{image}:v1"
        platform = ["--platform", "linux/amd64"]
        assert build[0] == ["build", *platform, "--tag", name, "--file", f"docker/{image}.Dockerfile", "."]
        assert build[2] == "1", "Lambda takes no index with attestations"
        assert push[0] == ["push", name]
    assert said == ["docker " + " ".join(command) for command, *_ in rest]


def test_where_docker_fails_nothing_more_is_done(deployment: Deployment, programs: Path) -> None:
    calls = program(programs, "docker", fails="push")
    with pytest.raises(CloudError, match="`docker push` failed; once that is mended run the same command again"):
        push_images(deployment, "v1", lambda text: None)
    assert [json.loads(line)[0][0] for line in calls.read_text().splitlines()] == ["login", "build", "push"]


def test_that_docker_is_missing_is_told(deployment: Deployment, programs: Path) -> None:
    with pytest.raises(CloudError, match=r"docker cannot be run: .*; install it, or push the images by GitHub Actions"):
        push_images(deployment, "v1", lambda text: None)


def test_images_are_missed_by_name(deployment: Deployment) -> None:
    ecr = deployment.client("ecr")
    for image in IMAGES:
        ecr.create_repository(repositoryName=f"mine/{image}")
    first, *others = IMAGES
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"digest": "sha256:1"}, "layers": []}
    ecr.put_image(repositoryName=f"mine/{first}", imageManifest=json.dumps(manifest), imageTag="v1")
    assert missing_images(deployment, "v1") == [f"mine/{image}" for image in others]


def test_the_cdk_is_told_profile_and_settings(programs: Path) -> None:
    calls = program(programs, "npx")
    face._cdk(load_profile("dev"), {"tag": "v1", "email": "a@example.org"}, "Images", "Delivery")
    (asked, *_) = json.loads(calls.read_text())
    assert asked[-3:] == ["--context=profile=dev", "--context=tag=v1", "--context=email=a@example.org"]
    deploy = asked.index("deploy")
    assert asked[deploy : deploy + 5] == ["deploy", "Images", "Delivery", "--require-approval", "never"]
    assert asked[deploy + 5 : deploy + 7] == ["--app", f"{sys.executable} cdk/app.py"]


def test_where_the_cdk_fails_or_is_missing_it_is_told(programs: Path) -> None:
    with pytest.raises(CloudError, match=r"npx is missing: install Node.js 20 or newer"):
        face._cdk(load_profile("dev"), {}, "--all")
    program(programs, "npx", fails=face.CDK[1])
    with pytest.raises(CloudError, match="`cdk deploy` failed: mend what it says above"):
        face._cdk(load_profile("dev"), {}, "--all")
