"""The lake: every finished game once, as Parquet on S3, partitioned by ruleset and date.

Games come in as small files named by what they hold: from then on they are not lost. The writer folds such files into
parts, and small parts into larger ones. Before it does, it notes down what it is about to do, under a key that only one
writer can create; whoever finds the note carries it out first, and every step may be done again:

    1  the note: which files' which games become which parts
    2  the parts
    3  a mark for each game that a part holds it, so that a report that comes late adds no second row; those of joined
       parts have theirs
    4  the files are removed, then the note

A query that runs between steps 2 and 4 of joining parts sees their games twice; between runs none is double.
"""

import hashlib
import json
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from store import objects
from store.connect import Connection
from store.errors import BusyError, InvalidError, NotFoundError
from store.items import Items
from store.lake_rows import GameRow, from_parquet, to_parquet, to_table
from store.names import GAMES, LAKE_PREFIX, WAITING_PREFIX, lake_folder

FOLD_FILES = 500  # that one run of the writer takes
FOLD_GAMES = 2000
SMALL_PART = 4 << 20  # bytes; smaller parts of a partition are joined
JOIN_PARTS = 8  # as soon as there are so many
JOIN_BYTES = SMALL_PART  # what is joined into one part ends with the part that reaches so many
SETTLED_SECONDS = 600.0  # no writer is at work on a part for longer, see LEASE_SECONDS
LEASE_SECONDS = 60.0
WRITER, NOTE, MARK = "#writer", "note", "lake"


@dataclass(frozen=True)
class Part:
    """A file of the lake."""

    key: str
    size: int  # bytes
    ruleset: str
    date: str
    written: float  # Unix time, s


