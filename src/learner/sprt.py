"""The gate of promotion: a sequential probability ratio test over mirrored pairs (Wald 1945; Van den Bergh 2020).

Two hypotheses about how much stronger a candidate is than the champion, in Elo: H0 says `low`, H1 says `high`. A
pair's score is the mean of its two games, so what a map gives one seat is cancelled within it. The log-likelihood ratio
is that of a normal distribution with the variance found so far, as fishtest uses it (the generalised SPRT).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Gate:
    """A test: which hypotheses, and how often it may be wrong about each."""

    low: float = 0.0  # Elo; H0
    high: float = 20.0  # Elo; H1
    alpha: float = 0.05  # chance of promoting what is no better than `low`
    beta: float = 0.05  # chance of refusing what is as good as `high`
    least_pairs: int = 16  # before which nothing is decided: the variance is not known yet

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"gate's low is {self.low}, high is {self.high}; accepted: low below high")
        for name in ("alpha", "beta"):
            if not 0.0 < getattr(self, name) < 0.5:
                raise ValueError(f"gate's {name} is {getattr(self, name)}; accepted: above 0, below 0.5")

    @property
    def bounds(self) -> tuple[float, float]:
        """Log-likelihood ratios at which H0 and H1 are accepted."""
        return math.log(self.beta / (1.0 - self.alpha)), math.log((1.0 - self.beta) / self.alpha)

    def ratio(self, scores: NDArray[np.float64]) -> float:
        """The log-likelihood ratio of H1 to H0 for the candidate's scores of some pairs, each 0 to 1."""
        if len(scores) < 2:
            return 0.0
        mean = float(scores.mean())
        # A run of equal scores has no variance; half a game's worth of doubt keeps the ratio finite.
        variance = max(float(scores.var()), 0.25 / len(scores))
        s0, s1 = expected_score(self.low), expected_score(self.high)
        return len(scores) * (s1 - s0) * (2.0 * mean - s0 - s1) / (2.0 * variance)

    def verdict(self, scores: NDArray[np.float64]) -> bool | None:
        """True: promote; False: refuse; None: more pairs are needed."""
        if len(scores) < self.least_pairs:
            return None
        lower, upper = self.bounds
        ratio = self.ratio(scores)
        return True if ratio >= upper else False if ratio <= lower else None


def expected_score(elo: float) -> float:
    """What a game brings on average whoever is so much stronger: 1 / (1 + 10^(-elo / 400))."""
    return float(1.0 / (1.0 + 10.0 ** (-elo / 400.0)))
