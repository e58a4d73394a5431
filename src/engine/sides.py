"""Sizes of boards as text."""

import re

_SIDES = re.compile("([1-9][0-9]?)x([1-9][0-9]?)")


def sides_of(text: str) -> tuple[int, int] | None:
    """Height and width of HEIGHTxWIDTH, "8x12" say; None for any other text. Each size has one spelling."""
    found = _SIDES.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None
