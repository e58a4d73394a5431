"""What a network may be told beyond what its seat sees: options that commands share which make networks."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

TOLD = {
    "ways": "Whether it is shown ways over the board.",
    "phases": "Whether it is told each turn of the cycle of 50.",
    "ordered": "Whether ways show what to gather first.",
    "belief": "Whether it is shown where the enemy's general probably is, and ways lead there.",
}


def told_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each of TOLD, and what was chosen as `told`, by name, as `NetworkConfig.of` takes
    it.
    """

    @wraps(command)
    def gathered(**given: Any) -> None:
        command(told={name: given.pop(name) for name in TOLD}, **given)

    for name, text in reversed(TOLD.items()):
        gathered = click.option(f"--{name}/--no-{name}", default=False, show_default=True, help=text)(gathered)
    return gathered
