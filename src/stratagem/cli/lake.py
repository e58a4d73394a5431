"""`stratagem lake`: what lies in the lake, and how to get it out and in."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from engine.record import MAX_NAME
from engine.record_replay import checked_record, replay_of
from engine.replay_checks import ReplayError
from engine.replay_files import read_games
from engine.replays import Replay, encode_gior
from store.connect import Connection
from store.lake import Lake
from store.lake_rows import GameRow
from stratagem.cli.connection import with_store
from stratagem.cli.values import OutFolder


@click.group()
def lake() -> None:
    """List, query, export and fill the lake of games."""


@lake.command()
@click.option("--ruleset", help="Only games of this one.")
@with_store
def ls(connection: Connection, ruleset: str | None) -> None:
    """List partitions: games, files and bytes."""
    from rich.console import Console
    from rich.table import Table

    found = Lake(connection)
    sums: dict[tuple[str, str], list[int]] = {}
    for part in found.parts(ruleset):
        row = sums.setdefault((part.ruleset, part.date), [0, 0, 0])
        row[0] += found.table(part).num_rows
        row[1] += 1
        row[2] += part.size
    table = Table("ruleset", "date", "games", "files", "bytes", "bytes a game")
    for (rules, date), (games, files, size) in sorted(sums.items()):
        table.add_row(rules, date, f"{games:,}", f"{files:,}", f"{size:,}", f"{size / games:,.0f}")
    Console(markup=False, emoji=False).print(table)


@lake.command()
@click.argument("sql")
@with_store
def query(connection: Connection, sql: str) -> None:
    """Ask in SQL (DuckDB's) about the table `games`.

    Columns are those of the lake and the partition's `ruleset` and `date`, for example:

        stratagem lake query "SELECT players, count(*) FROM games GROUP BY players"
    """
    import duckdb
    import pyarrow as pa
    from rich.console import Console
    from rich.table import Table

    from store.lake_rows import SCHEMA

    found = Lake(connection)
    partition = [pa.field("ruleset", pa.string()), pa.field("date", pa.string())]
    tables = [
        found.table(part)
        .append_column(partition[0], pa.array([part.ruleset] * found.table(part).num_rows, pa.string()))
        .append_column(partition[1], pa.array([part.date] * found.table(part).num_rows, pa.string()))
        for part in found.parts()
    ]
    games = pa.concat_tables(tables) if tables else pa.schema([*SCHEMA, *partition]).empty_table()
    base = duckdb.connect()
    base.register("games", games)
    try:
        answer = base.execute(sql)
        rows = answer.fetchall() if answer else []
    except duckdb.Error as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(2)
    if not answer:
        click.echo(f'stratagem: sql is "{sql}"; accepted: a statement of DuckDB, such as SELECT', err=True)
        sys.exit(2)
    shown = Table(*(column[0] for column in answer.description or ()))
    for row in rows:
        shown.add_row(*(str(value) for value in row))
    Console(markup=False, emoji=False).print(shown)


@lake.command()
@click.argument("game")
@click.option("--turn", type=int, help="The turn to draw; the last one by default.")
@click.option("--seat", type=int, help="Draw what this seat, from 0, sees and remembers.")
@with_store
def replay(connection: Connection, game: str, turn: int | None, seat: int | None) -> None:
    """Draw a board of a game."""
    from rich.console import Console

    from stratagem.cli.board import draw_board

    row = Lake(connection).find(game)
    record = row.unpack()
    turn = record.turns if turn is None else turn
    if not 0 <= turn <= record.turns:
        click.echo(f"stratagem: turn is {turn}; game {game} lasts from 0 to {record.turns}", err=True)
        sys.exit(2)
    if seat is not None and not 0 <= seat < len(row.players):
        click.echo(f"stratagem: seat is {seat}; the seats of game {game} are 0 to {len(row.players) - 1}", err=True)
        sys.exit(2)
    draw_board(Console(highlight=False), record.at(turn), seat, names=row.players, colours=(), title=game)


@lake.command()
@click.argument("games", nargs=-1)
@click.option("--out", type=OutFolder(), default=Path("."), show_default=True, help="Folder.")
@click.option("--all", "everything", is_flag=True, help="Every game.")
@with_store
def export(connection: Connection, games: tuple[str, ...], out: Path, everything: bool) -> None:
    """Write games as .gior; those that no .gior can tell (the competition's) as .json records."""
    wanted = set(games)
    out.mkdir(parents=True, exist_ok=True)
    written = 0
    for row in Lake(connection).all_rows():
        if everything or row.game_id in wanted:
            wanted.discard(row.game_id)
            _write(row, out)
            written += 1
    click.echo(f"{written} games in {out}")
    if wanted:
        click.echo(f"stratagem: not in the lake: {', '.join(sorted(wanted))}", err=True)
        sys.exit(1)


def _write(row: GameRow, out: Path) -> None:
    """Write a game, called as the lake calls it, to a file that no other game's name leads to."""
    name = "".join(c if c.isalnum() or c in "-_.~" else f"%{ord(c):02X}" for c in row.game_id)
    record = row.unpack()
    if max(map(len, (row.game_id, *row.players))) <= MAX_NAME:
        record = replace(record, id=row.game_id, names=record.names or row.players)
    try:
        (out / f"{name}.gior").write_bytes(encode_gior(replay_of(record)))
    except ReplayError:
        (out / f"{name}.json").write_text(record.to_json(), encoding="utf-8")


@lake.command(name="import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--date", default="1970-01-01", show_default=True, help="Their day; replay files do not tell it.")
@with_store
def import_(connection: Connection, files: tuple[str, ...], date: str) -> None:
    """Take in recorded games: .gior, .gioreplay, .json, .jsonl, each also .gz; what `export` wrote among them.

    A game that is there already is left out. One that has another game's id gets a name of its own.
    """
    from store.imports import Import

    try:
        finished_ms = int(datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise click.BadParameter(f'"{date}" is no day; accepted: YYYY-MM-DD', param_hint="--date") from None
    coming = Import(Lake(connection))
    try:
        for file in files:
            for number, game in enumerate(read_games(file)):
                record = checked_record(game, file)
                # a record tells players as the lake does, a replay people
                kind = "human:" if isinstance(game, Replay) else ""
                names = [f"{kind}{name}" for name in record.names] or [f"seat {s}" for s in range(record.layout.seats)]
                coming.take(record, game.id or f"{Path(file).name}-{number}", names, finished_ms)
    except ReplayError as error:
        click.echo(f"stratagem: {error}", err=True)
        sys.exit(2)
    finally:
        coming.finish()
        click.echo(f"{coming.new} new games" + (f", {coming.known} were there" if coming.known else ""))
        if coming.renamed:
            told = ", ".join(coming.renamed)
            click.echo(f"{len(coming.renamed)} of the new ones had another game's id, and are called {told}")


@lake.command()
@with_store
def fold(connection: Connection) -> None:
    """Fold the games that came in into parts, and join small parts."""
    found = Lake(connection)
    click.echo(f"{found.fold()} games folded, {found.join()} small parts joined")
