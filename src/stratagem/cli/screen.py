"""The terminal as a game needs it: what a seat sees, drawn anew in place, and keys as they are pressed."""

import os
import re
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.text import Text

from services.client import Sight
from stratagem.cli.board import Scene, scene_parts

ARROWS = {"\x1b[A": 0, "\x1b[B": 1, "\x1b[D": 2, "\x1b[C": 3, "\x1bOA": 0, "\x1bOB": 1, "\x1bOD": 2, "\x1bOC": 3}
KEY = re.compile(r"\x1b[\[O][A-D]|.", re.DOTALL)  # an arrow, or one character


def scene_of(sight: Sight, teams: int = 0) -> Scene:
    """What a message shows, as a board to draw."""
    seats = sight.seats
    return Scene(
        turn=sight.turn,
        kinds=sight.kinds.astype("uint8"),
        owners=sight.owners,
        armies=sight.armies,
        seen=sight.visible,
        standing=[sight.of_seat(s) for s in range(seats)],
        teams=[s % teams if teams else s for s in range(seats)],
        winner=sight.winner if sight.finished else None,
    )


def picture(console: Console, sight: Sight, names: tuple[str, ...], note: str = "", cursor: int | None = None) -> Group:
    """A sight as something to print."""
    seat = sight.seat if sight.seat >= 0 else None
    parts = scene_parts(console, scene_of(sight), seat, names=names, cursor=cursor)
    return Group(*parts, Text(note)) if note else Group(*parts)


def player_names(sight: Sight, before: tuple[str, ...]) -> tuple[str, ...]:
    """The names that a message tells, else those told before."""
    return tuple(player.name or "nobody yet" for player in sight.message.players) or before


def ending(sight: Sight) -> str:
    """How the game ended, for who saw it."""
    if sight.winner < 0:
        return f"drawn after {sight.turn} turns"
    if sight.seat < 0:
        return f"seat {sight.winner} won after {sight.turn} turns"
    return f"you {'won' if sight.message.reward > 0 else 'lost'} after {sight.turn} turns"


@contextmanager
def raw_keys() -> Iterator[None]:
    """Within, the terminal hands over each key at once and shows none."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def read_keys(seconds: float) -> list[str]:
    """The keys that were pressed, none if that is not in time; an arrow is the sequence that terminals send.

    Raises EOFError where no more can come.
    """
    if not select.select([sys.stdin], [], [], seconds)[0]:
        return []
    typed = os.read(sys.stdin.fileno(), 1024)
    if not typed:
        raise EOFError("the terminal is gone")
    return KEY.findall(typed.decode(errors="replace"))
