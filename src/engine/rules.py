"""The rules of one turn, as plain functions over one game's arrays.

`play_turn` is a turn of the site (RULES.md, "One turn, in order"); the competition's differences are switches in the
ruleset's integers. Every change of a tile goes through `put`, which keeps land and army totals, sight, castle prices
and observations true.
"""

from engine.arrays import Int32
from engine.board import (
    ADDRESS,
    ALIVE,
    ARMY,
    AT_CELLS,
    AT_TICKING,
    AWAY,
    CELL_WORDS,
    DRAW,
    FAR_SIGHT_USED,
    GENERAL_AT,
    INVALID,
    LAND,
    MASK_BUILD,
    MEMORY,
    NEWLY_SEEN,
    OBSERVED,
    OUT,
    RUNNING,
    SEATS,
    SEEN_WIDELY,
    STATUS,
    STRUCTURES,
    TEAM,
    TICKING,
    TOUCHED,
    TURN,
    UNSETTLED,
    WINNER,
    add_seat,
    army_at,
    army_of,
    cell,
    exits_at,
    get,
    kind_at,
    owner_at,
    owner_of,
    rule,
    same_team,
    seat,
    set_ground_at,
    set_owner_at,
    set_seat,
    tile_count,
)
from engine.compile import inlined, kernel
from engine.order import are_apart, can_enter, can_move, end_of, order_moves, pick_next, start_of
from engine.rulesets import (
    RULE_BOTH_MOVE,
    RULE_CASTLE_PRICE,
    RULE_CITY_REGROWTH,
    RULE_DEATHTOUCH_TURN,
    RULE_GENERAL_TRADE,
    RULE_HALVE_CAPTURED,
    RULE_TURN_LIMIT,
)
from engine.tiles import CITY, DRAINS, GENERAL, GROWS, HARVEST, STRUCTURE_KINDS
from engine.vision import (
    add_surcharge,
    castle_price,
    legal,
    remember_all,
    remember_around,
    show_all,
    show_change,
    watch,
    write_vectors,
)

TICKS = GROWS | DRAINS  # kinds of tile that change on even turns
REGROWTH_LIMIT = 40  # a neutral city grows back to this many armies where the ruleset says so
HARVEST_TURNS = 50
GROUP = 8  # tiles


@kernel
def station(board: Int32, a: int, army: int) -> None:
    """Set the armies on the tile at address `a`, whose owner stays; its total is the caller's to keep."""
    board[a & ADDRESS] = army
    show_change(board, a)


@kernel
def put(board: Int32, t: int, owner: int, army: int) -> None:
    """Give tile `t` an owner (-1: nobody) and armies, and keep everything that follows from it true."""
    a = cell(board, t)
    before = owner_at(board, a)
    if before >= 0:
        add_seat(board, before, ARMY, -army_at(board, a))
    if owner >= 0:
        add_seat(board, owner, ARMY, army)
    if before != owner:
        set_owner_at(board, a, owner)
        kind = kind_at(board, a)
        structure = (STRUCTURE_KINDS >> kind) & 1
        if (TICKS >> kind) & 1:
            tick(board, t, before, owner)
        board[a & ADDRESS] = army
        for change in (-1, 1):
            s = before if change < 0 else owner
            if s >= 0:
                add_seat(board, s, LAND, change)
                add_seat(board, s, STRUCTURES, change * structure)
                if get(board, OBSERVED) != 0:
                    watch(board, t, s, change)
                if structure and rule(board, RULE_CASTLE_PRICE) > 0:
                    add_surcharge(board, t, s, change)
    station(board, a, army)


@kernel
def tick(board: Int32, t: int, before: int, owner: int) -> None:
    """Keep the list of tiles that change on even turns: those with an owner, and all where cities grow back."""
    if rule(board, RULE_CITY_REGROWTH) != 0:
        return
    at = get(board, AT_TICKING)
    count = get(board, TICKING)
    if before < 0:
        board[(at + count) & ADDRESS] = t
        board[TICKING] = count + 1
    elif owner < 0:
        i = 0
        while get(board, at + i) != t:
            i += 1
        board[(at + i) & ADDRESS] = get(board, at + count - 1)
        board[TICKING] = count - 1


@kernel
def set_kind(board: Int32, t: int, kind: int) -> None:
    """Change what stands on a passable tile; its exits stay."""
    a = cell(board, t)
    set_ground_at(board, a, kind, exits_at(board, a))
    show_all(board, a)


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
    board[NEWLY_SEEN] = SEEN_WIDELY
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
    start = cell(board, start_of(action))
    end = end_of(board, action)
    a = cell(board, end)
    marchers = marching(board, action)
    station(board, start, army_at(board, start) - marchers)
    add_seat(board, s, ARMY, -marchers)
    owner = owner_at(board, a)
    army = army_at(board, a)
    general = kind_at(board, a) == GENERAL
    heir = owner
    left = army - marchers
    touched = -1
    if owner >= 0 and same_team(board, owner, s):
        heir = owner if general else s
        left = army + marchers
    elif marchers > army:
        board[NEWLY_SEEN] |= 1 << s
        heir = s
        left = marchers - army
        touched = owner if general else -1
    elif general and 0 < rule(board, RULE_DEATHTOUCH_TURN) <= get(board, TURN):
        touched = owner
    put(board, end, heir, left)  # once for all cases: games side by side on a GPU then do it together
    return touched


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
    board[NEWLY_SEEN] = SEEN_WIDELY
    for t in range(tile_count(board)):
        owner = owner_of(board, t)
        if t != mine and t != theirs and (owner == s or owner == other):
            put(board, t, other if owner == s else s, (army_of(board, t) + 1) >> 1)
    set_seat(board, s, GENERAL_AT, theirs)
    set_seat(board, other, GENERAL_AT, mine)


