"""How an actor's tables are shared out: self-play, older snapshots, scripted bots.

Snapshots are drawn by prioritised fictitious self-play (PFSP; Vinyals et al. 2019, "Grandmaster level in StarCraft II
using multi-agent reinforcement learning", Methods): one that the learner beats with probability x has weight
(1 - x)^2, so it meets most often whom it loses to. Everything here is a function of its arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SELF, SNAPSHOT, BOT = "self", "snapshot", "bot"
HARDNESS = 2.0  # p of (1 - x)^p
LEAST_WEIGHT = 0.01  # of a snapshot that always loses: old weaknesses must not come back unseen
MOST_SNAPSHOTS = 32
INNER = 7919.0  # what a random number is multiplied with for the next, which hardly depends on it
LEAST_GAMES = 16  # against one opponent: each is a network of its own to ask, and a few games make it no cheaper


@dataclass(frozen=True)
class Mix:
    """Shares of the tables; they are scaled to add up to 1, and what cannot be had goes to self-play."""

    self_play: float = 0.5
    snapshots: float = 0.35
    bots: float = 0.15

    def __post_init__(self) -> None:
        shares = (self.self_play, self.snapshots, self.bots)
        if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
            raise ValueError(f"shares are {shares}; accepted: 0 and more each, above 0 together")


@dataclass(frozen=True)
class Table:
    """So many games against one opponent."""

    kind: str  # SELF, SNAPSHOT or BOT
    games: int
    version: int  # of the policy that learns
    opponent_version: int = 0  # SNAPSHOT
    bot: str = ""  # BOT


def choose_snapshots(versions: Sequence[int], most: int = MOST_SNAPSHOTS) -> list[int]:
    """At most so many versions: half of them the newest, the others evenly spread over the rest, ascending."""
    ordered = sorted(set(versions))
    if len(ordered) <= most:
        return ordered
    newest = most - most // 2
    old = ordered[:-newest]
    spread = np.linspace(0, len(old) - 1, most // 2).round().astype(int)
    return sorted({old[i] for i in spread} | set(ordered[-newest:]))


def pfsp_weight(win_rate: float) -> float:
    """Weight of a snapshot that the learner beats with this probability, draws counted as half."""
    lost = 1.0 - min(max(win_rate, 0.0), 1.0)
    return max(float(lost**HARDNESS), LEAST_WEIGHT)


def share_out(
    games: int,
    versions: Sequence[int],
    win_rates: Mapping[int, float],
    bots: Sequence[str],
    mix: Mix,
    offset: float,
) -> list[Table]:
    """Share out an actor's tables.

    Args:
        games: how many there are, 1 and more.
        versions: all published ones of the policy; the highest learns.
        win_rates: of the highest against others, 0 to 1; 0.5 where one is missing.
        bots: names of scripted bots.
        mix: the shares.
        offset: a random number of [0, 1). Over it, each kind gets on average exactly its share, and always what that
            comes to rounded down or up (systematic sampling), so an actor with one table meets all in turn. So do
            opponents of a kind, but by LEAST_GAMES at a time: an actor meets few at once, and others later.

    Returns:
        Tables whose games add up to `games`, none of them empty.

    Raises:
        ValueError: no version, or numbers out of their range.
    """
    if games < 1 or not 0 <= offset < 1:
        raise ValueError(f"games is {games} and offset {offset}; accepted: 1 and more, 0 to below 1")
    if not versions:
        raise ValueError("no version is published; accepted: 1 and more")
    latest = max(versions)
    older = choose_snapshots([version for version in versions if version != latest])
    snapshot_share = mix.snapshots if older else 0.0
    bot_share = mix.bots if bots else 0.0
    total = mix.self_play + mix.snapshots + mix.bots
    # Rounding may leave a share a hair below 0, which would deal out fewer than no tables.
    self_share = max(0.0, total - snapshot_share - bot_share)
    alone, against_snapshots, against_bots = apportion(games, [self_share, snapshot_share, bot_share], offset)
    weights = [pfsp_weight(win_rates.get(version, 0.5)) for version in older]
    inner = offset * INNER % 1.0
    tables = [Table(SELF, alone, latest)]
    for version, count in zip(older, by_lots(against_snapshots, weights, inner), strict=True):
        tables.append(Table(SNAPSHOT, count, latest, version))
    for bot, count in zip(bots, by_lots(against_bots, [1.0] * len(bots), inner), strict=True):
        tables.append(Table(BOT, count, latest, bot=bot))
    return [table for table in tables if table.games]


def by_lots(total: int, shares: Sequence[float], offset: float) -> list[int]:
    """`apportion` by lots of at least LEAST_GAMES, or of all there are."""
    if not total:
        return [0] * len(shares)
    lots = apportion(max(1, total // LEAST_GAMES), shares, offset)
    return apportion(total, lots, 0.0)


def apportion(total: int, shares: Sequence[float], offset: float) -> list[int]:
    """Whole numbers in proportion to `shares` that add up to `total`, by systematic sampling."""
    marks = np.cumsum([0.0, *shares])
    marks = np.floor(np.round(marks / marks[-1] * total, 9) + offset)
    marks = np.minimum(marks, total)  # an offset a hair below 1 is rounded up
    marks[-1] = total  # whatever rounding did to the sum
    return [int(count) for count in np.diff(marks)]
