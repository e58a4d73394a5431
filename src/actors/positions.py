"""Where games stand, in few bytes: what cannot be derived from the rest, compressed.

A game's row is mostly derived (sight, masks, totals, what each seat sees), and `engine.setup.begin` derives it. So a
position holds kinds, owners and armies of tiles, what each seat has discovered, generals, and some counters. A 24x24
game's row is 11,776 bytes; its zstd is about 2,000, its position about 400, as many as all actions since its first
turn would take (306 for 105 turns). A position was chosen over those actions since a game is put back at the cost of
some turns instead of hundreds. Unlike a row, a position is checked: whatever comes in, the board that comes out is
one on which the rules stay within their memory.
"""

from dataclasses import dataclass

import numpy as np
import zstandard

from engine.arrays import Bool, Int32, UInt8
from engine.batch import GameBatch
from engine.board import (
    AWAY,
    DISCOVERED,
    EPISODE,
    GENERAL_AT,
    HEADER,
    INVALID,
    KIND_SHIFT,
    MAP_HEIGHT,
    MAP_WIDTH,
    RUNNING,
    STATUS,
    TEAM,
    TURN,
    VISIBLE,
    WINNER,
    header_of,
)
from engine.game import MAX_TURN
from engine.layout import MAX_ARMIES
from engine.map_specs import MAP_TEAMS
from engine.setup import begin
from engine.tiles import GENERAL, HIDES, IMPASSABLE, OBSTACLE, PLAIN

COUNTERS = (TURN, WINNER, EPISODE, INVALID, MAP_HEIGHT, MAP_WIDTH)  # of the header

LEVEL = 3  # of zstd


