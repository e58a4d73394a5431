"""The lake: each game once, whatever is repeated and wherever the writer dies."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.store.games import played_record

from engine.record import Record
from engine.replay_files import read_replays
from store import lake as lake_module
from store import objects
from store.connect import Connection
from store.errors import DamagedError, NotFoundError
from store.items import Items
from store.lake import Lake
from store.lake_rows import GameRow, from_parquet, pack_record, to_parquet, unpack_record


def row(number: int, day: int = 0, ruleset: str = "generalsio") -> GameRow:
    made = GameRow.of(
        played_record(),
        f"g{number}",
        ("bot:random", "bot:expander"),
        finished_ms=1_700_000_000_000 + day * 86_400_000 + number,
        source="test",
    )
    return GameRow(**{**made.__dict__, "ruleset": ruleset})


def ids(lake: Lake) -> Counter[str]:
    return Counter(found.game_id for found in lake.all_rows())


def test_games_come_in_once_and_come_back_equal(connection: Connection) -> None:
    lake = Lake(connection)
    assert lake.add([row(1), row(2)]) == 2
    lake.add([row(2), row(3)])
    assert ids(lake) == {"g1": 1, "g2": 1, "g3": 1}
    assert lake.fold() == 3
    assert lake.add([row(2)]) == 0
    assert lake.fold() == 0
    assert ids(lake) == {"g1": 1, "g2": 1, "g3": 1}
    found = lake.find("g2")
    assert found == row(2)
    assert np.array_equal(found.unpack().events, played_record().events)
    with pytest.raises(NotFoundError, match="g9"):
        lake.find("g9")


def test_parts_are_partitioned_and_small_ones_joined(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_module, "JOIN_PARTS", 3)
    lake = Lake(connection)
    for number in range(4):
        lake.add([row(number), row(10 + number, day=1), row(20 + number, ruleset="classic")])
        lake.fold()
    assert {(p.ruleset, p.date) for p in lake.parts()} == {
        ("generalsio", "2023-11-14"),
        ("generalsio", "2023-11-15"),
        ("classic", "2023-11-14"),
    }
    assert len(list(lake.parts())) == 12
    assert lake.join() == 0  # another writer may still be at work on them
    assert lake.join(settled_seconds=0) == 12
    assert len(list(lake.parts())) == 3
    assert set(ids(lake).values()) == {1}
    assert len(ids(lake)) == 12


def test_a_large_lake_is_joined_by_the_piece(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB takes items of up to 400 KB, and so must the writer's note be."""
    monkeypatch.setattr(lake_module, "JOIN_PARTS", 3)
    lake, games = Lake(connection), 2100
    like, day = row(0).__dict__, row(0).finished_ms // 86_400_000 * 86_400_000
    for part in range(3):
        ids_ = [f"{'x' * 60}-{part}-{number}" for number in range(games)]
        lake.add([GameRow(**{**like, "game_id": game, "finished_ms": day + part}) for game in ids_])
        lake.fold()
    notes: list[int] = []
    create = Items.create
    monkeypatch.setattr(Items, "create", lambda self, item: (notes.append(len(item["body"])), create(self, item))[1])
    assert lake.join(settled_seconds=0) == 3
    assert max(notes) < 10_000
    assert len(list(lake.parts())) == 1
    assert set(ids(lake).values()) == {1}
    assert len(ids(lake)) == 3 * games
    assert lake.add([row(0)]) == 1
    assert lake.add([GameRow(**{**like, "game_id": ids_[0]})]) == 0  # late


def test_what_is_joined_is_bounded(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_module, "JOIN_PARTS", 3)
    lake = Lake(connection)
    for number in range(7):
        lake.add([row(number)])
        lake.fold()
    largest = max(part.size for part in lake.parts())
    monkeypatch.setattr(lake_module, "JOIN_BYTES", 3 * largest - 10)
    assert lake.join(settled_seconds=0) == 6
    assert sorted(len(lake.rows(part)) for part in lake.parts()) == [1, 3, 3]
    assert ids(lake) == {f"g{number}": 1 for number in range(7)}


def test_every_game_is_read_however_many_wait(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_module, "FOLD_FILES", 2)
    lake = Lake(connection)
    for number in range(5):
        lake.add([row(number)])
    assert ids(lake) == {f"g{number}": 1 for number in range(5)}
    assert lake.find("g4") == row(4)


class DiedError(Exception):
    """The writer was killed."""


@pytest.mark.parametrize("after", [False, True])
def test_a_writer_that_dies_at_any_write_leaves_each_game_once(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    real = {
        (objects, "put"): objects.put,
        (objects, "delete"): objects.delete,
        (Items, "create"): Items.create,
        (Items, "put_many"): Items.put_many,
        (Items, "remove"): Items.remove,
    }
    told: set[str] = set()
    for n in itertools.count(1):
        lake = Lake(connection)
        fresh = [row(100 * n), row(100 * n + 1, day=1), row(100 * n + 2, ruleset="classic")]
        lake.add(fresh)
        told |= {r.game_id for r in fresh}
        left = [n]

        def dying(write, left: list[int] = left):
            def do(*args: object, **settings: object) -> object:
                left[0] -= 1
                if left[0] == 0 and not after:
                    raise DiedError
                answer = write(*args, **settings)
                if left[0] == 0:
                    raise DiedError
                return answer

            return do

        for (where, name), write in real.items():
            monkeypatch.setattr(where, name, dying(write))
        died = False
        try:
            lake.fold()
            monkeypatch.setattr(lake_module, "JOIN_PARTS", 2)
            lake.join(settled_seconds=0)
        except DiedError:
            died = True
        monkeypatch.undo()
        lake.add(fresh[:2])  # reported again
        lake.fold()
        assert ids(lake) == Counter(told)
        if not died:
            break
    assert n > 12


def test_a_human_game_takes_less_than_4_kb(replays: Path) -> None:
    games = list(itertools.islice(read_replays(replays / "human_1v1_v13.jsonl.gz"), 60))
    rows = [
        GameRow.of(Record.from_replay(g), f"h{n}", ("human:a", "human:b"), finished_ms=n, source="import")
        for n, g in enumerate(games)
    ]
    assert len(to_parquet(rows)) / len(rows) < 4000


def test_what_is_no_part_is_refused() -> None:
    with pytest.raises(DamagedError, match="no Parquet"):
        from_parquet(b"PAR1 nonsense PAR1", "classic", "x")
    with pytest.raises(DamagedError):
        from_parquet(to_parquet([row(1)])[:-20], "classic", "x")
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    other = io.BytesIO()
    pq.write_table(pa.table({"game_id": ["a"]}), other)
    with pytest.raises(DamagedError, match="other columns"):
        from_parquet(other.getvalue(), "classic", "x")


def test_a_hostile_record_does_not_expand() -> None:
    assert unpack_record(pack_record(played_record().to_bytes())) is not None
    import zstandard

    with pytest.raises(DamagedError):
        unpack_record(zstandard.ZstdCompressor().compress(bytes(1 << 26)))
    with pytest.raises(DamagedError):
        unpack_record(b"nonsense")
