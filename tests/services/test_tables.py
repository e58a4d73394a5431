"""Tables: what samplers draw, what removers drop, how rate limiters hold both sides."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tables import RateLimiter, Table

NEVER = 0.0  # seconds: do not wait


def items(table: Table[str], count: int) -> list[str]:
    return [drawn.item for drawn in table.sample(count, NEVER)]


def test_a_queue_gives_each_item_once_in_order() -> None:
    table = Table("t", 3, sampler="fifo", max_times_sampled=1, limiter=RateLimiter.queue(3))
    for item in "abc":
        table.insert(item, timeout=NEVER)
    assert table.try_insert("d") is None
    assert items(table, 2) == ["a", "b"]
    table.insert("d", timeout=NEVER)
    assert items(table, 2) == ["c", "d"]
    assert table.try_sample(1) is None
    with pytest.raises(TimeoutError, match="table t gave no 1 items"):
        table.sample(1, NEVER)
    with pytest.raises(ValueError, match="4 items at once; accepted by table t: 1 to 3"):
        table.sample(4, NEVER)


def test_fifo_with_two_draws_each() -> None:
    table = Table("t", 9, sampler="fifo", max_times_sampled=2)
    for item in "abc":
        table.insert(item)
    drawn = table.sample(3, NEVER)
    assert [(one.item, one.times_sampled) for one in drawn] == [("a", 1), ("a", 2), ("b", 1)]
    assert table.try_sample(4) is None  # three draws are left
    assert items(table, 3) == ["b", "c", "c"]


def test_the_oldest_makes_room() -> None:
    table = Table("t", 3, seed=1)
    keys = [table.insert(item) for item in "abcde"]
    assert len(set(keys)) == 5
    assert set(items(table, 60)) == {"c", "d", "e"}
    assert table.update_priorities(keys, [1.0] * 5) == 3  # of those that are still there
    assert (table.counts().inserted, table.counts().removed, table.counts().size) == (5, 2, 3)


def test_the_lowest_priority_makes_room() -> None:
    table = Table("t", 3, remover="lowest")
    keys = {item: table.insert(item, priority) for item, priority in zip("abc", (1.0, 3.0, 2.0), strict=True)}
    table.insert("d", 5.0)  # instead of a
    assert set(items(table, 60)) == {"b", "c", "d"}
    table.update_priorities([keys["b"]], [0.5])
    table.insert("e", 0.1)  # instead of b
    assert set(items(table, 60)) == {"c", "d", "e"}
    table.insert("f", 9.0)
    table.insert("g")  # as high as the highest
    assert set(items(table, 60)) == {"d", "f", "g"}


def test_of_equals_the_oldest_makes_room() -> None:
    table = Table("t", 3, remover="lowest")
    for item in "abcdefgh":
        table.insert(item, 1.0)
    assert set(items(table, 60)) == {"f", "g", "h"}


def test_prioritised_draws_by_the_power_of_the_priority() -> None:
    table = Table("t", 8, sampler="prioritised", priority_exponent=0.5)
    low, high = table.insert("low", 1.0), table.insert("high", 9.0)
    drawn = table.sample(400, NEVER)
    assert sum(one.item == "high" for one in drawn) == 300
    assert {(one.key, one.probability) for one in drawn} == {(low, 0.25), (high, 0.75)}
    assert max(one.times_sampled for one in drawn) == 300  # of a batch, all draws of an item count together
    table.insert("new")  # by the highest priority so far
    assert {one.probability for one in table.sample(70, NEVER)} == {1 / 7, 3 / 7}
    table.update_priorities([low, high], [0.0, 0.0])
    assert set(items(table, 20)) == {"new"}


def test_bytes_are_bounded_as_well() -> None:
    table = Table("t", 100, max_bytes=10)
    for item, size in (("a", 4), ("b", 5), ("c", 3)):
        table.insert(item, size=size)
    assert set(items(table, 60)) == {"b", "c"}
    assert table.counts().bytes == 8
    with pytest.raises(ValueError, match="an item of 11 bytes; accepted by table t: 0 to 10"):
        table.insert("d", size=11)


def test_a_queue_that_lost_items_to_its_bytes_goes_on() -> None:
    """What made room before it was drawn counts as drawn: else both sides would wait for each other."""
    table = Table("t", 9, sampler="fifo", max_times_sampled=1, limiter=RateLimiter.queue(4), max_bytes=2)
    for item in range(50):
        table.insert(item, size=1, timeout=NEVER)
    assert items(table, 2) == [48, 49]
    assert table.try_sample(1) is None


def test_samples_per_insert_stay_within_the_error_buffer() -> None:
    limiter = RateLimiter.ratio(samples_per_insert=4, min_size=10, error_buffer=16)
    table = Table("t", 100, limiter=limiter)
    for item in range(9):
        table.insert(item, timeout=NEVER)
    assert table.try_sample(1) is None  # fewer than 10
    inserted = 9
    while table.try_insert(0) is not None:
        inserted += 1
    assert inserted == 14  # 14 * 4 = 40 + 16
    sampled = 0
    while table.try_sample(4) is not None:
        sampled += 4
    assert sampled == 14 * 4 - (40 - 16)
    assert table.try_insert(0) is not None
    with pytest.raises(ValueError, match="error_buffer is 3; accepted: 8"):
        RateLimiter.ratio(4, 10, 3)


@given(data=st.data())
def test_neither_side_waits_for_ever(data: st.DataObject) -> None:
    """Whatever was done, one of the two sides can go on, and the ratio holds."""
    ratio, buffer = data.draw(st.sampled_from([0.3, 1.0, 2.5, 4.0])), data.draw(st.integers(8, 20))
    counted = data.draw(st.sampled_from([0, 1, 3]))
    limiter = RateLimiter.ratio(ratio, data.draw(st.integers(1, 5)), buffer)
    table = Table("t", data.draw(st.integers(5, 9)), limiter=limiter, max_times_sampled=counted)
    count = data.draw(st.integers(1, int(limiter.largest_sample)))
    possible = counted == 0 or count <= table.capacity * counted
    for insert in data.draw(st.lists(st.booleans(), max_size=60)):
        done = table.try_insert("x") if insert else table.try_sample(count)
        if done is None and possible and counted == 0:
            assert (table.try_sample(count) if insert else table.try_insert("x")) is not None
        told = table.counts()
        assert told.size <= table.capacity
        assert told.size == told.inserted - told.removed
        if told.inserted > limiter.min_size and counted == 0:
            assert told.inserted * ratio - told.sampled <= limiter.max_diff + ratio
            assert told.sampled == 0 or told.inserted * ratio - told.sampled >= limiter.min_diff


def test_many_threads_lose_nothing() -> None:
    table = Table("t", 4, sampler="fifo", max_times_sampled=1, limiter=RateLimiter.queue(4))
    with ThreadPoolExecutor(8) as crowd:
        makers = [crowd.submit(lambda n=n: [table.insert((n, i)) for i in range(200)]) for n in range(4)]
        takers = [crowd.submit(lambda: [table.sample(2, 30) for _ in range(100)]) for _ in range(4)]
        keys = [key for maker in makers for key in maker.result(60)]
        got = [one.item for taker in takers for pair in taker.result(60) for one in pair]
    assert sorted(got) == [(n, i) for n in range(4) for i in range(200)]
    assert len(set(keys)) == 800


def test_a_waiting_sample_hears_of_an_insert() -> None:
    table, heard = Table("t", 4), threading.Event()
    table.subscribe(heard.set)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(table.sample, 1, 30)
        table.insert("a")
        assert waiting.result(30)[0].item == "a"
    assert heard.is_set()


def test_keys_find_their_items_after_many_were_removed() -> None:
    table, rng = Table("t", 1000, sampler="prioritised"), np.random.default_rng(0)
    for n in range(2500):
        table.insert(n, float(rng.random()) + 0.01)
    drawn = table.sample(64, NEVER)
    assert all(1500 <= one.item < 2500 for one in drawn)
    table.update_priorities([one.key for one in drawn], [0.0] * 64)
    assert not {one.item for one in drawn} & {one.item for one in table.sample(500, NEVER)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "lifo"}, 'sampler "lifo" is unknown; known: uniform, prioritised, fifo'),
        ({"remover": "lifo"}, 'remover "lifo" is unknown; known: fifo, lowest'),
        ({"capacity": 0}, "capacity is 0"),
        ({"sampler": "fifo"}, "max_times_sampled is 0; accepted: 0 and more, for fifo 1 and more"),
        ({"priority_exponent": 2.0}, "priority_exponent is 2.0"),
        ({"limiter": RateLimiter(min_size=9)}, "min_size is 9; accepted: up to the capacity, 5"),
    ],
)
def test_says_what_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Table("t", **{"capacity": 5, **options})
