"""A board for the terminal: colours where there are any, letters for the seats where there are none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine import Game
from engine.arrays import Bool, Int8, Int32, UInt8
from engine.board import ALIVE, AWAY
from engine.tiles import CITY, DESERT, GENERAL, KINDS, LOOKOUT, MOUNTAIN, OBSERVATORY, OBSTACLE, PLAIN, SWAMP

# Backgrounds of the seats, in the order of the site's colours; every one is dark enough for white digits.
COLOURS = (
    "#c62828",
    "#1565c0",
    "#2e7d32",
    "#00796b",
    "#c75b00",
    "#ad1f62",
    "#6a1b9a",
    "#7f1d1d",
    "#827717",
    "#5d4037",
    "#303f9f",
    "#00838f",
    "#558b2f",
    "#8e5a00",
    "#4527a0",
    "#455a64",
)
_GROUND = {
    PLAIN: "#d0d0c8",
    MOUNTAIN: "#8a8a84",
    CITY: "#6f6f6a",
    GENERAL: "#d0d0c8",
    SWAMP: "#7d8f5c",
    DESERT: "#e0cc96",
    LOOKOUT: "#a08a60",
    OBSERVATORY: "#7f86a8",
}
_FOG, _FOG_KNOWN = "#3a3a3a", "#4c4c4c"
# Marks of the kinds of tile, with and without Unicode.
_MARKS = {
    MOUNTAIN: "▲",
    CITY: "■",
    GENERAL: "★",
    SWAMP: "≈",
    DESERT: "∴",
    LOOKOUT: "⌂",
    OBSERVATORY: "○",
    OBSTACLE: "▒",
}
_PLAIN_MARKS = {
    MOUNTAIN: "^",
    CITY: "#",
    GENERAL: "*",
    SWAMP: "~",
    DESERT: ":",
    LOOKOUT: "L",
    OBSERVATORY: "O",
    OBSTACLE: "?",
}
_STATUS = {ALIVE: "", AWAY: "surrendered"}


def short(number: int) -> str:
    """A number in at most four characters: 999, 12k, 3M."""
    size = abs(number)
    sign = "-" if number < 0 else ""
    if size < 1000:
        return f"{number}"
    return f"{sign}{size // 1000}k" if size < 1_000_000 else f"{sign}{size // 1_000_000}M"


def letter(seat: int) -> str:
    """The letter of a seat: A, B, ..."""
    return chr(ord("A") + seat)


@dataclass(frozen=True)
class Scene:
    """A board to draw, and what everybody knows of the seats."""

    turn: int
    kinds: UInt8  # (H, W), as far as known: see `engine.tiles`
    owners: Int8  # (H, W), a seat, negative: nobody's
    armies: Int32  # (H, W)
    seen: Bool  # (H, W), False in fog
    standing: Sequence[tuple[int, int, int]]  # land, armies and status of each seat
    teams: Sequence[int]  # of each seat
    winner: int | None  # seat; None: it goes on, -1: drawn

    @classmethod
    def of(cls, game: Game, seat: int | None = None) -> "Scene":
        """A game as a seat sees and remembers it; None: all of it."""
        kinds, seen = game.kinds, np.ones(game.kinds.shape, np.bool_)
        if seat is not None:
            observation = game.observe(seat)
            seen = observation.visible
            kinds = np.where(seen, kinds, observation.kinds)
        standing = list(zip(game.land, game.totals, game.status, strict=True))
        return cls(game.turn, kinds, game.owners, game.armies, seen, standing, game.teams, game.winner)


def draw_board(
    console: Console,
    game: Game,
    seat: int | None = None,
    *,
    names: tuple[str, ...] = (),
    colours: tuple[int, ...] = (),
    title: str = "",
) -> None:
    """Print a board, and a line for each seat under it.

    Args:
        console: where to; what it can show (colour, Unicode) decides how the board looks.
        game: the game as it stands.
        seat: draw what this seat sees and remembers; None draws everything.
        names: of the seats.
        colours: index into `COLOURS` of each seat, or none.
        title: shown above, with the turn.
    """
    for part in scene_parts(console, Scene.of(game, seat), seat, names=names, colours=colours, title=title):
        console.print(part, soft_wrap=not isinstance(part, Table))


def scene_parts(
    console: Console,
    scene: Scene,
    seat: int | None = None,
    *,
    names: tuple[str, ...] = (),
    colours: tuple[int, ...] = (),
    title: str = "",
    cursor: int | None = None,
) -> list[Text | Table]:
    """The lines of a board and the table of its seats; `cursor` is a tile to mark."""
    painter = _Painter(console, scene, colours, cursor)
    view = "whole board" if seat is None else f"as seat {letter(seat)} sees it"
    head = Text(f"{title}  turn {scene.turn}  {view}".strip(), style="bold")
    return [head, *painter.lines(), painter.legend(), _seats(scene, painter, names)]


class _Painter:
    """Draws the tiles of one board."""

    def __init__(self, console: Console, scene: Scene, colours: tuple[int, ...], cursor: int | None) -> None:
        self.coloured = console.color_system is not None and not console.no_color
        self.unicode = console.encoding.lower().startswith("utf")
        self.marks = _MARKS if self.unicode else _PLAIN_MARKS
        self.palette = [COLOURS[index % len(COLOURS)] for index in (colours or range(len(scene.standing)))]
        self.owners, self.armies, self.kinds, self.seen = scene.owners, scene.armies, scene.kinds, scene.seen
        self.cursor = cursor
        self.fog = " " if self.coloured else "░" if self.unicode else "."
        # Without colour a letter says whose a tile is.
        self.width = 4 if self.coloured else 5

    def lines(self) -> list[Text]:
        """The rows of the board, with their numbers and those of the columns around them."""
        height, width = self.kinds.shape
        margin = len(str(height - 1)) + 1
        head = Text(" " * margin + "".join(f"{column:>{self.width}}" for column in range(width)), style="dim")
        rows = [head]
        for r in range(height):
            line = Text.assemble((f"{r:>{margin - 1}} ", "dim"))
            for c in range(width):
                text, style = self.cell(r, c)
                line.append(text, "bold #000000 on #ffee58" if r * width + c == self.cursor else style)
            rows.append(line)
        return rows

    def cell(self, r: int, c: int) -> tuple[str, str]:
        """Text and style of one tile."""
        kind, owner, army = int(self.kinds[r, c]), int(self.owners[r, c]), int(self.armies[r, c])
        mark = self.marks.get(kind, " ")
        if not self.seen[r, c]:
            text = (mark if kind != PLAIN else self.fog).center(self.width)
            return text, f"#9a9a9a on {_FOG_KNOWN if kind not in (PLAIN, OBSTACLE) else _FOG}"
        number = short(army) if owner >= 0 or army else ""
        if not KINDS[kind].passable:
            return mark.center(self.width), f"#5a5a55 on {_GROUND[kind]}"
        whose = "" if self.coloured else letter(owner) if owner >= 0 else " "
        text = mark + whose + number.rjust(self.width - 1 - len(whose))
        if not text.strip():
            text = ("·" if self.unicode else ".").center(self.width)
            return text, f"#a8a8a0 on {_GROUND[kind]}"
        if owner < 0:
            return text, f"{'#f4f4f0' if kind == CITY else '#33332f'} on {_GROUND[kind]}"
        return text, f"{'bold ' if kind in (CITY, GENERAL) else ''}#ffffff on {self.palette[owner]}"

    def legend(self) -> Text:
        """What the marks on this board mean."""
        known = [kind for kind in self.marks if (self.kinds == kind).any()]
        words = [f"{self.marks[kind]} {KINDS[kind].name if kind != OBSTACLE else 'obstacle in fog'}" for kind in known]
        if not self.seen.all():
            words.append("dark: fog" if self.coloured else f"{self.fog} fog")
        return Text("   ".join(words), style="dim")


def _seats(scene: Scene, painter: _Painter, names: tuple[str, ...]) -> Table:
    """Land, armies and fate of each seat, which every player knows."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("seat")
    table.add_column("name", no_wrap=True, max_width=24)
    for heading in ("land", "army"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for s, (land, army, status) in enumerate(scene.standing):
        badge = Text.assemble(f"{s} ", (f" {letter(s)} ", f"bold #ffffff on {painter.palette[s]}"))
        name = "".join(c if c.isprintable() else "?" for c in (names[s] if names else f"seat {s}"))
        fate = "winner" if scene.winner == s else _STATUS.get(status, "out")
        if len(set(scene.teams)) < len(scene.standing):
            fate = f"team {scene.teams[s]}  {fate}"
        table.add_row(badge, Text(name), str(land), str(army), fate)
    return table