class Lake:
    """The lake of a deployment."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.bucket = connection.names.lake_bucket
        self.games = Items(connection, GAMES)

    def add(self, rows: Sequence[GameRow]) -> int:
        """Take finished games in, each once however often it comes; how many were not in a part yet."""
        for row in rows:
            if row.game_id.startswith("#"):
                raise InvalidError(f"game id {row.game_id!r} is not accepted; accepted: one that does not begin with #")
        marked = self.marked([row.game_id for row in rows])
        new = [row for row in rows if row.game_id not in marked]
        for ruleset in dict.fromkeys(row.ruleset for row in new):
            group = [row for row in new if row.ruleset == ruleset]
            key = f"{WAITING_PREFIX}ruleset={ruleset}/{_digest(group)}.parquet"
            objects.put(self.connection, self.bucket, key, to_parquet(group))
        return len(new)

    def fold(self) -> int:
        """Fold the games that came in into parts; how many. Any number of writers may call it at once."""
        folded = self._carry_out()
        while True:
            rows, files = self._waiting()
            if not files:
                return folded
            parts = [
                {"key": _part_key(ruleset, date, group), "ruleset": ruleset, "games": [row.game_id for row in group]}
                for (ruleset, date), group in _by_partition(rows).items()
            ]
            self._note(files, parts)
            folded += self._carry_out()

    def join(self, settled_seconds: float = SETTLED_SECONDS) -> int:
        """Join the small parts of each partition; how many went."""
        self._carry_out()
        small: dict[tuple[str, str], list[Part]] = defaultdict(list)
        for part in self.parts():
            if part.size < SMALL_PART and time.time() - part.written >= settled_seconds:
                small[part.ruleset, part.date].append(part)
        went = 0
        for (ruleset, date), parts in small.items():
            if len(parts) < JOIN_PARTS:
                continue
            for group in _by_bytes(parts):
                rows = [row for part in group for row in self.rows(part)]
                made = {"key": _part_key(ruleset, date, rows), "ruleset": ruleset, "games": None}
                if self._note([part.key for part in group], [made]):
                    went += len(group)
                self._carry_out()
        return went

    def _note(self, files: list[str], parts: list[dict[str, Any]]) -> bool:
        """Note down what to do, unless another writer's note stands there; whether it was noted.

        The games of a part are told by their ids, or None: all of the files. DynamoDB takes notes of up to 400 KB, less
        than the ids of all games that a part may hold.
        """
        body = json.dumps({"files": files, "parts": parts})
        return self.games.create({"game": WRITER, "item": NOTE, "note_id": uuid.uuid4().hex, "body": body})

    def _carry_out(self) -> int:
        """Do what the note says, if there is one; how many games it put into parts."""
        begin = time.monotonic()
        item = self.games.get(WRITER, NOTE)
        if item is None:
            return 0
        note = json.loads(item["body"])
        rows = self._read_all(note["files"])
        done = 0 if rows is None else sum(self._write(part, rows, begin) for part in note["parts"])
        made = {part["key"] for part in note["parts"]}
        objects.delete(self.connection, self.bucket, [key for key in note["files"] if key not in made])
        self.games.remove(WRITER, NOTE, "note_id = :mine", {":mine": item["note_id"]})
        return done

    def _write(self, part: dict[str, Any], rows: dict[str, GameRow], begin: float) -> int:
        """Write a part of a note that was begun at that time, and its marks; how many games it holds."""
        chosen = [rows[game] for game in (rows if part["games"] is None else part["games"])]
        if time.monotonic() - begin > LEASE_SECONDS:
            raise BusyError(f"writing {part['key']} took over {LEASE_SECONDS} s; it will be taken up again")
        objects.put(self.connection, self.bucket, part["key"], to_parquet(chosen))
        self.games.put_many([{"game": game, "item": MARK} for game in part["games"] or ()])
        return len(chosen)

    def _read_all(self, files: list[str]) -> dict[str, GameRow] | None:
        """The games of some files by id; None if one is gone: files are removed only once all parts stand."""
        rows: dict[str, GameRow] = {}
        for key in files:
            try:
                for row in from_parquet(objects.get(self.connection, self.bucket, key), _ruleset(key), key):
                    rows.setdefault(row.game_id, row)
            except NotFoundError:
                return None
        return rows

    def waiting(self) -> list[GameRow]:
        """Games that have come in and that no part holds yet, each once."""
        return self._waiting(everything=True)[0]

    def _waiting(self, *, everything: bool = False) -> tuple[list[GameRow], list[str]]:
        """Games that no part holds yet, each once, and the files they came from; as many as one run folds, or all."""
        rows: dict[str, GameRow] = {}
        files: list[str] = []
        for key in objects.keys(self.connection, self.bucket, WAITING_PREFIX):
            for row in (self._read_all([key]) or {}).values():
                rows.setdefault(row.game_id, row)
            files.append(key)
            if not everything and (len(files) >= FOLD_FILES or len(rows) >= FOLD_GAMES):
                break
        marked = self.marked(list(rows))
        return [row for row in rows.values() if row.game_id not in marked], files

    def marked(self, game_ids: Sequence[str]) -> set[str]:
        """Those of some games that a part holds."""
        return {game for game, _ in self.games.present([(game, MARK) for game in game_ids])}

    def parts(self, ruleset: str | None = None) -> Iterator[Part]:
        """The parts of the lake, or of a ruleset."""
        prefix = LAKE_PREFIX + (f"ruleset={ruleset}/" if ruleset else "")
        for page in self.connection.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                key = entry["Key"]
                date = key.split("date=")[-1].split("/")[0]
                yield Part(key, entry["Size"], _ruleset(key), date, entry["LastModified"].timestamp())

    def rows(self, part: Part) -> list[GameRow]:
        """The games of a part. Raises DamagedError."""
        return from_parquet(objects.get(self.connection, self.bucket, part.key), part.ruleset, part.key)

    def table(self, part: Part) -> Any:
        """A part as an Arrow table. Raises DamagedError."""
        return to_table(objects.get(self.connection, self.bucket, part.key), part.key)

    def all_rows(self) -> Iterator[GameRow]:
        """Every game, those that wait to be folded last."""
        for part in self.parts():
            yield from self.rows(part)
        yield from self.waiting()

    def find(self, game_id: str) -> GameRow:
        """A game. Raises NotFoundError. It reads the lake from one end: for a person's question, not for a server's."""
        for row in self.all_rows():
            if row.game_id == game_id:
                return row
        raise NotFoundError(f"game {game_id} is not in the lake")


def _by_bytes(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts to be joined with each other, the smallest first, up to `JOIN_BYTES` and a part, and `FOLD_FILES`."""
    group: list[Part] = []
    for part in sorted(parts, key=lambda part: (part.size, part.key)):
        group.append(part)
        if sum(each.size for each in group) >= JOIN_BYTES or len(group) == FOLD_FILES:
            yield group
            group = []
    if len(group) > 1:
        yield group


def _by_partition(rows: Sequence[GameRow]) -> dict[tuple[str, str], list[GameRow]]:
    groups: dict[tuple[str, str], list[GameRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.finished_ms, row.game_id)):
        groups[row.ruleset, row.date].append(row)
    return groups


def _digest(rows: Sequence[GameRow]) -> str:
    return hashlib.sha256("\n".join(sorted(row.game_id for row in rows)).encode()).hexdigest()[:32]


def _part_key(ruleset: str, date: str, rows: Sequence[GameRow]) -> str:
    """A part is named by the games it holds."""
    return f"{lake_folder(ruleset, date)}part-{_digest(rows)}.parquet"


def _ruleset(key: str) -> str:
    """The ruleset in a key."""
    return key.split("ruleset=")[1].split("/")[0]
