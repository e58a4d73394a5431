"""Behaviour cloning: a recurrent policy learns to play as people did in recorded games, read from top to bottom.

Recorded games are event logs, so what both seats saw is simulated anew: some games are played side by side in a batch,
T turns at a time, and every seat of every game is a row, as in `learner.rollout`. The network goes through a row's
turns in order from the memory it had at the fragment's start; gradients flow back through T turns. Cross-entropy on
the moves that were played, among those that were legal; passes count little, since people who think or sleep pass too.
The value head learns who won.

Games kept back, every tenth, tell how often the policy would have played the very move (`Score`).
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from engine.batch import GameBatch
from engine.compile import OneThread
from learner.crew import crew_of
from learner.network import ILLEGAL, Policy
from learner.network_config import NetworkConfig
from learner.precision import half_pays, half_precision
from learner.recorded import BOARD, RecordedGame, begin_recorded
from learner.snapshot import load_policy

HELD_OUT = 10  # one game in so many is kept back


@dataclass(frozen=True)
class CloneSettings:
    """How to learn from recorded games."""

    seed: int = 0
    seconds: float = 300.0  # of training
    fragments: int = 0  # to learn from, however long it takes; 0: as many as the time allows
    games: int = 32  # played side by side, where there are so many: twice as many rows a fragment
    turns: int = 16  # of a fragment: how far back gradients reach
    minibatches: int = 4  # parts the rows are dealt into; one gradient step each
    learning_rate: float = 2e-3  # of Adam, at the start; it falls to nothing as half a cosine
    passes: float = 0.05  # weight of a turn on which the player had moves and made none
    value: float = 0.25  # weight of the value loss
    max_grad_norm: float = 1.0  # gradients longer than this are shortened to it

    def __post_init__(self) -> None:
        for name in ("games", "turns", "minibatches"):
            if getattr(self, name) < 1:
                raise ValueError(f"cloning {name} is {getattr(self, name)}; accepted: 1 and more")


class Fragment(NamedTuple):
    """T turns of L rows, on the policy's device."""

    words: Tensor  # (T, L, H, W) int32
    vector: Tensor  # (T, L, V) int32
    resets: Tensor  # (T, L) bool: a game's first turn
    actions: Tensor  # (T, L) int64, what was played
    outcomes: Tensor  # (T, L) float32: 1 won, -1 lost, between them what is expected; 0 unknown
    playing: Tensor  # (T, L) bool: False where there is no game
    equals: Tensor  # (T, L, H, W) uint8: further moves as good; bits 0-3 the whole army up, down, left, right


class Source(Protocol):
    """Where fragments come from."""

    rows: int  # L
    height: int  # of the board
    width: int

    def fragment(self, turns: int) -> Fragment:
        """The next T turns of all rows."""


class Lanes:
    """Recorded games played side by side; a lane whose game has ended takes the next one."""

    height, width = BOARD.board_height, BOARD.board_width

    def __init__(self, games: Iterator[RecordedGame], lanes: int, device: torch.device) -> None:
        self._games, self._device = games, device
        self.rows = 2 * lanes
        self._batch = GameBatch("classic", lanes, board=BOARD, autoreset="off")
        self._now: list[RecordedGame | None] = [None] * lanes
        self._turn = [0] * lanes

    def fragment(self, turns: int) -> Fragment:
        """The next T turns of all lanes; row 2 * lane + seat."""
        kept: list[tuple[np.ndarray, ...]] = []
        with OneThread():
            for _ in range(turns):
                fresh = np.array([self._seat_game(lane) for lane in range(len(self._now))])
                actions = np.zeros((len(self._now), 2), np.int32)
                outcomes = np.zeros((len(self._now), 2), np.float32)
                for lane, game in enumerate(self._now):
                    if game is not None:
                        actions[lane] = game.actions[self._turn[lane]]
                        if game.winner >= 0:
                            outcomes[lane] = -1.0
                            outcomes[lane, game.winner] = 1.0
                        self._turn[lane] += 1
                playing = np.array([game is not None for game in self._now])
                seen = self._batch.observe()
                words = seen.words.reshape(-1, *seen.words.shape[2:]).copy()
                vector = seen.vector.reshape(len(words), -1).copy()
                both = (np.repeat(fresh, 2), actions.reshape(-1).astype(np.int64), outcomes.reshape(-1))
                kept.append((words, vector, *both, np.repeat(playing, 2), np.zeros(words.shape, np.uint8)))
                self._batch.step(actions)
        columns = zip(*kept, strict=True)
        return Fragment(*(torch.from_numpy(np.stack(column)).to(self._device) for column in columns))

    def _seat_game(self, lane: int) -> bool:
        """Put the next game on a lane whose own has ended; whether it has just begun."""
        game = self._now[lane]
        if game is not None and self._turn[lane] < len(game.actions):
            return False
        game = next((game for game in self._games if len(game.actions)), None)
        self._now[lane], self._turn[lane] = game, 0
        if game is None:
            return False
        begin_recorded(self._batch, lane, game)
        return True


