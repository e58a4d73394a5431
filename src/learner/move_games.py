"""Games in which players choose among moves (`engine.bots.moves`): some ten thousand turns a second of one core.

A fragment is T turns of G games of two seats, played within one compiled loop: facts of both seats, the moves of those
who learn, choices by the networks, autoreset. Some seats go by guesses of where the enemy's general is, as the scout
does; these are made anew every GUESS_EVERY turns. Letters: G games, T turns, K networks, F facts, M features of a move,
H hidden units, R moves in all, N tiles.
"""

from typing import NamedTuple

import numpy as np

from engine.actions import PASS
from engine.arrays import Bool, Float32, Int8, Int16, Int32, Int64
from engine.batch import END_FIELDS, END_TERMINATED, END_TRUNCATED, END_WINNER, SAME, GameBatch, step_game
from engine.board import ENEMY, EPISODE, MAX_SEATS, TILES, VISIBLE, get
from engine.bots import choose_in_game, scratch_words
from engine.bots.desk import BY_TABLES, MOVABLE, TOLD
from engine.bots.moves import ADVICE, FEATURE, FEATURES, ask_advisers, describe, list_moves, listed
from engine.bots.options import OPEN, settled
from engine.bots.scout import Guesser, must_guess
from engine.bots.sight import relation_in, vector_start, view_start, view_step
from engine.bots.situation import FACT_COUNT, FACTS, assess
from engine.bots.strategist import draw_move, score_moves, score_next, weigh_facts
from engine.bots.told import guesses, tell
from engine.chance import FOR_PLAY, draw, make_key
from engine.compile import kernel, loop, prange
from engine.rewards import Shaping

RUNS = 32  # parts that the games are dealt out in
NONE = -1  # instead of a move: nothing was chosen, or there was no room to keep it
LEARNER = 0  # a player: network 0, which learns; those above are networks as well
SEEKER = -1  # plays the seeker's moves, and what it chooses among is kept
FIRST_BOT = -2  # and so on downwards: bots of `engine.bots` by code
GUESS_EVERY = 16  # turns that a guess is gone by
UNTOLD, AWAITING, GUESSED = range(3)  # a seat goes by the tables; will go by guesses; has one of this game
ACTION, AMONG, CHOSEN, SEEKERS = range(4)  # words of a choice: the last three as in `MoveFragment`
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
def keep(desk: Int32, count: int, networks: Weights, features_out: Int8) -> int:
    """Write down the features (count, M) of all moves listed, and score them by network LEARNER; returns the number of
    the seeker's.
    """
    weigh_facts(desk, networks.phases[LEARNER], networks.inputs[LEARNER])
    moves, outputs, skips = networks.moves[LEARNER], networks.outputs[LEARNER], networks.skips[LEARNER]
    seekers, first = 0, 0
    for k in range(count):
        action = int(desk[listed(desk, k)])
        describe(desk, action)
        for i in range(FEATURES):
            features_out[k, i] = desk[FEATURE + i]
        first = score_next(desk, k, first, moves, outputs, skips)
        if action == int(desk[ADVICE]):
            seekers = k
    return seekers


@kernel
def take_notes(board: Int32, s: int, first_seen: Int16, last_seen: Int16) -> None:
    """Note in which turns seat `s` first and last saw an enemy on each tile, (N,), as `engine.bots.scout.Notes`."""
    view, step = view_start(board, s), view_step(board)
    now = max(int(board[vector_start(board, s)]), 1)
    for t in range(get(board, TILES)):
        word = int(board[view + t * step])
        if word & VISIBLE and relation_in(word) == ENEMY:
            if int(first_seen[t]) == 0:
                first_seen[t] = now
            last_seen[t] = now


@kernel
def look(board: Int32, s: int, told: int, points: Int32, first_seen: Int16, last_seen: Int16, desk: Int32) -> bool:
    """Take notes, where they are asked for, and lay out the desk for seat `s`; whether it has a general.

    points, first_seen and last_seen (N,): a guess, and notes.
    """
    guessing = BY_TABLES
    if told != UNTOLD:
        take_notes(board, s, first_seen, last_seen)
    if told == GUESSED:
        tell(board, s, points, desk)
        guessing = TOLD
    return assess(board, s, guessing, desk)


@kernel
def choose(
    board: Int32, player: int, key: int, networks: Weights, desk: Int32, features_out: Int8, choice_out: Int32
) -> None:
    """Choose the action of a player that is no bot, on a desk that is laid out, and where it is learned from keep what
    it was chosen from: features_out (room, M), choice_out (4,), in which nothing is chosen yet.
    """
    choice_out[ACTION] = settled(board, desk, key)
    if int(choice_out[ACTION]) != OPEN:
        return
    ask_advisers(board, desk, key)
    count = list_moves(desk)
    is_kept, seekers = player <= LEARNER and count <= len(features_out), 0
    if is_kept:
        seekers = keep(desk, count, networks, features_out)
    elif player >= LEARNER:
        score_moves(
            desk,
            count,
            networks.phases[player],
            networks.inputs[player],
            networks.moves[player],
            networks.outputs[player],
            networks.skips[player],
        )
    chosen, choice_out[ACTION] = seekers, desk[ADVICE]
    if player >= LEARNER:
        chosen = draw_move(desk, count, key)
        choice_out[ACTION] = desk[listed(desk, chosen)]
    if is_kept:
        choice_out[AMONG], choice_out[CHOSEN], choice_out[SEEKERS] = count, chosen, seekers


