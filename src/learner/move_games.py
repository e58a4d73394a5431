"""Games in which players choose among moves (`engine.bots.moves`): some ten thousand turns a second of one core.

A fragment is T turns of G games of two seats, played within one compiled loop: facts of both seats, the moves of those
who learn, choices by the networks, autoreset. Letters: G games, T turns, K networks, F facts, M features of a move, H
hidden units, R moves in all.
"""

from typing import NamedTuple

import numpy as np

from engine.arrays import Bool, Float32, Int8, Int16, Int32, Int64
from engine.batch import END_FIELDS, END_TERMINATED, END_TRUNCATED, END_WINNER, SAME, GameBatch, step_game
from engine.board import EPISODE, MAX_SEATS, get
from engine.bots import choose_in_game, scratch_words
from engine.bots.desk import BY_TABLES, MOVABLE
from engine.bots.moves import ADVICE, FEATURE, FEATURES, ask_advisers, describe, list_moves, listed
from engine.bots.options import OPEN, settled
from engine.bots.sight import vector_start
from engine.bots.situation import FACT_COUNT, FACTS, assess
from engine.bots.strategist import draw_move, score_moves
from engine.chance import FOR_PLAY, draw, make_key
from engine.compile import kernel, loop, prange
from engine.rewards import Shaping

RUNS = 32  # parts that the games are dealt out in
NONE = -1  # instead of a move: nothing was chosen, or there was no room to keep it
LEARNER = 0  # a player: network 0, which learns; those above are networks as well
SEEKER = -1  # plays the seeker's moves, and what it chooses among is kept
FIRST_BOT = -2  # and so on downwards: bots of `engine.bots` by code
MOVES_KEPT = 100  # room for so many moves a turn of a seat, in the mean


class Weights(NamedTuple):
    """K networks, int16, as `engine.bots.strategist` reads them."""

    phases: Int16  # (K, 50, H): the hidden layer's biases, by turn of the cycle
    inputs: Int16  # (K, F, H), row 0 unused
    moves: Int16  # (K, M, H)
    outputs: Int16  # (K, H)
    skips: Int16  # (K, M)

    @classmethod
    def stack(cls, networks: "list[Weights]") -> "Weights":
        """Many in one."""
        return cls(*(np.concatenate(parts) for parts in zip(*networks, strict=True)))


@kernel
def keep(desk: Int32, count: int, features_out: Int8) -> int:
    """Write down the features (count, M) of all moves listed; returns the number of the seeker's."""
    seekers = 0
    for k in range(count):
        action = int(desk[listed(desk, k)])
        describe(desk, action)
        for i in range(FEATURES):
            features_out[k, i] = desk[FEATURE + i]
        if action == int(desk[ADVICE]):
            seekers = k
    return seekers


