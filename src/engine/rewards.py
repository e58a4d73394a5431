"""Rewards: win or loss, and potential-based shaping on top.

A seat's reward for a turn is

    r = outcome + gamma * phi(after) - phi(before)

with outcome +1 for a win, -1 for a loss, 0 for a draw or while the game runs, and the potential

    phi = land * share(land) + army * share(army) + structures * share(structures),
    share(x) = x of the seat's team / x of all seats, 0 where nobody has any,

where `land`, `army` and `structures` (cities and generals) are the weights. phi(after) counts as 0 once the game has
ended, so shaping changes no optimal policy (Ng, Harada, Russell 1999: "Policy invariance under reward
transformations").
"""

from dataclasses import dataclass

import numpy as np

from engine.arrays import Float32, Int32
from engine.board import ARMY, DRAW, LAND, RUNNING, SEATS, STRUCTURES, WINNER, get, same_team, seat
from engine.compile import inlined, kernel


@dataclass(frozen=True)
class Shaping:
    """Weights of the potential, and the discount it is taken with."""

    land: float = 0.3
    army: float = 0.3
    structures: float = 0.2
    gamma: float = 1.0

    def numbers(self) -> Float32:
        """The weights as the kernels read them, float32 (4,): land, army, structures, gamma."""
        return np.array([self.land, self.army, self.structures, self.gamma], np.float32)


NO_SHAPING = Shaping(0.0, 0.0, 0.0)


@inlined
def as_float32(value: float) -> float:
    """A number as float32 has it, to calculate on with in doubles.

    A double holds the product of two such exactly. So it changes nothing that a GPU multiplies and adds in one step,
    without rounding in between: rewards are the same everywhere, and 0 where the potential stays as it is.
    """
    return float(np.float32(value)) * 1.0  # by a double, since numba's float() leaves a float32 one


@inlined
def share(board: Int32, s: int, field: int) -> float:
    """The part that the team of seat `s` has of all seats' land, army or structures."""
    mine = 0
    total = 0
    for other in range(get(board, SEATS)):
        amount = seat(board, other, field)
        total += amount
        if same_team(board, s, other):
            mine += amount
    return as_float32(mine / total) if total > 0 else 0.0


@kernel
def potential(board: Int32, s: int, weights: Float32) -> float:
    """phi of seat `s`, 0 once the game has ended."""
    if get(board, WINNER) != RUNNING:
        return 0.0
    land = float(weights[0]) * share(board, s, LAND)
    army = float(weights[1]) * share(board, s, ARMY)
    return as_float32(land + army + float(weights[2]) * share(board, s, STRUCTURES))


@inlined
def outcome(board: Int32, s: int) -> float:
    """+1 for a win of the seat's team, -1 for a loss, 0 for a draw or a game that goes on."""
    winner = get(board, WINNER)
    if winner == RUNNING or winner == DRAW:
        return 0.0
    return 1.0 if same_team(board, s, winner) else -1.0
