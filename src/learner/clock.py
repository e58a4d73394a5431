"""Where the time goes: seconds by label, measured around blocks of the training loop."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Adds up wall seconds a label."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, label: str) -> Iterator[None]:
        """Count the block's wall time under a label."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[label] = self.seconds.get(label, 0.0) + time.perf_counter() - begin

    def shares(self) -> dict[str, float]:
        """Each label's part of the whole, 0 to 1."""
        total = sum(self.seconds.values())
        return {label: seconds / total for label, seconds in self.seconds.items()} if total > 0 else {}
