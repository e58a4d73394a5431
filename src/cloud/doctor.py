"""What has to be there before a deployment, each with how to mend it."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

from botocore.exceptions import BotoCoreError, ClientError

from cloud.deployment import Deployment
from cloud.errors import CloudError

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = 21
NODE = 20
FARGATE_QUOTAS = {"L-3032A538": "Fargate on-demand virtual cores", "L-36FBB829": "Fargate Spot virtual cores"}


@dataclass(frozen=True)
class Finding:
    """Something that was looked at."""

    what: str
    good: bool
    told: str  # what was found
    mend: str = ""  # how to go on where it is not good


def examine(deployment: Deployment, instance: str, cores: int) -> Iterator[Finding]:
    """Look at programs, credentials, region, bootstrap and quotas, in the order in which they are needed."""
    yield _node()
    yield _constructs()
    yield _docker()
    try:
        region = deployment.region
        who = deployment.client("sts").get_caller_identity()
    except CloudError as error:
        yield Finding("account", False, str(error).partition(":")[0], str(error).partition(": ")[2])
        return
    except (BotoCoreError, ClientError) as error:
        yield Finding("account", False, _line(error), "log in: `aws configure sso`, or set AWS_PROFILE")
        return
    yield Finding("account", True, f"{who['Account']} as {who['Arn'].rpartition('/')[2]}, {region}")
    yield look_at_bootstrap(deployment, who["Account"], region)
    yield _gpu_quota(deployment, instance)
    yield from _fargate_quotas(deployment, cores)


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _version(command: list[str]) -> str | None:
    """What a program says of its version; None where it is missing or does not answer."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _node() -> Finding:
    mend = f"install Node.js {NODE} or newer: the CDK's constructs run on it"
    found = _version(["node", "--version"])
    if found is None:
        return Finding("node", False, "is missing", mend)
    return Finding("node", int(found.lstrip("v").partition(".")[0]) >= NODE, found, mend)


def _constructs() -> Finding:
    """What the app is written with; `stratagem[cdk]`, which not every installation has."""
    mend = "run `pip install --requirement requirements/cdk.txt`"
    missing = [name for name in ("aws_cdk", "cdk_nag", "constructs") if find_spec(name) is None]
    if missing:
        return Finding("aws-cdk-lib", False, f"cannot import {', '.join(missing)}", mend)
    return Finding("aws-cdk-lib", True, version("aws-cdk-lib"), mend)


def _docker() -> Finding:
    """Only building and pushing images needs it; synthesizing and removing do without."""
    mend = "start Docker, or let GitHub Actions build the images"
    found = _version(["docker", "version", "--format", "{{.Server.Version}}"])
    return Finding("docker", found is not None, found or "no engine answers", mend)


def look_at_bootstrap(deployment: Deployment, account: str, region: str) -> Finding:
    """Whether the CDK's own stack is there, once an account and region; nothing deploys without."""
    mend = f"run `npx aws-cdk bootstrap aws://{account}/{region}` once"
    try:
        parameter = deployment.client("ssm").get_parameter(Name=BOOTSTRAP)["Parameter"]
    except (BotoCoreError, ClientError) as error:
        missing = "ParameterNotFound" in str(error)
        return Finding("bootstrap", False, "is missing" if missing else _line(error), mend)
    return Finding("bootstrap", int(parameter["Value"]) >= BOOTSTRAP_VERSION, f"version {parameter['Value']}", mend)


def _gpu_quota(deployment: Deployment, instance: str) -> Finding:
    """SageMaker's quotas of a new account are 0 for every GPU."""
    what = f"{instance} for spot training job usage"
    mend = f'ask for 1 of "{what}" under Service Quotas, Amazon SageMaker; a day or two'
    try:
        pages = (
            deployment.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
        )
        values = [quota["Value"] for page in pages for quota in page["Quotas"] if quota["QuotaName"] == what]
    except (BotoCoreError, ClientError) as error:
        return Finding("GPU quota", False, _line(error), mend)
    value = values[0] if values else 0
    return Finding("GPU quota", value >= 1, f"{value:g} of {instance} on Spot", mend)


def _fargate_quotas(deployment: Deployment, cores: int) -> Iterator[Finding]:
    for code, what in FARGATE_QUOTAS.items():
        mend = f'ask for {cores} of "{what}" under Service Quotas, AWS Fargate'
        try:
            quota = deployment.client("service-quotas").get_service_quota(ServiceCode="fargate", QuotaCode=code)
        except (BotoCoreError, ClientError) as error:
            yield Finding(what, False, _line(error), mend)
            continue
        value = quota["Quota"]["Value"]
        yield Finding(what, value >= cores, f"{value:g}, and {cores} are wanted", mend)
