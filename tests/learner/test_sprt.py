"""The gate: its errors are as rare as it promises, and it decides soon where the difference is plain."""

import numpy as np
import pytest

from learner.sprt import Gate, expected_score


def play(gate: Gate, elo: float, generator: np.random.Generator, most: int = 20_000) -> tuple[bool | None, int]:
    """Pairs of games without draws between players so far apart, until the gate decides."""
    scores = generator.binomial(2, expected_score(elo), most) / 2.0
    for n in range(gate.least_pairs, most, 8):
        if (verdict := gate.verdict(scores[:n])) is not None:
            return verdict, n
    return None, most


def test_wrong_verdicts_are_rare() -> None:
    gate = Gate(low=0.0, high=50.0)
    generator = np.random.default_rng(0)
    promoted = [play(gate, 0.0, generator)[0] for _ in range(300)]
    refused = [play(gate, 50.0, generator)[0] for _ in range(300)]
    assert None not in promoted + refused
    assert promoted.count(True) / 300 < 0.09
    assert refused.count(False) / 300 < 0.09


def test_a_plain_difference_is_decided_soon() -> None:
    generator = np.random.default_rng(1)
    assert max(play(Gate(), 400.0, generator)[1] for _ in range(50)) < 100
    verdict, pairs = play(Gate(), -400.0, generator)
    assert verdict is False
    assert pairs < 100


def test_nothing_is_decided_from_a_handful() -> None:
    assert Gate().verdict(np.ones(15)) is None
    assert Gate().verdict(np.ones(64)) is True


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="low below high"):
        Gate(low=5.0, high=5.0)
    with pytest.raises(ValueError, match=r"alpha is 0\.5"):
        Gate(alpha=0.5)
