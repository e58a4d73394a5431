"""The rules of one turn, as plain functions over one game's arrays.

`play_turn` is a turn of the site (RULES.md, "One turn, in order"); the competition's differences are switches in the
ruleset's integers. Every change of a tile goes through `put`, which keeps land and army totals, sight, castle prices
and observations true.
"""

from engine.arrays import Int32
from engine.board import (
    ALIVE,
    ARMY,
    AT_TICKING,
    AWAY,
    DRAW,
    FAR_SIGHT_USED,
    GENERAL_AT,
    INVALID,
    LAND,
    MASK_BUILD,
    MEMORY,
    OBSERVED,
    OUT,
    RUNNING,
    SEATS,
    STATUS,
    STRUCTURES,
    TEAM,
    TICKING,
    TOUCHED,
    TURN,
    UNSETTLED,
    WIDELY_SEEN,
    WINNER,
    add_seat,
    army_of,
    exits_of,
    get,
    kind_of,
    owner_of,
    rule,
    seat,
    set_army,
    set_ground,
    set_owner,
    set_seat,
    tile_count,
)
from engine.compile import inlined, kernel
from engine.order import can_enter, can_move, end_of, order_moves, pick_next, start_of
from engine.rulesets import (
    RULE_BOTH_MOVE,
    RULE_CASTLE_PRICE,
    RULE_CITY_REGROWTH,
    RULE_DEATHTOUCH_TURN,
    RULE_GENERAL_TRADE,
    RULE_HALVE_CAPTURED,
    RULE_TURN_LIMIT,
)
from engine.tiles import CITY, GENERAL, GROWS, HARVEST, STRUCTURE_KINDS, SWAMP
from engine.vision import (
    add_surcharge,
    castle_price,
    legal,
    remember_all,
    remember_around,
    show_all,
    show_seen,
    watch,
    write_vectors,
)

REGROWTH_LIMIT = 40  # a neutral city grows back to this many armies where the ruleset says so
HARVEST_TURNS = 50


@kernel
def put(board: Int32, t: int, owner: int, army: int) -> None:
    """Give tile `t` an owner (-1: nobody) and armies, and keep everything that follows from it true."""
    before = owner_of(board, t)
    if before >= 0:
        add_seat(board, before, ARMY, -army_of(board, t))
    if owner >= 0:
        add_seat(board, owner, ARMY, army)
    set_army(board, t, army)
    if before != owner:
        set_owner(board, t, owner)
        kind = kind_of(board, t)
        structure = (STRUCTURE_KINDS >> kind) & 1
        for change in (-1, 1):
            s = before if change < 0 else owner
            if s >= 0:
                add_seat(board, s, LAND, change)
                add_seat(board, s, STRUCTURES, change * structure)
                if get(board, OBSERVED) != 0:
                    watch(board, t, s, change)
                if structure and rule(board, RULE_CASTLE_PRICE) > 0:
                    add_surcharge(board, t, s, change)
    show_seen(board, t)


@inlined
def set_kind(board: Int32, t: int, kind: int) -> None:
    """Change what stands on a passable tile; its exits stay."""
    set_ground(board, t, kind, exits_of(board, t))
    show_all(board, t)


@inlined
def marching(board: Int32, action: int) -> int:
    """How many armies a move takes along: all but one, or half rounded down."""
    army = army_of(board, start_of(action))
    if (action - 1) & 1:
        return army >> 1
    return army - 1


@kernel
def settle(board: Int32) -> None:
    """Name the winner once a single team is left alive: its first living seat."""
    board[UNSETTLED] = 0
    if get(board, WINNER) != RUNNING:
        return
    last = -1
    for s in range(get(board, SEATS)):
        if seat(board, s, STATUS) == ALIVE:
            if last < 0:
                last = s
            elif seat(board, s, TEAM) != seat(board, last, TEAM):
                return
    board[WINNER] = last


@kernel
def take_general(board: Int32, s: int, victim: int, t: int) -> None:
    """Seat `s` has taken the general of `victim` at tile `t`: its land goes to `s`, the general becomes a city."""
    set_seat(board, victim, STATUS, OUT)
    set_seat(board, victim, GENERAL_AT, -1)
    set_kind(board, t, CITY)
    board[WIDELY_SEEN] = 1
    halve = rule(board, RULE_HALVE_CAPTURED)
    if seat(board, victim, LAND) > 0:
        for other in range(tile_count(board)):
            if owner_of(board, other) == victim:
                army = army_of(board, other)
                put(board, other, s, (army + 1) >> 1 if halve else army)
    settle(board)


