"""The local store: what was acknowledged is there again in a new server, however often and whenever one is killed.

moto keeps its state by the process, so each server has a process of its own here.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.store.test_lake import row

from store import local, objects
from store.connect import Connection, create_all, create_tables, is_complete
from store.items import Items
from store.lake import Lake
from store.local import LocalStore
from store.names import MATCHES, TABLES, Names
from store.policies import Policies
from store.ratings import Outcome, Player, Ratings

SERVE = """
import sys
from pathlib import Path
from store import journal
from store.local import LocalStore
journal.REWRITE_AFTER = int(sys.argv[2])
store = LocalStore(journal=Path(sys.argv[1]))
print(store.endpoint, flush=True)
store.serve()
"""


@contextmanager
def serving(journal: Path, rewrite_after: int = 1 << 30) -> Iterator[Connection]:
    """A connection to a local store in another process, which is killed in the end."""
    command = [sys.executable, "-c", SERVE, str(journal), str(rewrite_after)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Connection(Names.of("lasting", process.stdout.readline().strip()))
        finally:
            process.kill()


def contents(connection: Connection) -> dict[str, Any]:
    """All items by table and key, and all objects by bucket and key."""
    found: dict[str, Any] = {}
    for schema in TABLES:
        keys = (schema.partition.name, schema.sort.name)
        answer = connection.dynamodb.scan(TableName=connection.names.table(schema))
        assert "LastEvaluatedKey" not in answer
        for item in answer["Items"]:
            found[f"{schema.name} {[item[key] for key in keys]}"] = {
                name: sorted(value["SS"]) if "SS" in value else value for name, value in item.items()
            }
    for bucket in (connection.names.models_bucket, connection.names.lake_bucket):
        for key in objects.keys(connection, bucket, ""):
            found[f"{bucket} {key}"] = objects.get(connection, bucket, key)
    return found


def outcome(number: int) -> Outcome:
    return Outcome(f"g{number}", (Player("a"), Player("b")), number % 2, 10, "generalsio", number)


def change(connection: Connection, number: int) -> None:
    """Put, create, update, replace and remove items, some of them binary; put and remove objects."""
    policies, lake, matches = Policies(connection), Lake(connection), Items(connection, MATCHES)
    policies.publish("demo", bytes(range(256)) + bytes([number]), {"steps": number})
    policies.set_alias("demo", "champion", number + 1)
    Ratings(connection).report([outcome(number), outcome(number + 100)])
    lake.add([row(number)])
    lake.fold()
    lake.add([row(number + 50)])
    matches.put(
        {"match": "m", "item": f"{number}", "log": bytes(range(256)), "deep": {"list": [b"x", 1], "set": {b"y"}}}
    )
    matches.put({"match": "m", "item": "state", "n": number})
    matches.update("m", "state", "SET words = :w ADD n :one", {":w": {"a", f"{number}"}, ":one": 1})
    matches.delete("m", f"{number - 1}")
    objects.put(connection, connection.names.lake_bucket, "a key/with ü & <more>", b"%d" % number)
    objects.put(connection, connection.names.lake_bucket, "doomed & gone", b"%d" % number)
    objects.delete(connection, connection.names.lake_bucket, ["doomed & gone"])


def test_it_is_complete_once_all_was_made(tmp_path: Path) -> None:
    with serving(tmp_path / "store.journal") as connection:
        assert not is_complete(connection)
        create_tables(connection)
        assert not is_complete(connection)
        create_all(connection)
        assert is_complete(connection)
    assert not is_complete(connection), "nobody answers any more"


def test_a_new_server_has_all_that_was_written(tmp_path: Path) -> None:
    journal = tmp_path / "store.journal"
    with serving(journal) as connection:
        create_all(connection)
        change(connection, 0)
        before = contents(connection)
    with journal.open("ab") as file:
        file.write(b'{"method": "PUT", "pa')  # killed while writing
    with serving(journal) as connection:
        assert contents(connection) == before
        policies = Policies(connection)
        assert policies.weights(policies.resolve("demo")) == bytes(range(256)) + b"\0"
        assert Ratings(connection).report([outcome(0)]).duplicates == 1


def test_a_journal_that_was_written_anew_tells_the_same_in_less(tmp_path: Path) -> None:
    journal = tmp_path / "store.journal"
    (tmp_path / "store.journal.new").write_bytes(b"killed while writing it anew")
    with serving(journal) as connection:
        create_all(connection)
        for number in range(4):
            change(connection, number)
        before = contents(connection)
    grown = journal.stat().st_size
    with serving(journal, rewrite_after=20) as connection:
        assert contents(connection) == before
    short = journal.stat().st_size
    assert short < grown / 2
    with serving(journal, rewrite_after=20) as connection:
        assert contents(connection) == before
        assert journal.stat().st_size == short  # there was nothing to gain
        change(connection, 4)
        before = contents(connection)
    with serving(journal, rewrite_after=5) as connection:
        assert contents(connection) == before
    with serving(journal) as connection:
        assert contents(connection) == before


def test_a_last_line_without_its_end_was_never_answered(tmp_path: Path) -> None:
    journal = tmp_path / "store.journal"
    with serving(journal) as connection:
        create_all(connection)
    journal.write_bytes(journal.read_bytes()[:-1])
    for _ in range(2):
        with serving(journal) as connection:
            create_all(connection)
            assert contents(connection) == {}


def test_it_listens_once_it_has_played_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    def answers() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    meanwhile: list[bool] = []
    monkeypatch.setattr(local, "play", lambda *_: meanwhile.append(answers()))
    store = LocalStore(port, tmp_path / "store.journal")
    store.start()
    assert meanwhile == [False]
    assert answers()
    with pytest.raises(OSError, match=f"port {port} of 127.0.0.1: Address already in use"):
        LocalStore(port)
    store.stop()


def test_a_folder_is_one_store_s_alone(tmp_path: Path) -> None:
    journal = tmp_path / "store.journal"
    first = LocalStore(journal=journal)
    first.start()
    with pytest.raises(
        OSError, match=f"folder {tmp_path} is in use by another process; stop that one, or name another"
    ):
        LocalStore(journal=journal)
    first.stop()
    second = LocalStore(journal=journal)
    second.start()
    second.stop()


def test_a_damaged_journal_is_refused(tmp_path: Path) -> None:
    journal = tmp_path / "store.journal"
    journal.write_text("nonsense\n{}\n")
    with pytest.raises(ValueError, match="line 1: is damaged"):
        LocalStore(journal=journal)
