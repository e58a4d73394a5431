"""`stratagem lake`: games in and out without loss, and what cannot be done told in one line."""

import json
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.engine.small_replay import small
from tests.engine.test_record import random_game
from tests.store.games import played_record

from engine.record import Record
from engine.replay_files import read_games
from engine.replays import parse_replay
from store.connect import Connection, create_all
from store.lake import Lake
from store.lake_rows import GameRow
from store.names import Names
from stratagem.cli import main


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which a table's rows are lines."""
    monkeypatch.setenv("COLUMNS", "200")


def lake(connection: Connection, *arguments: object) -> Result:
    """`stratagem lake` on a store."""
    names = connection.names
    return CliRunner(env={"STRATAGEM_PREFIX": names.prefix}).invoke(
        main, ["lake", *map(str, arguments), "--endpoint", str(names.endpoint)]
    )


def row(
    game_id: str, record: Record | None = None, players: tuple[str, str] = ("bot:random", "bot:expander")
) -> GameRow:
    return GameRow.of(record or played_record(), game_id, players, finished_ms=1_700_000_000_000, source="test")


def another_record(seed: int = 8) -> Record:
    """A game by the competition's rules, which no replay of the site tells."""
    return replace(random_game(seed, "competition")[0], id="", names=())


def replayed_record() -> Record:
    """A game that a replay of the site tells."""
    return Record.from_replay(parse_replay(small(id="", usernames=["ann", "ben"])))


def test_names_are_shown_as_they_are(connection: Connection) -> None:
    names = ("human:[/b]", "human:[bold]ann :heart:")
    Lake(connection).add([row("g1", players=names)])
    Lake(connection).fold()
    result = lake(connection, "query", 'SELECT players AS "[/i]" FROM games')
    assert result.exit_code == 0, result.output
    for shown in ("[/i]", *names):
        assert shown in result.output


@pytest.mark.parametrize(
    ("sql", "told"),
    [("", 'sql is ""'), (";", 'sql is ";"'), ("SELECT nobody FROM games", "nobody")],
)
def test_what_cannot_be_asked_is_told(connection: Connection, sql: str, told: str) -> None:
    result = lake(connection, "query", sql)
    assert result.exit_code == 2, result.output
    assert told in result.output


# --- in and out ---


def other_store(connection: Connection) -> Connection:
    made = Connection(Names.of(f"t{uuid.uuid4().hex[:12]}", connection.names.endpoint))
    create_all(made)
    return made


def test_what_was_exported_is_the_same_in_another_lake(connection: Connection, tmp_path: Path) -> None:
    rows = [
        row("limited"),
        row("competition/1", another_record()),
        row("competition_1", another_record(7)),
        row("site's", replayed_record(), ("human:ann", "human:ben")),
    ]
    Lake(connection).add(rows)
    result = lake(connection, "export", "--all", "--out", tmp_path)
    assert (result.exit_code, result.output) == (0, f"4 games in {tmp_path}\n")
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == [
        "competition%2F1.json",
        "competition_1.json",
        "limited.json",
        "site%27s.gior",
    ]

    second = other_store(connection)
    result = lake(second, "import", *files)
    assert (result.exit_code, result.output) == (0, "4 new games\n")
    found = {each.game_id: each for each in Lake(second).all_rows()}
    for each in rows:
        same = found.pop(each.game_id)
        assert (same.players, same.winner, same.turns) == (each.players, each.winner, each.turns)
        assert replace(same.unpack(), id="", names=()) == replace(each.unpack(), id="", names=())
    assert not found
    assert lake(second, "import", *files).output == "0 new games, 4 were there\n"


def test_games_are_asked_for_by_id(connection: Connection, tmp_path: Path) -> None:
    Lake(connection).add([row("a"), row("b")])
    result = lake(connection, "export", "b", "c", "--out", tmp_path)
    assert (result.exit_code, result.stdout) == (1, f"1 games in {tmp_path}\n")
    assert result.stderr == "stratagem: not in the lake: c\n"
    assert [record.id for record in read_games(tmp_path / "b.json")] == ["b"]


def test_no_game_is_left_out_because_another_has_its_name(connection: Connection, tmp_path: Path) -> None:
    paths = []
    for number, record in enumerate([replayed_record(), another_record(), another_record(7)]):
        paths.append(tmp_path / str(number) / "games.jsonl")
        paths[-1].parent.mkdir()
        paths[-1].write_text(record.to_json())
    assert lake(connection, "import", paths[0]).output == "1 new games\n"
    result = lake(connection, "import", *paths[1:], paths[2])
    told, renamed = result.output.splitlines()
    assert told == "2 new games"
    assert renamed.startswith("2 of the new ones had another game's id, and are called games.jsonl-0~")
    assert len({each.game_id for each in Lake(connection).all_rows()}) == 3
    assert lake(connection, "import", *paths).output == "0 new games, 3 were there\n"


def test_what_came_before_a_damaged_file_is_kept(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(small(id="#first")))
    (tmp_path / "b.json").write_text("{}")
    result = lake(connection, "import", tmp_path / "a.json", tmp_path / "b.json")
    assert (result.exit_code, result.stdout) == (2, "1 new games\n")
    assert result.stderr.startswith(f"stratagem: {tmp_path / 'b.json'}: ")
    assert [(each.game_id, each.players) for each in Lake(connection).all_rows()] == [
        ("first", ("human:Ann", "human:Bö\nb"))
    ]


def test_rules_whose_name_is_no_folder_are_refused(connection: Connection, tmp_path: Path) -> None:
    told = json.loads(another_record().to_json())
    told["ruleset"]["name"] = "competition/date=x"
    (tmp_path / "a.json").write_text(json.dumps(told))
    result = lake(connection, "import", tmp_path / "a.json")
    assert result.exit_code == 2
    assert "ruleset 'competition/date=x' is not accepted; accepted: 1 to 64 characters" in result.output
    assert not list(Lake(connection).all_rows())


def test_a_day_that_is_none_is_refused(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(small()))
    result = lake(connection, "import", tmp_path / "a.json", "--date", "2026-02-30")
    assert result.exit_code == 2
    assert '"2026-02-30" is no day; accepted: YYYY-MM-DD' in result.output


# --- looking ---


def test_partitions_are_listed(connection: Connection) -> None:
    Lake(connection).add([row("a"), row("b"), row("c", another_record())])
    assert lake(connection, "fold").output == "3 games folded, 0 small parts joined\n"
    lines = [line.replace("│", " ").split()[:4] for line in lake(connection, "ls").output.splitlines()]
    assert ["generalsio", "2023-11-14", "2", "1"] in lines
    assert ["competition", "2023-11-14", "1", "1"] in lines
    alone = lake(connection, "ls", "--ruleset", "competition").output
    assert "competition" in alone
    assert "generalsio" not in alone


def test_a_game_is_drawn(connection: Connection) -> None:
    Lake(connection).add([row("g1")])
    result = lake(connection, "replay", "g1", "--turn", "12", "--seat", "1")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("g1  turn 12  as seat B sees it")
    for arguments, told in (
        (("g2",), "game g2 is not in the lake"),
        (("g1", "--turn", "41"), "turn is 41; game g1 lasts from 0 to 40"),
        (("g1", "--seat", "2"), "seat is 2; the seats of game g1 are 0 to 1"),
    ):
        refused = lake(connection, "replay", *arguments)
        assert refused.exit_code == 2
        assert refused.output == f"stratagem: {told}\n"
