"""`stratagem lake`: what people wrote is shown as it is, and what cannot be asked is one line."""

import pytest
from click.testing import CliRunner, Result
from tests.store.games import played_record

from store.connect import Connection
from store.lake import Lake
from store.lake_rows import GameRow
from stratagem.cli import main


def query(connection: Connection, monkeypatch: pytest.MonkeyPatch, sql: str) -> Result:
    monkeypatch.setenv("STRATAGEM_PREFIX", connection.names.prefix)
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner().invoke(main, ["lake", "query", sql, "--endpoint", str(connection.names.endpoint)])


def test_names_are_shown_as_they_are(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("human:[/b]", "human:[bold]ann :heart:")
    lake = Lake(connection)
    lake.add([GameRow.of(played_record(), "g1", names, finished_ms=1_700_000_000_000, source="test")])
    lake.fold()
    result = query(connection, monkeypatch, 'SELECT players AS "[/i]" FROM games')
    assert result.exit_code == 0, result.output
    for shown in ("[/i]", *names):
        assert shown in result.output


@pytest.mark.parametrize(
    ("sql", "told"),
    [("", 'sql is ""'), (";", 'sql is ";"'), ("SELECT nobody FROM games", "nobody")],
)
def test_what_cannot_be_asked_is_told(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, sql: str, told: str
) -> None:
    result = query(connection, monkeypatch, sql)
    assert result.exit_code == 2, result.output
    assert told in result.output
