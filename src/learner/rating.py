"""Who is how strong: mirrored pairs of games, win rates and an Elo table, each with 95 % intervals.

A pair is one map played twice with seats swapped, so neither player has the better start. The two games of a pair
resemble each other, hence the intervals take the pair, not the game, as what was drawn at random.

Of a match, `win rate` counts wins alone: a game drawn at the turn limit is no win. For Elo it is half a point to each.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Float32, Int32
from engine.batch import GameBatch
from engine.map_specs import MapSpec
from engine.rulesets import Ruleset
from learner.players import Player

Float64 = NDArray[np.float64]

CONFIDENCE = 1.959964  # standard deviations of a normal distribution that hold 95 %
ELO_SCALE = 400.0 / math.log(10.0)  # Elo points a unit of log strength
PRIOR_DRAWS = 1.0  # drawn games assumed of every two players who met, so that one who won all has a finite rating
RESAMPLES = 400  # of the bootstrap behind the Elo table's intervals


@dataclass(frozen=True)
class Arena:
    """Where matches are played."""

    ruleset: Ruleset  # with a turn limit, or games of the clueless never end
    board: MapSpec
    seed: int

    def batch(self, games: int) -> GameBatch:
        """Games on the arena's maps; batches of one arena have the same maps, game by game."""
        return GameBatch(self.ruleset, games, self.seed, board=self.board, autoreset="off")


@dataclass(frozen=True)
class Interval:
    """A win rate over a number of games."""

    mean: float
    low: float
    high: float
    games: int

    def as_dict(self) -> dict[str, float]:
        """The fields, for JSON."""
        return {"mean": self.mean, "low": self.low, "high": self.high, "games": self.games}


@dataclass(frozen=True)
class Match:
    """Mirrored pairs of two players."""

    first: str
    second: str
    scores: Float32  # (pairs, 2) of the first player: 1 won, 0 lost, 0.5 drawn; in column k it had seat k
    turns: Int32  # (pairs, 2)

    @property
    def win_rate(self) -> Interval:
        """The first player's wins."""
        return pair_interval(self.scores == 1.0)

    @property
    def loss_rate(self) -> Interval:
        """The second player's wins."""
        return pair_interval(self.scores == 0.0)

    @property
    def drawn(self) -> float:
        """Part of the games that were drawn."""
        return float((self.scores == 0.5).mean())


def play_match(first: Player, second: Player, arena: Arena, pairs: int) -> Match:
    """Play every map of the arena's first `pairs` games twice, seats swapped."""
    scores = np.zeros((pairs, 2), np.float32)
    turns = np.zeros((pairs, 2), np.int32)
    for k in range(2):
        batch = arena.batch(pairs)
        batch.reset()
        winner, turns[:, k] = play_games((first, second) if k == 0 else (second, first), batch)
        scores[:, k] = np.where(winner < 0, 0.5, winner == k)
    return Match(first.name, second.name, scores, turns)


def play_games(
    players: Sequence[Player], batch: GameBatch, watch: Callable[[Int32], None] = lambda actions: None
) -> tuple[Int32, Int32]:
    """Play each game of a batch with autoreset "off", just reset, to its end.

    `watch` is handed every turn's actions, int32 (G, S). Returns winner (negative: nobody) and turns, int32 (G,).
    """
    games = batch.num_games
    for seat, player in enumerate(players):
        player.begin(batch, seat)
    winner = np.full(games, -1, np.int32)
    turns = np.zeros(games, np.int32)
    running = np.arange(games, dtype=np.int32)
    fresh = True
    while len(running):
        actions = np.zeros((games, batch.seats), np.int32)
        begun = np.full(len(running), fresh)
        actions[running] = np.stack([player.act(begun, running) for player in players], axis=1)
        watch(actions)
        fresh = False
        _, _, terminated, _, info = batch.step(actions[running], running)
        ended = running[terminated]
        winner[ended] = info["winner"][terminated]
        turns[ended] = info["turns"][terminated]
        running = running[~terminated]
    return winner, turns


