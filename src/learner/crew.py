"""Threads that share the arithmetic of small networks: each takes some rows and works through them alone.

The network of the demo is so small that torch's own threads spend most of their time waiting for each other at every
operation. A crew meets once a minibatch.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

MOST = 8  # threads: Python's own work is done by one at a time
LEAST_ROWS = 8  # rows that are worth a thread

Part = TypeVar("Part")
Result = TypeVar("Result")


class Crew:
    """As many threads as torch has, on a CPU; on another device the caller itself, since there the work is not ours."""

    def __init__(self, device: torch.device) -> None:
        threads = torch.get_num_threads() if device.type == "cpu" else 1
        self.size = min(threads, MOST)
        each = max(1, threads // self.size)
        self._pool = ThreadPoolExecutor(self.size, "crew", torch.set_num_threads, (each,)) if self.size > 1 else None

    def parts(self, rows: int) -> int:
        """Into how many parts so many rows are best dealt."""
        return max(1, min(self.size, rows // LEAST_ROWS))

    def map(self, work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """What `work` makes of each part, in order; an error of any is raised."""
        if self._pool is None or len(parts) == 1:
            return [work(part) for part in parts]
        return list(self._pool.map(work, parts))


@cache
def crew_of(device: torch.device) -> Crew:
    """The one crew of a device, for all that run on it."""
    return Crew(device)
