"""The compact observation of a game that is played elsewhere, rebuilt turn by turn as the engine would give it.

Other servers show a seat its tiles in sight and hide the rest; some tell obstacles in fog from open land. From that a
`ForeignView` keeps what the engine keeps for a seat: terrain seen before, whose each tile is, legal moves and builds.
It lies in a row of the engine (`engine.board`) of which only this seat's view and vector are true, so that policies and
scripted bots read it as they read any game. Lookouts and observatories, which no such server shows, are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.actions import recode
from engine.arrays import Bool, Int8, Int32, UInt8
from engine.board import (
    ALIVE,
    ALLY,
    ARMY_LIMIT,
    ARMY_SHIFT,
    AWAY,
    DISCOVERED,
    ENEMY,
    KIND_SHIFT,
    MASK_BUILD,
    MASK_OWNER_SHIFT,
    MASK_SHIFT,
    MINE,
    OUT,
    RELATION_SHIFT,
    UNOWNED,
    VECTOR_SEAT,
    VISIBLE,
    Shape,
    allocate,
)
from engine.observation import BEYOND, widened
from engine.rulesets import CASTLE_SURCHARGE, Ruleset
from engine.tiles import CITY, HIDES, IMPASSABLE, OBSTACLE, PLAIN, STRUCTURE_KINDS
from engine.views import BoardView


@dataclass(frozen=True)
class Sighting:
    """What a server shows a seat of one turn; the map is (H, W)."""

    turn: int  # ticks played
    visible: Bool  # (H, W)
    kinds: UInt8  # (H, W): the true kind in sight; in fog OBSTACLE for mountains and cities, PLAIN elsewhere
    owners: Int8  # (H, W): a seat or -1; -1 in fog
    armies: Int32  # (H, W); 0 in fog
    totals: Int32  # (S, 3): land, army and status of every seat, see `status_of`


def status_of(dead: bool, land: int) -> int:
    """A seat's status in the engine's words: ALIVE, AWAY (surrendered, its land remains) or OUT."""
    if not dead:
        return ALIVE
    return AWAY if land > 0 else OUT


class ForeignView:
    """One seat's view of one game.

    `board` is the size of the board the observation lies on, at least the map's own height and width: what is beyond
    the map are mountains everybody knows of, as on the boards that policies were trained on. Raises ValueError for a
    seat or team that cannot be.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        seat: int,
        seats: int,
        height: int,
        width: int,
        board: tuple[int, int] = (0, 0),
        teams: Sequence[int] = (),
    ) -> None:
        if not 0 <= seat < seats:
            raise ValueError(f"seat is {seat}; accepted: 0 to {seats - 1}")
        if len(teams) not in (0, seats):
            raise ValueError(f"{len(teams)} teams are named for {seats} seats; accepted: one a seat, or none")
        self.ruleset, self.seat, self.seats, self.height, self.width = ruleset, seat, seats, height, width
        self.shape = Shape.of(ruleset, seats, max(height, board[0]), max(width, board[1]))
        self.row = allocate(self.shape, ruleset, 1)[0]
        self._view = BoardView.of(self.row, self.shape)
        self._view.view[...] = BEYOND
        self._view.view[:, :height, :width] = PLAIN << KIND_SHIFT
        self._known: Bool = np.zeros((height, width), np.bool_)  # seen at some time
        self._kinds: UInt8 = np.zeros((height, width), np.uint8)  # what is known of them
        teams = list(teams) or list(range(seats))
        whose = [MINE if s == seat else ALLY if teams[s] == teams[seat] else ENEMY for s in range(seats)]
        self._relations = np.array([*whose, UNOWNED], np.int32)  # index -1: nobody's
        offsets = [(s - seat) % seats if seats > 2 else 0 for s in range(seats)]
        self._offsets = np.array([*offsets, 0], np.int32)

    @property
    def words(self) -> Int32:
        """The observation words, int32 (board height, board width): flags | mask << 8 | army << 16. A copy."""
        return np.array(self._view.view[self.seat], np.int32)

    @property
    def vector(self) -> Int32:
        """Turn, then land, army and status of each seat, this one first: int32 (1 + 3 * seats,). A copy."""
        return np.array(self._view.vector[self.seat], np.int32)

    def show(self, seen: Sighting) -> None:
        """Take in a turn: afterwards words and vector are what the engine would let the seat observe."""
        kinds = np.where(seen.visible, seen.kinds, self._remembered(seen.kinds)).astype(np.uint8)
        self._known |= seen.visible
        self._kinds = np.where(self._known, kinds, PLAIN).astype(np.uint8)
        visible = seen.visible.astype(np.int32)
        relation = self._relations[seen.owners] * visible
        flags = visible * VISIBLE | relation << RELATION_SHIFT | kinds.astype(np.int32) << KIND_SHIFT
        flags |= self._known * DISCOVERED
        army = np.clip(seen.armies, -ARMY_LIMIT, ARMY_LIMIT) * visible
        mask = self._legal(seen, kinds, relation) | self._offsets[seen.owners] * visible << MASK_OWNER_SHIFT
        words = flags | mask << MASK_SHIFT | army << ARMY_SHIFT
        self._view.view[self.seat] = widened(words, self.shape.height, self.shape.width)
        others = np.roll(seen.totals, -self.seat, axis=0)
        self._view.vector[self.seat] = [seen.turn, *others.reshape(self.seats * VECTOR_SEAT)]

    def copy(self, words: Int32, vector: Int32) -> None:
        """Take in a turn of a game that the engine plays here: its own words (H, W) and vector of this seat."""
        self._view.view[self.seat] = widened(words, self.shape.height, self.shape.width)
        self._view.vector[self.seat] = vector

    def on_map(self, action: int) -> int:
        """An action code of the observation's board as one of the map's; INVALID off the map."""
        return recode(action, (self.shape.height, self.shape.width), (self.height, self.width))

    def _remembered(self, shown: UInt8) -> UInt8:
        """Kinds in fog: as remembered where the tile was seen, else as shown.

        What was open land or a general and is now an obstacle in fog has become a city.
        """
        became = (shown == OBSTACLE) & ((HIDES >> self._kinds.astype(np.int64)) & 1 == 0)
        remembered = np.where(became, CITY, self._kinds)
        return np.where(self._known, remembered, shown).astype(np.uint8)

    def _legal(self, seen: Sighting, kinds: UInt8, relation: Int32) -> Int32:
        """Moves and builds of the seat, (H, W) int32; the neighbours of its own tiles are in sight."""
        if seen.totals[self.seat, 2] != ALIVE:
            return np.zeros_like(relation)
        mine = relation == MINE
        enter = np.zeros((self.height + 2, self.width + 2), np.int32)
        enter[1:-1, 1:-1] = ~IMPASSABLE[kinds]
        exits = enter[:-2, 1:-1] | enter[2:, 1:-1] << 1 | enter[1:-1, :-2] << 2 | enter[1:-1, 2:] << 3
        legal: Int32 = exits * (mine & (seen.armies > 1))
        if self.ruleset.castle_price > 0:
            price = self.ruleset.castle_price + self._surcharges(mine, kinds)
            legal = legal | MASK_BUILD * (mine & (kinds == PLAIN) & (seen.armies >= price))
        return legal

    def _surcharges(self, mine: Bool, kinds: UInt8) -> Int32:
        """What own structures add to the price of a castle, (H, W) int32."""
        rows, columns = np.nonzero(mine & ((STRUCTURE_KINDS >> kinds.astype(np.int64)) & 1 == 1))
        down = np.abs(np.arange(self.height)[:, None, None] - rows)
        across = np.abs(np.arange(self.width)[None, :, None] - columns)
        surcharges: Int32 = np.maximum(0, CASTLE_SURCHARGE - 2 * (down + across)).sum(-1).astype(np.int32)
        return surcharges
