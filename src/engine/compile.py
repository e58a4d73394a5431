"""One switch between compiled and plain kernels.

Every rule is a plain function over arrays. Where numba is installed `kernel` compiles it, and `loop` compiles the loop
over a batch on all cores; where it is not (a Lambda, say), or with the environment variable `STRATAGEM_PLAIN=1`,
both hand the function back as it is and numpy alone runs it. numba-cuda compiles the same functions: a CUDA kernel
may call anything decorated with `kernel`.

To stay within what all three understand, kernels allocate nothing, raise nothing, change no globals, read integers
through `int(...)` before they calculate (numpy's small integers would wrap), and keep random numbers within 32 bits
(see `engine/chance.py`).
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from engine.kernel_cache import kernel_cache

try:
    import numba

    numba.config.CACHE_DIR = str(kernel_cache())
except ImportError:  # numba is optional: the plain functions give the same games, slowly
    numba = None

Function = TypeVar("Function", bound=Callable[..., Any])


COMPILED = numba is not None and os.environ.get("STRATAGEM_PLAIN", "") != "1"


def kernel(function: Function) -> Function:
    """Compile one rule for a single game; the compiler decides where to inline it."""
    if not COMPILED:
        return function
    compiled: Function = numba.njit(cache=True, error_model="numpy", nogil=True)(function)
    return compiled


def inlined(function: Function) -> Function:
    """Compile a small rule that is always inlined: an access to the board should cost no call.

    Only for leaves: forcing the large rules in as well made the compiler work for ten minutes.
    """
    if not COMPILED:
        return function
    compiled: Function = numba.njit(cache=True, error_model="numpy", forceinline=True, nogil=True)(function)
    return compiled


def loop(function: Function) -> Function:
    """Compile a loop over a batch; its `prange` is spread over all cores.

    It may read the arrays of a NamedTuple; what it writes to them is lost (seen with numba 0.68).
    """
    if not COMPILED:
        return function
    compiled: Function = numba.njit(cache=True, error_model="numpy", parallel=True, nogil=True)(function)
    return compiled


def call(function: Function) -> Function:
    """Compile a function that Python itself calls, on one core."""
    if not COMPILED:
        return function
    compiled: Function = numba.njit(cache=True, error_model="numpy", nogil=True)(function)
    return compiled


prange = numba.prange if COMPILED else range


class OneThread:
    """`with OneThread():` keeps loops on the calling thread: for a few games, waking others costs more than playing.

    On a busy machine much more: a turn of one game took 2500 microseconds, and 10 on one thread.
    """

    def __enter__(self) -> None:
        if COMPILED:
            self._before = numba.get_num_threads()
            numba.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        if COMPILED:
            numba.set_num_threads(self._before)
