"""Sizes of boards as text."""

import pytest

from engine.sides import sides_of


def test_height_comes_first():
    assert sides_of("8x12") == (8, 12)
    assert sides_of("1x99") == (1, 99)


@pytest.mark.parametrize("text", ["", "x", "8x", "08x8", "8x100", "0x8", "8X8", " 8x8", "8x8\n", "٨x٨", "²x8", "8x8x8"])
def test_a_size_has_one_spelling(text):
    assert sides_of(text) is None
