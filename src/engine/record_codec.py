"""Records as bytes and as JSON.

Bytes: the magic number, a format version, then zlib over a JSON header (with its length before it) and columns. A
column of int32 lies byte plane by byte plane, and a move is told by how its start differs from where the seat's last
move ended: both make most bytes zero, so a game of some 600 moves takes about one kilobyte.

    kinds     uint8 (T,)
    owners    int8 (T,)
    armies    int32 (T,)
    gaps      int32 (E,)  turns since the event before
    seats     uint8 (E,)
    verbs     uint8 (E,)  0-7 a move: direction * 2 + half; 8 surrender, 9 invalid move, 10 build
    places    int32 (E,)  move: start less the expected one; build: tile; else 0

JSON: one object with the keys of `record_to_json`, events as lists of turn, seat and code.
"""

import json
import zlib
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from engine.actions import INVALID, build_code
from engine.arrays import Int32, UInt8
from engine.board import MAX_SEATS, MAX_TILES
from engine.layout import Layout
from engine.playback import SURRENDER
from engine.record import MAX_EVENTS, MAX_NAME, Record
from engine.replay_checks import (
    ReplayError,
    check_json_size,
    integer,
    integers,
    listing,
    load_json,
    rows,
    show,
    string,
)
from engine.rulesets import MoveOrder, Ruleset

MAGIC = b"STRG"
FORMAT = 1
NAME = "stratagem record"  # the format, in JSON
MAX_BYTES = 16 << 20
"""Longest content that bytes may expand to; the largest record has less."""

_SURRENDER, _INVALID, _BUILD = 8, 9, 10  # verbs after the eight of a move
_TURN = 2**31 - 1


def record_to_json(record: Record) -> str:
    """A record as one JSON object on one line. Raises ReplayError for one too long to be read again."""
    layout = record.layout
    value = {
        "format": NAME,
        "version": FORMAT,
        **_header(record),
        "kinds": layout.kinds.ravel().tolist(),
        "owners": layout.owners.ravel().tolist(),
        "armies": layout.armies.ravel().tolist(),
        "events": record.events.tolist(),
    }
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    check_json_size(text)
    return text


def record_from_json(text: str | bytes) -> Record:
    """The record in a JSON object. Raises ReplayError."""
    return record_from_value(load_json(text))


def is_record(value: Any) -> bool:
    """Whether what JSON told is meant to be a record."""
    return type(value) is dict and value.get("format") == NAME


def record_from_value(value: Any) -> Record:
    """The record in what JSON told. Raises ReplayError."""
    if not is_record(value):
        raise ReplayError(f"JSON is no record: {show(value)}; accepted: an object of format '{NAME}'")
    if value.get("version") != FORMAT:
        raise ReplayError(f"record format {show(value.get('version'))} is unknown; known: {FORMAT}")
    seats, tiles = len(listing("generals", value.get("generals"))), MAX_TILES
    events = rows(
        "events",
        value.get("events"),
        ("turn", "seat", "code"),
        ((0, _TURN), (0, max(0, seats - 1)), (SURRENDER, 9 * tiles)),
    )
    limit = 2**31 - 1
    return _record(
        value,
        integers("kinds", value.get("kinds"), 0, 255),
        integers("owners", value.get("owners"), -1, MAX_SEATS - 1),
        integers("armies", value.get("armies"), -limit, limit),
        events,
    )


def encode_record(record: Record) -> bytes:
    """A record as bytes."""
    layout = record.layout
    turn, seat, code = record.events.T
    verbs, places = _verbs_and_places(record, seat, code)
    header = json.dumps({**_header(record), "events": len(code)}, separators=(",", ":"), allow_nan=False).encode()
    content = b"".join(
        (
            len(header).to_bytes(4, "little"),
            header,
            layout.kinds.astype(np.uint8).tobytes(),
            layout.owners.astype(np.int8).tobytes(),
            _planes(layout.armies.ravel()),
            _planes(np.diff(turn, prepend=record.start)),
            seat.astype(np.uint8).tobytes(),
            verbs.tobytes(),
            _planes(places),
        )
    )
    return MAGIC + bytes([FORMAT]) + zlib.compress(content, 9)


