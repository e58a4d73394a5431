"""Numbers kept in source files, as text: where kernels are compiled, a change of them then makes new ones."""

import base64

import numpy as np

from engine.arrays import Int16


def pack(numbers: Int16) -> str:
    """int16 as text: little-endian, in base 85."""
    return base64.b85encode(numbers.astype("<i2").tobytes()).decode()


def unpack(text: str, *shape: int) -> Int16:
    """What `pack` made text of, in its shape."""
    return np.frombuffer(base64.b85decode(text), "<i2").astype(np.int16).reshape(shape)