@kernel
def move(board: Int32, s: int, action: int) -> int:
    """Play a valid move. Returns the seat whose general it touched (taken or, from deathtouch on, not), or -1.

    A general that is taken keeps its kind here; the caller decides what its loss means.
    """
    start = start_of(action)
    end = end_of(board, action)
    marchers = marching(board, action)
    put(board, start, s, army_of(board, start) - marchers)
    owner = owner_of(board, end)
    army = army_of(board, end)
    if owner == s:
        put(board, end, s, army + marchers)
        return -1
    general = kind_of(board, end) == GENERAL
    if owner >= 0 and seat(board, owner, TEAM) == seat(board, s, TEAM):
        put(board, end, owner if general else s, army + marchers)
        return -1
    if marchers > army:
        put(board, end, s, marchers - army)
        return owner if general else -1
    put(board, end, owner, army - marchers)
    deathtouch = rule(board, RULE_DEATHTOUCH_TURN)
    if general and deathtouch > 0 and get(board, TURN) >= deathtouch:
        return owner
    return -1


@inlined
def strikes_general(board: Int32, s: int, action: int) -> bool:
    """Whether this move of seat `s` would take an enemy's general as the board stands."""
    if not can_move(board, s, action):
        return False
    end = end_of(board, action)
    owner = owner_of(board, end)
    if owner < 0 or end != seat(board, owner, GENERAL_AT):
        return False
    return seat(board, owner, TEAM) != seat(board, s, TEAM) and marching(board, action) > army_of(board, end)


@kernel
def trade_land(board: Int32, s: int, other: int) -> None:
    """Two seats have taken each other's general in one turn: all else they hold changes hands, halved; nobody dies."""
    mine = seat(board, s, GENERAL_AT)
    theirs = seat(board, other, GENERAL_AT)
    board[WIDELY_SEEN] = 1
    for t in range(tile_count(board)):
        owner = owner_of(board, t)
        if t != mine and t != theirs and (owner == s or owner == other):
            put(board, t, other if owner == s else s, (army_of(board, t) + 1) >> 1)
    set_seat(board, s, GENERAL_AT, theirs)
    set_seat(board, other, GENERAL_AT, mine)


@kernel
def strike(board: Int32, s: int, action: int, actions, pending: int) -> int:  # type: ignore[no-untyped-def]
    """Play the move of seat `s` and what it brings about; returns the seats that still wait to move, as bits."""
    end = end_of(board, action)
    taken = strikes_general(board, s, action)
    victim = owner_of(board, end)
    touched = move(board, s, action)
    if rule(board, RULE_BOTH_MOVE) != 0:
        if touched >= 0:
            set_seat(board, s, TOUCHED, touched)
    elif taken:
        answer = int(actions[victim])
        if (
            rule(board, RULE_GENERAL_TRADE) != 0
            and (pending >> victim) & 1 == 1
            and strikes_general(board, victim, answer)
            and end_of(board, answer) == seat(board, s, GENERAL_AT)
        ):
            move(board, victim, answer)
            trade_land(board, s, victim)
        else:
            take_general(board, s, victim, end)
        pending &= ~(1 << victim)
    return pending


@kernel
def build_castle(board: Int32, s: int, action: int) -> None:
    """Build a castle where seat `s` may; the tile pays the price and keeps the rest."""
    tiles = tile_count(board)
    t = action - 1 - 8 * tiles
    if rule(board, RULE_CASTLE_PRICE) == 0 or t >= tiles or legal(board, s, t) & MASK_BUILD == 0:
        board[INVALID] += 1
        return
    put(board, t, s, army_of(board, t) - castle_price(board, s, t))
    add_seat(board, s, STRUCTURES, 1)
    board[get(board, AT_TICKING) + get(board, TICKING)] = t
    board[TICKING] += 1
    set_kind(board, t, CITY)
    add_surcharge(board, t, s, 1)


@kernel
def grow(board: Int32) -> None:
    """Growth at the end of a turn whose number has already been raised."""
    turn = get(board, TURN)
    if turn & 1:
        return
    regrowth = rule(board, RULE_CITY_REGROWTH)
    for i in range(get(board, TICKING)):
        t = get(board, get(board, AT_TICKING) + i)
        owner = owner_of(board, t)
        if owner < 0 and regrowth == 0:
            continue
        kind = kind_of(board, t)
        army = army_of(board, t)
        if owner >= 0:
            if (GROWS >> kind) & 1:
                put(board, t, owner, army + 1)
            elif kind == SWAMP:
                put(board, t, owner if army > 1 else -1, max(0, army - 1))
        elif kind == CITY and army < REGROWTH_LIMIT:
            put(board, t, owner, army + 1)
    if turn % HARVEST_TURNS == 0:
        for t in range(tile_count(board)):
            owner = owner_of(board, t)
            if owner >= 0 and (HARVEST >> (kind_of(board, t))) & 1:
                put(board, t, owner, army_of(board, t) + 1)


