"""Games that are handed in where nothing can write Parquet: pyarrow is too large for a Lambda beside the policies.

Such a game is one JSON object under its id; the keeper of a server takes it into the lake. Every step may be repeated:
the lake knows a game that it has.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from engine.record import Record
from store import objects
from store.connect import Connection
from store.errors import DamagedError, NotFoundError
from store.names import RECORD_PREFIX
from store.ratings import Outcome

AT_ONCE = 100  # games


def hand_in(connection: Connection, outcome: Outcome, record: Record) -> None:
    """Leave a finished game for the lake."""
    body = {"outcome": outcome.to_list(), "record": base64.b64encode(record.to_bytes()).decode()}
    key = f"{RECORD_PREFIX}{outcome.game_id}"
    objects.put(connection, connection.names.lake_bucket, key, json.dumps(body).encode(), once=True)


def handed_record(connection: Connection, game_id: str) -> Record:
    """The record of a game that has not been taken in yet. Raises NotFoundError."""
    return _read(connection, f"{RECORD_PREFIX}{game_id}")[1]


def take_in(connection: Connection, add: Callable[[list[Any]], object], source: str) -> int:
    """Hand all such games to `add`, a lake's, and remove them; how many."""
    from store.lake_rows import GameRow

    taken = 0
    bucket = connection.names.lake_bucket
    keys = list(objects.keys(connection, bucket, RECORD_PREFIX))
    for begin in range(0, len(keys), AT_ONCE):
        rows, done = [], []
        for key in keys[begin : begin + AT_ONCE]:
            try:
                outcome, record = _read(connection, key)
            except NotFoundError:  # another keeper was quicker
                continue
            rows.append(
                GameRow.of(
                    record,
                    outcome.game_id,
                    [player.name for player in outcome.players],
                    [player.version for player in outcome.players],
                    finished_ms=outcome.finished_ms,
                    source=source,
                )
            )
            done.append(key)
        add(rows)
        objects.delete(connection, bucket, done)
        taken += len(done)
    return taken


def _read(connection: Connection, key: str) -> tuple[Outcome, Record]:
    data = objects.get(connection, connection.names.lake_bucket, key)
    try:
        body = json.loads(data)
        return Outcome.from_list(body["outcome"]), Record.from_bytes(base64.b64decode(body["record"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{key} is no game that was handed in: {error}") from None
