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
    ADDRESS,
    ALIVE,
    ALLY,
    ARMY,
    ARMY_LIMIT,
    ARMY_SHIFT,
    AT_VECTORS,
    CELL_WORDS,
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
    WIDTH,
    add_surcharge_at,
    add_to_sight,
    army_at,
    cell,
    exits_at,
    get,
    kind_at,
    kind_of,
    owner_at,
    row_of,
    rule,
    same_team,
    seat,
    set_view_at,
    sight_at,
    surcharge_at,
    tile_count,
    view_at,
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
def castle_price(board: Int32, a: int, s: int) -> int:
    """Armies a castle on the tile at address `a` costs seat `s`."""
    return rule(board, RULE_CASTLE_PRICE) + surcharge_at(board, a, s)


@inlined
def legal(board: Int32, a: int, s: int) -> int:
    """Which moves and builds seat `s` may play from the tile at address `a`: MASK_MOVES and MASK_BUILD bits."""
    if owner_at(board, a) != s or seat(board, s, STATUS) != ALIVE:
        return 0
    army = army_at(board, a)
    bits = exits_at(board, a) if army > 1 else 0
    if rule(board, RULE_CASTLE_PRICE) > 0 and kind_at(board, a) == PLAIN and army >= castle_price(board, a, s):
        bits |= MASK_BUILD
    return bits


@inlined
def show_seen(board: Int32, a: int, s: int) -> None:
    """Write the observation of the tile at address `a`, which seat `s` has in sight."""
    owner = owner_at(board, a)
    mask = legal(board, a, s)
    seats = get(board, SEATS)
    if seats > 2 and owner >= 0:
        offset = owner - s
        mask |= (offset if offset >= 0 else offset + seats) << MASK_OWNER_SHIFT
    known = view_at(board, a, s) & DISCOVERED
    flags = known | VISIBLE | (relation(board, s, owner) << RELATION_SHIFT) | (kind_at(board, a) << KIND_SHIFT)
    army = max(-ARMY_LIMIT, min(army_at(board, a), ARMY_LIMIT))  # maps can hold less than nothing on neutral tiles
    set_view_at(board, a, s, flags | (mask << MASK_SHIFT) | (army << ARMY_SHIFT))


@inlined
def show_fog(board: Int32, a: int, s: int) -> None:
    """Write the observation of the tile at address `a`, which seat `s` does not have in sight."""
    kind = kind_at(board, a)
    known = view_at(board, a, s) & DISCOVERED
    if known == 0:
        kind = OBSTACLE if (HIDES >> kind) & 1 else PLAIN
    set_view_at(board, a, s, known | (kind << KIND_SHIFT))


@inlined
def remember(board: Int32, a: int, s: int) -> None:
    """Keep the kind of the tile at address `a` known to seat `s` from now on, if it is in sight."""
    view = view_at(board, a, s)
    if view & VISIBLE:
        set_view_at(board, a, s, view | DISCOVERED)


@kernel
def show_all(board: Int32, a: int) -> None:
    """Write the observation of the tile at address `a` for every seat."""
    if get(board, OBSERVED) != 0:
        for s in range(get(board, SEATS)):
            if sight_at(board, a, s) != 0:
                show_seen(board, a, s)
            else:
                show_fog(board, a, s)


@inlined
def show_change(board: Int32, a: int) -> None:
    """Write the observation of a tile whose owner or armies changed: nobody notices who has it not in sight."""
    if get(board, OBSERVED) != 0:
        for s in range(get(board, SEATS)):
            if sight_at(board, a, s) != 0:
                show_seen(board, a, s)


@inlined
def add_sight(board: Int32, a: int, s: int, change: int) -> None:
    """Count one watcher more (+1) or fewer (-1) of the tile at address `a` for seat `s`; show what that changes."""
    count = add_to_sight(board, a, s, change)
    if change > 0:
        if count == 1:
            show_seen(board, a, s)
    elif count == 0:
        show_fog(board, a, s)


@inlined
def rows_around(board: Int32, t: int, reach: int) -> tuple[int, int, int, int]:
    """First and last + 1 of the rows, then of the columns, that lie within `reach` of tile `t`."""
    height = get(board, HEIGHT)
    width = get(board, WIDTH)
    r = row_of(board, t)
    c = t - r * width
    return max(0, r - reach), min(height, r + reach + 1), max(0, c - reach), min(width, c + reach + 1)