@kernel
def follow_up(board: Int32, s: int, actions, pending: int, victim: int, touched: int) -> int:  # type: ignore[no-untyped-def]
    """What the move that seat `s` has just played brings about; returns the seats that still wait to move, as bits.

    victim: the seat whose general it took, or -1; touched: what `move` returned.
    """
    if rule(board, RULE_BOTH_MOVE) != 0:
        if touched >= 0:
            set_seat(board, s, TOUCHED, touched)
    elif victim >= 0:
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
            take_general(board, s, victim, end_of(board, int(actions[s])))
        pending &= ~(1 << victim)
    return pending


@kernel
def build_castle(board: Int32, s: int, action: int) -> None:
    """Build a castle where seat `s` may; the tile pays the price and keeps the rest."""
    tiles = tile_count(board)
    t = action - 1 - 8 * tiles
    if rule(board, RULE_CASTLE_PRICE) == 0 or t >= tiles or legal(board, cell(board, t), s) & MASK_BUILD == 0:
        board[INVALID] += 1
        return
    put(board, t, s, army_of(board, t) - castle_price(board, cell(board, t), s))
    add_seat(board, s, STRUCTURES, 1)
    board[(get(board, AT_TICKING) + get(board, TICKING)) & ADDRESS] = t
    board[TICKING] += 1
    set_kind(board, t, CITY)
    add_surcharge(board, t, s, 1)


@kernel
def harvest(board: Int32) -> None:
    """One army more on all land but deserts.

    Most tiles are nobody's, so they are looked at by groups: a GPU then waits for memory once a group, not once a tile.
    """
    a = get(board, AT_CELLS)
    words = get(board, CELL_WORDS)
    left = tile_count(board)
    while left > 0:
        owned = 1
        if left >= GROUP:
            owned = 0
            for i in range(GROUP):
                owned |= owner_at(board, a + i * words) + 1
        if owned != 0:
            for i in range(min(GROUP, left)):
                at = a + i * words
                owner = owner_at(board, at)
                if owner >= 0 and (HARVEST >> kind_at(board, at)) & 1:
                    add_seat(board, owner, ARMY, 1)
                    station(board, at, army_at(board, at) + 1)
        a += GROUP * words
        left -= GROUP


@kernel
def grow(board: Int32) -> None:
    """Growth at the end of a turn whose number has already been raised."""
    turn = get(board, TURN)
    if turn & 1:
        return
    i = get(board, TICKING)
    while i > 0:  # from the last to the first: a swamp that is lost takes itself off the list
        i -= 1
        t = get(board, get(board, AT_TICKING) + i)
        a = cell(board, t)
        owner = owner_at(board, a)
        army = army_at(board, a)
        if owner < 0:
            if kind_at(board, a) == CITY and army < REGROWTH_LIMIT and rule(board, RULE_CITY_REGROWTH) != 0:
                station(board, a, army + 1)
        elif (GROWS >> kind_at(board, a)) & 1:
            add_seat(board, owner, ARMY, 1)
            station(board, a, army + 1)
        else:
            put(board, t, owner if army > 1 else -1, max(0, army - 1))
    if turn % HARVEST_TURNS == 0:
        harvest(board)


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
                show_all(board, cell(board, t))
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
    apart = are_apart(board, actions, pending)
    solid = pending if apart else order_moves(board, actions, pending)
    if pending != solid:  # a legal move that an earlier one of this turn undoes is no invalid one
        for s in range(seats):
            board[INVALID] += ((pending & ~solid) >> s) & 1
    s = -1
    while pending:  # one loop for both, so that games side by side on a GPU move together
        s = s + 1 if apart else pick_next(board, actions, pending, solid)
        if (pending >> s) & 1:
            pending &= ~(1 << s)
            action = int(actions[s])
            if can_move(board, s, action):
                struck = not apart and strikes_general(board, s, action)
                victim = owner_of(board, end_of(board, action)) if struck else -1
                touched = move(board, s, action)
                if not apart:
                    board[INVALID] -= 1 - ((solid >> s) & 1)  # an ally's move has made it legal in time
                    pending = follow_up(board, s, actions, pending, victim, touched)
            elif apart:
                board[INVALID] += 1


@kernel
def remember_turn(board: Int32, actions) -> None:  # type: ignore[no-untyped-def]
    """Remember what this turn brought into sight: only now, since nobody sees a turn half played."""
    seen = get(board, NEWLY_SEEN)
    board[NEWLY_SEEN] = 0
    if seen == 0 or get(board, MEMORY) == 0:
        return
    if seen >= SEEN_WIDELY or get(board, FAR_SIGHT_USED) != 0:
        remember_all(board)
        return
    for s in range(get(board, SEATS)):
        if (seen >> s) & 1:
            remember_around(board, s, end_of(board, int(actions[s])))


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
