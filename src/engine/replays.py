"""Replays of generals.io, versions 3 to 18: one dataclass, from JSON as the site writes it and back to ``.gior``.

A ``.gior`` is LZString over one JSON array with positional fields; a ``.gioreplay`` is the same as an object with named
keys. Field meanings: RULES.md; the names of an object's keys are those of the site's own converter. Files are opened by
`engine/replay_files.py`, the game is played by `engine/record.py`.
"""

import json
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from engine.arrays import Int32
from engine.lzstring import compress, decompress
from engine.replay_checks import (
    ReplayError,
    check_json_size,
    integer,
    integers,
    listing,
    load_json,
    numbers,
    rows,
    show,
    string,
)

__all__ = ["MODIFIERS", "VERSIONS", "Replay", "ReplayError", "decode_gior", "encode_gior", "parse_replay"]

VERSIONS = range(3, 19)
"""The versions that are understood."""
MODIFIERS = (
    "Leapfrog",
    "City-State",
    "Misty Veil",
    "Crystal Clear",
    "Silent War",
    "Defenseless",
    "Watchtower",
    "Torus",
    "Fading Smog",
    "Defection",
    "Slippery",
)
"""The site's modifiers by id. No ruleset here plays any of them yet, so a replay that has one is refused."""

MAX_PLAYERS = 16
MAX_TILES = 32767
MAX_TURN = 200_000
"""Latest turn of an event. The site itself ends a game at turn 50,000."""
MAX_ARMY = 1_000_000
"""Largest army, negative ones included, that a map may put on a tile."""

_MOVE = ("index", "start", "end", "is50", "turn")
_AFK = ("index", "turn")

_KEYS = (
    ("version",),
    ("id",),
    ("mapWidth", "width"),
    ("mapHeight", "height"),
    ("usernames",),
    ("stars",),
    ("cities",),
    ("cityArmies",),
    ("generals",),
    ("mountains",),
    ("moves",),
    ("afks",),
    ("teams",),
    ("map", "map_title", "mapTitle"),
    ("neutrals",),
    ("neutralArmies",),
    ("swamps",),
    ("chat",),
    ("playerColors", "colors"),
    ("lights",),
    ("settings", "options"),
    ("modifiers",),
    ("observatories",),
    ("lookouts",),
    ("deserts",),
    ("player_transforms",),
    ("pings",),
    ("generalTrades",),
    ("tunnels",),
    ("tunnelLimits",),
    ("chessClockTimingsByMove",),
    ("stronghold_density",),
    ("stronghold_strength_min",),
    ("stronghold_strength_max",),
    ("strongholds",),
    ("strongholdStrengths",),
    ("chessClockMoveExecutionTimestamps",),
)
"""Keys of each positional field in an object; the first is the usual one."""
_SETTINGS = (
    "speed",
    "city_density",
    "mountain_density",
    "swamp_density",
    "city_fairness",
    "spawn_fairness",
    "desert_density",
    "lookout_density",
    "observatory_density",
)
"""Keys under which an object spreads the settings."""
_REQUIRED = 12  # fields 0 to 11 are in every version
_LATER = 25  # from here on fields are kept as they are
_UNKNOWN_STRUCTURES = {28: "tunnels", 34: "strongholds"}


def _no_tiles() -> Int32:
    return np.empty(0, np.int32)


