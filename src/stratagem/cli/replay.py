"""`stratagem replay`: play recorded games again, or draw a board of one."""

import os
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np

from engine.playback import SURRENDER
from engine.record import Record, Result
from engine.record_replay import checked_record
from engine.replay_files import read_games
from engine.replays import Replay, ReplayError

MAX_BOARD_BYTES = 2 << 30
"""Most bytes that the boards of one game may take in `--boards`."""
REFUSED = 2
"""Exit status when a file cannot be used."""


@click.group()
def replay() -> None:
    """Verify recorded games, or draw a board of one.

    Files are .gior, .gioreplay, .json (positional, or a record as the page and the lake write it), or .jsonl with a
    game a line, each also .gz.
    """


@replay.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--boards", metavar="OUT.npz", help="Write the boards of every turn.")
def verify(files: tuple[str, ...], boards: str | None) -> None:
    """Play every game again and say how it went, a line a game, then a summary.

    Exit status: 0, 1 if a move was invalid, 2 if a file could not be used.

    A move is invalid if it was not legal when its turn began. A game ends by capture, surrender, afk (the seat that
    gave up never moved) or draw, or is unfinished where its file ends.

    --boards writes an archive of numpy with `owner` (int8) and `army` (int32) of shape (turns + 1, tiles); owners are
    seats, -1 nobody, -2 where nobody can stand. Of several games the n-th, from 0, is `owner_n` and `army_n`.
    """
    tally: Counter[str] = Counter()
    refused = False
    try:
        with _progress(files) as told, _archive(boards) as archive:
            for number, file in enumerate(files):
                try:
                    for game in read_games(file, lambda read, n=number: told(n, read)):  # type: ignore[misc]
                        _verify_game(file, game, tally, archive)
                except ReplayError as error:
                    click.echo(f"stratagem: {error}", err=True)
                    refused = True
    except ReplayError as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    click.echo(summary(tally))
    if refused:
        sys.exit(REFUSED)
    sys.exit(1 if tally["invalid"] else 0)


@replay.command()
@click.argument("file", metavar="FILE")
@click.option("--turn", type=int, help="The turn to draw; the last one by default.")
@click.option("--seat", type=int, help="Draw what this seat, from 0, sees and remembers.")
@click.option("--game", type=click.IntRange(1, 10**9), default=1, show_default=True, help="Which game of a .jsonl.")
def show(file: str, turn: int | None, seat: int | None, game: int) -> None:
    """Draw the board of a turn in the terminal."""
    from rich.console import Console

    from stratagem.cli.board import draw_board

    try:
        found = next(islice(read_games(file), game - 1, None), None)
        if found is None:
            raise ReplayError(f"{file}: game {game} is not there; the file holds fewer")
        record = checked_record(found, file)
        turn = record.turns if turn is None else turn
        if not 0 <= turn <= record.turns:
            raise ReplayError(f"{file}: turn is {turn}; the game lasts from 0 to {record.turns}")
        seats = record.layout.seats
        if seat is not None and not 0 <= seat < seats:
            raise ReplayError(f"{file}: seat is {seat}; the game's seats are 0 to {seats - 1}")
    except ReplayError as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(REFUSED)
    draw_board(
        Console(highlight=False),
        record.at(turn),
        seat,
        names=record.names or tuple(f"seat {number}" for number in range(seats)),
        colours=found.colours if isinstance(found, Replay) else (),
        title=_word(found.id),
    )


def _verify_game(file: str, game: Replay | Record, tally: Counter[str], archive: Callable[[Record], None]) -> None:
    record = checked_record(game, file)
    result = record.result()
    moves = len(game.moves) if isinstance(game, Replay) else int((game.events[:, 2] != SURRENDER).sum())
    rules = f"version {game.version}" if isinstance(game, Replay) else f"ruleset {_word(game.ruleset.name)}"
    click.echo(verdict(game.id, rules, record.layout.seats, moves, result))
    tally["games"] += 1
    tally["moves"] += moves
    tally["invalid"] += result.invalid
    tally[result.ended] += 1
    archive(record)


def verdict(game_id: str, rules: str, players: int, moves: int, result: Result) -> str:
    """The line that `verify` prints of a game; rules: the replay's version, or the record's ruleset."""
    winner = "none" if result.winner is None or result.winner < 0 else str(result.winner)
    return (
        f"{_word(game_id)} {rules} players {players} turns {result.turns} moves {moves} "
        f"invalid {result.invalid} ended {result.ended} winner {winner}"
    )


def summary(tally: Counter[str]) -> str:
    """The last line that `verify` prints."""
    ends = [f"{tally[end]} {end}" for end in ("capture", "surrender", "afk", "draw", "unfinished") if tally[end]]
    return (
        f"{tally['games']} games, {tally['moves']} moves, {tally['invalid']} invalid"
        f"{'; ended by ' if ends else ''}{', '.join(ends)}"
    )


def _word(text: str) -> str:
    """A text from a file as one word that a terminal can be shown."""
    return "".join(c if c.isascii() and c.isprintable() and c != " " else "?" for c in text) or "-"


@contextmanager
def _progress(files: tuple[str, ...]) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal's standard error; it is told the number of a file and how many of its bytes are read."""
    if not sys.stderr.isatty():
        yield lambda number, read: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    sizes = [os.path.getsize(file) if os.path.isfile(file) else 0 for file in files]
    columns = (TextColumn("verifying"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=sum(sizes))
        yield lambda number, read: bar.update(task, completed=sum(sizes[:number]) + read)


@contextmanager
def _archive(path: str | None) -> Iterator[Callable[[Record], None]]:
    """A function that adds a game's boards to the archive, which appears whole or not at all."""
    if path is None:
        yield lambda record: None
        return
    part = Path(f"{path}.part")
    written = 0
    first: list[Record] = []

    def add(record: Record) -> None:
        # Only the second game tells that the first one's names need a number.
        nonlocal written
        tiles = record.layout.kinds.size
        if 5 * (record.turns + 1) * tiles > MAX_BOARD_BYTES:
            raise ReplayError(
                f"{path}: boards of {record.turns + 1} turns with {tiles} tiles take more than {MAX_BOARD_BYTES} bytes"
            )
        if written == 0 and not first:
            first.append(record)
            return
        for each in (*first, record):
            _write_boards(archive, each, f"_{written}")
            written += 1
        first.clear()

    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            yield add
            for record in first:
                _write_boards(archive, record, "")
        part.replace(path)
    except OSError as error:
        raise ReplayError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    finally:
        part.unlink(missing_ok=True)


def _write_boards(archive: zipfile.ZipFile, record: Record, suffix: str) -> None:
    """Write a game's boards piece by piece: they may be larger than the memory."""
    shape = (record.turns + 1, record.layout.kinds.size)
    for index, (name, kind) in enumerate((("owner", np.int8), ("army", np.int32))):
        header: dict[str, Any] = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": shape}
        with archive.open(f"{name}{suffix}.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for chunk in record.board_chunks():
                file.write(chunk[index].tobytes())
