"""What each seat may see, kept up to date tile by tile.

A seat sees a tile while at least one tile of its team has it in sight, so a turn costs work only where something
changed. `show` writes the observation of one tile for one seat; it is the only place that does, so nothing hidden can
leak elsewhere.

Sources: the site's rules for sight over the eight neighbours and for obstacles in fog. Lookouts and observatories
stand in replays of version 14 on; their sight follows what public simulators of the site do: whoever owns a neighbour
of a lookout sees three tiles around it, whoever stands at one side of an observatory sees eight tiles beyond it in
line. No board depends on it.
"""

from engine.arrays import Int32
from engine.board import (
    ALIVE,
    ALLY,
    ARMY,
    ARMY_LIMIT,
    ARMY_SHIFT,
    AT_VECTORS,
    DISCOVERED,
    ENEMY,
    FAR_SIGHT_USED,
    HEIGHT,
    KIND_SHIFT,
    LAND,
    MASK_BUILD,
    MASK_OWNER_SHIFT,
    MASK_SHIFT,
    MINE,
    OBSERVED,
    RELATION_SHIFT,
    SEATS,
    STATUS,
    TURN,
    UNOWNED,
    VECTOR_SEAT,
    VISIBLE,
    WIDELY_SEEN,
    WIDTH,
    add_surcharge_at,
    add_to_sight,
    army_of,
    exits_of,
    get,
    kind_of,
    owner_of,
    rule,
    same_team,
    seat,
    set_view,
    sight_of,
    surcharge_of,
    tile_count,
    view_of,
)
from engine.compile import inlined, kernel
from engine.rulesets import CASTLE_SURCHARGE, RULE_CASTLE_PRICE
from engine.tiles import HIDES, LOOKOUT, OBSERVATORY, OBSTACLE, PLAIN

LOOKOUT_RADIUS = 3
OBSERVATORY_REACH = 8


@inlined
def relation(board: Int32, s: int, owner: int) -> int:
    """Whose a tile is, as seat `s` calls it: UNOWNED, MINE, ALLY or ENEMY."""
    if owner < 0:
        return UNOWNED
    if owner == s:
        return MINE
    return ALLY if same_team(board, s, owner) else ENEMY


@inlined
def castle_price(board: Int32, s: int, t: int) -> int:
    """Armies a castle on tile `t` costs seat `s`."""
    return rule(board, RULE_CASTLE_PRICE) + surcharge_of(board, s, t)


@inlined
def legal(board: Int32, s: int, t: int) -> int:
    """Which moves and builds seat `s` may play from tile `t`: MASK_MOVES and MASK_BUILD bits."""
    if owner_of(board, t) != s or seat(board, s, STATUS) != ALIVE:
        return 0
    army = army_of(board, t)
    bits = exits_of(board, t) if army > 1 else 0
    if rule(board, RULE_CASTLE_PRICE) > 0 and kind_of(board, t) == PLAIN and army >= castle_price(board, s, t):
        bits |= MASK_BUILD
    return bits


@inlined
def show(board: Int32, s: int, t: int) -> None:
    """Write the observation of tile `t` for seat `s`."""
    kind = kind_of(board, t)
    known = view_of(board, s, t) & DISCOVERED
    if sight_of(board, t, s) != 0:
        owner = owner_of(board, t)
        mask = legal(board, s, t)
        seats = get(board, SEATS)
        if seats > 2 and owner >= 0:
            offset = owner - s
            mask |= (offset if offset >= 0 else offset + seats) << MASK_OWNER_SHIFT
        flags = known | VISIBLE | (relation(board, s, owner) << RELATION_SHIFT) | (kind << KIND_SHIFT)
        army = max(-ARMY_LIMIT, min(army_of(board, t), ARMY_LIMIT))  # maps can hold less than nothing on neutral tiles
        set_view(board, s, t, flags | (mask << MASK_SHIFT) | (army << ARMY_SHIFT))
    else:
        if known == 0:
            kind = OBSTACLE if (HIDES >> kind) & 1 else PLAIN
        set_view(board, s, t, known | (kind << KIND_SHIFT))


@inlined
def remember(board: Int32, s: int, t: int) -> None:
    """Keep the kind of tile `t` known to seat `s` from now on, if it is in sight."""
    view = view_of(board, s, t)
    if view & VISIBLE:
        set_view(board, s, t, view | DISCOVERED)


@inlined
def show_all(board: Int32, t: int) -> None:
    """Write the observation of tile `t` for every seat."""
    if get(board, OBSERVED) != 0:
        for s in range(get(board, SEATS)):
            show(board, s, t)


