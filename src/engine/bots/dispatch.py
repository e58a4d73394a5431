"""One bot for a seat, or bots for all seats of a batch."""

from engine.actions import PASS
from engine.arrays import Int8, Int32
from engine.board import EPISODE, MAX_SEATS, OBSERVED, SEATS, get
from engine.bots.desk import BY_DEPTH, BY_POINTS, BY_TABLES
from engine.bots.expander import EXPANDER, choose_expander
from engine.bots.hunter import HUNTER, SEEKER, TRACKER, choose_hunter
from engine.bots.moves import moves_words
from engine.bots.random import RANDOM, choose_random
from engine.bots.sight import vector_start
from engine.bots.strategist import STRATEGIST, choose_strategist
from engine.chance import FOR_PLAY, draw, make_key
from engine.compile import inlined, kernel, loop, prange


def scratch_words(tiles: int) -> int:
    """Length of the scratch array, int32, that any bot needs on a board of so many tiles."""
    return moves_words(tiles)


@kernel
def key_in_game(board: Int32, g: int, s: int, seed: int) -> int:
    """The 32 random bits of a bot in seat `s` of game `g` of a batch with this seed, for the coming turn."""
    stream = make_key(seed, g, get(board, EPISODE), FOR_PLAY)
    turn = int(board[vector_start(board, s)])
    return draw(stream, turn * MAX_SEATS + s)


@inlined
def guessing_of(bot: int) -> int:
    """How those guess goals that play as the hunter does; negative for all others."""
    if bot == HUNTER:
        return BY_DEPTH
    if bot == TRACKER:
        return BY_POINTS
    return BY_TABLES if bot == SEEKER else -1


@kernel
def choose(board: Int32, s: int, bot: int, key: int, scratch: Int32) -> int:
    """The action code that a bot (a code of `BOTS`) plays for seat `s`.

    board: a game's row that is observed; read is only what the seat observes. key: 32 random bits for this seat and
    turn. scratch: int32 of `scratch_words(tiles)`, any content.
    """
    if guessing_of(bot) >= 0:
        return choose_hunter(board, s, key, guessing_of(bot), scratch)
    if bot == RANDOM:
        return choose_random(board, s, key, scratch)
    if bot == EXPANDER:
        return choose_expander(board, s, key, scratch)
    return choose_strategist(board, s, key, BY_TABLES, scratch) if bot == STRATEGIST else PASS


@kernel
def choose_in_game(board: Int32, g: int, s: int, bot: int, seed: int, scratch: Int32) -> int:
    """What a bot plays for seat `s` of game `g` of a batch with this seed: the same wherever that is asked."""
    return choose(board, s, bot, key_in_game(board, g, s, seed), scratch)


@loop
def bot_actions(rows: Int32, bots: Int8, seed: int, actions_out: Int32, scratch: Int32) -> None:
    """Fill in the actions of all seats that bots play.

    rows: int32 (G, N), observed games. bots: int8 (G, S), a code of `BOTS`, or negative: that seat's action stays
    untouched. actions_out: int32 (G, S). scratch: int32 (C, scratch_words(tiles)); the games are dealt out in C runs.
    """
    games = rows.shape[0]
    runs = scratch.shape[0]
    for run in prange(runs):
        for g in range(games * run // runs, games * (run + 1) // runs):
            board = rows[g]
            if get(board, OBSERVED) != 0:
                for s in range(get(board, SEATS)):
                    if bots[g, s] >= 0:
                        actions_out[g, s] = choose_in_game(board, g, s, int(bots[g, s]), seed, scratch[run])
