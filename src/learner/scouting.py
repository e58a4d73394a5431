"""Teaching the scout where generals hide, from games of bots and from recorded ones.

Every few turns of a game each seat that has met an enemy or left the opening and does not know the enemy's general is
a lesson: what it sees and has noted, and where the general is. The loss is the softmax's cross-entropy over all tiles
where it may be, in nats. Letters: N lessons, H x W tiles.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.arrays import Int16, Int32, Int64
from engine.batch import GameBatch
from engine.board import GENERAL_AT, HEADER, RUNNING, SEAT_FIELDS, WINNER
from engine.bots import scratch_words
from engine.bots.scout import Notes, must_guess
from engine.bots.told import NEVER, guesses
from learner.crew import crew_of
from learner.precision import half_pays, half_precision
from learner.recorded import BOARD, RecordedGame, begin_recorded
from learner.scout import POINT, Position, Scout
from learner.whereabouts import PLAYERS, RULESETS

PAIRS = (
    *PLAYERS,
    ("seeker", "strategist"),
    ("hunter", "strategist"),
    ("strategist", "tracker"),
    ("strategist", "strategist"),
    ("expander", "seeker"),
)
EVERY = 22  # turns between two lessons of a game
MAX_TURNS = 500  # of a game
RATE, LEAST_RATE, WARM_UP = 2e-3, 2e-5, 200  # Adam's rate at the start and at the end, and steps until it is reached
BATCH = 128  # lessons of a step, unless more are wanted
CPU = torch.device("cpu")
HELD_OUT = 20  # one game in so many tells how good the guesses are
REPORT = 15.0  # seconds between two reports


class Lessons(NamedTuple):
    """N lessons."""

    words: Int32  # (N, H, W)
    vector: Int32  # (N, V)
    first: Int16  # (N, H, W)
    last: Int16  # (N, H, W)
    points: Int32  # (N, H, W)
    truth: Int64  # (N,): the general's tile
    game: Int64  # (N,): of which game it is

    @property
    def is_held(self) -> NDArray[np.bool_]:
        """Which are of games that are not learned from, bool (N,)."""
        held: NDArray[np.bool_] = self.game % HELD_OUT == 0
        return held

    def on(self, device: torch.device) -> "Material":
        """All of them as tensors; a CPU's share their memory."""
        *position, truth = (
            torch.from_numpy(field).to(device)
            for field in (self.words, self.vector, self.first, self.last, self.points, self.truth)
        )
        return Material(Position(*position), truth)

    def positions(self, chosen: Int64) -> "Material":
        """Some of them on the CPU."""
        return self.on(CPU).pick(chosen)


class Material(NamedTuple):
    """Lessons for the network, on its device."""

    position: Position  # of N lessons
    truth: Tensor  # int64 (N,): the general's tile

    def pick(self, chosen: Int64) -> "Material":
        """Some of them, in this order."""
        index = torch.from_numpy(chosen).to(self.truth.device)
        return Material(Position(*(field[index] for field in self.position)), self.truth[index])


def collect(games: int, seed: int, tell: Callable[[int, int], None] = lambda done, of: None) -> Lessons:
    """Lessons of so many games for each ruleset and pair of players; `tell` hears how many kinds of game are done."""
    parts: list[Lessons] = []
    kinds = [(ruleset, players) for ruleset in RULESETS for players in PAIRS]
    for number, ((ruleset, board), players) in enumerate(kinds):
        batch = GameBatch(ruleset, games, seed + number, board=board, autoreset="off")
        batch.reset()
        parts += _lessons_of(batch, partial(_bots_turn, batch, players), number * games)
        tell(number + 1, len(kinds))
    return joined(parts)


def collect_recorded(
    games: Sequence[RecordedGame], tell: Callable[[int, int], None] = lambda done, of: None, at_once: int = 256
) -> Lessons:
    """Lessons of recorded games, so many side by side; `tell` hears how many games are done."""
    parts: list[Lessons] = []
    for first in range(0, len(games), at_once):
        some = games[first : first + at_once]
        batch = GameBatch("classic", len(some), board=BOARD, autoreset="off")
        for g, game in enumerate(some):
            begin_recorded(batch, g, game)
        parts += _lessons_of(batch, partial(_recorded_turn, some), first)
        tell(first + len(some), len(games))
    return joined(parts)


def joined(parts: Sequence[Lessons]) -> Lessons:
    """Lessons one after the other."""
    return Lessons(*(np.concatenate(column) for column in zip(*parts, strict=True)))


class Turn(NamedTuple):
    """What is played in a turn of G games."""

    actions: Int32  # (G, 2)
    goes_on: NDArray[np.bool_]  # (G,): whether the game is not over


def _bots_turn(batch: GameBatch, players: tuple[str, str], turn: int) -> Turn:
    return Turn(batch.bot_actions(players), batch.rows[:, WINNER] == RUNNING)


def _recorded_turn(games: Sequence[RecordedGame], turn: int) -> Turn:
    over = np.zeros(2, np.int32)
    actions = [game.actions[turn] if turn < len(game.actions) else over for game in games]
    return Turn(np.array(actions), np.array([turn < len(game.actions) for game in games]))


