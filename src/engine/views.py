"""Named numpy views into rows of games, for everything that is not a kernel."""

from dataclasses import dataclass

import numpy as np

from engine.arrays import Int16, Int32, UInt8
from engine.board import (
    GENERAL_AT,
    HEADER,
    SEAT_FIELDS,
    TEAM,
    Shape,
    vector_size,
)
from engine.layout import Layout
from engine.tiles import KIND_BITS


@dataclass(frozen=True)
class BoardView:
    """Views into one row, or into all rows of a batch; then every shape has the games as its first axis, (G, ...).

    `kind` is computed anew at each use; all others are memory of the row itself (little-endian machines).
    """

    header: Int32  # (HEADER,)
    seat: Int32  # (S, SEAT_FIELDS)
    vector: Int32  # (S, vector_size(S))
    army: Int32  # (H, W)
    place: UInt8  # (H, W, 4 * (views - 1)): owner + 1, ground, sight of each seat
    view: Int32  # (S, H, W) observation words
    flags: UInt8  # (S, H, W)
    mask: UInt8  # (S, H, W), as stored: the upper bits name owners where S > 2
    seen_army: Int16  # (S, H, W)

    @classmethod
    def of(cls, rows: Int32, shape: Shape) -> "BoardView":
        """The views of a row (N,) or of rows (G, N)."""
        lead = rows.shape[:-1]
        s, h, w = shape.seats, shape.height, shape.width

        def part(begin: int, *sizes: int) -> Int32:
            count = int(np.prod(sizes))
            return _split(rows[..., begin : begin + count], lead, sizes)

        cells = part(shape.cells, h, w, shape.cell_words)
        view = np.moveaxis(cells[..., shape.views : shape.views + s], -1, -3)
        return cls(
            header=rows[..., :HEADER],
            seat=part(HEADER, s, SEAT_FIELDS),
            vector=part(shape.vectors, s, vector_size(s)),
            army=cells[..., 0],
            place=_bytes(cells[..., 1 : shape.views]),
            view=view,
            flags=_bytes(view[..., None])[..., 0],
            mask=_bytes(view[..., None])[..., 1],
            seen_army=_halves(view[..., None])[..., 1],
        )

    @property
    def owner(self) -> np.ndarray:
        """Owners (H, W) int8: seat or -1."""
        return (self.place[..., 0].astype(np.int16) - 1).astype(np.int8)

    @property
    def kind(self) -> UInt8:
        """Kinds of tile (H, W) uint8."""
        return np.bitwise_and(self.place[..., 1], np.uint8(KIND_BITS))

    @property
    def sight(self) -> UInt8:
        """Counts of sight (H, W, S) uint8."""
        return self.place[..., 2 : 2 + self.seat.shape[-2]]

    def write_layout(self, layout: Layout) -> None:
        """Write a map of the board's size into a single row; `begin` then starts the game."""
        self.army[...] = layout.armies
        self.place[..., 0] = layout.owners + 1
        self.place[..., 1] = layout.kinds
        self.seat[:, GENERAL_AT] = layout.generals
        self.seat[:, TEAM] = layout.teams or range(layout.seats)


def _split(part: Int32, lead: tuple[int, ...], sizes: tuple[int, ...]) -> Int32:
    """Reshape the last axis without a copy."""
    strides = [part.strides[-1]]
    for size in reversed(sizes[1:]):
        strides.insert(0, strides[0] * size)
    return np.lib.stride_tricks.as_strided(part, lead + sizes, part.strides[:-1] + tuple(strides))


def _bytes(words: Int32) -> UInt8:
    return words.view(np.uint8)


def _halves(words: Int32) -> Int16:
    return words.view(np.int16)
