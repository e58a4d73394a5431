"""Tables of experience in Reverb's terms: a sampler draws, a remover makes room, a rate limiter keeps both in step.

Terms and formulas follow "Reverb: A Framework For Experience Replay" (Cassirer et al. 2021) and its `rate_limiters.py`.
A table is safe to use from many threads; calls that must wait do so until their timeout. Servers with a loop of their
own use `try_insert` and `try_sample`, which never wait, and `subscribe` to hear when to try again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Int64
from services.sum_tree import LARGEST, SumTree

SAMPLERS = ("uniform", "prioritised", "fifo")
REMOVERS = ("fifo", "lowest")

Item = TypeVar("Item")
Result = TypeVar("Result")


class Sampled(NamedTuple, Generic[Item]):
    """An item that was drawn."""

    key: int  # for `update_priorities`; never given to another item of the table
    item: Item
    probability: float  # with which it was drawn
    times_sampled: int  # this time included


@dataclass(frozen=True)
class RateLimiter:
    """How far sampling and inserting may drift apart.

    With d = samples_per_insert * inserted - sampled, sampling must leave d >= min_diff and inserting d <= max_diff;
    nothing is sampled below `min_size` items, and inserting is free until then.
    """

    min_size: int = 1  # items
    samples_per_insert: float = 1.0
    min_diff: float = -np.inf
    max_diff: float = np.inf

    def __post_init__(self) -> None:
        if self.min_size < 1 or not self.samples_per_insert > 0 or not self.min_diff < self.max_diff:
            raise ValueError(f"{self} cannot be; accepted: min_size >= 1, samples_per_insert > 0, min_diff < max_diff")

    @classmethod
    def ratio(cls, samples_per_insert: float, min_size: int, error_buffer: float) -> "RateLimiter":
        """Keep sampled / inserted, counted from `min_size` items on, within an error of `error_buffer` samples."""
        if error_buffer < 2.0 * max(1.0, samples_per_insert):
            raise ValueError(
                f"error_buffer is {error_buffer}; accepted: {2.0 * max(1.0, samples_per_insert)} and more "
                f"for {samples_per_insert} samples per insert"
            )
        offset = samples_per_insert * min_size
        return cls(min_size, samples_per_insert, offset - error_buffer, offset + error_buffer)

    @classmethod
    def queue(cls, size: int) -> "RateLimiter":
        """Every item is sampled once, and at most `size` wait for it."""
        return cls(1, 1.0, 0.0, float(size))

    def may_insert(self, size: int, inserted: int, sampled: float) -> bool:
        """Whether one more may come into a table of `size` items."""
        if size < self.min_size:
            return True
        return (inserted + 1) * self.samples_per_insert - sampled <= self.max_diff

    def may_sample(self, count: int, size: int, inserted: int, sampled: float) -> bool:
        """Whether `count` may be drawn from a table of `size` items."""
        return size >= self.min_size and inserted * self.samples_per_insert - sampled - count >= self.min_diff

    @property
    def largest_sample(self) -> float:
        """What can be drawn at once without both sides waiting for each other for ever."""
        whole = all(float(number).is_integer() for number in (self.samples_per_insert, self.min_diff, self.max_diff))
        return self.max_diff - self.min_diff - self.samples_per_insert + (1.0 if whole else 0.0)


@dataclass(frozen=True)
class TableCounts:
    """What a table holds and what went through it."""

    size: int  # items
    bytes: int  # as told by those who inserted
    inserted: int
    sampled: int
    removed: int
    oldest_seconds: float  # age of the oldest item; 0: empty


class Table(Generic[Item]):
    """At most `capacity` items and `max_bytes` bytes (0: any number); the remover makes room.

    sampler: "uniform" and "prioritised" draw with replacement, "fifo" gives the oldest. remover: "fifo" the oldest,
    "lowest" the least priority. An item leaves after `max_times_sampled` draws (0: never for that). A priority p counts
    as p ** priority_exponent when drawing. Raises ValueError for names and numbers that cannot be.
    """

    def __init__(
        self,
        name: str,
        capacity: int,
        *,
        sampler: str = "uniform",
        remover: str = "fifo",
        limiter: RateLimiter | None = None,
        max_times_sampled: int = 0,
        priority_exponent: float = 1.0,
        max_bytes: int = 0,
        seed: int = 0,
    ) -> None:
        if sampler not in SAMPLERS:
            raise ValueError(f'sampler "{sampler}" is unknown; known: {", ".join(SAMPLERS)}')
        if remover not in REMOVERS:
            raise ValueError(f'remover "{remover}" is unknown; known: {", ".join(REMOVERS)}')
        if capacity < 1 or max_bytes < 0:
            raise ValueError(f"capacity is {capacity}, max_bytes {max_bytes}; accepted: 1 and more, 0 and more")
        if max_times_sampled < (sampler == "fifo"):
            raise ValueError(f"max_times_sampled is {max_times_sampled}; accepted: 0 and more, for fifo 1 and more")
        if not 0.0 <= priority_exponent <= 1.0:
            raise ValueError(f"priority_exponent is {priority_exponent}; accepted: 0 to 1")
        self.name, self.capacity, self.max_bytes = name, capacity, max_bytes
        self.sampler, self.remover, self.limiter = sampler, remover, limiter or RateLimiter()
        self.max_times_sampled, self.priority_exponent = max_times_sampled, priority_exponent
        if self.limiter.min_size > capacity:
            raise ValueError(f"min_size is {self.limiter.min_size}; accepted: up to the capacity, {capacity}")
        self._changed = Condition()
        self._listeners: list[Callable[[], None]] = []
        self._rng = np.random.default_rng(seed)
        # An item lives in a slot; its key is its number times the capacity plus its slot, so that a key finds its slot.
        self._items: list[Item | None] = [None] * capacity
        self._keys = np.full(capacity, -1, np.int64)
        self._priorities = np.zeros(capacity)
        self._times = np.zeros(capacity, np.int32)
        self._sizes = np.zeros(capacity, np.int64)
        self._born = np.zeros(capacity)  # seconds of the monotonic clock
        self._order: OrderedDict[int, None] = OrderedDict()  # the taken slots, oldest first
        self._free = list(range(capacity - 1, -1, -1))
        self._taken = np.zeros(capacity, np.int64)  # the taken slots, dense, in any order
        self._place = np.zeros(capacity, np.int64)  # of a slot in `_taken`
        self._tree = SumTree(capacity) if sampler == "prioritised" else None
        self._highest = 1.0
        self._bytes = self._inserted = self._sampled = self._removed = 0
        self._forgone = 0.0  # samples that items would have given that made room before their last draw

    def __len__(self) -> int:
        return len(self._order)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change, in the thread that made it; it must be quick."""
        self._listeners.append(listener)

    def insert(self, item: Item, priority: float | None = None, *, size: int = 0, timeout: float | None = None) -> int:
        """Put an item of `size` bytes in; its key. Priority None: the highest given so far, 1 at first.

        Waits for the rate limiter, `timeout` seconds at most (None: for ever), then raises TimeoutError. Raises
        ValueError for a priority or size that cannot be.
        """
        with self._changed:
            key = self._wait(lambda: self._insert(item, priority, size), timeout)
            if key is None:
                raise TimeoutError(f"table {self.name} took no item within {timeout} s: too few are sampled")
            self._changed.notify_all()
        self._tell()
        return key

    def try_insert(self, item: Item, priority: float | None = None, *, size: int = 0) -> int | None:
        """As `insert`, but None where it would wait."""
        with self._changed:
            key = self._insert(item, priority, size)
            self._changed.notify_all()
        if key is not None:
            self._tell()
        return key

    def sample(self, count: int, timeout: float | None = None) -> list[Sampled[Item]]:
        """Draw `count` items, all or none.

        Waits for the rate limiter, `timeout` seconds at most (None: for ever), then raises TimeoutError. Raises
        ValueError for a count that the table could never give.
        """
        with self._changed:
            drawn = self._wait(lambda: self._sample(count), timeout)
            if drawn is None:
                raise TimeoutError(f"table {self.name} gave no {count} items within {timeout} s: too few are inserted")
            self._changed.notify_all()
        self._tell()
        return drawn

    def try_sample(self, count: int) -> list[Sampled[Item]] | None:
        """As `sample`, but None where it would wait."""
        with self._changed:
            drawn = self._sample(count)
            self._changed.notify_all()
        if drawn is not None:
            self._tell()
        return drawn

    def update_priorities(self, keys: Sequence[int] | Int64, priorities: Sequence[float] | NDArray[np.float64]) -> int:
        """Give items new priorities, (K,) each; how many the table still held. Raises ValueError for bad ones."""
        named, given = np.asarray(keys, np.int64), np.asarray(priorities, np.float64)
        if named.ndim != 1 or named.shape != given.shape:
            raise ValueError(f"keys {named.shape} and priorities {given.shape}; accepted: (K,) and (K,)")
        if not len(named):
            return 0
        check_priority(float(given.min()))
        check_priority(float(given.max()))
        with self._changed:
            slots = named % self.capacity
            held = (self._keys[slots] == named) & (named >= 0)
            slots, given = slots[held], given[held]
            self._priorities[slots] = given
            if self._tree is not None:
                self._tree.set(slots, given**self.priority_exponent)
            if len(given):
                self._highest = max(self._highest, float(given.max()))
            return len(slots)

    def counts(self) -> TableCounts:
        """What the table holds and what went through it."""
        with self._changed:
            age = time.monotonic() - self._born[next(iter(self._order))] if self._order else 0.0
            return TableCounts(
                len(self._order), self._bytes, self._inserted, self._sampled, self._removed, max(0.0, float(age))
            )

    def _wait(self, attempt: Callable[[], Result | None], timeout: float | None) -> Result | None:
        """What an attempt gives as soon as it gives something; None after `timeout` seconds. Holds the lock."""
        end = None if timeout is None else time.monotonic() + timeout
        while (got := attempt()) is None:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0.0:
                return None
            self._changed.wait(left)
        return got

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _insert(self, item: Item, priority: float | None, size: int) -> int | None:
        if priority is not None:
            check_priority(priority)
        if size < 0 or (self.max_bytes and size > self.max_bytes):
            raise ValueError(f"an item of {size} bytes; accepted by table {self.name}: 0 to {self.max_bytes or 'any'}")
        if not self.limiter.may_insert(len(self._order), self._inserted, self._sampled + self._forgone):
            return None
        while len(self._order) == self.capacity or (self.max_bytes and self._bytes + size > self.max_bytes):
            slot = self._least()
            if self.max_times_sampled:
                left = 1.0 - int(self._times[slot]) / self.max_times_sampled
                self._forgone += left * self.limiter.samples_per_insert
            self._remove(slot)
        slot = self._free.pop()
        key = self._inserted * self.capacity + slot
        value = self._highest if priority is None else priority
        self._highest = max(self._highest, value)
        self._place[slot] = len(self._order)
        self._taken[len(self._order)] = slot
        self._order[slot] = None
        self._items[slot], self._keys[slot], self._priorities[slot] = item, key, value
        self._times[slot], self._sizes[slot], self._born[slot] = 0, size, time.monotonic()
        if self._tree is not None:
            self._tree.set(np.array([slot]), np.array([value**self.priority_exponent]))
        self._inserted += 1
        self._bytes += size
        return key

    def _least(self) -> int:
        """The slot that the remover empties."""
        oldest = next(iter(self._order))
        if self.remover == "fifo":
            return oldest
        taken = self._taken[: len(self._order)]
        least = taken[self._priorities[taken] == self._priorities[taken].min()]
        return int(least[self._keys[least].argmin()])  # of equals the oldest

    def _remove(self, slot: int) -> None:
        del self._order[slot]
        last, place = self._taken[len(self._order)], self._place[slot]
        self._taken[place] = last
        self._place[last] = place
        self._bytes -= int(self._sizes[slot])
        self._items[slot] = None
        self._keys[slot] = -1
        if self._tree is not None:
            self._tree.set(np.array([slot]), np.zeros(1))
        self._free.append(slot)
        self._removed += 1

    def _sample(self, count: int) -> list[Sampled[Item]] | None:
        if not 1 <= count <= self.limiter.largest_sample:
            raise ValueError(
                f"{count} items at once; accepted by table {self.name}: 1 to {self.limiter.largest_sample:.0f}"
            )
        if not self.limiter.may_sample(count, len(self._order), self._inserted, self._sampled + self._forgone):
            return None
        if self.max_times_sampled:
            return self._sample_counted(count)
        slots, probabilities = self._draw(count)
        np.add.at(self._times, slots, 1)
        self._sampled += count
        return [
            Sampled(key, self._item(slot), probability, times)
            for slot, key, probability, times in zip(
                slots.tolist(),
                self._keys[slots].tolist(),
                probabilities.tolist(),
                self._times[slots].tolist(),
                strict=True,
            )
        ]

    def _sample_counted(self, count: int) -> list[Sampled[Item]] | None:
        """Draws from a table whose items leave after some: one by one, where that many draws are left."""
        taken = self._taken[: len(self._order)]
        if len(self._order) * self.max_times_sampled - int(self._times[taken].sum()) < count:
            return None
        drawn = []
        for _ in range(count):
            slots, probabilities = self._draw(1)
            slot = int(slots[0])
            self._times[slot] += 1
            times = int(self._times[slot])
            drawn.append(Sampled(int(self._keys[slot]), self._item(slot), float(probabilities[0]), times))
            if times == self.max_times_sampled:
                self._remove(slot)
        self._sampled += count
        return drawn

    def _draw(self, count: int) -> tuple[Int64, NDArray[np.float64]]:
        """Slots and their probabilities, (count,) each."""
        if self.sampler == "fifo":
            return np.array([next(iter(self._order))] * count), np.ones(count)
        if self._tree is not None and self._tree.total > 0.0:
            return self._tree.sample(count, self._rng)
        # Without any priority above 0 all are equal.
        size = len(self._order)
        return self._taken[self._rng.integers(size, size=count)], np.full(count, 1.0 / size)

    def _item(self, slot: int) -> Item:
        item = self._items[slot]
        assert item is not None
        return item


def check_priority(priority: float) -> None:
    """Raise ValueError where something is no priority."""
    if not 0.0 <= priority <= LARGEST:
        raise ValueError(f"priority is {priority}; accepted: 0 to {LARGEST}")
