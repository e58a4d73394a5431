"""Tournaments: every two players meet in mirrored pairs, each map played twice with seats swapped."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from engine import GameBatch
from engine.bots import BOTS
from engine.compile import OneThread
from services.game_setup import BOT_PREFIX, GameSetup
from services.refusal import invalid
from store.ratings import Player

PIECE = 64  # pairs that are played at once: results come in as they are


@dataclass(frozen=True)
class Score:
    """Games of one player against another, as the first has them."""

    wins: int = 0
    draws: int = 0
    losses: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.wins + other.wins, self.draws + other.draws, self.losses + other.losses)


class Referee(Protocol):
    """Plays two players against each other."""

    def check(self, player: Player) -> None:
        """Raise RefusedError for a player that it cannot seat."""

    def play(self, one: Player, other: Player, setup: GameSetup, seed: int, pairs: int) -> Score:
        """Play mirrored pairs on maps drawn from the seed; called in a thread."""


class BotReferee:
    """Seats scripted bots."""

    def check(self, player: Player) -> None:
        """Raise RefusedError for anybody but a bot."""
        if not player.name.startswith(BOT_PREFIX) or player.name.removeprefix(BOT_PREFIX) not in BOTS or player.version:
            raise invalid("players", player.key, f"version 0 of {', '.join(BOT_PREFIX + name for name in BOTS)}")

    def play(self, one: Player, other: Player, setup: GameSetup, seed: int, pairs: int) -> Score:
        """Play them in two batches, one for each way round."""
        score = Score()
        for seat in range(2):
            names = [player.name.removeprefix(BOT_PREFIX) for player in ((one, other) if seat == 0 else (other, one))]
            winner = _play_batch(setup, seed, pairs, names)
            draws = int((winner < 0).sum())
            wins = int((winner == seat).sum())
            score += Score(wins, draws, pairs - wins - draws)
        return score


def _play_batch(setup: GameSetup, seed: int, games: int, names: Sequence[str]) -> np.ndarray:
    """Winners, int32 (games,), negative where a game was drawn."""
    batch = GameBatch(setup.rules(), games, seed, board=setup.spec(), seats=2, autoreset="off")
    batch.reset()
    winner = np.full(games, -1, np.int32)
    running = np.arange(games, dtype=np.int32)
    while len(running):
        _, _, terminated, _, info = batch.step(batch.bot_actions(list(names), running), running)
        winner[running[terminated]] = info["winner"][terminated]
        running = running[~terminated]
    return winner


async def play_tournament(
    players: Sequence[Player], setup: GameSetup, seed: int, pairs: int, referee: Referee
) -> AsyncIterator[tuple[Player, Player, Score]]:
    """Every two players' score so far, each time some more of their games are over; the same seed, the same maps."""

    def play(one: Player, other: Player, seed: int, pairs: int) -> Score:
        with OneThread():  # a piece is too small to be worth waking others
            return referee.play(one, other, setup, seed, pairs)

    for one, other in combinations(players, 2):
        score, played = Score(), 0
        while played < pairs:
            piece = min(PIECE, pairs - played)
            score += await asyncio.to_thread(play, one, other, seed + played, piece)
            played += piece
            yield one, other, score
