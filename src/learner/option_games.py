"""Games in which players choose among options (`engine.bots.options`): some ten thousand turns a second of one core.

A fragment is T turns of G games of two seats, played within one compiled loop: facts of both seats, choices by the
networks, moves, autoreset. Letters: G games, T turns, K networks, F facts, H hidden units, O options.
"""

from typing import NamedTuple

import numpy as np

from engine.arrays import Bool, Float32, Int8, Int16, Int32
from engine.batch import END_FIELDS, END_TERMINATED, END_TRUNCATED, END_WINNER, SAME, GameBatch, step_game
from engine.board import EPISODE, MAX_SEATS, get
from engine.bots import choose_in_game, scratch_words
from engine.bots.desk import MOVABLE
from engine.bots.options import OPEN, OPTIONS, follow, seeker_option, settled
from engine.bots.sight import vector_start
from engine.bots.situation import FACT_COUNT, FACTS, IS_ENOUGH, assess
from engine.bots.strategist import FOR_OPTION
from engine.chance import FOR_PLAY, draw, draw_unit, make_key
from engine.compile import kernel, loop, prange
from engine.rewards import Shaping

OPTION_COUNT = len(OPTIONS)
FACT_UNIT = 1.0 / 16.0  # what a fact is multiplied with before a network reads it
RUNS = 32  # parts that the games are dealt out in
NONE = -1  # instead of an option: nothing was chosen
SEEKER = -1  # a player: chooses what the seeker would do
FIRST_BOT = -2  # and so on downwards: bots of `engine.bots` by code; 0 and up are networks


class Weights(NamedTuple):
    """K networks, float32, as the loop reads them."""

    phases: Float32  # (K, 50, H): the first layer's biases, by turn of the cycle
    inputs: Float32  # (K, F, H), row 0 unused
    outputs: Float32  # (K, H, O)
    biases: Float32  # (K, O)

    @classmethod
    def stack(cls, networks: "list[Weights]") -> "Weights":
        """Many in one."""
        return cls(*(np.concatenate(parts) for parts in zip(*networks, strict=True)))


@kernel
def score(
    desk: Int32, phases: Float32, inputs: Float32, outputs: Float32, biases: Float32, hidden: Float32, out: Float32
) -> None:
    """Logits (O,) of one network for the facts on a desk; hidden (H,) is scratch."""
    phase = int(desk[FACTS])
    for j in range(len(hidden)):
        hidden[j] = phases[phase, j]
    for i in range(1, FACT_COUNT):
        fact = np.float32(desk[FACTS + i]) * np.float32(FACT_UNIT)
        if fact != 0.0:
            for j in range(len(hidden)):
                hidden[j] += fact * inputs[i, j]
    for k in range(OPTION_COUNT):
        out[k] = biases[k]
    for j in range(len(hidden)):
        if hidden[j] > 0.0:
            for k in range(OPTION_COUNT):
                out[k] += hidden[j] * outputs[j, k]


@kernel
def sample(logits: Float32, chance: float) -> int:
    """An option drawn by its logits (O,); chance lies in [0, 1)."""
    most = logits[0]
    for k in range(1, OPTION_COUNT):
        most = max(most, logits[k])
    total = 0.0
    for k in range(OPTION_COUNT):
        total += np.exp(logits[k] - most)
    left = chance * total
    for k in range(OPTION_COUNT):
        left -= np.exp(logits[k] - most)
        if left < 0.0:
            return k
    return OPTION_COUNT - 1


