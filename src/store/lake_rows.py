"""A finished game as a row of the lake, and rows as Parquet files.

A row's record is `engine.record`'s bytes with zstd in the place of zlib. What is read is not trusted: a file that is no
Parquet, has other columns, or expands too far is a DamagedError.
"""

import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from engine.record import Record
from engine.replay_checks import ReplayError
from store.errors import DamagedError, InvalidError
from store.names import LAKE_COLUMNS, Column

HEADER = 5  # bytes of a record before its compressed part
MAX_RECORD = 16 << 20  # bytes that a record may expand to, as in `engine.record_codec`
MAX_PART = 256 << 20  # bytes of a part that is read
LEVEL = 19
RULESET = re.compile(r"[^/=\x00-\x1f]{1,64}")

_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "binary": pa.binary(),
    "array<string>": pa.list_(pa.string()),
    "array<bigint>": pa.list_(pa.int64()),
}


def arrow_field(column: Column) -> Any:
    """A column in Arrow's terms."""
    return pa.field(column.name, _TYPES[column.type], nullable=False)


SCHEMA = pa.schema([arrow_field(column) for column in LAKE_COLUMNS])


@dataclass(frozen=True)
class GameRow:
    """A finished game; the fields are the columns of `store.names.LAKE_COLUMNS` and the partition's ruleset."""

    ruleset: str
    game_id: str
    finished_ms: int
    players: tuple[str, ...]
    versions: tuple[int, ...]
    winner: int
    ended: str
    turns: int
    moves: int
    height: int
    width: int
    source: str
    record: bytes

    @classmethod
    def of(
        cls,
        record: Record,
        game_id: str,
        players: Sequence[str],
        versions: Sequence[int] | None = None,
        *,
        finished_ms: int,
        source: str,
    ) -> "GameRow":
        """The row of a record; its result comes from playing it again. Raises InvalidError."""
        ruleset, seats = record.ruleset.name, len(record.layout.generals)
        if not RULESET.fullmatch(ruleset):  # it names a folder
            raise InvalidError(f"ruleset {ruleset!r} is not accepted; accepted: 1 to 64 characters without '/' and '='")
        if len(players) != seats:
            raise InvalidError(f"game {game_id} has {len(players)} players; its record has {seats} seats")
        result = record.result()
        height, width = record.layout.kinds.shape
        return cls(
            ruleset=ruleset,
            game_id=game_id,
            finished_ms=finished_ms,
            players=tuple(players),
            versions=tuple(versions or (0,) * seats),
            winner=-1 if result.winner is None else result.winner,
            ended=result.ended,
            turns=result.turns,
            moves=len(record.events),
            height=height,
            width=width,
            source=source,
            record=pack_record(record.to_bytes()),
        )

    @property
    def date(self) -> str:
        """The partition's day, UTC."""
        return datetime.fromtimestamp(self.finished_ms / 1000, UTC).strftime("%Y-%m-%d")

    def unpack(self) -> Record:
        """The record. Raises DamagedError."""
        try:
            return Record.from_bytes(unpack_record(self.record))
        except ReplayError as error:
            raise DamagedError(f"game {self.game_id}: {error}") from None


def pack_record(data: bytes) -> bytes:
    """A record's bytes with zstd in the place of zlib: some tenth smaller, and what the lake's readers know."""
    content = data[:HEADER] + zlib.decompress(data[HEADER:])
    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(content)


def unpack_record(packed: bytes) -> bytes:
    """The other way. Raises DamagedError for what is no zstd or expands beyond `MAX_RECORD`."""
    try:
        content = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
        if zstandard.get_frame_parameters(packed).content_size > MAX_RECORD:
            raise DamagedError(f"a record expands beyond {MAX_RECORD} bytes")
    except zstandard.ZstdError as error:
        raise DamagedError(f"a record of {len(packed)} bytes is damaged: {error}") from None
    return content[:HEADER] + zlib.compress(content[HEADER:], 1)


def to_parquet(rows: Sequence[GameRow]) -> bytes:
    """Rows of one partition as a Parquet file; the same rows always make the same bytes."""
    columns = {column.name: [getattr(row, column.name) for row in rows] for column in LAKE_COLUMNS}
    table = pa.Table.from_pydict(columns, schema=SCHEMA)
    file = io.BytesIO()
    # Records are compressed already, and by themselves, so that one can be read without its neighbours.
    compression = {column.name: "NONE" if column.name == "record" else "ZSTD" for column in LAKE_COLUMNS}
    pq.write_table(table, file, compression=compression, use_dictionary=["source", "ended"], write_statistics=True)
    return file.getvalue()


def to_table(data: bytes, name: str) -> Any:
    """A part as an Arrow table. Raises DamagedError for what is no part of the lake."""
    if len(data) > MAX_PART:
        raise DamagedError(f"{name} has {len(data)} bytes; accepted: up to {MAX_PART}")
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        if not file.schema_arrow.remove_metadata().equals(SCHEMA):
            raise DamagedError(f"{name} has other columns than the lake: {', '.join(file.schema_arrow.names)}")
        expanded = sum(file.metadata.row_group(g).total_byte_size for g in range(file.metadata.num_row_groups))
        if expanded > MAX_PART:
            raise DamagedError(f"{name} expands to {expanded} bytes; accepted: up to {MAX_PART}")
        return file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedError(f"{name} is no Parquet file: {error}") from None


def from_parquet(data: bytes, ruleset: str, name: str) -> list[GameRow]:
    """The rows of a part. Raises DamagedError."""
    rows = []
    for row in to_table(data, name).to_pylist():
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
        rows.append(GameRow(ruleset=ruleset, **values))
    return rows
