"""Who moves first within a turn.

`order_moves` reads the sort keys once, before the first move of the turn, and leaves each waiting seat's key in
RANK; `pick_next` then names the seat that moves next. Sets of seats are bits of an integer.

Source: RULES.md, "Order of moves within a turn, by replay version" and "Competition ruleset".
"""

from engine.arrays import Int32
from engine.board import (
    ALIVE,
    RANK,
    SEATS,
    STATUS,
    TEAM,
    TURN,
    WIDTH,
    army_of,
    exits_of,
    get,
    kind_of,
    owner_of,
    rule,
    seat,
    set_seat,
    tile_count,
)
from engine.compile import inlined, kernel
from engine.rulesets import RULE_MOVE_ORDER, MoveOrder
from engine.tiles import GENERAL

INDEX = int(MoveOrder.INDEX)
ALTERNATE = int(MoveOrder.ALTERNATE)
PRIORITY = int(MoveOrder.PRIORITY)
COMPETITION = int(MoveOrder.COMPETITION)

KEY_ARMIES = (1 << 29) - 1  # larger armies than this sort alike

# Classes of move in the order of PRIORITY.
REINFORCEMENT, ATTACK, ASSAULT = range(3)  # onto an own or allied tile; onto a general; any other


@inlined
def start_of(action: int) -> int:
    """The tile a move action (1 to 8 * tiles) starts at."""
    return (action - 1) >> 3


@inlined
def direction_of(action: int) -> int:
    """The direction of a move action."""
    return ((action - 1) >> 1) & 3


@inlined
def neighbour(board: Int32, t: int, direction: int) -> int:
    """The tile next to `t`; only asked for where the tile has that exit. Without branches: nobody foretells moves."""
    step = 1 if direction >> 1 else get(board, WIDTH)
    return t + (step if direction & 1 else -step)


@inlined
def end_of(board: Int32, action: int) -> int:
    """The tile a move action ends at."""
    return neighbour(board, start_of(action), direction_of(action))


@inlined
def can_enter(board: Int32, action: int) -> bool:
    """Whether the action is a move onto a tile that armies can enter. Says nothing of who owns what."""
    if action < 1 or action > 8 * tile_count(board):
        return False
    return (exits_of(board, start_of(action)) >> direction_of(action)) & 1 == 1


@inlined
def can_move(board: Int32, s: int, action: int) -> bool:
    """Whether seat `s` can play this move now: a passable neighbour, and more than one army of its own to go there."""
    if not can_enter(board, action) or seat(board, s, STATUS) != ALIVE:
        return False
    start = start_of(action)
    return owner_of(board, start) == s and army_of(board, start) > 1


@inlined
def class_of(board: Int32, s: int, action: int) -> int:
    """REINFORCEMENT, ATTACK or ASSAULT, as the board stands."""
    end = end_of(board, action)
    owner = owner_of(board, end)
    if owner >= 0 and seat(board, owner, TEAM) == seat(board, s, TEAM):
        return REINFORCEMENT
    if kind_of(board, end) == GENERAL:
        return ASSAULT
    return ATTACK


@inlined
def key_of(board: Int32, s: int, action: int) -> int:
    """The sort key of a move under PRIORITY, smallest first: its class, then its source army, the larger first."""
    army = min(army_of(board, start_of(action)), KEY_ARMIES)
    return class_of(board, s, action) * (KEY_ARMIES + 1) + KEY_ARMIES - army


@inlined
def competition_first(board: Int32, first: int, second: int) -> int:
    """Which of the competition's two seats moves first, given both their moves."""
    chase0 = end_of(board, first) == start_of(second)
    chase1 = end_of(board, second) == start_of(first)
    if chase0 != chase1:
        return 0 if chase0 else 1
    own0 = owner_of(board, end_of(board, first)) == 0
    own1 = owner_of(board, end_of(board, second)) == 1
    if own0 != own1:
        return 0 if own0 else 1
    return 1 if army_of(board, start_of(second)) < army_of(board, start_of(first)) else 0


@kernel
def order_moves(board: Int32, actions, pending: int) -> int:  # type: ignore[no-untyped-def]
    """Give the waiting seats their keys.

    Returns those whose move is playable as the board stands; only these hold others up.
    """
    seats = get(board, SEATS)
    order = rule(board, RULE_MOVE_ORDER)
    solid = 0
    for s in range(seats):
        set_seat(board, s, RANK, 0)
        if (pending >> s) & 1:
            if can_move(board, s, int(actions[s])):
                solid |= 1 << s
            if order == PRIORITY:
                set_seat(board, s, RANK, key_of(board, s, int(actions[s])))
    if order == COMPETITION and solid == 3:
        first = competition_first(board, int(actions[0]), int(actions[1]))
        set_seat(board, 1 - first, RANK, 1)
    return solid


@inlined
def are_apart(board: Int32, actions, pending: int) -> bool:  # type: ignore[no-untyped-def]
    """Whether the waiting moves share no tile and none goes to a general's: then their order changes nothing."""
    for s in range(get(board, SEATS)):
        if (pending >> s) & 1:
            start = start_of(int(actions[s]))
            end = end_of(board, int(actions[s]))
            if kind_of(board, end) == GENERAL:
                return False
            for other in range(s):
                if (pending >> other) & 1:
                    their_start = start_of(int(actions[other]))
                    their_end = end_of(board, int(actions[other]))
                    if start == their_start or start == their_end or end == their_start or end == their_end:
                        return False
    return True


@inlined
def is_awaited(board: Int32, actions, waiting: int, s: int) -> bool:  # type: ignore[no-untyped-def]
    """Whether another waiting move is aimed at this one's start, a head-on swap excepted."""
    action = int(actions[s])
    start = start_of(action)
    end = end_of(board, action)
    for other in range(get(board, SEATS)):
        if other != s and (waiting >> other) & 1:
            their_action = int(actions[other])
            if end_of(board, their_action) == start and start_of(their_action) != end:
                return True
    return False


@inlined
def goes_before(board: Int32, key: int, best: int, backwards: bool) -> bool:
    """Whether a later seat with this key sorts before seat `best`; among equals the order of seats decides."""
    other = seat(board, best, RANK)
    return key < other or (key == other and backwards)


@kernel
def pick_next(board: Int32, actions, pending: int, solid: int) -> int:  # type: ignore[no-untyped-def]
    """The waiting seat that moves next."""
    if pending & (pending - 1) == 0:
        for s in range(get(board, SEATS)):
            if pending >> s == 1:
                return s
    order = rule(board, RULE_MOVE_ORDER)
    backwards = (order == ALTERNATE or order == PRIORITY) and get(board, TURN) & 1 == 1
    first = -1
    free = -1
    for s in range(get(board, SEATS)):
        if (pending >> s) & 1:
            key = seat(board, s, RANK)
            if first < 0 or goes_before(board, key, first, backwards):
                first = s
            if (
                order == PRIORITY
                and (free < 0 or goes_before(board, key, free, backwards))
                and not is_awaited(board, actions, pending & solid, s)
            ):
                free = s
    return free if free >= 0 else first