def pair_interval(won: NDArray[np.bool_]) -> Interval:
    """Wilson's 95 % interval of a rate over pairs, won bool (pairs, 2).

    Where the games of a pair go together, they tell less than as many single games: the number of games is divided by
    the design effect, the ratio of the variance of pairs' means to what independent games would give (Kish 1965), never
    below 1.
    """
    pairs, games = len(won), won.size
    rate = float(won.mean())
    spread = rate * (1.0 - rate) / 2.0
    effect = 1.0
    if pairs > 1 and spread > 0.0:
        effect = max(1.0, float(won.mean(axis=1).var(ddof=1)) / spread)
    low, high = wilson(rate, games / effect)
    return Interval(rate, low, high, games)


def wilson(rate: float, count: float) -> tuple[float, float]:
    """Wilson's score interval (1927) of a rate seen in `count` trials."""
    z2 = CONFIDENCE**2
    middle = (rate + z2 / (2 * count)) / (1 + z2 / count)
    half = CONFIDENCE / (1 + z2 / count) * math.sqrt(rate * (1 - rate) / count + z2 / (4 * count**2))
    return max(0.0, min(rate, middle - half)), min(1.0, max(rate, middle + half))  # round-off aside


@dataclass(frozen=True)
class Rating:
    """A row of the Elo table."""

    name: str
    elo: float
    low: float
    high: float
    score: float  # points a game, draws half, over all its matches
    games: int


def rate_players(matches: Sequence[Match], anchor: str, seed: int = 0) -> list[Rating]:
    """The Elo table of all who met, strongest first; `anchor` has 0. Intervals by resampling pairs (bootstrap)."""
    names = list(dict.fromkeys(name for match in matches for name in (match.first, match.second)))
    if anchor not in names:
        raise ValueError(f'anchor "{anchor}" played no match; players: {", ".join(names)}')
    index = {name: i for i, name in enumerate(names)}
    generator = np.random.default_rng(seed)
    points, games = np.zeros((1 + RESAMPLES, len(names), len(names))), np.zeros((len(names), len(names)))
    for match in matches:
        a, b = index[match.first], index[match.second]
        pairs = len(match.scores)
        of_pair = match.scores.sum(axis=1)
        drawn = of_pair[generator.integers(0, pairs, (RESAMPLES, pairs))].sum(axis=1)
        won = np.concatenate([[of_pair.sum()], drawn])
        points[:, a, b] += won
        points[:, b, a] += 2 * pairs - won
        games[[a, b], [b, a]] += 2 * pairs
    elo = ELO_SCALE * bradley_terry(points, games)
    elo -= elo[:, [index[anchor]]]
    low, high = np.percentile(elo[1:], [2.5, 97.5], axis=0)
    table = [
        Rating(
            name,
            elo=float(elo[0, i]),
            low=float(min(low[i], elo[0, i])),
            high=float(max(high[i], elo[0, i])),
            score=float(points[0, i].sum() / games[i].sum()),
            games=int(games[i].sum()),
        )
        for name, i in index.items()
    ]
    return sorted(table, key=lambda rating: -rating.elo)


def bradley_terry(points: Float64, games: Float64, rounds: int = 30) -> Float64:
    """Log strengths (..., P) with mean 0 that make the points most likely (Bradley and Terry 1952), by Newton's method.

    points: (..., P, P), what the row's player took from the column's; games: (P, P), symmetrical. Every two who met are
    given `PRIOR_DRAWS` draws more.
    """
    prior = PRIOR_DRAWS * (games > 0)
    points, games = points + prior / 2, games + prior
    players = points.shape[-1]
    strength = np.zeros(points.shape[:-1])
    taken = points.sum(axis=-1)
    diagonal = np.arange(players)
    for _ in range(rounds):
        expected = 1.0 / (1.0 + np.exp(strength[..., None, :] - strength[..., :, None]))
        slope = taken - (games * expected).sum(axis=-1)
        curve = games * expected * (1.0 - expected)
        hessian = -curve
        hessian[..., diagonal, diagonal] += curve.sum(axis=-1)
        hessian += 1.0 / players  # strengths are differences: fix their sum
        step = np.linalg.solve(hessian, slope[..., None])[..., 0]
        strength += np.clip(step, -2.0, 2.0)  # far from the maximum a whole step could overshoot
    result: Float64 = strength - strength.mean(axis=-1, keepdims=True)
    return result
