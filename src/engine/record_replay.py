"""Between replays of the site and records."""

import os

import numpy as np

from engine.actions import INVALID, build_code
from engine.arrays import Int32
from engine.layout import Layout
from engine.playback import SURRENDER
from engine.record import Record, merge_events, repeats
from engine.replays import VERSIONS, Replay, ReplayError
from engine.rulesets import replay_ruleset
from engine.tiles import CITY, DESERT, GENERAL, LOOKOUT, MOUNTAIN, OBSERVATORY, SWAMP


def checked_record(game: Replay | Record, file: str | os.PathLike[str]) -> Record:
    """The record of a game in a file, which is played once to find its end.

    Raises ReplayError, with the file's name first, for a game that is too large and a record that tells another end.
    """
    try:
        record = game if isinstance(game, Record) else record_of(game)
    except ReplayError as error:
        raise ReplayError(f"{file}: {error}") from None
    found, told = record.result(), (record.turns, record.winner)
    if told != (found.turns, found.winner):
        raise ReplayError(
            f"{file}: record tells of turn {record.turns} and winner {record.winner} at its end; its events come to "
            f"turn {found.turns} and winner {found.winner}"
        )
    return record


def record_of(replay: Replay) -> Record:
    """The record of a replay under the rules of its version. Raises ReplayError for a game that is too large.

    As the site's own player does, an event whose turn lies before that of an earlier one in the file is played with
    that one, and a second move of a player for one turn waits for the next.
    """
    afks = np.column_stack([_ascending(replay.afks[:, 1]), replay.afks[:, 0], np.full(len(replay.afks), SURRENDER)])
    moves = np.column_stack([_ascending(replay.moves[:, 4]), replay.moves[:, 0], _codes(replay)])
    events = merge_events(afks, _one_a_turn(moves))
    until = int(events[-1, 0]) + 1 if len(events) else 0
    return Record.ended(
        replay_ruleset(replay.version), _layout(replay), events, until, id=replay.id, names=replay.usernames
    )


def replay_of(record: Record) -> Replay:
    """The replay that tells a record; moves that no replay can tell (to a tile that is no neighbour) are left out."""
    layout, tiles = record.layout, record.layout.kinds.size
    version = next((v for v in reversed(VERSIONS) if replay_ruleset(v) == record.ruleset), None)
    if version is None:
        raise ReplayError(f'ruleset "{record.ruleset.name}" with its options is that of no replay version')
    if record.start:
        raise ReplayError(f"game begins at turn {record.start}; a replay begins at 0")
    kinds, armies = layout.kinds.ravel(), layout.armies.ravel()
    generals = np.array(layout.generals, np.int32)
    expected = np.full(tiles, -1)
    expected[generals[generals >= 0]] = np.flatnonzero(generals >= 0)
    odd = np.flatnonzero(
        (layout.owners.ravel() != expected) | ((expected >= 0) & (armies != 1)) | ((kinds == GENERAL) & (expected < 0))
    )
    if odd.size:
        raise ReplayError(f"tile {odd[0]} has an owner and armies at the start; a replay has generals with 1 army only")
    events = record.events
    afks = events[events[:, 2] == SURRENDER]
    turn, seat, code = events[(events[:, 2] > 0) & (events[:, 2] < build_code(0, tiles))].T
    begin, rest = (code - 1) // 8, (code - 1) % 8
    end = begin + np.array([-layout.width, layout.width, -1, 1])[rest // 2]
    neutral = np.flatnonzero((armies != 0) & (kinds != CITY) & (expected < 0))
    return Replay(
        version=version,
        id=record.id,
        width=layout.width,
        height=layout.height,
        usernames=record.names or tuple(f"seat {s}" for s in range(layout.seats)),
        stars=(),
        cities=_tiles(kinds, CITY),
        city_armies=armies[kinds == CITY].astype(np.int32),
        generals=generals,
        mountains=_tiles(kinds, MOUNTAIN),
        moves=np.column_stack([seat, begin, end, rest % 2, turn]).astype(np.int32),
        afks=np.ascontiguousarray(afks[:, 1::-1]),
        teams=layout.teams or None,
        neutrals=neutral.astype(np.int32),
        neutral_armies=armies[neutral].astype(np.int32),
        swamps=_tiles(kinds, SWAMP),
        observatories=_tiles(kinds, OBSERVATORY),
        lookouts=_tiles(kinds, LOOKOUT),
        deserts=_tiles(kinds, DESERT),
    )


def _tiles(kinds: np.ndarray, kind: int) -> Int32:
    return np.flatnonzero(kinds == kind).astype(np.int32)


def _ascending(turns: Int32) -> Int32:
    return np.maximum.accumulate(turns) if len(turns) else turns


def _codes(replay: Replay) -> Int32:
    """Action codes of a replay's moves."""
    start, end, half = replay.moves[:, 1], replay.moves[:, 2], replay.moves[:, 3]
    change, width = end - start, replay.width
    same_row = start // width == end // width
    steps = [change == -width, change == width, (change == -1) & same_row, (change == 1) & same_row]
    direction = np.select(steps, [0, 1, 2, 3], -1)
    return np.where(direction < 0, INVALID, 1 + (start * 4 + direction) * 2 + half)


def _one_a_turn(moves: Int32) -> Int32:
    """Put off a seat's second move for a turn to the next one."""
    if not repeats(moves):
        return moves
    free: dict[int, int] = {}
    for row in moves:
        seat = int(row[1])
        row[0] = max(int(row[0]), free.get(seat, 0))
        free[seat] = int(row[0]) + 1
    return moves[np.argsort(moves[:, 0], kind="stable")]


def _layout(replay: Replay) -> Layout:
    tiles = replay.width * replay.height
    kinds, armies, owners = np.zeros(tiles, np.uint8), np.zeros(tiles, np.int32), np.full(tiles, -1, np.int8)
    for kind, places in (
        (MOUNTAIN, replay.mountains),
        (CITY, replay.cities),
        (SWAMP, replay.swamps),
        (DESERT, replay.deserts),
        (LOOKOUT, replay.lookouts),
        (OBSERVATORY, replay.observatories),
    ):
        kinds[places] = kind
    armies[replay.cities] = replay.city_armies
    armies[replay.neutrals] = replay.neutral_armies
    seats = np.flatnonzero(replay.generals >= 0)
    generals = replay.generals[seats]
    kinds[generals], armies[generals], owners[generals] = GENERAL, 1, seats
    shape = (replay.height, replay.width)
    try:
        return Layout(
            kinds=kinds.reshape(shape),
            armies=armies.reshape(shape),
            owners=owners.reshape(shape),
            generals=tuple(replay.generals.tolist()),
            teams=replay.teams or (),
        )
    except ValueError as error:
        raise ReplayError(str(error)) from None