def _lessons_of(batch: GameBatch, play: Callable[[int], Turn], first_game: int) -> list[Lessons]:
    """The lessons of a batch's games from their first turn on, which are numbered from `first_game`."""
    games, shape = batch.num_games, (batch.num_games, batch.height, batch.width)
    chosen = np.arange(games, dtype=np.int32)
    notes = [Notes(*shape) for _ in range(2)]
    points, is_guess = np.zeros((games, batch.tiles), np.int32), np.zeros(games, np.int32)
    scratch = np.zeros((games, scratch_words(batch.tiles)), np.int32)
    found: list[Lessons] = []
    for turn in range(MAX_TURNS):
        actions, goes_on = play(turn)
        if not goes_on.any():
            break
        view = batch.observe()
        for s in range(2):
            words, vector = view.words[:, s], view.vector[:, s]
            notes[s].take(words, vector[:, 0], chosen)
            if turn % EVERY == 0:
                guesses(batch.rows, chosen, s, points, is_guess, scratch)
                truth = batch.rows[:, HEADER + (1 - s) * SEAT_FIELDS + GENERAL_AT].astype(np.int64)
                is_there = points[chosen, np.maximum(truth, 0)] > NEVER
                k = np.flatnonzero(goes_on & (is_guess == 1) & must_guess(words, vector[:, 0]) & is_there)
                found.append(
                    Lessons(
                        words[k].copy(),
                        vector[k].copy(),
                        notes[s].first[k],
                        notes[s].last[k],
                        points.reshape(shape)[k],
                        truth[k],
                        first_game + k.astype(np.int64),
                    )
                )
        batch.step(actions)
    return found


def turned(planes: Tensor, truth: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """A map (B, H, W) and tiles (B,) turned or mirrored one of eight ways, 0 to 7. The map is square."""
    marked = torch.zeros_like(planes, dtype=torch.bool).flatten(1)
    marked[torch.arange(len(truth), device=truth.device), truth] = True
    both = []
    for tiles in (planes, marked.view(planes.shape)):
        tiles = tiles.flip(1) if side & 1 else tiles
        tiles = tiles.flip(2) if side & 2 else tiles
        both.append(tiles.transpose(1, 2) if side & 4 else tiles)
    found = both[1].flatten(1).int().argmax(1)
    return both[0], found


@dataclass
class Report:
    """How far the training is."""

    steps: int
    nats: float  # a running mean of the loss
    part: float  # of the time that is over


def train(
    lessons: Lessons,
    minutes: float,
    seed: int,
    tell: Callable[[Report], None],
    start: Scout | None = None,
    device: torch.device = CPU,
    batch: int = BATCH,
) -> Scout:
    """Teach a network for so many minutes on games that are not held out, `batch` lessons a step, in bfloat16 where
    that pays; it comes back on the CPU. KeyboardInterrupt ends it early.
    """
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    network = (start if start is not None else Scout()).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.train()
    learned, material = np.flatnonzero(~lessons.is_held), lessons.on(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    crew = crew_of(device)
    begin = said = time.monotonic()
    steps, nats = 0, torch.zeros((), device=device)
    try:
        while (part := (time.monotonic() - begin) / (60.0 * minutes) if minutes > 0 else 1.0) < 1.0:
            falling = 0.5 + 0.5 * float(np.cos(np.pi * part))
            optimiser.param_groups[0]["lr"] = LEAST_RATE + RATE * min(1.0, steps / WARM_UP) * falling
            chosen, side = chance.choice(learned, batch), int(chance.integers(8))
            dealt = np.array_split(chosen, crew.parts(batch))
            losses, gradients = zip(*crew.map(partial(learn_from, network, material, side), dealt), strict=True)
            for parameter, *shares in zip(network.parameters(), *gradients, strict=True):
                parameter.grad = torch.stack(shares).sum(0) / batch
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            steps += 1
            nats += max(0.01, 1.0 / steps) * (torch.stack(losses).sum() / batch - nats)
            if time.monotonic() - said > REPORT:
                said = time.monotonic()
                tell(Report(steps, float(nats), part))
        if steps:
            tell(Report(steps, float(nats), 1.0))
    except KeyboardInterrupt:
        pass
    return network.to(CPU).eval()


def learn_from(network: Scout, material: Material, side: int, chosen: Int64) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The loss on some lessons turned one of eight ways, summed over them, and its gradients."""
    position, truth = material.pick(chosen)
    maps = {}
    for name in ("words", "first", "last", "points"):
        maps[name], found = turned(getattr(position, name), truth, side)
    with half_precision(truth.device, half_pays(truth.device)):
        said = network(position._replace(**maps))
    loss = cross_entropy(said.flatten(1), found, reduction="sum")
    return loss.detach(), torch.autograd.grad(loss, list(network.parameters()))


def surprise(network: Scout, lessons: Lessons) -> tuple[float, float]:
    """Mean nats by which the general's tile was not foretold in held-out games: by the network, and by the tables."""
    held = np.flatnonzero(lessons.is_held)
    by_network, by_tables = [], []
    with torch.no_grad():
        for chosen in np.array_split(held, max(1, len(held) // BATCH)):
            position, truth = lessons.positions(chosen)
            by_network.append(cross_entropy(network(position).flatten(1), truth, reduction="none"))
            tables = torch.where(position.points > NEVER, position.points.float() / POINT, -torch.inf)
            by_tables.append(cross_entropy(tables.flatten(1), truth, reduction="none"))
    return float(torch.cat(by_network).mean()), float(torch.cat(by_tables).mean())
