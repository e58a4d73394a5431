"""Fragments of play: T turns of every learning seat at every table, with what PPO needs of them.

A table is a batch of games with the same company: the learner on both seats, or on one seat against a player who
does not learn. All learning seats of all tables are the rows of one forward pass.

Batches reset with "next": the step after an episode's last shows its final observation, so a truncated game can be
bootstrapped from the value of where it stood; that step's action plays nothing and is marked as not valid.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.arrays import Bool, Int32
from engine.batch import GameBatch
from engine.board import DRAW
from engine.compile import OneThread
from learner.clock import Clock
from learner.crew import crew_of
from learner.gains import Gains
from learner.network import Trunk, sample
from learner.players import Player, answer


class Fragment(NamedTuple):
    """T turns of L rows, on the policy's device."""

    words: Tensor  # (T, L, H, W) int32
    vector: Tensor  # (T, L, V) int32
    resets: Tensor  # (T, L) bool: the turn's observation is an episode's first
    memory: Tensor  # (L, M, H, W) float32 before the first turn
    actions: Tensor  # (T, L) int64
    log_probs: Tensor  # (T, L) float32, of the actions when they were drawn
    values: Tensor  # (T + 1, L) float32, the last one of what follows
    rewards: Tensor  # (T, L) float32
    terminated: Tensor  # (T, L) bool
    truncated: Tensor  # (T, L) bool
    valid: Tensor  # (T, L) bool: the action was played
    searched: Tensor | None = None  # (T, L, P, H, W): what `Trunk.search` found, where it is kept


@dataclass(frozen=True)
class Episode:
    """A finished game as one learning seat saw it."""

    opponent: str
    turns: int
    score: float  # 1 won, 0 lost, 0.5 drawn or truncated
    reward: float  # the sum of its rewards, shaping included
    truncated: bool


class Table:
    """Games with the same company.

    batch: made with autoreset "next" and two seats. seats: those that learn. opponent: who has the other seat, or None.
    gains: makes the batch's shaping a reward for what is won and kept; None: it is as it is.
    defeat: what a seat that has not won gets at the end, instead of -1 for a loss and 0 for a draw; None: as they are.
    """

    def __init__(
        self,
        batch: GameBatch,
        seats: tuple[int, ...],
        opponent: Player | None = None,
        defeat: float | None = None,
        gains: Gains | None = None,
    ) -> None:
        if len(seats) + (opponent is not None) != batch.seats:
            raise ValueError(
                f"seats {seats} learn with {opponent and opponent.name}; a batch of {batch.seats} needs all taken"
            )
        self.batch, self.seats, self.opponent, self.defeat, self.gains = batch, seats, opponent, defeat, gains
        self.rows = batch.num_games * len(seats)
        games = batch.num_games
        batch.reset()
        self.fresh: Bool = np.ones(games, np.bool_)  # the game has just begun
        self.over: Bool = np.zeros(games, np.bool_)  # the game ended with the last step
        self._reward = np.zeros((games, batch.seats), np.float64)
        self._actions = np.zeros((games, batch.seats), np.int32)
        self._seated = False

    @property
    def company(self) -> str:
        """Whom the learner plays here."""
        return self.opponent.name if self.opponent else "itself"

    def seat_opponent(self, opponent: Player) -> None:
        """Give the opponent's seat to another player, who remembers nothing of the games under way."""
        self.opponent = opponent
        self._seated = False

    def observe(self) -> tuple[Int32, Int32]:
        """Words (rows, H, W) and vectors (rows, V) of the learning seats, game by game."""
        seen, seats = self.batch.observe(), list(self.seats)
        words = seen.words[:, seats].reshape(self.rows, self.batch.height, self.batch.width)
        return words, seen.vector[:, seats].reshape(self.rows, -1)

    def spread(self, per_game: Bool) -> Bool:
        """A number a game as a number a row."""
        return np.repeat(per_game, len(self.seats))

    def step(self, actions: Int32, clock: Clock) -> tuple[np.ndarray, Bool, Bool, list[Episode]]:
        """Play a turn with actions (rows,); rewards, terminated and truncated (rows,), and the games that ended."""
        games = self.batch.num_games
        self._actions[:, list(self.seats)] = actions.reshape(games, -1)
        if self.opponent is not None:
            other = next(s for s in range(self.batch.seats) if s not in self.seats)
            with clock.measure("opponents"):
                if not self._seated:
                    self.opponent.begin(self.batch, other)
                    self._seated = True
                self._actions[:, other] = self.opponent.act(self.fresh)
        with clock.measure("engine"):
            _, reward, terminated, truncated, info = self.batch.step(self._actions)
        if self.gains is not None:
            self.gains.settle(reward, self.over, terminated, info["winner"])
        if self.defeat is not None:
            decided = terminated & (info["winner"] != DRAW)
            reward[terminated & ~decided] += self.defeat
            lost = decided[:, None] & (info["winner"][:, None] != np.arange(self.batch.seats))
            reward[lost] += 1.0 + self.defeat
        self.fresh = self.over
        self.over = terminated | truncated
        self._reward[self.fresh] = 0.0
        self._reward += reward
        ended = [
            self._episode(int(g), seat, info, bool(truncated[g]))
            for g in np.flatnonzero(self.over)
            for seat in self.seats
        ]
        return reward[:, list(self.seats)].reshape(-1), self.spread(terminated), self.spread(truncated), ended

    def _episode(self, g: int, seat: int, info: dict[str, Int32], truncated: bool) -> Episode:
        winner = int(info["winner"][g])
        score = 0.5 if winner < 0 else float(winner == seat)
        return Episode(self.company, int(info["turns"][g]), score, float(self._reward[g, seat]), truncated)


