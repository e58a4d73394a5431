"""The sum tree against sums over the plain list of priorities."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sum_tree import LARGEST, SumTree

PRIORITIES = st.one_of(st.just(0.0), st.floats(0, 10), st.floats(0, LARGEST), st.floats(1e-300, 1e-290))


@given(data=st.data(), capacity=st.integers(1, 70))
def test_draws_what_the_priorities_say(data: st.DataObject, capacity: int) -> None:
    tree, plain = SumTree(capacity), np.zeros(capacity)
    changes = st.lists(st.tuples(st.integers(0, capacity - 1), PRIORITIES), max_size=20)
    for batch in data.draw(st.lists(changes, min_size=1, max_size=4)):
        indexes, priorities = (np.array(column) for column in zip(*batch, strict=True)) if batch else ([], [])
        tree.set(indexes, priorities)
        for index, priority in batch:
            plain[index] = priority
    np.testing.assert_array_equal(tree.priorities, plain)
    assert tree.total == pytest.approx(plain.sum())
    rng = np.random.default_rng(0)
    if plain.sum() == 0:
        with pytest.raises(ValueError, match="the sum of the priorities is 0"):
            tree.sample(3, rng)
        return
    drawn, probabilities = tree.sample(200, rng)
    assert (plain[drawn] > 0).all()
    np.testing.assert_allclose(probabilities, plain[drawn] / plain.sum())
    # One from each of 200 equal parts: no item comes up more than once beside what its share makes certain.
    counts = np.bincount(drawn, minlength=capacity)
    assert (np.abs(counts - 200 * plain / plain.sum()) < 2).all()


class Given:
    """A stand-in for numpy's generator that draws the middle of each part, in order."""

    def permutation(self, count: int) -> np.ndarray:
        return np.arange(count)

    def random(self, count: int) -> np.ndarray:
        return np.full(count, 0.5)


def test_walks_to_the_item_a_number_falls_on() -> None:
    tree = SumTree(5)
    tree.set([0, 1, 2, 3, 4], [1.0, 0.0, 3.0, 2.0, 2.0])
    drawn, probabilities = tree.sample(8, Given())  # 0.5, 1.5 ... 7.5
    assert drawn.tolist() == [0, 2, 2, 2, 3, 3, 4, 4]
    assert probabilities.tolist() == [0.125, *[0.375] * 3, *[0.25] * 4]


@pytest.mark.parametrize(
    ("indexes", "priorities", "message"),
    [
        ([5], [1.0], "indexes reach from 5 to 5; accepted: 0 to 4"),
        ([-1], [1.0], "indexes reach from -1"),
        ([0], [-0.5], "priorities reach from -0.5"),
        ([0, 1], [1.0, np.nan], "priorities reach from nan"),
        ([0], [np.inf], "priorities reach from inf"),
        ([0, 1], [1.0], "accepted: \\(K,\\) and \\(K,\\)"),
    ],
)
def test_says_what_cannot_be(indexes: list[int], priorities: list[float], message: str) -> None:
    tree = SumTree(5)
    with pytest.raises(ValueError, match=message):
        tree.set(indexes, priorities)
    assert tree.total == 0


def test_a_batch_of_64_from_100_000_takes_under_a_millisecond() -> None:
    """CPU time of this thread, the best of many: what others do on the machine is not counted."""
    tree, rng = SumTree(100_000), np.random.default_rng(0)
    tree.set(np.arange(100_000), rng.random(100_000))
    sampling, updating = [], []
    for _ in range(50):
        begun = time.thread_time()
        drawn, _ = tree.sample(64, rng)
        sampled = time.thread_time()
        tree.set(drawn, rng.random(64))
        updating.append(time.thread_time() - sampled)
        sampling.append(sampled - begun)
    assert min(sampling) < 0.001
    assert min(updating) < 0.001
