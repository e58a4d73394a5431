"""The strategist for those who guess better than its tables: it is told where the enemy's general probably is.

`guess` gives the tables' own points to begin with; `choose_told` goes by whatever points it is handed, one for each
tile.
"""

from engine.arrays import Int32
from engine.board import HEIGHT, RUNNING, WIDTH, WINNER, get
from engine.bots.desk import (
    FAR,
    FOE_GENERAL,
    HOME,
    HOME_WAY,
    NOWHERE,
    PLACES,
    PULL,
    TOLD,
    TOLD_POINTS,
    flood_from,
    is_unknown,
    map_at,
    survey,
)
from engine.bots.dispatch import key_in_game
from engine.bots.sight import view_start, view_step
from engine.bots.strategist import choose_strategist
from engine.bots.whereabouts import write_points
from engine.compile import kernel, loop, prange

NEVER = -FAR  # points of a tile where the general cannot be


@kernel
def guess(board: Int32, s: int, desk: Int32, points_out: Int32) -> bool:
    """Write the tables' points of every tile for seat `s`, NEVER where the general cannot be: 64ths of log-odds.

    Returns whether there is anything to guess: not where the seat has no general of its own or knows the enemy's.
    """
    survey(board, s, desk)
    if int(desk[HOME]) == NOWHERE or int(desk[FOE_GENERAL]) != NOWHERE:
        return False
    flood_from(desk, map_at(desk, HOME_WAY), int(desk[HOME]))
    write_points(desk)
    points = map_at(desk, PULL)
    width = get(board, WIDTH)
    for r in range(get(board, HEIGHT)):
        for c in range(width):
            points_out[r * width + c] = desk[points + (r + 1) * (width + 1) + c]
    return True


@kernel
def tell(board: Int32, s: int, told: Int32, desk: Int32) -> None:
    """Lay points, one a tile, on the desk of seat `s`. Tiles that it has seen by now have none: those may be old."""
    width = get(board, WIDTH)
    height = get(board, HEIGHT)
    desk[PLACES] = (height + 2) * (width + 1)
    view, step, points = view_start(board, s), view_step(board), map_at(desk, TOLD_POINTS)
    for p in range(int(desk[PLACES])):
        desk[points + p] = NEVER
    for r in range(height):
        for c in range(width):
            t = r * width + c
            if is_unknown(int(board[view + t * step])):
                desk[points + (r + 1) * (width + 1) + c] = told[t]


@kernel
def choose_told(board: Int32, s: int, key: int, told: Int32, desk: Int32) -> int:
    """The strategist's action for seat `s` by the points that it is told, one a tile. key: 32 random bits."""
    tell(board, s, told, desk)
    return choose_strategist(board, s, key, TOLD, desk)


@kernel
def choose_told_in_game(board: Int32, g: int, s: int, seed: int, told: Int32, desk: Int32) -> int:
    """What `choose_told` plays in game `g` of a batch with this seed; its draws are those of a bot's."""
    return choose_told(board, s, key_in_game(board, g, s, seed), told, desk)


@loop
def guesses(rows: Int32, games: Int32, s: int, points_out: Int32, is_guess: Int32, scratch: Int32) -> None:
    """`guess` for seat `s` of some games of a batch that are going on: games (K,), points_out (K, T), is_guess (K,).

    scratch: int32 (C, scratch_words(tiles)); the games are dealt out in C runs.
    """
    count, runs = len(games), scratch.shape[0]
    for run in prange(runs):
        for k in range(count * run // runs, count * (run + 1) // runs):
            is_guess[k] = 0
            if get(rows[games[k]], WINNER) == RUNNING and guess(rows[games[k]], s, scratch[run], points_out[k]):
                is_guess[k] = 1


@loop
def told_actions(rows: Int32, games: Int32, s: int, seed: int, told: Int32, actions_out: Int32, scratch: Int32) -> None:
    """`choose_told` for seat `s` of some games of a batch: games (K,), told (K, T), actions_out (K,)."""
    count, runs = len(games), scratch.shape[0]
    for run in prange(runs):
        for k in range(count * run // runs, count * (run + 1) // runs):
            g = int(games[k])
            actions_out[k] = choose_told_in_game(rows[g], g, s, seed, told[k], scratch[run])
