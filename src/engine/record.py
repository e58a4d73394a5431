"""The canonical record of a game: its event log. Ruleset, map and events rebuild every board, bit for bit.

A record is built from a replay of the site (`Record.from_replay`) or from the actions of a game that was played here
(`Record.from_actions`), is kept as bytes or JSON (`engine/record_codec.py`), and is played again by `play`, `at` and
`boards`. Both ways of writing and the way to a replay build on this module, so they are imported where they are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.actions import INVALID, as_codes
from engine.arrays import Int8, Int32
from engine.board import DRAW, RUNNING
from engine.game import Game
from engine.layout import Layout
from engine.playback import SURRENDER, play_events
from engine.replay_checks import ReplayError, string
from engine.rulesets import Ruleset
from engine.tiles import DRAINS, GROWS

if TYPE_CHECKING:
    from engine.replays import Replay

MAX_EVENTS = 1_000_000
MAX_NAME = 200
"""Longest id or name of a seat, in characters."""
MAX_GROWTH = 200_000_000
"""Most armies that the growth of a whole game may make: keeps sums within int32, and hostile games within seconds."""
CHECKPOINT_TURNS = 64
"""Turns between the boards that `Record.at` keeps, where they fit in `CHECKPOINT_BYTES`."""
CHECKPOINT_BYTES = 32 << 20
CHUNK_BYTES = 8 << 20
"""Size of the pieces that `Record.board_chunks` gives."""


class Result(NamedTuple):
    """How a recorded game went."""

    turns: int  # turn at the end
    winner: int | None  # seat (of a team, its first living one), -1 for a draw, None if the log ends before the game
    ended: str  # "capture", "surrender", "afk" (of a seat that never moved), "draw" or "unfinished"
    invalid: int  # moves that the rules forbid, those after the game's end included


@dataclass(frozen=True, eq=False)
class Record:
    """One game as its event log.

    Events are int32 (E, 3) of turn, seat and code, by ascending turn: an action code of `engine/actions.py` (-1 for a
    move to a tile that is no neighbour) or -2 for a surrender or AFK event. A seat has at most one action a turn; a
    turn's surrenders come before its moves. Raises ReplayError for anything inconsistent.
    """

    ruleset: Ruleset
    layout: Layout
    events: Int32
    turns: int  # turn at the game's end
    start: int = 0  # turn at its beginning
    winner: int | None = None  # as in `Result`
    id: str = ""
    names: tuple[str, ...] = ()  # of the seats, or none
    _result: list[Result] = field(init=False, repr=False, default_factory=list)
    _checkpoints: dict[int, tuple[Game, int]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        _check_events(self)
        _check_growth(self)
        if len(self.names) not in (0, self.layout.seats):
            raise ReplayError(f"{len(self.names)} names are given for {self.layout.seats} seats; one a seat, or none")
        for what, text in (("id", self.id), *(("name", name) for name in self.names)):
            string(what, text, MAX_NAME)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    @classmethod
    def from_replay(cls, replay: Replay) -> Record:
        """The record of a replay of the site; it is played once to find its end. Raises ReplayError."""
        from engine.record_replay import record_of

        return record_of(replay)

    def to_replay(self) -> Replay:
        """The replay of the site that tells this game. Raises ReplayError where none can (competition, say)."""
        from engine.record_replay import replay_of

        return replay_of(self)

    @classmethod
    def from_actions(
        cls,
        ruleset: Ruleset,
        layout: Layout,
        actions: Int32,
        surrenders: Int32 | None = None,
        *,
        start: int = 0,
        id: str = "",
        names: tuple[str, ...] = (),
    ) -> Record:
        """The record of a game that was played here; it is played once to find its end.

        Args:
            ruleset: its rules.
            layout: its map.
            actions: action codes, integers (turns, seats), 0 for a pass; what is none becomes INVALID, as it is played.
            surrenders: int32 (K, 2) of turn and seat, by ascending turn.
            start: turn at its beginning, the turn of ``actions[0]``.
            id: a name for it.
            names: of the seats, or none.
        """
        codes = as_codes(actions, (len(actions), layout.seats))
        codes = np.where((codes < 0) | (codes > 9 * layout.kinds.size), INVALID, codes)
        turns, seats = np.nonzero(codes)
        moves = np.stack([turns + start, seats, codes[turns, seats]], axis=1)
        gone = np.empty((0, 2), np.int32) if surrenders is None else surrenders
        given_up = np.column_stack([gone, np.full(len(gone), SURRENDER)])
        return cls.ended(ruleset, layout, merge_events(given_up, moves), start + len(actions), start, id, names)

    @classmethod
    def ended(
        cls,
        ruleset: Ruleset,
        layout: Layout,
        events: Int32,
        until: int,
        start: int = 0,
        id: str = "",
        names: tuple[str, ...] = (),
    ) -> Record:
        """A record with its end found by playing the events, at most to turn `until`."""
        record = cls(ruleset, layout, events, until, start, id=id, names=names)
        object.__setattr__(record, "turns", record.result().turns)  # frozen, but nobody else has seen it yet
        object.__setattr__(record, "winner", record.result().winner)
        return record

    def play(self, *, observed: bool = True) -> Game:
        """The game at its end."""
        game = self._begin(observed)
        self._advance(game, 0, self.turns)
        return game

    def result(self) -> Result:
        """How the recorded game went; it is played at the first call."""
        if self._result:
            return self._result[0]
        game = self._begin(False)
        cursor, surrendered = self._advance(game, 0, self.turns)
        winner = game.winner
        left = self.events[cursor:]
        invalid = game.invalid + int((left[:, 2] != SURRENDER).sum())
        if winner is None:
            ended = "unfinished"
        elif winner == DRAW:
            ended = "draw"
        elif surrendered or game.turn == self.start:
            ended = "surrender" if self._last_to_surrender_had_moved(cursor) else "afk"
        else:
            ended = "capture"
        self._result.append(Result(game.turn, winner, ended, invalid))
        return self._result[0]

    def at(self, turn: int) -> Game:
        """The game at a turn, to look at or to play on from. Boards on the way are kept, so jumping about is fast.

        Raises:
            ValueError: the turn is not within the game.
        """
        if not self.start <= turn <= self.turns:
            raise ValueError(f"turn is {turn}; accepted: {self.start} to {self.turns}")
        kept = max((known for known in self._checkpoints if known <= turn), default=None)
        if kept is None:
            game, cursor = self._begin(True), 0
        else:
            game, cursor = self._checkpoints[kept]
            game = game.copy()
        step = max(CHECKPOINT_TURNS, (self.turns - self.start) * game.row.nbytes // CHECKPOINT_BYTES + 1)
        while game.turn < turn:
            following = game.turn - (game.turn - self.start) % step + step
            cursor, _ = self._advance(game, cursor, min(turn, following))
            if game.turn == following:
                self._checkpoints[following] = (game.copy(), cursor)
        return game

    def boards(self) -> tuple[Int8, Int32]:
        """The boards of every turn from the first to the last.

        Returns:
            Owners, int8 (turns + 1, tiles): a seat, -1 for nobody, -2 where nobody can stand. Armies, int32, the same
            shape. A game that begins at a later turn has as many rows fewer.
        """
        owners, armies = zip(*self.board_chunks(), strict=True)
        return np.concatenate(owners), np.concatenate(armies)

    def board_chunks(self) -> Iterator[tuple[Int8, Int32]]:
        """The same boards in pieces of some `CHUNK_BYTES`, for games that would not fit in memory."""
        tiles = self.layout.kinds.size
        game, cursor = self._begin(False), 0
        yield game.owners.reshape(1, tiles), game.armies.reshape(1, tiles)
        size = max(1, CHUNK_BYTES // (5 * tiles))
        while game.turn < self.turns:
            rows = min(size, self.turns - game.turn)
            owners, armies = np.empty((rows, tiles), np.int8), np.empty((rows, tiles), np.int32)
            cursor, _ = self._advance(game, cursor, game.turn + rows, owners, armies)
            yield owners, armies

    def to_bytes(self) -> bytes:
        """The record as bytes; `from_bytes` gives back an equal one."""
        from engine.record_codec import encode_record

        return encode_record(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Record:
        """The record in bytes that `to_bytes` made. Raises ReplayError."""
        from engine.record_codec import decode_record

        return decode_record(data)

    def to_json(self) -> str:
        """The record as JSON; `from_json` gives back an equal one."""
        from engine.record_codec import record_to_json

        return record_to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Record:
        """The record in JSON that `to_json` made. Raises ReplayError."""
        from engine.record_codec import record_from_json

        return record_from_json(text)

    def _begin(self, observed: bool) -> Game:
        return Game(self.ruleset, self.layout, self.start, observed=observed)

    def _advance(
        self, game: Game, cursor: int, until: int, owners: Int8 | None = None, armies: Int32 | None = None
    ) -> tuple[int, bool]:
        """Play a game on to a turn, see `play_events`."""
        if owners is None or armies is None:
            owners, armies = np.empty((0, 0), np.int8), np.empty((0, 0), np.int32)
        scratch = np.zeros(self.layout.seats, np.int32)
        cursor, surrendered = play_events(game.row, self.events, cursor, until, scratch, owners, armies)
        return int(cursor), bool(surrendered)

    def _last_to_surrender_had_moved(self, cursor: int) -> bool:
        played = self.events[:cursor]
        last = played[played[:, 2] == SURRENDER][-1:, 1]
        return bool(np.any((played[:, 1] == last) & (played[:, 2] > 0))) if last.size else False


def layout_of(game: Game) -> Layout:
    """The map of a game that has just begun."""
    teams = tuple(game.teams)
    return Layout(
        kinds=game.kinds,
        armies=game.armies,
        owners=np.maximum(game.owners, -1).astype(np.int8),
        generals=tuple(game.generals),
        teams=teams if len(set(teams)) < len(teams) else (),
    )


def merge_events(surrenders: Int32, moves: Int32) -> Int32:
    """Rows of turn, seat, code in the order of a record; both are by ascending turn already."""
    events = np.concatenate([surrenders, moves]).astype(np.int32)
    return np.ascontiguousarray(events[np.argsort(events[:, 0], kind="stable")])


def repeats(moves: Int32) -> bool:
    """Whether a seat has two moves in one turn; rows of turn, seat, code."""
    keys = np.sort(moves[:, 0].astype(np.int64) * 16 + moves[:, 1])
    return bool((keys[1:] == keys[:-1]).any())


def _check_events(record: Record) -> None:
    events, tiles = record.events, record.layout.kinds.size
    if len(events) > MAX_EVENTS:
        raise ReplayError(f"game has {len(events)} events; at most {MAX_EVENTS} are accepted")
    if events.ndim != 2 or events.shape[1] != 3 or events.dtype != np.int32 or not events.flags.c_contiguous:
        raise ReplayError(f"events are {events.dtype} of shape {events.shape}; accepted: contiguous int32 (E, 3)")
    if not 0 <= record.start <= record.turns:
        raise ReplayError(f"game lasts from turn {record.start} to {record.turns}; accepted: 0 <= first <= last")
    for name, column, low, high in (
        ("turn", events[:, 0], record.start, 2**31 - 1),
        ("seat", events[:, 1], 0, record.layout.seats - 1),
        ("code", events[:, 2], SURRENDER, 9 * tiles),
    ):
        wrong = np.flatnonzero((column < low) | (column > high))
        if wrong.size:
            raise ReplayError(f"event {wrong[0]} has {name} {column[wrong[0]]}; accepted: {low} to {high}")
    if (np.diff(events[:, 0]) < 0).any():
        raise ReplayError("events go back in time; accepted: ascending turns")
    if (events[:, 2] == 0).any():
        raise ReplayError("an event has code 0, a pass; passes are left out")
    moves = events[events[:, 2] >= INVALID]
    if repeats(moves):
        raise ReplayError("a seat has two actions in one turn; accepted: one")
    if record.winner is not None and not RUNNING < record.winner < record.layout.seats:
        raise ReplayError(f"winner is {record.winner}; accepted: a seat, {DRAW} for a draw, null")


def _check_growth(record: Record) -> None:
    """Refuse games so long that their sums leave int32 or that playing them would take minutes."""
    layout = record.layout
    ticking = int((((GROWS | DRAINS) >> layout.kinds.astype(np.int64)) & 1).sum())
    growth = (record.turns - record.start) * (ticking // 2 + layout.kinds.size // 50 + layout.seats)
    if growth > MAX_GROWTH:
        raise ReplayError(
            f"game of {record.turns - record.start} turns on {layout.height}x{layout.width} tiles with {ticking} that "
            f"grow could make {growth} armies; at most {MAX_GROWTH} are accepted"
        )
