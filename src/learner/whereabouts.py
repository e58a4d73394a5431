"""Learning where generals hide: fits the tables of `engine.bots.whereabouts` to games of bots.

Of every few turns in which a seat has met an enemy or left the opening and does not know the enemy's general, all
places are kept where it may be, as entries of the tables, and which of them it is. The points are a softmax regression
on them (a conditional logit, McFadden 1974). Letters: N positions, P places, K tables.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.arrays import Int16, Int32, Int64
from engine.batch import GameBatch
from engine.board import GENERAL_AT, RUNNING, WIDTH, WINNER, get, seat
from engine.bots import scratch_words
from engine.bots.desk import (
    CONTACT,
    FAR,
    FOE_GENERAL,
    HOME,
    HOME_WAY,
    NOWHERE,
    PLACE_ENTRIES,
    PLACES,
    PULL,
    STRIDE,
    TURN,
    WORDS,
    flood_from,
    is_unknown,
    map_at,
    survey,
)
from engine.bots.hunter import CYCLE
from engine.bots.whereabouts import ENTRIES, TABLES, list_entries, look_around
from engine.compile import kernel, loop, prange
from engine.stored import assignment

POINT = 64  # points of a unit of log-odds
EVERY = 7  # turns between two positions that are kept of a game
MAX_TURNS = 600  # of a game
HELD_OUT = 20  # one game in so many is not learned from and tells how good the points are
BATCH = 400  # positions of a gradient step
RULESETS = (("generalsio", "site"), ("competition", "competition"))
PLAYERS = (
    ("seeker", "seeker"),
    ("seeker", "tracker"),
    ("tracker", "seeker"),
    ("seeker", "hunter"),
    ("hunter", "seeker"),
)

HEAD = '''"""Where generals hide: points that `engine.bots.whereabouts` reads.

Written by `stratagem whereabouts`; {told}.
"""

from engine.stored import unpack

'''


class Positions(NamedTuple):
    """N positions with P places in all, those of a position side by side, the general's first."""

    entries: Int16  # (P, K): entries of POINTS
    begin: Int64  # (N,): of each position's places
    game: Int64  # (N,): of which game it is


@kernel
def write_entries(desk: Int32, row: int, column: int, out: Int16) -> None:
    """A place's entries (K,), as `engine.bots.whereabouts` adds up their points."""
    list_entries(desk, row, column)
    for k in range(TABLES):
        out[k] = desk[PLACE_ENTRIES + k]