class Rollout:
    """Plays the tables with a policy and keeps its memory of every row between fragments."""

    def __init__(self, tables: list[Table], policy: Trunk, seed: int, clock: Clock) -> None:
        self.tables, self.policy, self.clock = tables, policy, clock
        self.device = next(policy.parameters()).device
        self.rows = sum(table.rows for table in tables)
        first = tables[0].batch
        self.memory = policy.first_memory(self.rows, first.height, first.width)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.crew = crew_of(self.device)

    @torch.no_grad()
    def collect(self, turns: int) -> tuple[Fragment, list[Episode]]:
        """Play T turns at all tables."""
        kept: list[tuple[Tensor, ...]] = []
        episodes: list[Episode] = []
        memory = self.memory
        for _ in range(turns):
            words, vector, resets, valid = self._look()
            with self.clock.measure("act"):
                output = answer(self.crew, self.policy, words, vector, self.memory, resets)
                logits = output.logits[0]
                actions = self._choose(logits)
                log_probs = logits.log_softmax(-1).gather(-1, actions[:, None])[:, 0]
                self.memory = output.memory
                codes = actions.to("cpu", torch.int32).numpy()
            with OneThread():  # a table has too few games for more
                rewards, terminated, truncated = self._step(codes, episodes)
            kept.append(
                (words, vector, resets, actions, log_probs, output.values[0], rewards, terminated, truncated, valid)
            )
        words, vector, resets, _ = self._look()
        with self.clock.measure("act"):
            last = answer(self.crew, self.policy, words, vector, self.memory, resets).values[0]
        (words_, vector_, resets_, actions_, log_probs_, values_, rewards_, terminated_, truncated_, valid_) = (
            torch.stack(column) for column in zip(*kept, strict=True)
        )
        return Fragment(
            words_,
            vector_,
            resets_,
            memory,
            actions_,
            log_probs_,
            torch.cat([values_, last[None]]),
            rewards_,
            terminated_,
            truncated_,
            valid_,
        ), episodes

    def _choose(self, logits: Tensor) -> Tensor:
        """An action for each row of logits (L, A): int64 (L,)."""
        return sample(logits, self.generator)

    def _look(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What all rows see now: words (L, H, W), vector (L, V), resets (L,), valid (L,)."""
        words, vectors = zip(*(table.observe() for table in self.tables), strict=True)
        fresh = np.concatenate([table.spread(table.fresh) for table in self.tables])
        over = np.concatenate([table.spread(table.over) for table in self.tables])
        return (
            self._tensor(np.concatenate(words)),
            self._tensor(np.concatenate(vectors)),
            self._tensor(fresh),
            self._tensor(~over),
        )

    def _step(self, codes: Int32, episodes: list[Episode]) -> tuple[Tensor, Tensor, Tensor]:
        """Play one turn at all tables with codes (L,): rewards, terminated, truncated (L,)."""
        parts = []
        begin = 0
        for table in self.tables:
            reward, terminated, truncated, ended = table.step(codes[begin : begin + table.rows], self.clock)
            parts.append((reward, terminated, truncated))
            episodes.extend(ended)
            begin += table.rows
        rewards, terminated_, truncated_ = (np.concatenate(column) for column in zip(*parts, strict=True))
        return self._tensor(rewards), self._tensor(terminated_), self._tensor(truncated_)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)
