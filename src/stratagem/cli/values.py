"""Types of options and arguments that commands share: numbers, names and places to write."""

import math
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

RUNS = Path("runs")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Number(click.FloatRange):
    """A number in a range, which must be finite: what is no number is in every range for click."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read "0.5" as 0.5."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not finite; accepted: numbers", param, ctx)
        return number


class Url(click.ParamType[str]):
    """Where a server answers, as in http://127.0.0.1:5055."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address as it is given."""
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # no port can be so large
            good = False
        if not good:
            self.fail(f'"{value}" is no address; accepted: http://HOST[:PORT] and https://HOST[:PORT]', param, ctx)
        return str(value)


class PolicyName(click.ParamType[str]):
    """What a policy is called in the store."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is given."""
        from store.errors import InvalidError
        from store.policies import check_name

        try:
            check_name(value)
        except InvalidError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class RunName(click.ParamType[str]):
    """What a run is called, so that it can be kept in runs/NAME/."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is given."""
        if not NAME.fullmatch(value):
            self.fail(f'name is "{value}"; accepted: letters, digits, ".", "_", "-"', param, ctx)
        if complaint := unwritable(RUNS / value):
            self.fail(complaint, param, ctx)
        return str(value)


class OutFile(click.Path):
    """A file to write: what cannot be written is refused before there is any work to lose. Its folders are made later.

    With `stem` the files have suffixes of their own, and what is called so without one is nothing to them.
    """

    def __init__(self, stem: bool = False) -> None:
        super().__init__(dir_okay=stem, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Its path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if complaint := unwritable(path.parent):
            self.fail(complaint, param, ctx)
        return path


class OutFolder(click.Path):
    """The same for a folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Its path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if complaint := unwritable(path):
            self.fail(complaint, param, ctx)
        return path


def unwritable(folder: Path) -> str:
    """Why nothing can be written in a folder, which need not be there yet; empty where it can."""
    there = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} is a folder that cannot be written in"