@kernel
def add_far_sight(board: Int32, t: int, s: int, change: int) -> None:
    """What owning tile `t` shows through the lookouts and observatories beside it."""
    height = get(board, HEIGHT)
    width = get(board, WIDTH)
    r = row_of(board, t)
    c = t - r * width
    for dr in range(-1, 2):
        for dc in range(-1, 2):
            r1, c1 = r + dr, c + dc
            if 0 <= r1 < height and 0 <= c1 < width:
                kind = kind_of(board, r1 * width + c1)
                if kind == LOOKOUT:
                    for r2 in range(max(0, r1 - LOOKOUT_RADIUS), min(height, r1 + LOOKOUT_RADIUS + 1)):
                        for c2 in range(max(0, c1 - LOOKOUT_RADIUS), min(width, c1 + LOOKOUT_RADIUS + 1)):
                            add_sight(board, cell(board, r2 * width + c2), s, change)
                elif kind == OBSERVATORY and dr * dc == 0:
                    for step in range(1, OBSERVATORY_REACH + 1):
                        r2, c2 = r1 + dr * step, c1 + dc * step
                        if 0 <= r2 < height and 0 <= c2 < width:
                            add_sight(board, cell(board, r2 * width + c2), s, change)


@kernel
def watch(board: Int32, t: int, owner: int, change: int) -> None:
    """Tile `t` becomes (+1) or ceases to be (-1) land of seat `owner`: update the sight of its whole team."""
    top, bottom, left, right = rows_around(board, t, 1)
    width = get(board, WIDTH)
    words = get(board, CELL_WORDS)
    for s in range(get(board, SEATS)):
        if same_team(board, s, owner):
            for r in range(top, bottom):
                a = cell(board, r * width + left)
                for _ in range(left, right):
                    add_sight(board, a, s, change)
                    a += words
            if get(board, FAR_SIGHT_USED) != 0:
                add_far_sight(board, t, s, change)


@kernel
def remember_around(board: Int32, s: int, t: int) -> None:
    """Remember what the team of seat `s` has in sight of tile `t` and the tiles around it."""
    top, bottom, left, right = rows_around(board, t, 1)
    width = get(board, WIDTH)
    words = get(board, CELL_WORDS)
    for other in range(get(board, SEATS)):
        if same_team(board, s, other):
            for r in range(top, bottom):
                a = cell(board, r * width + left)
                for _ in range(left, right):
                    remember(board, a, other)
                    a += words


@kernel
def remember_all(board: Int32) -> None:
    """Remember all that any seat has in sight."""
    for t in range(tile_count(board)):
        for s in range(get(board, SEATS)):
            remember(board, cell(board, t), s)


@kernel
def add_surcharge(board: Int32, p: int, s: int, change: int) -> None:
    """Seat `s` gains (+1) or loses (-1) a structure at tile `p`: castles near it cost more or less."""
    height = get(board, HEIGHT)
    width = get(board, WIDTH)
    r = row_of(board, p)
    c = p - r * width
    reach = CASTLE_SURCHARGE // 2 - 1
    for r1 in range(max(0, r - reach), min(height, r + reach + 1)):
        left = reach - abs(r1 - r)
        for c1 in range(max(0, c - left), min(width, c + left + 1)):
            a = cell(board, r1 * width + c1)
            distance = abs(r1 - r) + abs(c1 - c)
            add_surcharge_at(board, a, s, change * (CASTLE_SURCHARGE - 2 * distance))
            if get(board, OBSERVED) != 0 and owner_at(board, a) == s and sight_at(board, a, s) != 0:
                show_seen(board, a, s)


@kernel
def write_vectors(board: Int32) -> None:
    """Write each seat's vector: the turn, then land, army and status of every seat, itself first."""
    seats = get(board, SEATS)
    turn = get(board, TURN)
    at = get(board, AT_VECTORS)
    for s in range(seats):
        board[at & ADDRESS] = turn
        at += 1
        other = s
        for _ in range(seats):
            board[at & ADDRESS] = seat(board, other, LAND)
            board[(at + 1) & ADDRESS] = seat(board, other, ARMY)
            board[(at + 2) & ADDRESS] = seat(board, other, STATUS)
            at += VECTOR_SEAT
            other = other + 1 if other + 1 < seats else 0