@dataclass(frozen=True, eq=False)
class Replay:
    """One game of the site as its file tells it; all arrays are int32. P players, tile = row * width + column.

    Empty arrays and tuples stand for fields that the version has not or that are null.
    """

    version: int
    id: str
    width: int
    height: int
    usernames: tuple[str, ...]  # P
    stars: tuple[float | None, ...]  # P, or none
    cities: Int32  # (C,) tiles
    city_armies: Int32  # (C,)
    generals: Int32  # (P,) tiles; -1 for a player who never connected
    mountains: Int32  # tiles
    moves: Int32  # (M, 5) player, start, end, half, turn: the moves that were played
    afks: Int32  # (A, 2) player, turn: surrenders and AFK events
    teams: tuple[int, ...] | None = None  # P, or None for a free-for-all
    map_title: str | None = None
    neutrals: Int32 = field(default_factory=_no_tiles)  # (N,) tiles
    neutral_armies: Int32 = field(default_factory=_no_tiles)  # (N,)
    swamps: Int32 = field(default_factory=_no_tiles)
    chat: tuple[Any, ...] = ()  # as in the file: text, prefix, player, turn
    colours: tuple[int, ...] = ()  # P, or none
    lights: tuple[Any, ...] = ()  # as in the file
    settings: tuple[float | None, ...] = ()  # game speed first, then the densities and fairness of the map generator
    modifiers: tuple[int, ...] = ()
    observatories: Int32 = field(default_factory=_no_tiles)
    lookouts: Int32 = field(default_factory=_no_tiles)
    deserts: Int32 = field(default_factory=_no_tiles)
    later: tuple[Any, ...] = ()  # fields from 25 on, as in the file

    @property
    def players(self) -> int:
        """How many players the game had."""
        return len(self.generals)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Replay):
            return NotImplemented
        return all(_equal(getattr(self, each.name), getattr(other, each.name)) for each in fields(self))

    __hash__ = None  # type: ignore[assignment]

    def positional(self) -> list[Any]:
        """The replay as the site's positional JSON array, as long as its version and content ask for."""
        values: list[Any] = [getattr(self, each.name) for each in fields(self)][:_LATER]
        values = [v.tolist() if isinstance(v, np.ndarray) else list(v) if isinstance(v, tuple) else v for v in values]
        values[8] = [None if tile < 0 else tile for tile in values[8]]
        if not self.colours:
            values[18] = None
        if self.later:
            return values + list(self.later)
        last = max(index for index, value in enumerate(values) if index <= 12 or value not in (None, []))
        return values[: last + 1]


def _equal(a: Any, b: Any) -> bool:
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)


def encode_gior(replay: Replay) -> bytes:
    """The bytes of a ``.gior`` file; `decode_gior` gives back an equal one. Raises ReplayError for what it refuses."""
    values = replay.positional()
    parse_replay(values)
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    check_json_size(text)
    return compress(text)


def decode_gior(data: bytes) -> Replay:
    """The replay in the bytes of a ``.gior`` file. Raises ReplayError."""
    try:
        text = decompress(data)
    except ValueError as error:
        raise ReplayError(str(error)) from None
    return parse_replay(load_json(text))


def parse_replay(value: Any) -> Replay:
    """A replay from parsed JSON: a positional array or an object with named keys.

    Raises:
        ReplayError: a field is missing, of the wrong type, out of range or at odds with another; the version is not in
            `VERSIONS`; the game has modifiers, tunnels or strongholds.
    """
    if type(value) is dict:
        value = _positional(value)
    if type(value) is not list:
        raise ReplayError(f"a replay is an array or an object, not {show(value)}")
    if not value:
        raise ReplayError(f"replay is an empty array; at least {_REQUIRED} fields are needed")
    version = value[0]
    if type(version) is not int or version not in VERSIONS:
        raise ReplayError(f"replay version {show(version)} is unknown; known: {VERSIONS[0]} to {VERSIONS[-1]}")
    if len(value) < _REQUIRED:
        raise ReplayError(f"replay has {len(value)} fields; at least {_REQUIRED} are needed")
    rest = iter((value + [None] * _LATER)[1:_LATER])
    name = string("id", next(rest), 100)
    width = integer("width", next(rest), 1, MAX_TILES)
    height = integer("height", next(rest), 1, MAX_TILES)
    tiles = width * height
    if tiles > MAX_TILES:
        raise ReplayError(f"board {width}x{height} has {tiles} tiles; at most {MAX_TILES} are accepted")
    usernames = tuple(string("username", user, 200) for user in listing("usernames", next(rest)))
    stars = numbers("stars", next(rest))
    cities = integers("cities", next(rest), 0, tiles - 1)
    city_armies = integers("cityArmies", next(rest), -MAX_ARMY, MAX_ARMY)
    generals = listing("generals", next(rest))
    if not 1 <= len(generals) <= MAX_PLAYERS:
        raise ReplayError(f"replay has {len(generals)} generals; accepted: 1 to {MAX_PLAYERS}")
    players = len(generals)
    seat, tile, turn = (0, players - 1), (0, tiles - 1), (0, MAX_TURN)
    replay = Replay(
        version=version,
        id=name,
        width=width,
        height=height,
        usernames=usernames,
        stars=stars,
        cities=cities,
        city_armies=city_armies,
        generals=integers("generals", [-1 if tile is None else tile for tile in generals], -1, tiles - 1),
        mountains=integers("mountains", next(rest), 0, tiles - 1),
        moves=rows("moves", next(rest), _MOVE, (seat, tile, tile, (0, 1), turn), flag=3),
        afks=rows("afks", next(rest), _AFK, (seat, turn)),
        teams=_teams(next(rest)),
        map_title=_title(next(rest)),
        neutrals=integers("neutrals", next(rest), 0, tiles - 1),
        neutral_armies=integers("neutralArmies", next(rest), -MAX_ARMY, MAX_ARMY),
        swamps=integers("swamps", next(rest), 0, tiles - 1),
        chat=tuple(listing("chat", next(rest))),
        colours=tuple(integers("playerColors", next(rest), 0, 1000).tolist()),
        lights=tuple(listing("lights", next(rest))),
        settings=numbers("settings", next(rest)),
        modifiers=tuple(integers("modifiers", next(rest), 0, 1000).tolist()),
        observatories=integers("observatories", next(rest), 0, tiles - 1),
        lookouts=integers("lookouts", next(rest), 0, tiles - 1),
        deserts=integers("deserts", next(rest), 0, tiles - 1),
        later=tuple(value[_LATER:]),
    )
    _check_lengths(replay)
    _check_map(replay)
    _refuse_unsupported(replay)
    return replay