def position_size(games: int, seats: int, tiles: int) -> int:
    """Bytes of so many games' position before compression."""
    known = -(-seats * tiles // 8)
    return games * (4 * (len(COUNTERS) + seats) + tiles * (1 + 1 + 4) + known)


def pack(batch: GameBatch, first: int, games: int) -> bytes:
    """Where `games` games of a batch from `first` on stand.

    Raises ValueError for a game with a surrendered seat that still has land: batches have none.
    """
    view, chosen = batch.view, slice(first, first + games)
    if (view.seat[chosen, :, STATUS] == AWAY).any():
        raise ValueError("a seat of the games has surrendered and kept its land; accepted: seats that play or are out")
    shape = batch.shape
    armies = np.ascontiguousarray(view.army[chosen], "<i4").view(np.uint8).reshape(games, shape.tiles, 4)
    known = (view.flags[chosen] & DISCOVERED != 0).reshape(games, -1)
    # Column by column over all games, so that like lies by like.
    columns = (
        view.header[chosen][:, COUNTERS].astype("<i4"),
        view.seat[chosen, :, GENERAL_AT].astype("<i4"),
        view.kind[chosen],
        view.place[chosen, ..., 0],
        np.moveaxis(armies, -1, 0),
        np.packbits(known, axis=-1),
    )
    return compress(b"".join(column.tobytes() for column in columns))


def unpack(batch: GameBatch, packed: bytes) -> None:
    """Put the games of a position in the places of a batch's games, all of them.

    Raises ValueError for anything that is no position of such a batch.
    """
    Position.of(packed, batch.num_games, batch.seats, batch.height, batch.width).write(batch)


@dataclass(frozen=True)
class Position:
    """A position's columns, checked."""

    height: int  # of the board
    width: int
    counters: Int32  # (G, len(COUNTERS))
    generals: Int32  # (G, S): tile or -1
    kinds: UInt8  # (G, T)
    owners: UInt8  # (G, T): owner + 1
    armies: Int32  # (G, T)
    known: Bool  # (G, S, T)

    @classmethod
    def of(cls, packed: bytes, games: int, seats: int, height: int, width: int) -> "Position":
        """The position of so many games on such a board. Raises ValueError for anything that is none."""
        tiles = height * width
        parts = np.frombuffer(decompress("position", packed, position_size(games, seats, tiles)), np.uint8)
        sizes = [4 * len(COUNTERS) * games, 4 * seats * games, tiles * games, tiles * games, 4 * tiles * games]
        counters, generals, kinds, owners, armies, known = np.split(parts, np.cumsum(sizes))
        position = cls(
            height,
            width,
            counters.view("<i4").reshape(games, -1),
            generals.view("<i4").reshape(games, seats),
            kinds.reshape(games, tiles),
            owners.reshape(games, tiles),
            np.ascontiguousarray(armies.reshape(4, games, tiles).transpose(1, 2, 0)).view("<i4")[..., 0],
            np.unpackbits(known.reshape(games, -1), axis=-1, count=seats * tiles).reshape(games, seats, tiles) != 0,
        )
        position.check()
        return position

    def check(self) -> None:
        """Raise ValueError unless the rules can be played on it."""
        seats, tiles = self.known.shape[1:]
        turn, winner, episode, invalid, height, width = self.counters.T
        self._check("turn", turn, 0, MAX_TURN)
        self._check("winner", winner, RUNNING, seats - 1)
        self._check("episode", episode, 0, 2**31 - 2)
        self._check("invalid moves", invalid, 0, 2**31 - 2)
        self._check("map's height", height, 1, self.height)
        self._check("map's width", width, 1, self.width)
        self._check("kind of tile", self.kinds, 0, OBSTACLE - 1)
        self._check("owner", self.owners, 0, seats)
        self._check("general's tile", self.generals, -1, tiles - 1)
        owned = self.owners > 0
        if IMPASSABLE[self.kinds[owned]].any():
            raise ValueError("position: a tile that cannot be entered has an owner")
        armies = np.abs(self.armies, dtype=np.int64).sum(axis=1)
        if (self.armies[owned] < 0).any() or armies.max() > MAX_ARMIES:
            raise ValueError(f"position: armies below 0 on owned tiles or more than {MAX_ARMIES} together")
        game, seat = np.nonzero(self.generals >= 0)
        tile = self.generals[game, seat]
        at_home = (self.kinds[game, tile] == GENERAL) & (self.owners[game, tile] == seat + 1)
        if not at_home.all() or np.count_nonzero(self.kinds == GENERAL) != len(tile):
            raise ValueError("position: generals and the tiles they stand on differ")

    def _check(self, what: str, values: Int32 | UInt8, least: int, most: int) -> None:
        lowest = 0 if values.dtype == np.uint8 else int(values.min())
        if not least <= lowest <= int(values.max()) <= most:
            raise ValueError(f"position: {what} reaches {values.min()} to {values.max()}; accepted: {least} to {most}")

    def write(self, batch: GameBatch) -> None:
        """Write it into a batch's rows, and all that follows from it."""
        games, seats = self.known.shape[:2]
        board = (games, batch.height, batch.width)
        batch.rows[:] = 0
        batch.rows[:, :HEADER] = header_of(batch.shape, batch.ruleset, observed=True, memory=True)
        view = batch.view
        view.army[:] = self.armies.reshape(board)
        view.place[..., 0] = self.owners.reshape(board)
        view.place[..., 1] = self.kinds.reshape(board)
        view.seat[:, :, GENERAL_AT] = self.generals
        view.seat[:, :, TEAM] = batch.map_spec.integers()[MAP_TEAMS : MAP_TEAMS + seats]
        turn, winner, episode, invalid, height, width = self.counters.T
        for g in range(games):
            begin(batch.rows[g], int(height[g]), int(width[g]), int(turn[g]))
        view.header[:, WINNER] = winner
        view.header[:, EPISODE] = episode
        view.header[:, INVALID] = invalid
        # `begin` shows what is in sight now; what was discovered before is remembered in fog as well.
        kinds = self.kinds[:, None]
        hidden = np.where((HIDES >> kinds) & 1, OBSTACLE, PLAIN)
        known = self.known * DISCOVERED
        fog = known | (np.where(self.known, kinds, hidden) << KIND_SHIFT)
        flags = view.flags.reshape(self.known.shape)
        seen = (flags & VISIBLE) != 0
        shown = np.where(seen, (flags & ~np.uint8(DISCOVERED)) | known, fog)
        view.flags[...] = shown.reshape(games, seats, batch.height, batch.width)


def decompress(what: str, packed: bytes, size: int) -> bytes:
    """The content of a zstd frame, of exactly the size that is expected: a frame that claims another is not opened.

    Raises ValueError for anything else.
    """
    claimed = content_size(packed)
    if claimed != size:
        raise ValueError(f"{what} has {claimed} bytes; accepted: a zstd frame of {size}")
    try:
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    except zstandard.ZstdError as error:
        raise ValueError(f"{what} is damaged: {error}; accepted: a zstd frame of {size} bytes") from None


def content_size(packed: bytes) -> int:
    """How large the content of a zstd frame claims to be, bytes; -1 where it does not say, or is no frame."""
    try:
        return zstandard.frame_content_size(packed)
    except zstandard.ZstdError:
        return -1


def compress(content: bytes) -> bytes:
    """A zstd frame that says how large its content is."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(content)  # not shared: it is not safe to use from two threads
