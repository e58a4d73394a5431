"""Moves as people type or press them, into action codes."""

from engine.actions import PASS, move_code

KEYS = {"w": 0, "s": 1, "a": 2, "d": 3}  # up, down, left, right as action codes have them
_WORDS = {"up": 0, "u": 0, "down": 1, "left": 2, "l": 2, "right": 3, "r": 3} | KEYS
HELP = 'a move is "ROW COLUMN DIRECTION", with "half" after it to send half: "3 4 right"; enter passes, q ends'


def step(tile: int, direction: int, height: int, width: int) -> int:
    """The neighbour of a tile, or the tile itself where the board ends."""
    row, column = divmod(tile, width)
    row = min(max(row + (-1, 1, 0, 0)[direction], 0), height - 1)
    column = min(max(column + (0, 0, -1, 1)[direction], 0), width - 1)
    return row * width + column


def typed_move(line: str, height: int, width: int) -> int:
    """The action code of a typed move. Raises ValueError that says what is accepted."""
    words = line.lower().split()
    if not words:
        return PASS
    half = len(words) == 4 and words[3] in ("half", "h")
    if (len(words) != 3 and not half) or words[2] not in _WORDS or not (words[0] + words[1]).isdecimal():
        raise ValueError(f'"{line.strip()}" is not understood: {HELP}')
    row, column = int(words[0]), int(words[1])
    if row >= height or column >= width:
        raise ValueError(f"tile {row} {column} is off the board; accepted: 0 0 to {height - 1} {width - 1}")
    return move_code(row * width + column, _WORDS[words[2]], half)