@inlined
def show_seen(board: Int32, t: int) -> None:
    """Write the observation of tile `t` for every seat that has it in sight: enough where owner or armies changed."""
    if get(board, OBSERVED) != 0:
        for s in range(get(board, SEATS)):
            if sight_of(board, t, s) != 0:
                show(board, s, t)


@inlined
def add_sight(board: Int32, t: int, s: int, change: int) -> None:
    """Count one watcher more (+1) or fewer (-1) of tile `t` for seat `s`, and show the tile where it matters."""
    count = add_to_sight(board, t, s, change)
    if (count == 1 and change > 0) or (count == 0 and change < 0):
        show(board, s, t)


@kernel
def add_far_sight(board: Int32, t: int, s: int, change: int) -> None:
    """What owning tile `t` shows through the lookouts and observatories beside it."""
    height = get(board, HEIGHT)
    width = get(board, WIDTH)
    r, c = t // width, t % width
    for dr in range(-1, 2):
        for dc in range(-1, 2):
            r1, c1 = r + dr, c + dc
            if 0 <= r1 < height and 0 <= c1 < width:
                kind = kind_of(board, r1 * width + c1)
                if kind == LOOKOUT:
                    for r2 in range(max(0, r1 - LOOKOUT_RADIUS), min(height, r1 + LOOKOUT_RADIUS + 1)):
                        for c2 in range(max(0, c1 - LOOKOUT_RADIUS), min(width, c1 + LOOKOUT_RADIUS + 1)):
                            add_sight(board, r2 * width + c2, s, change)
                elif kind == OBSERVATORY and dr * dc == 0:
                    for step in range(1, OBSERVATORY_REACH + 1):
                        r2, c2 = r1 + dr * step, c1 + dc * step
                        if 0 <= r2 < height and 0 <= c2 < width:
                            add_sight(board, r2 * width + c2, s, change)


@kernel
def watch(board: Int32, t: int, owner: int, change: int) -> None:
    """Tile `t` becomes (+1) or ceases to be (-1) land of seat `owner`: update the sight of its whole team."""
    height = get(board, HEIGHT)
    width = get(board, WIDTH)
    r, c = t // width, t % width
    for s in range(get(board, SEATS)):
        if same_team(board, s, owner):
            for r1 in range(max(0, r - 1), min(height, r + 2)):
                for c1 in range(max(0, c - 1), min(width, c + 2)):
                    add_sight(board, r1 * width + c1, s, change)
            if get(board, FAR_SIGHT_USED) != 0:
                add_far_sight(board, t, s, change)


@kernel
def remember_around(board: Int32, s: int, t: int) -> None:
    """Remember what the team of seat `s` has in sight of tile `t` and the tiles around it."""
    height = get(board, HEIGHT)
    width = get(board, WIDTH)
    r, c = t // width, t % width
    for other in range(get(board, SEATS)):
        if same_team(board, s, other):
            for r1 in range(max(0, r - 1), min(height, r + 2)):
                for c1 in range(max(0, c - 1), min(width, c + 2)):
                    remember(board, other, r1 * width + c1)


@kernel
def remember_all(board: Int32) -> None:
    """Remember all that any seat has in sight."""
    board[WIDELY_SEEN] = 0
    for s in range(get(board, SEATS)):
        for t in range(tile_count(board)):
            remember(board, s, t)


@kernel
def add_surcharge(board: Int32, p: int, s: int, change: int) -> None:
    """Seat `s` gains (+1) or loses (-1) a structure at tile `p`: castles near it cost more or less."""
    height = get(board, HEIGHT)
    width = get(board, WIDTH)
    r, c = p // width, p % width
    reach = CASTLE_SURCHARGE // 2 - 1
    for r1 in range(max(0, r - reach), min(height, r + reach + 1)):
        left = reach - abs(r1 - r)
        for c1 in range(max(0, c - left), min(width, c + left + 1)):
            t = r1 * width + c1
            distance = abs(r1 - r) + abs(c1 - c)
            add_surcharge_at(board, s, t, change * (CASTLE_SURCHARGE - 2 * distance))
            if get(board, OBSERVED) != 0 and owner_of(board, t) == s:
                show(board, s, t)


@kernel
def write_vectors(board: Int32) -> None:
    """Write each seat's vector: the turn, then land, army and status of every seat, itself first."""
    seats = get(board, SEATS)
    at = get(board, AT_VECTORS)
    for s in range(seats):
        board[at] = get(board, TURN)
        at += 1
        for k in range(seats):
            other = s + k if s + k < seats else s + k - seats
            board[at] = seat(board, other, LAND)
            board[at + 1] = seat(board, other, ARMY)
            board[at + 2] = seat(board, other, STATUS)
            at += VECTOR_SEAT
