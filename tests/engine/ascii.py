"""Boards as text that a person can read.

One word a tile: `.` plain, `^` mountain, `#` city, `~` swamp, `:` desert, `L` lookout, `O` observatory; its owner's
letter before (`a#`: the city of seat 0) and its armies behind (`a#3`; 0 is left out). Land is its owner's letter alone
(`b2`), a general a capital (`A5`).

    A5  .   ^
    a1  #40 b2
"""

import numpy as np
from tests.engine.boards import KIND_NAMES, Board
from tests.engine.reference import Reference

SYMBOLS = {".": "plain", "^": "mountain", "#": "city", "~": "swamp", ":": "desert", "L": "lookout", "O": "observatory"}
MARKS = {kind: symbol for symbol, kind in SYMBOLS.items()}


def read_tile(word):
    """(kind, owner, armies) of a word."""
    mark = word.rstrip("0123456789")
    army = int(word[len(mark) :] or 0)
    if mark in SYMBOLS:
        return SYMBOLS[mark], -1, army
    owner = ord(mark[0].lower()) - ord("a")
    if mark.isupper():
        return "general", owner, army
    return SYMBOLS[mark[1:] or "."], owner, army


def write_tile(kind, owner, army):
    """The word of a tile."""
    number = str(army) if army else ""
    if kind == "general":
        return chr(ord("A") + owner) + number
    if owner < 0:
        return MARKS[kind] + number
    return chr(ord("a") + owner) + (MARKS[kind] if kind != "plain" else "") + number


def read(version, text, **options):
    """The board that a text shows; seats are as many as there are letters, a seat without a capital is out."""
    rows = [[read_tile(word) for word in line.split()] for line in text.strip().splitlines()]
    tiles = [tile for row in rows for tile in row]
    seats = 1 + max(owner for _, owner, _ in tiles)
    generals = [-1] * seats
    for number, (kind, owner, _) in enumerate(tiles):
        if kind == "general":
            generals[owner] = number
    return Board(
        version,
        [[kind for kind, _, _ in row] for row in rows],
        [[army for _, _, army in row] for row in rows],
        [[owner for _, owner, _ in row] for row in rows],
        generals,
        **options,
    )


def show(player):
    """The text of a board on which a `Game` or a `Reference` stands, one line a row."""
    if isinstance(player, Reference):
        words = [write_tile(player.kind[tile], player.owner[tile], player.army[tile]) for tile in player.tiles]
    else:
        owners = np.maximum(player.owners, -1)
        parts = zip(player.kinds.flat, owners.flat, player.armies.flat, strict=True)
        words = [write_tile(KIND_NAMES[kind], int(owner), int(army)) for kind, owner, army in parts]
    return ["  ".join(words[at : at + player.width]) for at in range(0, len(words), player.width)]


def lines(text):
    """A text as `show` would write it."""
    return ["  ".join(line.split()) for line in text.strip().splitlines()]
