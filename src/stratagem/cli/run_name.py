"""The name of a run: an option's type that commands share which write runs/NAME/."""

import re
from typing import Any

import click


class RunName(click.ParamType[str]):
    """A name that is a folder's in every system, and of one folder alone."""

    name = "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is given."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
            self.fail(f'name is "{value}"; accepted: letters, digits, ".", "_", "-"', param, ctx)
        return str(value)
