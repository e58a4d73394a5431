"""One switch between compiled and plain kernels.

Every rule is a plain function over arrays. Where numba is installed `kernel` compiles it, and `loop` compiles the loop
over a batch on all cores; where it is not (a Lambda, say), or with the environment variable `STRATAGEM_PLAIN=1`,
both hand the function back as it is and numpy alone runs it. numba-cuda compiles the same functions: a CUDA kernel
may call anything decorated with `kernel`.

To stay within what all three understand, kernels allocate nothing, raise nothing, change no globals, read integers
through `int(...)` before they calculate (numpy's small integers would wrap), and keep random numbers within 32 bits
(see `engine/chance.py`).
"""

import functools
import os
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

from engine.kernel_cache import kernel_cache

try:
    import numba
except ImportError:  # numba is optional: the plain functions give the same games, slowly
    numba = None

Function = TypeVar("Function", bound=Callable[..., Any])


COMPILED = numba is not None and os.environ.get("STRATAGEM_PLAIN", "") != "1"
_PLACE = kernel_cache() if COMPILED else None  # None: nowhere to be kept, so each process compiles for itself


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    """The function compiled by numba, when it is first called, and kept in the engine's own place."""
    before = numba.config.CACHE_DIR  # where others' functions are kept; numba reads it here, not when it compiles
    numba.config.CACHE_DIR = str(_PLACE or "")
    try:
        return numba.njit(cache=_PLACE is not None, error_model="numpy", nogil=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = before


def kernel(function: Function) -> Function:
    """Compile one rule for a single game; the compiler decides where to inline it."""
    return cast(Function, _compile(function)) if COMPILED else function


def inlined(function: Function) -> Function:
    """Compile a small rule that is always inlined: an access to the board should cost no call.

    Only for leaves: forcing the large rules in as well made the compiler work for ten minutes.
    """
    return cast(Function, _compile(function, forceinline=True)) if COMPILED else function


def loop(function: Function) -> Function:
    """Compile a loop over a batch; its `prange` is spread over all cores, within `OneThread` over none.

    It may read the arrays of a NamedTuple; what it writes to them is lost (seen with numba 0.68).
    """
    if not COMPILED:
        return function
    alone = FunctionType(function.__code__, function.__globals__, function.__name__)
    alone.__module__ = function.__module__
    alone.__qualname__ = f"{function.__qualname__}_alone"  # numba keeps it under this name
    on_all_cores, on_this_thread = _compile(function, parallel=True), _compile(alone)

    @functools.wraps(function)
    def call_either(*arguments: Any) -> Any:
        return (on_this_thread if _calling.alone > 0 else on_all_cores)(*arguments)

    return cast(Function, call_either)


def call(function: Function) -> Function:
    """Compile a function that Python itself calls, on one core."""
    return kernel(function)


prange = numba.prange if COMPILED else range


class _Calling(threading.local):
    alone = 0  # how many `OneThread` the calling thread is within


_calling = _Calling()


class OneThread:
    """`with OneThread():` keeps loops on the calling thread: for a few games, waking others costs more than playing.

    On a busy machine much more: a turn of one game took 2500 microseconds, and 10 on one thread. Loops are then
    functions without threads, and numba's pool of them is never started: OpenMP's ends every process that is forked
    after its first use, and numba's own ends one where two threads use it at once.
    """

    def __enter__(self) -> None:
        _calling.alone += 1

    def __exit__(self, *_: object) -> None:
        _calling.alone -= 1
