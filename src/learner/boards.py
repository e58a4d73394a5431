"""Pictures of boards as SVG, for reports: the whole board, or what one seat sees of it."""

from engine.board import VISIBLE
from engine.game import Game
from engine.tiles import CITY, GENERAL, MOUNTAIN, OBSTACLE

TILE = 26  # side of a tile
OWNERS = ("#c0392b", "#2471a3", "#1e8449", "#7d3c98", "#b9770e", "#117a65", "#a04000", "#5b2c6f")
GROUND = "#e9e7e1"
ROCK = "#8d8a82"
FOG = "#4a4d52"
MARKS = {MOUNTAIN: "▲", CITY: "■", GENERAL: "★", OBSTACLE: "▒"}


def board_svg(game: Game, seat: int | None = None) -> str:
    """A game's board as an SVG element; with `seat`, only what that seat sees and remembers."""
    armies, owners, kinds = game.armies, game.owners, game.kinds
    seen = None if seat is None else game.observe(seat)
    if seen is not None:
        kinds = seen.kinds
    height, width = game.height, game.width
    parts = [
        f'<svg class="board" viewBox="0 0 {width * TILE} {height * TILE}" width="{width * TILE}" '
        f'height="{height * TILE}" role="img" xmlns="http://www.w3.org/2000/svg">'
    ]
    for r in range(height):
        for c in range(width):
            visible = seen is None or bool(seen.flags[r, c] & VISIBLE)
            owner, kind = int(owners[r, c]), int(kinds[r, c])
            colour = FOG if not visible else OWNERS[owner % len(OWNERS)] if owner >= 0 else GROUND
            if visible and kind == MOUNTAIN:
                colour = ROCK
            x, y = c * TILE, r * TILE
            parts.append(
                f'<rect x="{x + 0.5}" y="{y + 0.5}" width="{TILE - 1}" height="{TILE - 1}" rx="3" fill="{colour}"/>'
            )
            light = not visible or owner >= 0 or kind == MOUNTAIN
            ink = "#fff" if light else "#33363b"
            if kind in MARKS:
                parts.append(_text(x + TILE / 2, y + TILE / 2 + 1, MARKS[kind], 17, ink, 0.35 if visible else 0.6))
            if visible and armies[r, c] != 0:
                parts.append(_text(x + TILE / 2, y + TILE / 2 + 1, str(armies[r, c]), 11, ink, 1.0))
    parts.append("</svg>")
    return "".join(parts)


def _text(x: float, y: float, text: str, size: int, ink: str, opacity: float) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{ink}" fill-opacity="{opacity}" '
        f'text-anchor="middle" dominant-baseline="central">{text}</text>'
    )