class Losses(NamedTuple):
    """What a gradient step lowered; scalars."""

    choice: Tensor  # cross-entropy of what was played, in nats
    value: Tensor


def losses_of(logits: Tensor, values: Tensor, fragment: Fragment, weight: Tensor) -> Losses:
    """The parts of the loss over (T, B) turns, logits (T, B, A); weight (T, B) as `weights_of` gives it, normalised."""
    log_p = logits.masked_fill(~accepted(fragment, logits.shape[-1]), ILLEGAL).logsumexp(-1) - logits.logsumexp(-1)
    known = (fragment.outcomes != 0) & fragment.playing
    error = F.smooth_l1_loss(values, fragment.outcomes, reduction="none")
    choice = -(torch.where(weight > 0, log_p, 0.0) * weight).sum()
    return Losses(choice, (error * known).sum() / known.sum().clamp(min=1))


def accepted(fragment: Fragment, actions: int) -> Tensor:
    """The action played and those as good, bool (T, L, A)."""
    moves = fragment.equals.flatten(2)
    bits = torch.arange(4, device=moves.device, dtype=moves.dtype)
    chosen = torch.zeros((*moves.shape[:2], actions), dtype=torch.bool, device=moves.device)
    chosen[..., 1 : 1 + 8 * moves.shape[2]].view(*moves.shape, 4, 2)[..., 0] = (moves[..., None] >> bits) & 1 == 1
    return chosen.scatter_(-1, fragment.actions[..., None], True)


def learnable(logits: Tensor, fragment: Fragment) -> Tensor:
    """Turns from which something can be learned, (T, L) bool: the action was legal, and one of several."""
    legal = logits > ILLEGAL / 2
    played = legal.gather(-1, fragment.actions[..., None])[..., 0]
    return fragment.playing & played & (legal.sum(-1) > 1)


def weights_of(logits: Tensor, fragment: Fragment, passes: float) -> Tensor:
    """The weight of every turn's choice, (T, L) float32: 1 for a move, `passes` for a pass, 0 where none was open."""
    return learnable(logits, fragment) * torch.where(fragment.actions > 0, 1.0, passes)