@loop
def play_fragment(
    rows: Int32,
    players: Int8,
    phases: Float32,
    inputs: Float32,
    outputs: Float32,
    biases: Float32,
    weights: Float32,
    spec: Int32,
    seed: int,
    max_turns: int,
    facts_out: Int16,
    options_out: Int8,
    reward_out: Float32,
    done_out: Int8,
    winner_out: Int8,
    desks: Int32,
) -> None:
    """Play T turns of every game; `OptionFragment` names what is written. rows (G, N), players (G, 2), desks (RUNS, .);
    weights and spec as `engine.batch.step_games` takes them.
    """
    turns, games = done_out.shape
    runs = desks.shape[0]
    for run in prange(runs):
        desk = desks[run]
        hidden = np.zeros(phases.shape[2], np.float32)
        logits = np.zeros(OPTION_COUNT, np.float32)
        actions = np.zeros(2, np.int32)
        reward = np.zeros(2, np.float32)
        ended = np.zeros(END_FIELDS, np.int32)
        for g in range(games * run // runs, games * (run + 1) // runs):
            board = rows[g]
            for t in range(turns + 1):
                stream = make_key(seed, g, get(board, EPISODE), FOR_PLAY)
                turn = int(board[vector_start(board, 0)])
                for s in range(2):
                    player = int(players[g, s])
                    alive = assess(board, s, desk)
                    for i in range(FACT_COUNT):
                        facts_out[t, g, s, i] = desk[FACTS + i] if alive else 0
                    if t < turns:
                        key = draw(stream, turn * MAX_SEATS + s)
                        options_out[t, g, s] = NONE
                        actions[s] = 0
                        if player <= FIRST_BOT:
                            actions[s] = choose_in_game(board, g, s, FIRST_BOT - player, seed, desk)
                        elif alive and int(desk[MOVABLE]) > 0:
                            actions[s] = settled(board, desk, key)
                            if int(actions[s]) == OPEN:
                                if player == SEEKER:
                                    option = seeker_option(board, desk, int(desk[FACTS + IS_ENOUGH]) > 0)
                                else:
                                    score(
                                        desk,
                                        phases[player],
                                        inputs[player],
                                        outputs[player],
                                        biases[player],
                                        hidden,
                                        logits,
                                    )
                                    option = sample(logits, draw_unit(key, FOR_OPTION))
                                options_out[t, g, s] = option
                                actions[s] = follow(board, desk, option, key)
                if t < turns:
                    step_game(board, actions, reward, ended, weights, spec, seed, g, max_turns, SAME)
                    reward_out[t, g, 0] = reward[0]
                    reward_out[t, g, 1] = reward[1]
                    done_out[t, g] = 1 if ended[END_TERMINATED] + ended[END_TRUNCATED] != 0 else 0
                    winner_out[t, g] = ended[END_WINNER]


class OptionFragment(NamedTuple):
    """What T turns of G games tell. Written anew by the next fragment."""

    facts: Int16  # (T + 1, G, 2, F): before each turn, and after the last
    options: Int8  # (T, G, 2): what was chosen, or NONE where nothing was
    reward: Float32  # (T, G, 2)
    done: Bool  # (T, G): the game ended with this turn, and another began
    winner: Int8  # (T, G): of games that ended their seat, below 0 nobody


class OptionGames:
    """G games on one kind of map, which begin anew by themselves.

    players: int8 (G, 2), to be changed between fragments: a network's number, SEEKER, or FIRST_BOT - a bot's code.
    """

    def __init__(
        self, ruleset: str, board: str, games: int, turns: int, seed: int, max_turns: int, shaping: Shaping
    ) -> None:
        self.batch = GameBatch(ruleset, games, seed, board=board, max_turns=max_turns, shaping=shaping)
        self.batch.reset()
        self._weights, self._spec = shaping.numbers(), self.batch.map_spec.integers()
        self.name = ruleset
        self.players: Int8 = np.full((games, 2), SEEKER, np.int8)
        self._facts = np.zeros((turns + 1, games, 2, FACT_COUNT), np.int16)
        self._options = np.zeros((turns, games, 2), np.int8)
        self._reward = np.zeros((turns, games, 2), np.float32)
        self._done = np.zeros((turns, games), np.int8)
        self._winner = np.zeros((turns, games), np.int8)
        self._desks = np.zeros((RUNS, scratch_words(self.batch.tiles)), np.int32)

    def collect(self, networks: Weights) -> OptionFragment:
        """Play the next fragment with these networks."""
        batch = self.batch
        play_fragment(
            batch.rows,
            self.players,
            *networks,
            self._weights,
            self._spec,
            batch.seed,
            batch.max_turns,
            self._facts,
            self._options,
            self._reward,
            self._done,
            self._winner,
            self._desks,
        )
        return OptionFragment(self._facts, self._options, self._reward, self._done.astype(np.bool_), self._winner)
