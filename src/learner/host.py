"""The process that trains: how it shares a CPU and keeps memory. To be called before torch is imported."""

import ctypes
import os

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # mallopt's names for them in glibc's malloc.h


def prepare_host() -> None:
    """Let waiting threads sleep, and keep freed memory for the next gradient step.

    With other programs on the same cores, threads that spin while they wait made training some ten times slower. And
    malloc gives large blocks back to the system at once, so every step would pay for its page faults anew.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc: another C library, macOS, Windows
        return
    mallopt(MMAP_THRESHOLD, 1 << 30)
    mallopt(TRIM_THRESHOLD, (1 << 31) - 1)
