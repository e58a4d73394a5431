"""What the strategist learns from: the decisions of fragments, and what came of each.

Letters: T turns, G games, D decisions, R moves in all, F facts, M features of a move.
"""

from typing import NamedTuple

import numpy as np

from engine.arrays import Bool, Float32, Int8, Int16, Int32, Int64
from learner.move_games import MoveFragment


class Decisions(NamedTuple):
    """What is learned from, D decisions."""

    facts: Int16  # (D, 2F): of both seats, its own first
    features: Int8  # (R, M)
    first: Int64  # (D,): the first of its moves
    among: Int32  # (D,): how many they are
    chosen: Int32  # (D,): the number of the one that was chosen
    gain: Float32  # (D,): advantages, normalised
    target: Float32  # (D,): for the critic
    agreed: float  # part of them that are the seeker's moves


def advantages_of(
    fragment: MoveFragment, values: Float32, decided: Bool, gamma: float, lam: float
) -> tuple[Float32, Float32]:
    """Generalised advantage estimates between decisions and the critic's targets, float32 (T, G, 2) each, 0 where
    nothing was decided.

    values (T + 1, G, 2); decided (T, G, 2). Rewards of turns without a decision (a general was taken, no move was left)
    count for the decision before.
    """
    turns = len(decided)
    advantages = np.zeros_like(values[:-1])
    value, advantage = values[turns].copy(), np.zeros_like(values[0])
    earned, left = np.zeros_like(value), np.ones_like(value)
    for t in range(turns - 1, -1, -1):
        over = fragment.done[t][:, None]
        earned = fragment.reward[t] + gamma * np.where(over, 0.0, earned)
        left = np.where(over, 0.0, gamma * left)
        here = decided[t]
        found = earned + left * (value + lam * advantage) - values[t]
        advantages[t] = np.where(here, found, 0.0)
        value, advantage = np.where(here, values[t], value), np.where(here, found, advantage)
        earned, left = np.where(here, 0.0, earned), np.where(here, 1.0, left)
    return advantages, np.where(decided, advantages + values[:-1], 0.0).astype(np.float32)


def pick(fragment: MoveFragment, facts: Int16, decided: Bool, gain: Float32, target: Float32) -> Decisions:
    """The decisions (D,) of a fragment that are marked in `decided`, with their facts of (T + 1, G, 2, .)."""
    agreed = (fragment.chosen == fragment.seekers)[decided]
    return Decisions(
        facts[:-1][decided],
        fragment.features,
        fragment.first[decided],
        fragment.among[decided],
        fragment.chosen[decided],
        gain,
        target,
        float(agreed.mean()) if len(agreed) else 0.0,
    )


def joined(parts: list[Decisions]) -> Decisions:
    """Decisions of many fragments as one."""
    before = np.cumsum([0, *(len(part.features) for part in parts)])
    moved = [part._replace(first=part.first + start) for part, start in zip(parts, before, strict=False)]
    facts, features, first, among, chosen, gain, target, agreed = zip(*moved, strict=True)
    weights = [len(part.chosen) for part in parts]
    return Decisions(
        np.concatenate(facts),
        np.concatenate(features),
        np.concatenate(first),
        np.concatenate(among),
        np.concatenate(chosen),
        np.concatenate(gain),
        np.concatenate(target),
        float(np.average(agreed, weights=weights)) if sum(weights) else 0.0,
    )
