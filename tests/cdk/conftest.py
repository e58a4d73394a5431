"""The synthesized app, once a profile for all tests: it takes some seconds."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

Resource = dict[str, Any]

# What a deployment may ask for beside its profile, so that every stack and listener is there to be looked at.
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
ASKED: dict[str, dict[str, str]] = {
    "dev": {"github": "example/stratagem"},
    "small": {"email": "someone@example.org"},
    "large": {"github": "example/stratagem", "github_provider_exists": "true", "certificate": CERTIFICATE},
}


@dataclass(frozen=True)
class Synthesized:
    """A profile's templates."""

    profile: str
    folder: Path

    def template(self, stack: str) -> dict[str, Any]:
        """A stack's template."""
        return json.loads((self.folder / f"{stack}.template.json").read_text())

    @property
    def stacks(self) -> list[str]:
        """The stacks' ids, each after those that it needs."""
        return [path.name.removesuffix(".template.json") for path in sorted(self.folder.glob("*.template.json"))]

    def of_type(self, kind: str) -> dict[str, Resource]:
        """All resources of a type, by "Stack/LogicalId"."""
        return {
            f"{stack}/{name}": resource
            for stack in self.stacks
            for name, resource in self.template(stack)["Resources"].items()
            if resource["Type"] == kind
        }


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesized]:
    """Synthesizes a profile once, whichever process asks first; cdk-nag's findings make it fail."""
    if shutil.which("node") is None:
        pytest.skip("no node, which the CDK's constructs run on")
    pytest.importorskip("aws_cdk")
    from cdk.app import build

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # a folder of all the processes that share these tests
        shared = shared.parent

    def of(profile: str) -> Synthesized:
        folder = shared / f"cdk-{profile}"
        done = folder / "done"
        with FileLock(shared / f"cdk-{profile}.lock"):
            if not done.exists():
                build({"profile": profile, **ASKED[profile]}, folder).app.synth()
                done.touch()
        return Synthesized(profile, folder)

    return of


@pytest.fixture(scope="session", params=list(ASKED))
def app(request: pytest.FixtureRequest, synthesized: Callable[[str], Synthesized]) -> Synthesized:
    """The app in each profile."""
    return synthesized(request.param)


@pytest.fixture(scope="session")
def dev(synthesized: Callable[[str], Synthesized]) -> Synthesized:
    """The app in the profile dev."""
    return synthesized("dev")
