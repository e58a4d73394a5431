"""How a policy is named on a command line."""

from pathlib import Path
from typing import Any

import click

from stratagem.policies import find_policy


class PolicyPath(click.ParamType[Path]):
    """NAME.safetensors with NAME.json, with or without suffix, or the name of one in the box."""

    name = "policy"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Its path, as `load_policy` takes it."""
        return find_policy(Path(value))