def decode_record(data: bytes) -> Record:
    """The record in bytes. Raises ReplayError for damaged ones, and for those that expand beyond `MAX_BYTES`."""
    if data[:4] != MAGIC:
        raise ReplayError(f"data is no record: it begins with {show(data[:4])}, a record with {show(MAGIC)}")
    if data[4:5] != bytes([FORMAT]):
        raise ReplayError(f"record format {show(data[4:5])} is unknown; known: {FORMAT}")
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(data[5:], MAX_BYTES)
    except zlib.error as error:
        raise ReplayError(f"record is damaged: {str(error).split(': ')[-1]}") from None
    if not inflate.eof or inflate.unused_data:
        raise ReplayError(f"record of {len(data)} bytes is cut short, followed by other data or expands too far")
    head = int.from_bytes(content[:4], "little")
    header = load_json(content[4 : 4 + head])
    if type(header) is not dict:
        raise ReplayError(f"record's header is {show(header)}; accepted: an object")
    tiles = integer("height", header.get("height"), 1, MAX_TILES) * integer("width", header.get("width"), 1, MAX_TILES)
    count = integer("events", header.get("events"), 0, MAX_EVENTS)
    body = content[4 + head :]
    sizes = (tiles, tiles, 4 * tiles, 4 * count, count, count, 4 * count)
    if len(body) != sum(sizes):
        raise ReplayError(
            f"record holds {len(body)} bytes of columns; {tiles} tiles and {count} events make {sum(sizes)}"
        )
    columns = [body[sum(sizes[:i]) : sum(sizes[: i + 1])] for i in range(len(sizes))]
    start = integer("start", header.get("start"), 0, _TURN)
    seat = np.frombuffer(columns[4], np.uint8)
    turn = start + np.cumsum(_unplanes(columns[3]), dtype=np.int64)
    code = _codes(header, seat, np.frombuffer(columns[5], np.uint8), _unplanes(columns[6]).astype(np.int64), tiles)
    for name, column in (("turn", turn), ("code", code)):
        if column.size and (column.min() < SURRENDER or column.max() > _TURN):
            raise ReplayError(f"record is damaged: an event's {name} leaves 32 bits")
    return _record(
        header,
        np.frombuffer(columns[0], np.uint8),
        np.frombuffer(columns[1], np.int8),
        _unplanes(columns[2]),
        np.ascontiguousarray(np.column_stack([turn, seat, code]).astype(np.int32)),
    )


def _header(record: Record) -> dict[str, Any]:
    layout = record.layout
    return {
        "ruleset": {**asdict(record.ruleset), "move_order": record.ruleset.move_order.name.lower()},
        "height": layout.height,
        "width": layout.width,
        "generals": list(layout.generals),
        "teams": list(layout.teams),
        "start": record.start,
        "turns": record.turns,
        "winner": record.winner,
        "id": record.id,
        "names": list(record.names),
    }


def _record(header: dict[str, Any], kinds: Any, owners: Any, armies: Int32, events: Int32) -> Record:
    """Build a record, and let its parts check themselves."""
    height = integer("height", header.get("height"), 1, MAX_TILES)
    width = integer("width", header.get("width"), 1, MAX_TILES)
    for name, column in (("kinds", kinds), ("owners", owners), ("armies", armies)):
        if column.size != height * width:
            raise ReplayError(f"record has {column.size} {name} for {height}x{width} tiles; there is one for each")
    winner = header.get("winner")
    shape = (height, width)
    try:
        layout = Layout(
            kinds=kinds.astype(np.uint8).reshape(shape),
            armies=armies.astype(np.int32).reshape(shape),
            owners=owners.astype(np.int8).reshape(shape),
            generals=tuple(integers("generals", header.get("generals"), -1, height * width - 1).tolist()),
            teams=tuple(integers("teams", header.get("teams"), 0, _TURN).tolist()),
        )
    except ReplayError:
        raise
    except ValueError as error:
        raise ReplayError(str(error)) from None
    return Record(
        _ruleset(header.get("ruleset")),
        layout,
        events,
        turns=integer("turns", header.get("turns"), 0, _TURN),
        start=integer("start", header.get("start"), 0, _TURN),
        winner=None if winner is None else integer("winner", winner, -1, MAX_SEATS - 1),
        id=string("id", header.get("id"), MAX_NAME),
        names=tuple(string("name", name, MAX_NAME) for name in listing("names", header.get("names"))),
    )


