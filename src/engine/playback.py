"""Playing recorded events: many turns in one call, so that re-simulating costs what the rules cost.

Events are int32 (E, 3): turn, seat, code, by ascending turn. A code is an action code (see `engine/actions.py`) or
`SURRENDER`; a seat has at most one action a turn.
"""

from engine.arrays import Int8, Int32
from engine.board import ALIVE, RUNNING, SEATS, STATUS, TURN, WINNER, army_of, get, kind_of, owner_of, same_team, seat
from engine.compile import call
from engine.rules import play_turn, surrender
from engine.tiles import PASSABLE

SURRENDER = -2
"""The code of a surrender or AFK event; a seat's first ends its play, its second gives up its land."""


@call
def play_events(
    board: Int32, events: Int32, cursor: int, until: int, actions: Int32, owners: Int8, armies: Int32
) -> tuple[int, bool]:
    """Play turns from the board's own to `until`, or to the game's end.

    Args:
        board: one game's row.
        events: all events of the game.
        cursor: the first event that has not been played.
        until: the turn to stop at.
        actions: scratch, (seats,).
        owners: (R, T): the board after the i-th turn played goes into row i, R = 0 to keep none; -2 where nobody can
            stand, -1 for nobody.
        armies: (R, T) likewise.

    Returns:
        The first event that has not been played now, and whether surrenders alone left a single team in the last turn.
    """
    kept = 0
    surrendered = False
    while get(board, WINNER) == RUNNING and get(board, TURN) < until:
        for s in range(actions.shape[0]):
            actions[s] = 0
        while cursor < events.shape[0] and int(events[cursor, 0]) <= get(board, TURN):
            s = int(events[cursor, 1])
            if int(events[cursor, 2]) == SURRENDER:
                surrender(board, s)
            else:
                actions[s] = events[cursor, 2]
            cursor += 1
        first = -1
        surrendered = True
        for s in range(get(board, SEATS)):
            if seat(board, s, STATUS) == ALIVE:
                if first < 0:
                    first = s
                elif not same_team(board, s, first):
                    surrendered = False
        play_turn(board, actions)
        if kept < owners.shape[0]:
            for t in range(owners.shape[1]):
                owners[kept, t] = owner_of(board, t) if (PASSABLE >> kind_of(board, t)) & 1 else -2
                armies[kept, t] = army_of(board, t)
            kept += 1
    return cursor, surrendered
