"""A tree of sums: draws from a hundred thousand priorities and changes them, a whole batch a level at a time.

The leaves are the priorities, each node above holds the sum of its two. A draw is a number below the root's sum that
walks down: left if it is below the left sum, else right with the left sum taken off. Nodes are always summed anew from
their two children, never changed by a difference, so that no rounding piles up.
"""

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Int64

LARGEST = 1e100  # a priority; the sum of any number of them stays finite


class SumTree:
    """Priorities of `capacity` items, float64, at first 0. Raises ValueError for what cannot be."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; accepted: 1 and more")
        self.capacity = capacity
        self._levels = (capacity - 1).bit_length()
        self._first = 1 << self._levels  # of the leaves; node 1 is the root, node n has the children 2n and 2n + 1
        self._sums = np.zeros(2 * self._first)

    @property
    def total(self) -> float:
        """The sum of all priorities."""
        return float(self._sums[1])

    @property
    def priorities(self) -> NDArray[np.float64]:
        """All priorities (capacity,), a view."""
        return self._sums[self._first : self._first + self.capacity]

    def set(self, indexes: Int64, priorities: NDArray[np.float64]) -> None:
        """Give items their priorities, (K,) each, finite and 0 or more. Of an index named twice the last one counts."""
        indexes, priorities = np.asarray(indexes, np.int64), np.asarray(priorities, np.float64)
        if indexes.ndim != 1 or indexes.shape != priorities.shape:
            raise ValueError(f"indexes {indexes.shape} and priorities {priorities.shape}; accepted: (K,) and (K,)")
        if not len(indexes):
            return
        if not 0 <= indexes.min() <= indexes.max() < self.capacity:
            raise ValueError(
                f"indexes reach from {indexes.min()} to {indexes.max()}; accepted: 0 to {self.capacity - 1}"
            )
        if not (priorities.min() >= 0 and priorities.max() <= LARGEST):
            raise ValueError(
                f"priorities reach from {priorities.min()} to {priorities.max()}; accepted: 0 to {LARGEST}"
            )
        sums = self._sums
        nodes = indexes + self._first
        sums[nodes] = priorities
        for _ in range(self._levels):
            nodes >>= 1
            left = nodes << 1
            sums[nodes] = sums[left] + sums[left + 1]

    def sample(self, count: int, rng: np.random.Generator) -> tuple[Int64, NDArray[np.float64]]:
        """Draw `count` items in proportion to their priorities: indexes and their probabilities, both (count,).

        The draws are stratified, one from each of `count` equal parts of the sum, in random order: "Prioritized
        Experience Replay" (Schaul et al. 2016), appendix B.2.1. An item of priority 0 is never drawn. Raises ValueError
        where all are 0.
        """
        total = self.total
        if total <= 0.0:
            raise ValueError("the sum of the priorities is 0; accepted: at least one above 0")
        sums = self._sums
        left_over = (rng.permutation(count) + rng.random(count)) * (total / count)
        nodes = np.ones(count, np.int64)
        for _ in range(self._levels):
            nodes <<= 1
            left = sums[nodes]
            # Rounding may leave a number a little beyond the last sum: never step to where there is nothing.
            goes_right = (left_over >= left) & (sums[nodes + 1] > 0.0)
            left_over -= left * goes_right
            nodes += goes_right
        return nodes - self._first, sums[nodes] / total
