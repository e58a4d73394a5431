"""Hints to the processor: fetch from memory what the next games of a batch will touch.

A batch of tens of thousands of games is far larger than any cache, and a turn touches some thirty scattered lines of a
game. Known actions tell which ones, so they can be on their way while earlier games are played. Hints change no
result; without numba they do nothing.
"""

from typing import Any

from engine.arrays import Int32
from engine.board import (
    AT_CELLS,
    AT_TICKING,
    CELL_WORDS,
    GENERAL_AT,
    HEADER,
    LINE,
    SEAT_FIELDS,
    SEATS,
    TILES,
    TURN,
    WIDTH,
)
from engine.compile import COMPILED, inlined

AHEAD = 4  # games between the hint and its use

if COMPILED:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    @intrinsic  # type: ignore[untyped-decorator]
    def fetch(typing_context: Any, array: Any, index: Any) -> Any:
        """Ask for the cache line that holds `array[index]`; reads nothing, so any index is safe."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            byte_pointer, int32 = ir.IntType(8).as_pointer(), ir.IntType(32)
            address = builder.bitcast(builder.gep(data, [arguments[1]]), byte_pointer)
            hint = ir.FunctionType(ir.VoidType(), [byte_pointer, int32, int32, int32])
            function = cgutils.get_or_insert_function(builder.module, hint, "llvm.prefetch.p0")
            builder.call(function, [address, int32(0), int32(3), int32(1)])  # a read, to be kept, of data
            return context.get_dummy_value()

        return types.void(array, types.int64), generate

else:

    def fetch(array: Int32, index: int) -> None:
        """Without a compiler there is nothing to hint at."""


@inlined
def fetch_header(memory: Int32, base: int) -> None:
    """Ask for the header, seats and vectors of the game whose row begins at word `base`."""
    for word in range(base, base + int(memory[AT_CELLS]), LINE):
        fetch(memory, word)


@inlined
def fetch_tiles(memory: Int32, base: int, actions: Int32) -> None:
    """Ask for the tiles around each move's end and, where they grow this turn, the generals; the header has arrived."""
    cells = base + int(memory[AT_CELLS])
    words = int(memory[CELL_WORDS])
    below = words * int(memory[WIDTH])
    grows = int(memory[base + TURN]) & 1
    if grows:
        fetch(memory, base + int(memory[AT_TICKING]))
    for s in range(int(memory[SEATS])):
        action = int(actions[s])
        if 0 < action <= 8 * int(memory[TILES]):
            a = cells + ((action - 1) >> 3) * words
            step = words if (action - 1) >> 2 & 1 else below
            a += step if (action - 1) >> 1 & 1 else -step
            for near in range(a - below, a + below + 1, below):
                fetch(memory, near - words)
                fetch(memory, near + 2 * words - 1)
        if grows:
            fetch(memory, cells + int(memory[base + HEADER + s * SEAT_FIELDS + GENERAL_AT]) * words)
