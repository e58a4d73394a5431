"""The local store: what was acknowledged is there again in a new server."""

from pathlib import Path

import pytest

from store.connect import Connection, create_all
from store.local import LocalStore
from store.names import Names
from store.policies import Policies
from store.ratings import Outcome, Player, Ratings


def test_a_new_server_has_all_that_was_written(tmp_path: Path) -> None:
    journal = tmp_path / "store.journal"
    first = LocalStore(journal=journal)
    first.start()
    connection = Connection(Names.of("lasting", first.endpoint))
    create_all(connection)
    published = Policies(connection).publish("demo", bytes(range(256)), {"steps": 1})
    game = Outcome("g", (Player("a"), Player("b")), 0, 10, "generalsio", 1)
    Ratings(connection).report([game])
    first.stop()
    with journal.open("ab") as file:
        file.write(b'{"method": "PUT", "pa')  # killed while writing

    second = LocalStore(journal=journal)
    second.start()
    names = Names("lasting", connection.names.models_bucket, connection.names.lake_bucket, second.endpoint)
    again = Connection(names)
    assert Policies(again).weights(Policies(again).resolve("demo")) == bytes(range(256))
    assert Policies(again).resolve("demo") == published
    assert Ratings(again).get("generalsio", Player("a")).millielo == 1_212_000
    assert Ratings(again).report([game]).duplicates == 1
    second.stop()


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
