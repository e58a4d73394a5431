"""Playing recorded events: many turns in one call, so that re-simulating costs what the rules cost.

Events are int32 (E, 3): turn, seat, code, by ascending turn. A code is an action code (see `engine/actions.py`) or
`SURRENDER`; a seat has at most one action a turn.
"""

import numpy as np

from engine.arrays import Int8, Int32
from engine.board import ALIVE, GAME_TURN, GAME_WINNER, RUNNING, SEAT_STATUS, SEAT_TEAM, State
from engine.compile import call
from engine.rules import play_turn, surrender
from engine.tiles import KIND_BITS, PASSABLE

SURRENDER = -2
"""The code of a surrender or AFK event; a seat's first ends its play, its second gives up its land."""


@call
def play_events(
    board: State, events: Int32, cursor: int, until: int, actions: Int32, owners: Int8, armies: Int32
) -> tuple[int, bool]:
    """Play turns from the board's own to `until`, or to the game's end.

    Args:
        board: one game's row.
        events: all events of the game.
        cursor: the first event that has not been played.
        until: the turn to stop at.
        actions: scratch, (seats,).
        owners: (R, T), the board after the i-th turn played goes into row i; R = 0 to keep none. -2 where nobody can
            stand, -1 for nobody.
        armies: (R, T) likewise.

    Returns:
        The first event that has not been played now, and whether surrenders alone left a single team in the last turn.
    """
    seats = actions.shape[0]
    kept = 0
    surrendered = False
    while board.game[GAME_WINNER] == RUNNING and board.game[GAME_TURN] < until:
        for s in range(seats):
            actions[s] = 0
        while cursor < events.shape[0] and events[cursor, 0] <= board.game[GAME_TURN]:
            s = events[cursor, 1]
            if events[cursor, 2] == SURRENDER:
                surrender(board, s)
            else:
                actions[s] = events[cursor, 2]
            cursor += 1
        first = -1
        surrendered = True
        for s in range(seats):
            if board.seat[s, SEAT_STATUS] == ALIVE:
                if first < 0:
                    first = s
                elif board.seat[s, SEAT_TEAM] != board.seat[first, SEAT_TEAM]:
                    surrendered = False
        play_turn(board, actions)
        if kept < owners.shape[0]:
            for t in range(owners.shape[1]):
                kind = np.int64(board.ground[t]) & KIND_BITS
                owners[kept, t] = board.owner[t] if (PASSABLE >> kind) & 1 else -2
                armies[kept, t] = board.army[t]
            kept += 1
    return cursor, surrendered
