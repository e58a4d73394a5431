"""The protocol of the bot competition, as a bot reads it: lines of integers, whatever else may come between.

    player_id H W                             once
    turn my_land my_army opp_land opp_army    each turn, then H lines each of W types, owners and armies

Source: RULES.md, "Competition ruleset". A line that is damaged, too many or missing costs at most what it said: the
rows it should have held are taken from the turn before. Only the end of input ends the game.
"""

import os
import select
from dataclasses import dataclass

import numpy as np

from actors.foreign_view import Sighting
from engine.arrays import Int32
from engine.board import ALIVE
from engine.tiles import CITY, GENERAL, MOUNTAIN, OBSTACLE, PLAIN

HANDSHAKE_FIELDS = 3
HEADER_FIELDS = 5
LONGEST_SIDE = 100  # of a map that is taken for one
MAX_LINE = 1 << 16  # bytes
GAP_PATIENCE = 0.05  # seconds to wait for another line once as many have come as a turn has, some of them damaged
LOST_PATIENCE = 2.0  # seconds without a line after which the rest of a turn is taken for lost

# Types of tile by their number here: the kind, and in sight or not.
KINDS = np.array([PLAIN, PLAIN, MOUNTAIN, CITY, GENERAL, OBSTACLE], np.uint8)
FOG, OBSTACLE_IN_FOG = 0, 5
MOST_ARMIES = 1 << 29


class Lines:
    """Lines of a file descriptor, with a limit on waiting. `next` raises EOFError once all is read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""
        self._ended = False

    def next(self, patience: float | None = None) -> bytes | None:
        """The next line without its end; None if `patience` seconds pass first. None waits for ever."""
        while b"\n" not in self._buffer and len(self._buffer) < MAX_LINE and not self._ended:
            if patience is not None and not select.select([self._descriptor], [], [], patience)[0]:
                return None
            piece = os.read(self._descriptor, MAX_LINE)
            self._ended = not piece
            self._buffer += piece
        if not self._buffer:
            raise EOFError
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line


def numbers_in(line: bytes) -> list[int] | None:
    """The integers of a line, or None where it holds anything else or nothing."""
    try:
        return [max(-MOST_ARMIES, min(int(word), MOST_ARMIES)) for word in line.split()] or None
    except ValueError:
        return None


@dataclass(frozen=True)
class Handshake:
    """What a game begins with."""

    seat: int
    height: int
    width: int


def read_handshake(lines: Lines) -> Handshake:
    """The first line that can be one. Raises EOFError."""
    while True:
        numbers = numbers_in(lines.next() or b"")
        if numbers is not None and len(numbers) == HANDSHAKE_FIELDS:
            seat, height, width = numbers
            if seat in (0, 1) and 1 <= height <= LONGEST_SIDE and 1 <= width <= LONGEST_SIDE:
                return Handshake(seat, height, width)


class Frames:
    """A game's turns, each as a `Sighting`."""

    def __init__(self, lines: Lines, handshake: Handshake) -> None:
        self._lines, self._game = lines, handshake
        self._header = [-1, 1, 1, 1, 1]
        self._rows: Int32 = np.zeros((3 * handshake.height, handshake.width), np.int32)

    def next(self) -> Sighting:
        """The next turn. Raises EOFError."""
        self._header, rows = self._begin()
        total = len(self._rows)
        while sum(row is not None for row in rows) < total:
            enough = len(rows) >= total  # with some that are damaged: they may be rows or have come between rows
            line = self._lines.next(GAP_PATIENCE if enough else LOST_PATIENCE)
            if line is None:
                break
            numbers = numbers_in(line)
            if numbers is not None and len(numbers) == self._game.width:
                rows.append(numbers)
            elif numbers is not None and len(numbers) == HEADER_FIELDS:  # the turn before was cut short
                self._header, rows = numbers, []
            elif len(rows) < 2 * total:
                rows.append(None)
        for _ in range(len(rows) - total):
            rows.remove(None)
        for place, row in enumerate(rows):
            if row is not None:
                self._rows[place] = row
        return self._sighting()

    def _begin(self) -> tuple[list[int], list[list[int] | None]]:
        """The turn's header; where a damaged line stands in its place, one made up and the row that follows it."""
        damaged = False
        while True:
            numbers = numbers_in(self._lines.next() or b"")
            if numbers is not None and len(numbers) == HEADER_FIELDS:
                return numbers, []
            if numbers is not None and len(numbers) == self._game.width and damaged:
                return [self._header[0] + 1, *self._header[1:]], [numbers]
            damaged = True

    def _sighting(self) -> Sighting:
        height, seat = self._game.height, self._game.seat
        types, owners, armies = (self._rows[part * height : (part + 1) * height] for part in range(3))
        types = np.where((types >= 0) & (types < len(KINDS)), types, FOG)
        visible = (types != FOG) & (types != OBSTACLE_IN_FOG)
        whose = np.where(owners == 1, seat, np.where(owners == 2, 1 - seat, -1))
        passable = visible & (KINDS[types] != MOUNTAIN)
        turn, *mine, their_land, their_army = self._header
        totals = np.zeros((2, 3), np.int32)
        totals[seat] = *mine, ALIVE
        totals[1 - seat] = their_land, their_army, ALIVE
        return Sighting(
            turn=max(0, turn),
            visible=visible,
            kinds=KINDS[types],
            owners=np.where(passable, whose, -1).astype(np.int8),
            armies=np.where(passable, armies, 0).astype(np.int32),
            totals=totals,
        )