@kernel
def forget(told: Int8, first_seen: Int16, last_seen: Int16) -> None:
    """Another game begins: told (2,), notes (2, N)."""
    for s in range(2):
        told[s] = min(int(told[s]), AWAITING)
        for n in range(first_seen.shape[1]):
            first_seen[s, n] = 0
            last_seen[s, n] = 0


@loop
def play_fragment(
    rows: Int32,
    players: Int8,
    told: Int8,
    points: Int32,
    first_seen: Int16,
    last_seen: Int16,
    networks: Weights,
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
    (RUNS,), how many moves each run kept, with those before. rows (G, .), players and told (G, 2), points, first_seen
    and last_seen (G, 2, N), desks (RUNS, .); weights and spec as `engine.batch.step_games` takes them.
    """
    turns, games = done_out.shape
    runs = desks.shape[0]
    for run in prange(runs):
        desk = desks[run]
        choice, actions = np.zeros(SEEKERS + 1, np.int32), np.zeros(2, np.int32)
        reward, ended = np.zeros(2, np.float32), np.zeros(END_FIELDS, np.int32)
        kept = int(kept_out[run])
        for g in range(games * run // runs, games * (run + 1) // runs):
            board = rows[g]
            for t in range(turns + 1):
                stream = make_key(seed, g, get(board, EPISODE), FOR_PLAY)
                turn = int(board[vector_start(board, 0)])
                for s in range(2):
                    alive = look(board, s, int(told[g, s]), points[g, s], first_seen[g, s], last_seen[g, s], desk)
                    for i in range(FACT_COUNT):
                        facts_out[t, g, s, i] = desk[FACTS + i] if alive else 0
                    if t == turns:
                        continue
                    choice[ACTION], choice[AMONG], choice[CHOSEN], choice[SEEKERS] = PASS, 0, NONE, NONE
                    player = int(players[g, s])
                    if player <= FIRST_BOT:
                        choice[ACTION] = choose_in_game(board, g, s, FIRST_BOT - player, seed, desk)
                    elif alive and int(desk[MOVABLE]) > 0:
                        key = draw(stream, turn * MAX_SEATS + s)
                        choose(board, player, key, networks, desk, features_out[run, kept:], choice)
                    actions[s] = choice[ACTION]
                    first_out[t, g, s], among_out[t, g, s] = kept, choice[AMONG]
                    chosen_out[t, g, s], seekers_out[t, g, s] = choice[CHOSEN], choice[SEEKERS]
                    kept += int(choice[AMONG])
                if t == turns:
                    continue
                step_game(board, actions, reward, ended, weights, spec, seed, g, max_turns, SAME)
                reward_out[t, g, 0], reward_out[t, g, 1] = reward[0], reward[1]
                is_over = ended[END_TERMINATED] + ended[END_TRUNCATED] != 0
                done_out[t, g], winner_out[t, g] = 1 if is_over else 0, ended[END_WINNER]
                if is_over:
                    forget(told[g], first_seen[g], last_seen[g])
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
    told: int8 (G, 2), to be changed between fragments in games that began with the last one: whether networks go by the
    guesser's guesses, UNTOLD or AWAITING.
    """

    def __init__(
        self,
        ruleset: str,
        board: str,
        games: int,
        turns: int,
        seed: int,
        max_turns: int,
        shaping: Shaping,
        guesser: Guesser | None = None,
    ) -> None:
        self.batch = GameBatch(ruleset, games, seed, board=board, max_turns=max_turns, shaping=shaping)
        self.batch.reset()
        self._weights, self._spec = shaping.numbers(), self.batch.map_spec.integers()
        self.name = ruleset
        self.players: Int8 = np.full((games, 2), SEEKER, np.int8)
        self._guesser, self._turns = guesser, turns
        self.told: Int8 = np.full((games, 2), UNTOLD, np.int8)
        self._points = np.zeros((games, 2, self.batch.tiles), np.int32)
        self._first_seen, self._last_seen = (np.zeros(self._points.shape, np.int16) for _ in range(2))
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
        self._kept[:] = 0
        step = self._turns if self._guesser is None else GUESS_EVERY
        for start in range(0, self._turns, step):
            if self._guesser is not None:
                self._guess(self._guesser)
            part = slice(start, min(start + step, self._turns))
            play_fragment(
                batch.rows,
                self.players,
                self.told,
                self._points,
                self._first_seen,
                self._last_seen,
                networks,
                self._weights,
                self._spec,
                batch.seed,
                batch.max_turns,
                self._facts[start : part.stop + 1],
                self._first[part],
                self._among[part],
                self._chosen[part],
                self._seekers[part],
                self._reward[part],
                self._done[part],
                self._winner[part],
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

    def _guess(self, guesser: Guesser) -> None:
        """Guess anew for all seats that go by guesses and have something to guess."""
        batch, seen = self.batch, self.batch.observe()
        shape = (-1, batch.height, batch.width)
        for s in range(2):
            waits = (self.told[:, s] != UNTOLD) & (self.players[:, s] >= LEARNER)
            waits &= must_guess(seen.words[:, s], seen.vector[:, s, 0])
            asked: Int32 = np.flatnonzero(waits).astype(np.int32)
            points, is_guess = np.zeros((len(asked), batch.tiles), np.int32), np.zeros(len(asked), np.int32)
            guesses(batch.rows, asked, s, points, is_guess, self._desks)
            k = np.flatnonzero(is_guess)
            g = asked[k]
            if len(g):
                first, last = (notes[g, s].reshape(shape) for notes in (self._first_seen, self._last_seen))
                words, vector = seen.words[g, s], seen.vector[g, s]
                self._points[g, s] = guesser(words, vector, first, last, points[k].reshape(shape))
                self.told[g, s] = GUESSED
