"""The command `stratagem`.

The root knows each subcommand by name, place and one line of help, and imports its module only when it is called: so
`stratagem --help` answers at once, though `demo` needs torch. A new subcommand is a module beside this one and a line
in `COMMANDS`.
"""

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

import click

from stratagem import __version__
from stratagem.lifeline import hold_lifeline

REFUSED = 2
INTERRUPTED = 130


class Place(NamedTuple):
    """Where a subcommand lives and what it is for."""

    module: str
    attribute: str
    help: str


COMMANDS: Mapping[str, Place] = {
    "actor": Place("stratagem.cli.actor", "actor", "Play for a learner: a process of a fleet."),
    "cloud": Place("stratagem.cli.cloud", "cloud", "Deploy on AWS, see costs and state, train there, remove it."),
    "demo": Place("stratagem.cli.demo", "demo", "Train a policy on this machine, rate it, write a report."),
    "lake": Place("stratagem.cli.lake", "lake", "List, query, export and fill the lake of games."),
    "learn": Place("stratagem.cli.learn", "learn", "Learn from what a fleet plays."),
    "clone": Place("stratagem.cli.clone", "clone", "Train a policy to play as people did in recorded games."),
    "live": Place("stratagem.cli.live", "live", "Play on generals.io with a policy or a bot."),
    "play": Place("stratagem.cli.play", "play", "Play in the terminal, against a bot or a person."),
    "policy": Place("stratagem.cli.policy", "policy", "Rate policies, export them: ONNX, a competition."),
    "r2d2": Place("stratagem.cli.r2d2", "r2d2", "Train a recurrent DQN on a small board and rate it."),
    "replay": Place("stratagem.cli.replay", "replay", "Verify recorded games, or draw a board of one."),
    "scout": Place("stratagem.cli.scout", "scout", "Teach the scout where generals hide, with a memory."),
    "serve": Place("stratagem.cli.serve", "serve", "Run the gRPC services."),
    "socketio": Place("stratagem.cli.live", "serve", "Serve games by the protocol of generals.io."),
    "strategist": Place("stratagem.cli.strategist", "strategist", "Train the bot that scores every move."),
    "store": Place("stratagem.cli.store", "store", "Run the local store: S3 and DynamoDB on this machine."),
    "train": Place("stratagem.cli.train", "train", "Train by self-play on one device, a GPU best."),
    "up": Place("stratagem.cli.up", "up", "Run a whole fleet on this machine, under one view."),
    "whereabouts": Place("stratagem.cli.whereabouts", "whereabouts", "Learn where generals hide, for the seeker."),
    "watch": Place("stratagem.cli.watch", "watch", "Watch a game of a server in the terminal."),
    "web": Place("stratagem.cli.web", "web", "Serve the page: play, watch, replay, ladder."),
}


def _lacking(command: str, error: ModuleNotFoundError) -> click.ClickException:
    """What is told of a subcommand that needs a library which is not installed."""
    return click.ClickException(
        f"{command} needs {error.name}, which is not installed; `make install-services` installs all that "
        'commands need, or pip install "stratagem[learn,services]"'
    )


class LazyGroup(click.Group):
    """A group whose subcommands are imported when called and listed without being imported."""

    def __init__(self, places: Mapping[str, Place], **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one subcommand, or None where the table has no such name.

        Raises ClickException where it needs a library that is not installed.
        """
        place = self.places.get(cmd_name)
        if place is None:
            return None
        try:
            command = getattr(import_module(place.module), place.attribute)
        except ModuleNotFoundError as error:
            raise _lacking(cmd_name, error) from error
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a subcommand. Raises ClickException where only then a library is missed.

        A file that cannot be read or written is one line and exit status 2, Ctrl-C one line and 130.
        """
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.filename is None:
                raise
            click.echo(f"stratagem: {os.fsdecode(error.filename)}: {error.strerror}", err=True)
            sys.exit(REFUSED)
        except KeyboardInterrupt:
            click.echo("stratagem: stopped", err=True)
            sys.exit(INTERRUPTED)
        except ModuleNotFoundError as error:
            raise _lacking(str(ctx.invoked_subcommand), error) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.help) for name, place in self.places.items()])


@click.group(
    cls=LazyGroup,
    places=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train, rank and play Generals.io agents.",
)
@click.version_option(__version__, prog_name="stratagem")
def main() -> None:
    """Run the command line."""
    hold_lifeline()
