"""The synthesized app: the CDK's output folder, read for what has to be deployed and in which order."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud.errors import CloudError

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "cdk" / "app.py"


@dataclass(frozen=True)
class StackTemplate:
    """A stack as it was synthesized."""

    id: str  # in the app
    name: str  # in CloudFormation
    path: Path

    @property
    def body(self) -> str:
        """The template's JSON."""
        return self.path.read_text(encoding="utf-8")


def synthesize(profile: str, folder: Path, settings: Mapping[str, str] | None = None) -> list[StackTemplate]:
    """Synthesize a profile into a folder and read it. Raises CloudError with what the app says is wrong."""
    if not APP.exists():
        raise CloudError(f"{APP} is missing: deploying needs a checkout of the source, not the installed package")
    environment = {
        **os.environ,
        "CDK_CONTEXT_JSON": json.dumps({"profile": profile, **(settings or {})}),
        "CDK_OUTDIR": str(folder),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    }
    try:
        done = subprocess.run(
            [sys.executable, str(APP)], env=environment, capture_output=True, text=True, cwd=ROOT, check=False
        )
    except OSError as error:
        raise CloudError(f"the app cannot be run: {error}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise CloudError(f"the app does not synthesize: {lines[-1]}")
    return list(read_assembly(folder))


def read_assembly(folder: Path) -> Iterator[StackTemplate]:
    """The stacks of an output folder, each after those that it needs."""
    artifacts: dict[str, dict[str, Any]] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))[
        "artifacts"
    ]
    stacks = {name: one for name, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}
    done: set[str] = set()

    def visit(name: str) -> Iterator[StackTemplate]:
        if name in done:
            return
        done.add(name)
        for needed in stacks[name].get("dependencies", ()):
            if needed in stacks:
                yield from visit(needed)
        properties = stacks[name]["properties"]
        yield StackTemplate(name, properties.get("stackName", name), folder / properties["templateFile"])

    for name in stacks:
        yield from visit(name)
