"""A game with those around it, and the queue that says which table's clock is due."""

import asyncio
import contextlib
import heapq
import time
from dataclasses import dataclass, field

from engine.record import Record
from services.live_game import LiveGame

NEVER = float("inf")


@dataclass(eq=False)
class Table:
    """A game with those around it."""

    game: LiveGame
    due: float = NEVER  # when the clock looks at it next, seconds of the monotonic clock
    streams: int = 0
    dropped: bool = False
    record: Record | None = None  # once finished and asked for
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # set, and replaced, by every change

    def notify(self) -> None:
        """Wake those who watch."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def finished_record(self) -> Record:
        """The record of a finished game; the first call plays it, for some milliseconds."""
        if self.record is None:
            self.record = self.game.record()
        return self.record


class DueQueue:
    """Tables by when they are due; a table stands in it once, entries that were overtaken are skipped."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Table]] = []
        self._pushed = 0
        self._earlier = asyncio.Event()

    def push(self, table: Table, due: float) -> None:
        """Have a table come up at `due`, whenever it would have before."""
        table.due = due
        self._pushed += 1
        heapq.heappush(self._heap, (due, self._pushed, table))
        if self._heap[0][2] is table:
            self._earlier.set()

    def take(self, most: int) -> list[Table]:
        """Up to so many tables that are due now, off the queue; their `due` stays."""
        now = time.monotonic()
        due: list[Table] = []
        while self._heap and self._heap[0][0] <= now and len(due) < most:
            at, _, table = heapq.heappop(self._heap)
            if at == table.due:
                due.append(table)
        return due

    async def wait(self) -> None:
        """Wait until one may be due."""
        self._earlier.clear()
        seconds = self._heap[0][0] - time.monotonic() if self._heap else None
        if seconds is None or seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._earlier.wait(), seconds)