@kernel
def record(board: Int32, s: int, desk: Int32, out: Int16) -> int:
    """Write down the places of a seat's position, the general's first, (., K); returns how many, 0 if it is none."""
    survey(board, s, desk)
    if int(desk[HOME]) == NOWHERE or int(desk[FOE_GENERAL]) != NOWHERE:
        return 0
    if int(desk[CONTACT]) == 0 and int(desk[TURN]) < CYCLE:
        return 0
    words = map_at(desk, WORDS)
    stride = int(desk[STRIDE])
    flood_from(desk, map_at(desk, HOME_WAY), int(desk[HOME]))
    look_around(desk)
    general = seat(board, 1 - s, GENERAL_AT)
    truth = (general // get(board, WIDTH) + 1) * stride + general % get(board, WIDTH)
    found, is_there = 1, False
    for row in range(1, int(desk[PLACES]) // stride - 1):
        for column in range(stride - 1):
            p = row * stride + column
            if is_unknown(int(desk[words + p])) and 0 <= int(desk[map_at(desk, PULL) + p]) < FAR:
                if p == truth:
                    is_there = True
                    write_entries(desk, row, column, out[0])
                else:
                    write_entries(desk, row, column, out[found])
                    found += 1
    return found if is_there else 0


@loop
def record_games(rows: Int32, desks: Int32, out: Int16, counts: Int32) -> None:
    """`record` of both seats of every running game: rows and desks (G, .), out (G, 2, places, K), counts (G, 2)."""
    for g in prange(rows.shape[0]):
        for s in range(2):
            counts[g, s] = 0
            if get(rows[g], WINNER) == RUNNING:
                counts[g, s] = record(rows[g], s, desks[g], out[g, s])


def collect(games: int, seed: int) -> Positions:
    """Positions of so many games for each ruleset and pair of players."""
    entries: list[Int16] = []
    sizes: list[int] = []
    owners: list[int] = []
    for number, (ruleset, board) in enumerate(RULESETS):
        for other, players in enumerate(PLAYERS):
            batch = GameBatch(ruleset, games, seed + 10 * number + other, board=board, autoreset="off")
            batch.reset()
            desks = np.zeros((games, scratch_words(batch.tiles)), np.int32)
            out = np.zeros((games, 2, batch.tiles, TABLES), np.int16)
            counts = np.zeros((games, 2), np.int32)
            for turn in range(MAX_TURNS):
                if turn % EVERY == 0:
                    record_games(batch.rows, desks, out, counts)
                    for g, s in np.argwhere(counts > 0):
                        entries.append(out[g, s, : counts[g, s]].copy())
                        sizes.append(int(counts[g, s]))
                        owners.append((len(PLAYERS) * number + other) * games + int(g))
                batch.step(batch.bot_actions(players))
                if (batch.rows[:, WINNER] != RUNNING).all():
                    break
    begin = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    return Positions(np.concatenate(entries), begin, np.array(owners, np.int64))


def surprise(points: Tensor, positions: Positions, chosen: Int64) -> Tensor:
    """Mean nats by which the general's place was not foretold, of the chosen positions."""
    ends = np.append(positions.begin[1:], len(positions.entries))
    sizes = (ends - positions.begin)[chosen]
    at = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rows = np.repeat(positions.begin[chosen] - at, sizes) + np.arange(int(sizes.sum()))
    scores = points[torch.from_numpy(positions.entries[rows].astype(np.int64))].sum(1)
    owner = torch.from_numpy(np.repeat(np.arange(len(chosen)), sizes))
    most = torch.full((len(chosen),), -1e9).scatter_reduce(0, owner, scores.detach(), "amax")
    total = torch.zeros(len(chosen)).index_add(0, owner, (scores - most[owner]).exp())
    return (total.log() + most - scores[torch.from_numpy(at)]).mean()


def fit(positions: Positions, epochs: int, seed: int) -> tuple[Int16, float, float]:
    """Points int16 (ENTRIES,), and the nats of held-out games' positions: by the points, and if all places were alike.

    Raises ValueError where there are too few games for that.
    """
    chance = np.random.default_rng(seed)
    is_held = positions.game % HELD_OUT == 0
    held, learned = np.flatnonzero(is_held), np.flatnonzero(~is_held)
    if not len(held) or not len(learned):
        raise ValueError(
            f"{len(learned)} positions to learn from and {len(held)} held out; accepted: 1 and more of each"
        )
    points = torch.zeros(ENTRIES, requires_grad=True)
    optimiser = torch.optim.Adam([points], lr=0.05)
    for epoch in range(epochs):
        optimiser.param_groups[0]["lr"] = 0.05 * 0.3**epoch
        for chosen in np.array_split(chance.permutation(learned), max(1, len(learned) // BATCH)):
            loss = surprise(points, positions, chosen) + 1e-6 * points.square().sum()
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
    with torch.no_grad():
        nats, alike = float(surprise(points, positions, held)), float(surprise(0.0 * points, positions, held))
    return np.rint(POINT * points.detach().numpy()).astype(np.int16), nats, alike


def table_module(points: Int16, told: str) -> str:
    """The source of `engine.bots.whereabouts_table`. told: half a sentence on where the points come from."""
    return HEAD.format(told=told) + assignment("POINTS", points)
