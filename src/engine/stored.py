"""Numbers kept in source files, as text: where kernels are compiled, a change of them then makes new ones."""

import base64
import textwrap

import numpy as np

from engine.arrays import Int16

WIDTH = 110  # of a line of text


def pack(numbers: Int16) -> str:
    """int16 as text: little-endian, in base 85."""
    return base64.b85encode(numbers.astype("<i2").tobytes()).decode()


def unpack(text: str, *shape: int) -> Int16:
    """What `pack` made text of, in its shape."""
    return np.frombuffer(base64.b85decode(text), "<i2").astype(np.int16).reshape(shape)


def assignment(name: str, numbers: Int16) -> str:
    """A statement for a source file that gives a name to numbers."""
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(pack(numbers), WIDTH, break_on_hyphens=False))
    sides = "".join(f"    {side},\n" for side in numbers.shape)
    return f"{name} = unpack(\n{lines},\n{sides})\n"
