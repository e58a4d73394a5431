"""Random numbers by counter: the same numbers on every machine, in any order, with nothing to store.

A key is mixed from (seed, game, episode, purpose); the n-th number is a hash of the key and n. All arithmetic stays
within 32 bits held in 64, so that plain Python, numba and CUDA agree bit for bit. The mixer is the 32-bit finaliser
with the low bias found by Chris Wellons' hash prospector (constants 0x21f0aaad, 0x735a2d97).
"""

from engine.compile import inlined

MASK32 = 0xFFFFFFFF

# What a stream of numbers is for: streams of one game never overlap.
FOR_MAP, FOR_PLAY = range(2)


@inlined
def mix(value: int) -> int:
    """A 32-bit hash of a 32-bit value."""
    value = (value ^ (value >> 16)) & MASK32
    value = (value * 0x21F0AAAD) & MASK32
    value = value ^ (value >> 15)
    value = (value * 0x735A2D97) & MASK32
    return value ^ (value >> 15)


@inlined
def make_key(seed: int, game: int, episode: int, purpose: int) -> int:
    """The 32-bit key of a stream. Seeds are used to 62 bits, the rest to 32."""
    key = mix((seed & MASK32) ^ 0x9E3779B9)
    key = mix(key ^ ((seed >> 32) & MASK32) ^ 0x85EBCA6B)
    key = mix((key + (game & MASK32) * 0x2C1B3C6D) & MASK32)
    key = mix((key + (episode & MASK32) * 0x297A2D39) & MASK32)
    return mix((key + (purpose & MASK32) * 0x165667B1) & MASK32)


@inlined
def draw(key: int, counter: int) -> int:
    """The counter-th 32-bit number of a stream."""
    return mix((mix((counter * 0x9E3779B1 + 0x7F4A7C15) & MASK32) ^ key) & MASK32)


@inlined
def draw_below(key: int, counter: int, bound: int) -> int:
    """A number in 0 .. bound - 1 (bound below 2**31; bias below bound / 2**32)."""
    return (draw(key, counter) * bound) >> 32


@inlined
def draw_unit(key: int, counter: int) -> float:
    """A number in [0, 1) with 24 random bits, exact in float32 and float64 alike."""
    return (draw(key, counter) >> 8) * (1.0 / 16777216.0)