def _positional(named: dict[str, Any]) -> list[Any]:
    """The positional array of an object with named keys."""
    values: list[Any] = []
    for index, keys in enumerate(_KEYS):
        found = [key for key in keys if key in named]
        if not found and index < _REQUIRED:
            raise ReplayError(f'replay lacks "{keys[0]}"; its keys are {show(sorted(named))}')
        values.append(named[found[0]] if found else None)
    if values[20] is None and "speed" in named:
        values[20] = [named.get(key) for key in _SETTINGS]
    while len(values) > _LATER and values[-1] is None:
        values.pop()
    return values


def _teams(value: Any) -> tuple[int, ...] | None:
    return tuple(integers("teams", value, 0, 1000).tolist()) if value else None


def _title(value: Any) -> str | None:
    return None if value is None else string("map title", value, 1000)


def _check_lengths(replay: Replay) -> None:
    """Refuse lists that should be as long as each other and are not."""
    players = replay.players
    for name, found, optional in (
        ("usernames", len(replay.usernames), False),
        ("stars", len(replay.stars), True),
        ("teams", len(replay.teams or ()), True),
        ("playerColors", len(replay.colours), True),
    ):
        if found != players and not (optional and found == 0):
            raise ReplayError(f"replay has {players} generals and {found} {name}; there is one for each player")
    for name, count, other in (
        ("cities", len(replay.cities), len(replay.city_armies)),
        ("neutrals", len(replay.neutrals), len(replay.neutral_armies)),
    ):
        if count != other:
            raise ReplayError(f"replay has {count} {name} and {other} armies for them; there is one for each")


def _check_map(replay: Replay) -> None:
    """Refuse a map that says two things of one tile."""
    names = ("open land", "mountain", "city", "general", "swamp", "desert", "lookout", "observatory")
    generals = replay.generals[replay.generals >= 0]
    lists = (replay.cities, generals, replay.swamps, replay.deserts, replay.lookouts, replay.observatories)
    kinds = np.zeros(replay.width * replay.height, np.uint8)
    kinds[replay.mountains] = 1
    for kind, tiles in enumerate(lists, start=2):
        if not tiles.size:
            continue
        for tile, before in zip(tiles.tolist(), kinds[tiles].tolist(), strict=True):
            if before:
                raise ReplayError(f"tile {tile} is a {names[before]} and a {names[kind]}; a tile is one of them")
        kinds[tiles] = kind
        if len(set(tiles.tolist())) != len(tiles):
            raise ReplayError(f"one tile is a {names[kind]} twice; each is named once")
    for tile, kind in zip(replay.neutrals.tolist(), kinds[replay.neutrals].tolist(), strict=True):
        if names[kind] not in ("open land", "swamp", "desert"):
            raise ReplayError(f"neutral army stands on tile {tile}, a {names[kind]}; accepted: open land")


def _refuse_unsupported(replay: Replay) -> None:
    """Refuse by name what would change the rules in ways that are not played here."""
    for modifier in replay.modifiers:
        name = MODIFIERS[modifier] if modifier < len(MODIFIERS) else "unknown"
        raise ReplayError(f"replay has modifier {modifier} ({name}), which is not supported; accepted: no modifiers")
    for index, name in _UNKNOWN_STRUCTURES.items():
        if len(replay.later) > index - _LATER and replay.later[index - _LATER]:
            raise ReplayError(f"replay has {name}, which are not supported; accepted: a map without them")
