"""What is put into a deployment beside its stacks: images and the page's files."""

import base64
import mimetypes
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from botocore.exceptions import ClientError

from cloud.assembly import ROOT
from cloud.deployment import Deployment
from cloud.errors import CloudError
from store.connect import error_code
from store.names import DISTRIBUTION_OUTPUT, IMAGES, WEB_OUTPUT

PAGE = ROOT / "src" / "web"
PLATFORM = "linux/amd64"  # of Fargate, Lambda and SageMaker as the stacks ask for them
PLAIN = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}  # Lambda takes an image alone, no index with attestations beside it
SERVED = (".html", ".css", ".js", ".json", ".svg", ".png", ".ico", ".webmanifest")


def image_commands(registry: str, prefix: str, tag: str) -> Iterator[list[str]]:
    """The commands that build and push every image."""
    for image in IMAGES:
        name = f"{registry}/{prefix}/{image}:{tag}"
        build = ["docker", "build", "--platform", PLATFORM, "--tag", name]
        yield [*build, "--file", f"docker/{image}.Dockerfile", "."]
        yield ["docker", "push", name]


def push_images(deployment: Deployment, tag: str, say: Callable[[str], None]) -> None:
    """Build the images here and push them to the deployment's registries. Raises CloudError."""
    account = deployment.client("sts").get_caller_identity()["Account"]
    registry = f"{account}.dkr.ecr.{deployment.region}.amazonaws.com"
    token = deployment.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(token).decode().partition(":")[2]
    _run(["docker", "login", "--username", "AWS", "--password-stdin", registry], password)
    for command in image_commands(registry, deployment.prefix, tag):
        say(" ".join(command))
        _run(command)


def missing_images(deployment: Deployment, tag: str) -> list[str]:
    """The registries that hold no image of a tag."""
    missing = []
    for image in IMAGES:
        name = f"{deployment.prefix}/{image}"
        try:
            deployment.client("ecr").describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])
        except ClientError as error:
            if error_code(error) != "ImageNotFoundException":
                raise
            missing.append(name)
    return missing


def _run(command: list[str], given: str | None = None) -> None:
    try:
        done = subprocess.run(command, input=given, text=True, cwd=ROOT, check=False, env={**os.environ, **PLAIN})
    except OSError as error:
        raise CloudError(
            f"{command[0]} cannot be run: {error}; install it, or push the images by GitHub Actions"
        ) from None
    if done.returncode:
        raise CloudError(
            f"`{' '.join(command[:2])}` failed; once that is mended run the same command again: it goes on"
        )


def publish_page(deployment: Deployment, folder: Path = PAGE) -> int:
    """Put the page's files in its bucket and let CloudFront fetch them anew; how many files."""
    outputs = deployment.outputs()
    bucket, s3, count = outputs[WEB_OUTPUT], deployment.client("s3"), 0
    for path in sorted(folder.rglob("*")):
        if path.suffix in SERVED:
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            key = path.relative_to(folder).as_posix()
            s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), ContentType=kind, CacheControl="no-cache")
            count += 1
    if not deployment.endpoint:
        deployment.client("cloudfront").create_invalidation(
            DistributionId=outputs[DISTRIBUTION_OUTPUT],
            InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": uuid.uuid4().hex},
        )
    return count