@loop
def play_fragment(
    rows: Int32,
    players: Int8,
    phases: Int16,
    inputs: Int16,
    moves: Int16,
    outputs: Int16,
    skips: Int16,
    weights: Float32,
    spec: Int32,
    seed: int,
    max_turns: int,
    facts_out: Int16,
    first_out: Int64,
    among_out: Int32,
    chosen_out: Int32,
    seekers_out: Int32,
    reward_out: Float32,
    done_out: Int8,
    winner_out: Int8,
    features_out: Int8,
    kept_out: Int64,
    desks: Int32,
) -> None:
    """Play T turns of every game; `MoveFragment` names what is written, features_out is (RUNS, room, M) and kept_out
    (RUNS,), how many moves each run kept. rows (G, N), players (G, 2), desks (RUNS, .); weights and spec as
    `engine.batch.step_games` takes them.
    """
    turns, games = done_out.shape
    runs = desks.shape[0]
    for run in prange(runs):
        desk = desks[run]
        actions = np.zeros(2, np.int32)
        reward = np.zeros(2, np.float32)
        ended = np.zeros(END_FIELDS, np.int32)
        kept = 0
        for g in range(games * run // runs, games * (run + 1) // runs):
            board = rows[g]
            for t in range(turns + 1):
                stream = make_key(seed, g, get(board, EPISODE), FOR_PLAY)
                turn = int(board[vector_start(board, 0)])
                for s in range(2):
                    player = int(players[g, s])
                    alive = assess(board, s, BY_TABLES, desk)
                    for i in range(FACT_COUNT):
                        facts_out[t, g, s, i] = desk[FACTS + i] if alive else 0
                    if t < turns:
                        key = draw(stream, turn * MAX_SEATS + s)
                        first_out[t, g, s], among_out[t, g, s] = 0, 0
                        chosen_out[t, g, s], seekers_out[t, g, s] = NONE, NONE
                        actions[s] = 0
                        if player <= FIRST_BOT:
                            actions[s] = choose_in_game(board, g, s, FIRST_BOT - player, seed, desk)
                        elif alive and int(desk[MOVABLE]) > 0:
                            actions[s] = settled(board, desk, key)
                            if int(actions[s]) == OPEN:
                                ask_advisers(board, desk, key)
                                count = list_moves(desk)
                                chosen, seekers = 0, 0
                                is_kept = player <= LEARNER and kept + count <= features_out.shape[1]
                                if is_kept:
                                    seekers = keep(desk, count, features_out[run, kept:])
                                    chosen = seekers
                                actions[s] = desk[ADVICE]
                                if player >= 0:
                                    score_moves(
                                        desk,
                                        count,
                                        phases[player],
                                        inputs[player],
                                        moves[player],
                                        outputs[player],
                                        skips[player],
                                    )
                                    chosen = draw_move(desk, count, key)
                                    actions[s] = desk[listed(desk, chosen)]
                                if is_kept:
                                    first_out[t, g, s], among_out[t, g, s] = kept, count
                                    chosen_out[t, g, s], seekers_out[t, g, s] = chosen, seekers
                                    kept += count
                if t < turns:
                    step_game(board, actions, reward, ended, weights, spec, seed, g, max_turns, SAME)
                    reward_out[t, g, 0] = reward[0]
                    reward_out[t, g, 1] = reward[1]
                    done_out[t, g] = 1 if ended[END_TERMINATED] + ended[END_TRUNCATED] != 0 else 0
                    winner_out[t, g] = ended[END_WINNER]
        kept_out[run] = kept


class MoveFragment(NamedTuple):
    """What T turns of G games tell. Written anew by the next fragment."""

    facts: Int16  # (T + 1, G, 2, F): before each turn, and after the last
    features: Int8  # (R, M): of all moves that were chosen among
    first: Int64  # (T, G, 2): of these the first of a turn,
    among: Int32  # (T, G, 2): and how many they are
    chosen: Int32  # (T, G, 2): the number of the move among them, or NONE where nothing was kept
    seekers: Int32  # (T, G, 2): the number of the seeker's
    reward: Float32  # (T, G, 2)
    done: Bool  # (T, G): the game ended with this turn, and another began
    winner: Int8  # (T, G): of games that ended their seat, below 0 nobody


class MoveGames:
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
        self._first = np.zeros((turns, games, 2), np.int64)
        self._among, self._chosen, self._seekers = (np.zeros((turns, games, 2), np.int32) for _ in range(3))
        self._reward = np.zeros((turns, games, 2), np.float32)
        self._done = np.zeros((turns, games), np.int8)
        self._winner = np.zeros((turns, games), np.int8)
        room = max(2 * turns * -(-games // RUNS) * MOVES_KEPT, 4 * self.batch.tiles + 2)
        self._features = np.zeros((RUNS, room, FEATURES), np.int8)
        self._kept = np.zeros(RUNS, np.int64)
        self._desks = np.zeros((RUNS, scratch_words(self.batch.tiles)), np.int32)
        self._run_of = np.concatenate(
            [np.full(games * (run + 1) // RUNS - games * run // RUNS, run) for run in range(RUNS)]
        )

    def collect(self, networks: Weights) -> MoveFragment:
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
            self._first,
            self._among,
            self._chosen,
            self._seekers,
            self._reward,
            self._done,
            self._winner,
            self._features,
            self._kept,
            self._desks,
        )
        before = np.cumsum(self._kept) - self._kept
        return MoveFragment(
            self._facts,
            np.concatenate([features[:kept] for features, kept in zip(self._features, self._kept, strict=True)]),
            self._first + before[self._run_of][:, None],
            self._among,
            self._chosen,
            self._seekers,
            self._reward,
            self._done.astype(np.bool_),
            self._winner,
        )
