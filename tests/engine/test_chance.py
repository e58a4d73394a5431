"""The random numbers: what they are, that they never change, and that they look random in every direction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chance import FOR_MAP, FOR_PLAY, draw, draw_below, draw_unit, make_key, mix

COUNT = 20_000


def mixed(value):
    """The 32-bit finaliser with the constants 0x21f0aaad and 0x735a2d97, in numpy's wrapping uint32."""
    value = np.uint32(value)
    with np.errstate(over="ignore"):
        value = (value ^ (value >> np.uint32(16))) * np.uint32(0x21F0AAAD)
        value = (value ^ (value >> np.uint32(15))) * np.uint32(0x735A2D97)
    return int(value ^ (value >> np.uint32(15)))


def wrapped(*products):
    return sum(products) % 2**32


def key_of(seed, game, episode, purpose):
    key = mixed((seed % 2**32) ^ 0x9E3779B9)
    key = mixed(key ^ (seed >> 32) % 2**32 ^ 0x85EBCA6B)
    for number, factor in ((game, 0x2C1B3C6D), (episode, 0x297A2D39), (purpose, 0x165667B1)):
        key = mixed(wrapped(key, number * factor))
    return key


def number_of(key, counter):
    return mixed(mixed(wrapped(counter * 0x9E3779B1, 0x7F4A7C15)) ^ key)


WORDS = st.integers(0, 2**32 - 1)


@given(WORDS)
def test_mix_is_the_finaliser(value):
    assert mix(value) == mixed(value)


@given(st.integers(0, 2**62 - 1), WORDS, WORDS, st.sampled_from([FOR_MAP, FOR_PLAY]), st.integers(0, 2**31 - 1))
def test_draws_are_the_documented_hashes(seed, game, episode, purpose, counter):
    key = make_key(seed, game, episode, purpose)
    assert key == key_of(seed, game, episode, purpose)
    assert draw(key, counter) == number_of(key, counter)
    assert draw_unit(key, counter) == (number_of(key, counter) >> 8) / 2**24


@given(WORDS, st.integers(0, 2**31 - 1), st.integers(1, 2**31 - 1))
def test_draws_below_a_bound_scale_the_number(key, counter, bound):
    number = draw_below(key, counter, bound)
    assert 0 <= number < bound
    assert number == number_of(key, counter) * bound // 2**32


def test_the_numbers_never_change():
    """Every map and every bot's game follows from these: a change of them would be a change of all recorded seeds."""
    key = make_key(1, 2, 3, FOR_MAP)
    assert mix(1) == 0x86D2FA73
    assert key == 0xE6DD7BB2
    assert [draw(key, counter) for counter in range(4)] == [0xB68E62A1, 0xA6E72D4B, 0x4140BEDA, 0x34397DC1]
    assert [draw_below(key, counter, 6) for counter in range(12)] == [4, 3, 1, 1, 3, 0, 4, 0, 0, 0, 1, 1]
    assert draw_unit(key, 0) == 0xB68E62 / 2**24


def chi_square(counts):
    """Pearson's statistic against equal shares, as standard deviations from what chance gives."""
    counts = np.asarray(counts, float)
    expected = counts.sum() / counts.size
    freedom = counts.size - 1
    return ((counts - expected) ** 2 / expected).sum() / freedom, np.sqrt(2 / freedom)


def streams():
    """COUNT numbers each, running along one of the things that a number follows from."""
    base = make_key(5, 6, 7, FOR_PLAY)
    yield "counter", [draw(base, n) for n in range(COUNT)]
    yield "seed", [draw(make_key(n, 6, 7, FOR_PLAY), 0) for n in range(COUNT)]
    yield "upper half of the seed", [draw(make_key(n << 32, 6, 7, FOR_PLAY), 0) for n in range(COUNT)]
    yield "game", [draw(make_key(5, n, 7, FOR_PLAY), 0) for n in range(COUNT)]
    yield "episode", [draw(make_key(5, 6, n, FOR_PLAY), 0) for n in range(COUNT)]


@pytest.fixture(scope="module")
def numbers():
    return {name: np.array(values, np.int64) for name, values in streams()}


@pytest.mark.parametrize("along", ["counter", "seed", "upper half of the seed", "game", "episode"])
class TestUniformity:
    def test_numbers_fall_equally_into_bins(self, numbers, along):
        for shift in (24, 12, 0):
            ratio, deviation = chi_square(np.bincount((numbers[along] >> shift) & 255, minlength=256))
            assert abs(ratio - 1) < 5 * deviation

    def test_neighbours_do_not_know_each_other(self, numbers, along):
        high = numbers[along] >> 28
        for lag in (1, 2, 3):
            pairs = high[:-lag] * 16 + high[lag:]
            ratio, deviation = chi_square(np.bincount(pairs, minlength=256))
            assert abs(ratio - 1) < 5 * deviation

    def test_numbers_hardly_ever_repeat(self, numbers, along):
        """Of 20,000 draws of 2**32, one pair is expected to meet every 21 times; four or more never."""
        assert len(set(numbers[along].tolist())) > COUNT - 4

    def test_no_two_directions_give_the_same_numbers(self, numbers, along):
        for other, values in numbers.items():
            if other != along:
                assert (values == numbers[along]).sum() < 4


def test_maps_and_play_draw_from_different_streams():
    maps, play = make_key(1, 1, 1, FOR_MAP), make_key(1, 1, 1, FOR_PLAY)
    assert not {draw(maps, n) for n in range(500)} & {draw(play, n) for n in range(500)}


def test_units_have_the_mean_and_spread_of_the_uniform_distribution():
    key = make_key(9, 0, 0, FOR_PLAY)
    units = np.array([draw_unit(key, n) for n in range(COUNT)])
    assert 0 <= units.min() < units.max() < 1
    assert abs(units.mean() - 0.5) < 5 * np.sqrt(1 / 12 / COUNT)
    assert abs(units.var() - 1 / 12) < 0.003