class Cloning:
    """A policy with its optimizer and its memory of the lanes."""

    def __init__(
        self, network: NetworkConfig, settings: CloneSettings, device: str = "cpu", start: Path | None = None
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.policy = Policy(network).to(device)
        if start is not None:
            self.policy.load_state_dict(load_policy(start, device).policy.state_dict())
        self.device = torch.device(device)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=settings.learning_rate, eps=1e-5)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.crew = crew_of(self.device)
        self.turns = 0  # player-turns learned from, passes included

    def train(self, games: list[RecordedGame], told: Callable[[float, Losses], None]) -> None:
        """Learn from games, in ever new order; see `learn`."""
        lanes = min(self.settings.games, len(games))
        self.learn(Lanes(self._endless(games), lanes, self.device), told)

    def learn(self, source: Source, told: Callable[[float, Losses], None]) -> None:
        """Learn until time or fragments are used up; `told` hears of every fragment."""
        s = self.settings
        memory = self.policy.first_memory(source.rows, source.height, source.width)
        started, done = time.perf_counter(), 0
        while (progress := done / s.fragments if s.fragments else (time.perf_counter() - started) / s.seconds) < 1.0:
            done += 1
            for group in self.optimizer.param_groups:
                group["lr"] = 0.5 * s.learning_rate * (1.0 + math.cos(math.pi * progress))
            fragment = source.fragment(s.turns)
            following, seen = torch.empty_like(memory), []
            order = torch.randperm(source.rows, generator=self.generator).to(self.device)
            for rows in order.chunk(s.minibatches):
                losses, following[rows] = self._step(Fragment(*(x[:, rows] for x in fragment)), memory[rows])
                nn.utils.clip_grad_norm_(self.policy.parameters(), s.max_grad_norm)
                self.optimizer.step()
                seen.append(losses)
            memory = following
            self.turns += int(fragment.playing.sum())
            told(progress, Losses(*(torch.stack(column).mean() for column in zip(*seen, strict=True))))

    def _endless(self, games: list[RecordedGame]) -> Iterator[RecordedGame]:
        while True:
            for number in torch.randperm(len(games), generator=self.generator).tolist():
                yield games[number]

    def _step(self, fragment: Fragment, memory: Tensor) -> tuple[Losses, Tensor]:
        """Set the gradients of the loss over some rows, which the crew deals out; losses and the memory after them."""
        parameters = list(self.policy.parameters())
        count = self.crew.parts(len(memory))

        def work(part: tuple[Fragment, Tensor]) -> tuple[Losses, Tensor, Tensor, tuple[Tensor, ...]]:
            turns, before = part
            with half_precision(self.device, half_pays(self.device)):
                output = self.policy(turns.words, turns.vector, before, turns.resets)
            logits = output.logits.float()
            weight = weights_of(logits.detach(), turns, self.settings.passes)
            total = weight.sum().clamp(min=1e-6)
            losses = losses_of(logits, output.values, turns, weight / total)
            loss = losses.choice + self.settings.value * losses.value
            gradients = torch.autograd.grad(loss, parameters)
            return Losses(*(number.detach() for number in losses)), total, output.memory.detach().float(), gradients

        columns = zip(*(x.chunk(count, dim=1) for x in fragment), strict=True)
        done = self.crew.map(work, list(zip((Fragment(*c) for c in columns), memory.chunk(count), strict=True)))
        losses, totals, memories, gradients = zip(*done, strict=True)
        shares = torch.stack(totals) / torch.stack(totals).sum()
        for parameter, *parts in zip(parameters, *gradients, strict=True):
            parameter.grad = torch.einsum("p,p...->...", shares, torch.stack(parts))
        means = Losses(*((torch.stack(column) * shares).sum() for column in zip(*losses, strict=True)))
        return means, torch.cat(memories)


@dataclass(frozen=True)
class Score:
    """How well a policy foretells recorded play; parts of the player-turns on which the player moved."""

    games: int
    moves: int
    first: float  # the move was the policy's first choice
    three: float  # among its first three
    nats: float  # mean cross-entropy of the moves, passes left aside
    by_chance: float  # what a choice at random among the legal moves would foretell
    winner: float  # part of player-turns, of games with a winner, on which the value had the right sign


@torch.no_grad()
def score(policy: Policy, games: list[RecordedGame], lanes: int = 16, turns: int = 16) -> Score:
    """Foretell every move of some games, the policy's memory running from its first turn."""
    device = next(policy.parameters()).device
    lanes = min(lanes, len(games))
    field = Lanes(iter(games), lanes, device)
    memory = policy.first_memory(2 * lanes, BOARD.board_height, BOARD.board_width)
    sums = torch.zeros(5, dtype=torch.float64)
    signs = torch.zeros(2, dtype=torch.float64)
    while (fragment := field.fragment(turns)).playing.any():
        output = policy(fragment.words, fragment.vector, memory, fragment.resets)
        memory = output.memory
        moved = learnable(output.logits, fragment) & (fragment.actions > 0)
        logits, actions = output.logits[moved][:, 1:], fragment.actions[moved][:, None] - 1
        played = logits.gather(1, actions)
        rank = (logits > played).sum(1)
        nats = -(played[:, 0] - logits.logsumexp(1))
        chance = 1.0 / (logits > ILLEGAL / 2).sum(1)
        parts = (torch.ones_like(rank), rank == 0, rank < 3, nats, chance)
        sums += torch.stack([part.double().sum() for part in parts]).cpu()
        known = fragment.playing & (fragment.outcomes != 0)
        right = (output.values.sign() == fragment.outcomes) & known
        signs += torch.stack([right.sum(), known.sum()]).double().cpu()
    moves, first, three, nats_sum, chance_sum = sums.tolist()
    each = max(moves, 1.0)
    correct = float(signs[0] / signs[1].clamp(min=1))
    return Score(len(games), int(moves), first / each, three / each, nats_sum / each, chance_sum / each, correct)


def divide(games: list[RecordedGame]) -> tuple[list[RecordedGame], list[RecordedGame]]:
    """Games to learn from, and every tenth to be kept back; of fewer than ten the last, a single one for both."""
    kept = games[HELD_OUT - 1 :: HELD_OUT] or games[-1:]
    names = {id(game) for game in kept}
    return [game for game in games if id(game) not in names] or games, kept