def _ruleset(value: Any) -> Ruleset:
    if type(value) is not dict:
        raise ReplayError(f"ruleset is {show(value)}; accepted: an object of options")
    known = {each.name: each for each in fields(Ruleset)}
    if value.keys() != known.keys():
        odd = sorted(map(str, value.keys() ^ known.keys()))
        raise ReplayError(f"ruleset's options differ in {show(odd)}; known: {', '.join(known)}")
    options = dict(value)
    try:
        options["move_order"] = MoveOrder[str(value["move_order"]).upper()]
    except KeyError:
        orders = ", ".join(order.name.lower() for order in MoveOrder)
        raise ReplayError(f"move_order is {show(value['move_order'])}; accepted: {orders}") from None
    plain = Ruleset("")
    for name, option in options.items():
        expected = type(getattr(plain, name)) if name != "move_order" else MoveOrder
        if type(option) is not expected or (expected is int and not 0 <= option <= _TURN):
            raise ReplayError(f"ruleset's {name} is {show(option)}; accepted: {expected.__name__}")
    try:
        return Ruleset(**options)
    except ValueError as error:
        raise ReplayError(f"ruleset's {error}") from None


def _planes(column: Int32) -> bytes:
    return column.astype("<i4").view(np.uint8).reshape(-1, 4).T.tobytes()


def _unplanes(data: bytes) -> Int32:
    planes = np.frombuffer(data, np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<i4").ravel().astype(np.int32)


def _verbs_and_places(record: Record, seat: Int32, code: Int32) -> tuple[UInt8, Int32]:
    tiles, width = record.layout.kinds.size, record.layout.width
    first_build = build_code(0, tiles)
    moves = (code > 0) & (code < first_build)
    verbs = np.select([moves, code == SURRENDER, code == INVALID], [(code - 1) % 8, _SURRENDER, _INVALID], _BUILD)
    places = np.where(verbs == _BUILD, code - first_build, 0)
    begins = (code - 1) // 8
    for s, general in enumerate(record.layout.generals):
        mine = np.flatnonzero(moves & (seat == s))
        ends = begins[mine] + _steps(width)[verbs[mine] // 2]
        places[mine] = begins[mine] - np.concatenate([[general], ends])[:-1]
    return verbs.astype(np.uint8), places.astype(np.int32)


def _codes(header: dict[str, Any], seat: UInt8, verbs: UInt8, places: np.ndarray, tiles: int) -> np.ndarray:
    """Action codes (int64) from verbs and places."""
    if verbs.size and verbs.max() > _BUILD:
        raise ReplayError(f"record is damaged: verb {verbs.max()}; known: 0 to {_BUILD}")
    code = np.select(
        [verbs == _SURRENDER, verbs == _INVALID, verbs == _BUILD],
        [SURRENDER, INVALID, build_code(0, tiles) + places],
        0,
    )
    for s, general in enumerate(integers("generals", header.get("generals"), -1, tiles - 1).tolist()):
        mine = np.flatnonzero((verbs < _SURRENDER) & (seat == s))
        steps = _steps(header["width"])[verbs[mine] // 2]
        begins = general + np.cumsum(places[mine] + np.concatenate([[0], steps])[:-1])
        if ((begins < 0) | (begins >= tiles)).any():
            raise ReplayError(f"record is damaged: a move of seat {s} starts off the board")
        code[mine] = 1 + begins * 8 + verbs[mine]
    return code


def _steps(width: int) -> np.ndarray:
    """How far each direction goes: up, down, left, right."""
    return np.array([-width, width, -1, 1])