@kernel
def surrender(board: Int32, s: int) -> None:
    """The next surrender or AFK event of seat `s`: first its seat dies and its land remains, then the land is given up.

    The turn is still played (the site's replays hold the others' moves of it) and names the winner at its end.
    """
    if get(board, WINNER) != RUNNING:
        return
    seats = get(board, SEATS)
    tiles = tile_count(board)
    status = seat(board, s, STATUS)
    if status == ALIVE:
        set_seat(board, s, STATUS, AWAY)
        board[UNSETTLED] = 1
        for t in range(tiles):
            if owner_of(board, t) == s:
                show_all(board, t)
    elif status == AWAY:
        heir = -1
        for other in range(seats):
            if seat(board, other, TEAM) == seat(board, s, TEAM) and seat(board, other, STATUS) == ALIVE:
                heir = other
                break
        set_seat(board, s, STATUS, OUT)
        general = seat(board, s, GENERAL_AT)
        set_seat(board, s, GENERAL_AT, -1)
        if general >= 0:
            set_kind(board, general, CITY)
        for t in range(tiles):
            if owner_of(board, t) == s:
                put(board, t, heir, army_of(board, t))
    if get(board, OBSERVED) != 0:
        write_vectors(board)


@kernel
def settle_touches(board: Int32) -> None:
    """Where both seats move before a capture counts: who touched whose general, and what follows."""
    first = seat(board, 0, TOUCHED)
    second = seat(board, 1, TOUCHED)
    if first >= 0 and second >= 0:
        board[WINNER] = DRAW
    elif first >= 0 or second >= 0:
        winner = 0 if first >= 0 else 1
        loser = 1 - winner
        general = seat(board, loser, GENERAL_AT)
        take_general(board, winner, loser, general)
        board[WINNER] = winner


@kernel
def play_moves(board: Int32, actions) -> None:  # type: ignore[no-untyped-def]
    """Builds, then one move a seat, in the ruleset's order. `actions` is int32 (seats,), 0 for a pass."""
    seats = get(board, SEATS)
    tiles = tile_count(board)
    pending = 0
    for s in range(seats):
        action = int(actions[s])
        if action > 8 * tiles:
            build_castle(board, s, action)
        elif can_enter(board, action):
            pending |= 1 << s
        elif action != 0:
            board[INVALID] += 1
    solid = order_moves(board, actions, pending)
    if pending != solid:  # a legal move that an earlier one of this turn undoes is no invalid one
        for s in range(seats):
            board[INVALID] += ((pending & ~solid) >> s) & 1
    while pending:
        s = pick_next(board, actions, pending, solid)
        pending &= ~(1 << s)
        action = int(actions[s])
        if can_move(board, s, action):
            board[INVALID] -= 1 - ((solid >> s) & 1)  # an ally's move has made it legal in time
            pending = strike(board, s, action, actions, pending)


@kernel
def remember_turn(board: Int32, actions) -> None:  # type: ignore[no-untyped-def]
    """Remember what this turn brought into sight: only now, since nobody sees a turn half played."""
    if get(board, MEMORY) == 0:
        return
    if get(board, WIDELY_SEEN) != 0 or get(board, FAR_SIGHT_USED) != 0:
        remember_all(board)
        return
    for s in range(get(board, SEATS)):
        action = int(actions[s])
        if can_enter(board, action):
            remember_around(board, s, end_of(board, action))


@kernel
def play_turn(board: Int32, actions) -> None:  # type: ignore[no-untyped-def]
    """One turn. `actions` is int32 (seats,): 0 pass, then moves, then builds; an invalid one counts and is a pass."""
    if get(board, WINNER) != RUNNING:
        return
    both_move = rule(board, RULE_BOTH_MOVE)
    if both_move:
        for s in range(get(board, SEATS)):
            set_seat(board, s, TOUCHED, -1)
    play_moves(board, actions)
    if both_move:
        settle_touches(board)
    board[TURN] += 1
    if both_move == 0 or board[WINNER] == RUNNING:
        grow(board)
    if get(board, UNSETTLED) != 0:
        settle(board)
    limit = rule(board, RULE_TURN_LIMIT)
    if limit > 0 and board[WINNER] == RUNNING and get(board, TURN) >= limit:
        board[WINNER] = DRAW
    if get(board, OBSERVED) != 0:
        remember_turn(board, actions)
        write_vectors(board)
