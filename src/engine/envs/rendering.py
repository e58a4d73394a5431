"""Boards as text and as pictures, drawn with numpy alone.

Both show the whole board; where a seat's sight is given, what lies outside it is dimmed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.arrays import Bool, Int8, Int32, UInt8
from engine.batch import GameBatch
from engine.board import MAP_HEIGHT, MAP_WIDTH, TURN, VISIBLE
from engine.tiles import CITY, DESERT, GENERAL, KINDS, LOOKOUT, MOUNTAIN, OBSERVATORY, SWAMP
from engine.views import BoardView

RENDER_MODES = ["ansi", "rgb_array"]
RENDER_FPS = 8  # the site plays two turns a second; a recording at that speed would put everybody to sleep

CELL = 24  # pixels a tile
GROUND = (104, 109, 120)
ROCK = (66, 69, 77)
STONE = (142, 132, 110)  # neutral cities
INK = (250, 250, 250)
SHADE = 0.4  # brightness of what is out of sight
# One colour a seat, as the site orders them.
SEATS = (
    (214, 48, 49), (67, 99, 216), (30, 132, 73), (0, 128, 128), (226, 113, 29), (214, 51, 190), (128, 0, 128),
    (120, 20, 20), (179, 172, 50), (154, 94, 36), (16, 49, 200), (89, 76, 165), (133, 169, 28), (255, 102, 104),
    (180, 127, 202), (180, 153, 113),
)  # fmt: skip

# What marks a kind of tile, 8 x 8 cells of three pixels each; digits are written on top.
MARKS = {
    MOUNTAIN: "........ ...#.... ..###... ..####.. .###.##. .##..### ##....## ........",
    CITY: "#.#..#.# #.#..#.# ######## #......# #......# #......# #......# ########",
    GENERAL: "...##... #..##..# ##.##.## ######## #......# #......# ######## ########",
    SWAMP: "........ .##..##. #..##..# ........ .##..##. #..##..# ........ ........",
    DESERT: "........ .#...#.. ........ ...#...# ........ .#...#.. ........ ........",
    LOOKOUT: "...##... ..####.. .##..##. ..####.. ...##... ...##... ..#..#.. .#....#.",
    OBSERVATORY: "......## ....###. ..####.. .####... .##..... ...#.... ..#.#... .#...#..",
}
# Digits and M for millions, three pixels wide and five high, row by row.
GLYPHS = {
    glyph: np.array([[int(bit) for bit in row] for row in rows.split()], np.bool_)
    for glyph, rows in {
        "0": "111 101 101 101 111",
        "1": "010 110 010 010 111",
        "2": "111 001 111 100 111",
        "3": "111 001 111 001 111",
        "4": "101 101 111 001 001",
        "5": "111 100 111 001 111",
        "6": "111 100 111 101 111",
        "7": "111 001 010 010 010",
        "8": "111 101 111 101 111",
        "9": "111 101 111 001 111",
        "M": "101 111 111 101 101",
    }.items()
}
MILLION = 1_000_000  # from here on armies are drawn in millions: six digits fill a tile


@dataclass(frozen=True)
class Picture:
    """What there is to draw; arrays have the board's shape (H, W)."""

    kinds: UInt8
    owners: Int8  # seat or -1
    armies: Int32
    lit: Bool  # in sight
    turn: int
    height: int  # the map's own, at most the board's
    width: int


def look(batch: GameBatch, game: int, seat: int | None) -> Picture:
    """A game of a batch, as `seat` has it in sight; None: all of it."""
    row = batch.rows[game]
    view = BoardView.of(row, batch.shape)
    lit = np.ones(view.kind.shape, np.bool_) if seat is None else view.flags[seat] & VISIBLE != 0
    height, width = int(row[MAP_HEIGHT]), int(row[MAP_WIDTH])
    return Picture(view.kind, view.owner, view.army.copy(), lit, int(row[TURN]), height, width)


def render(batch: GameBatch, game: int, seat: int | None, mode: str) -> Any:
    """A game as `mode` says: "ansi" gives text, "rgb_array" uint8 (24 * H, 24 * W, 3)."""
    picture = look(batch, game, seat)
    return draw_text(picture) if mode == "ansi" else draw_pixels(picture)


def draw_text(picture: Picture) -> str:
    """A board as lines of text with terminal colours.

    Owned tiles show their owner's letter (a for seat 0) and armies, structures their symbol behind.
    """
    kinds, owners, armies = picture.kinds.tolist(), picture.owners.tolist(), picture.armies.tolist()
    tiles = [[(r, c) for c in range(picture.width)] for r in range(picture.height)]
    cells = [[_cell(kinds[r][c], owners[r][c], armies[r][c]) for r, c in row] for row in tiles]
    wide = max(len(cell) for row in cells for cell in row) + 1
    lines = [
        "".join(_paint(cells[r][c].ljust(wide), owners[r][c], bool(picture.lit[r, c])) for r, c in row) for row in tiles
    ]
    return "\n".join([f"turn {picture.turn}", *lines])


def _cell(kind: int, owner: int, army: int) -> str:
    symbol = KINDS[kind].symbol
    if owner < 0:
        return symbol + (str(army) if army else "")
    return chr(ord("a") + owner) + str(army) + (symbol if kind in (CITY, GENERAL, SWAMP) else "")


def _paint(text: str, owner: int, lit: bool) -> str:
    codes = [] if lit else ["2"]
    if owner >= 0:
        codes.append("38;2;{};{};{}".format(*SEATS[owner]))
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes else text


def draw_pixels(picture: Picture) -> UInt8:
    """A board as a picture, uint8 (24 * H, 24 * W, 3); black beyond the map."""
    height, width = picture.kinds.shape
    ground = np.array([ROCK if not kind.passable else STONE if kind.grows else GROUND for kind in KINDS], np.float32)
    colour = np.where(
        (picture.owners >= 0)[..., None],
        np.array(SEATS, np.float32)[picture.owners.clip(0)],
        ground[picture.kinds],
    )
    cells = np.empty((height, width, CELL, CELL, 3), np.float32)
    cells[...] = (colour * 0.8)[:, :, None, None]  # a line between tiles
    cells[:, :, 1:, 1:] = colour[:, :, None, None]
    for kind, mark in MARKS.items():
        stencil = np.kron(_bits(mark), np.ones((CELL // 8, CELL // 8), np.bool_)) != 0
        here = picture.kinds == kind
        cells[here] *= np.where(stencil, 0.6 if KINDS[kind].passable else 1.4, 1.0)[..., None].astype(np.float32)
    for r, c in np.argwhere(picture.armies != 0):
        army = abs(int(picture.armies[r, c]))
        _write(cells[r, c], f"{army // MILLION}M" if army >= MILLION else str(army))
    cells[~picture.lit] *= SHADE
    cells[picture.height :] = 0
    cells[:, picture.width :] = 0
    return cells.clip(0, 255).astype(np.uint8).transpose(0, 2, 1, 3, 4).reshape(height * CELL, width * CELL, 3)


def _bits(mark: str) -> Bool:
    return np.array([[bit == "#" for bit in row] for row in mark.split()])


def _write(cell: Any, number: str) -> None:
    """Write a number into the middle of a cell; more than three characters are written small."""
    scale = 2 if len(number) <= 3 else 1
    step = 4 * scale
    x = (CELL - step * len(number) + scale) // 2
    y = (CELL - 5 * scale) // 2
    for glyph in number:
        stencil = np.kron(GLYPHS[glyph], np.ones((scale, scale), np.bool_))
        part = cell[y : y + 5 * scale, x : x + 3 * scale]
        part[stencil] = INK
        x += step
