"""Plays on the page what the bot `hunter` would, by mouse or keyboard."""

from typing import Any

import numpy as np
from tests.web.conftest import Site

from engine.actions import decode
from engine.bots import BOTS
from lambdas.match_logic import game_of
from lambdas.minds import ScriptedMind
from store.matches import Match

assert "hunter" in BOTS


def advice(match: Match) -> tuple[int, int, int] | None:
    """Start, end and half of the move that the bot would make for the person; None: pass."""
    action, _ = ScriptedMind("hunter").act(game_of(match), 0, 1, None)
    layout = match.record.layout
    move = decode(action, layout.height, layout.width)
    return None if move is None else (int(move[0]), int(move[1]), int(move[2]))


def match_of(page: Any, site: Site) -> Match:
    """The match that a page shows, as it is stored."""
    return site.services.matches.get(page.url.rpartition("/")[2])


def click(page: Any, tile: int) -> None:
    """Click on the middle of a tile."""
    x, y = page.evaluate("tile => document.querySelector('canvas').board.middle(tile)", tile)
    box = page.locator("canvas").bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + y)


def chosen(page: Any) -> int:
    """The tile that is chosen, or -1."""
    tile: int = page.evaluate("document.querySelector('canvas').board.chosen")
    return tile


def wait_for_turn(page: Any, turn: int) -> None:
    """Until the page shows a turn, or a later one."""
    page.wait_for_function("turn => Number(document.getElementById('turn').textContent) >= turn", arg=turn)


def cells(page: Any) -> np.ndarray:
    """Looks and armies that the board shows, (2, T)."""
    shown = page.evaluate(
        "(() => { const { looks, armies } = document.querySelector('canvas').board.cells;"
        " return [Array.from(looks), Array.from(armies)]; })()"
    )
    return np.array(shown)


def look_around_to(page: Any, tile: int, width: int) -> None:
    """Choose a tile by keys that choose neighbours."""
    now = chosen(page)
    if now < 0:
        page.keyboard.press("Space")
        now = chosen(page)
    down, right = tile // width - now // width, tile % width - now % width
    for key, times in (("k" if down > 0 else "i", abs(down)), ("l" if right > 0 else "j", abs(right))):
        for _ in range(times):
            page.keyboard.press(key)
    assert chosen(page) == tile
