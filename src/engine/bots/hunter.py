"""`hunter`: a strong scripted opponent that needs no memory beyond what its seat is shown.

In this order it takes a general within reach; meets an army that threatens its own; waits in the opening until a line
is worth sending; marches on a general it knows when it has the force; and else follows the cycle of 50 turns, as people
do: take what lies at hand, gather along shortest paths, march where a general may be.

It takes cities and builds castles only while it is well ahead: they pay back after some 80 turns, and an even opponent
uses that time (taking cities as soon as they could be paid lost 59 % of 300 games against leaving them).

`tracker` plays as the hunter does, but marches to where an enemy's general probably is (`engine.bots.track`), the
hunter into the deepest fog. `seeker` marches to where it has learned that generals hide (`engine.bots.whereabouts`),
and after the opening leaves expanding to armies that march.
"""

from engine.actions import PASS
from engine.arrays import Int32
from engine.board import ENEMY, MASK_BUILD, MASK_SHIFT, MINE, UNOWNED, VISIBLE, rule, tile_count
from engine.bots.desk import (
    ARMY,
    BLANK,
    BY_TABLES,
    CONTACT,
    EXPAND,
    FAR,
    FOE_ARMY,
    FOE_GENERAL,
    GOAL_WAY,
    GUESSING,
    HOME,
    HOME_WAY,
    LAND,
    MAIN,
    MAIN_ARMY,
    MOVABLE,
    NOWHERE,
    PLACES,
    STRIDE,
    TURN,
    WORDS,
    flood_from,
    is_foreign,
    map_at,
    move_to,
    note_reason,
    shift,
    survey,
    tile_at,
)
from engine.bots.gather import gather
from engine.bots.march import advance, aim, aim_at_foreign, find_front, is_enough
from engine.bots.sight import army_in, exits_in, kind_in, relation_in
from engine.chance import draw
from engine.compile import inlined, kernel
from engine.rulesets import RULE_CASTLE_PRICE, RULE_DEATHTOUCH_TURN
from engine.tiles import CITY, DESERT, GENERAL, SWAMP

HUNTER = 2
TRACKER = 3
SEEKER = 5

LAUNCH_TURN = 24  # until then the opening waits, or until
LAUNCH_ARMY = 13  # so many armies stand on the general
CYCLE = 50  # land grows every 50 turns; within a cycle
EXPANDING = 8  # the first turns take what lies beside the land,
GATHERING = 32  # until this turn armies gather, then they march
SEEKER_GATHERING = 28  # the seeker does not expand, and marches earlier
ALARM = 12  # enemies within so many steps of the general are watched
SPARE = 15  # armies beyond the price, and beyond one a tile, that are left after paying for a city
TIES = 8  # bits of a prize that are drawn
LAST_GATHERING = 20  # moves to plan for where nothing else can be done


@kernel
def strike(desk: Int32, touch: bool) -> int:
    """A move that takes an enemy's general, or PASS. touch: any move onto it will do."""
    words = map_at(desk, WORDS)
    stride = int(desk[STRIDE])
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        if kind_in(word) == GENERAL and relation_in(word) == ENEMY:
            for direction in range(4):
                q = p - shift(direction, stride)
                start = int(desk[words + q])
                if (exits_in(start) >> direction) & 1 and (touch or army_in(start) - 1 > army_in(word)):
                    return move_to(q, direction, 0, stride)
    return PASS


@kernel
def find_threat(desk: Int32) -> int:
    """The enemy army that would take the general if it came the shortest way, the worst of them, or NOWHERE."""
    words = map_at(desk, WORDS)
    home_way = map_at(desk, HOME_WAY)
    stride = int(desk[STRIDE])
    guard = army_in(int(desk[words + int(desk[HOME])]))
    worst, threat = 0, NOWHERE
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        way = int(desk[home_way + p])
        if relation_in(word) == ENEMY and way <= ALARM:
            # It leaves one army on each tile of its way, and the general grows every other turn.
            danger = army_in(word) - way - guard - (way >> 1)
            if danger > worst:
                worst, threat = danger, p
    return threat


@kernel
def defend(desk: Int32, threat: int) -> int:
    """Hunt the threat with the nearest army that can beat it in time; without one, gather on the general."""
    words = map_at(desk, WORDS)
    goal_way = map_at(desk, GOAL_WAY)
    stride = int(desk[STRIDE])
    home = int(desk[HOME])
    army = army_in(int(desk[words + threat]))
    turns = int(desk[map_at(desk, HOME_WAY) + threat])
    flood_from(desk, goal_way, threat)
    nearest, place = turns + 1, NOWHERE
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        way = int(desk[goal_way + p])
        if exits_in(word) != 0 and p != home and way < nearest and army_in(word) > army + way:
            nearest, place = way, p
    if place != NOWHERE:
        action = advance(desk, place)
        if action != PASS:
            return action
    return gather(desk, home, turns)


@inlined
def prize(desk: Int32, p: int, q: int, key: int) -> int:
    """How much the hunter likes to take place `q` from its place `p`; ties are drawn."""
    words = map_at(desk, WORDS)
    blank = map_at(desk, BLANK)
    stride = int(desk[STRIDE])
    word = int(desk[words + p])
    other = int(desk[words + q])
    kind = kind_in(other)
    value = 1000 + min(int(desk[map_at(desk, HOME_WAY) + q]), 60)
    if relation_in(other) == ENEMY:
        value += 800 if kind == CITY else 400
    elif kind == CITY:
        value += 300
    elif kind == DESERT:
        value -= 100
    if p == int(desk[HOME]):
        value -= 100
    # The opening draws long lines with its largest army; later the least army that suffices does it.
    value += min(army_in(word), 60) if int(desk[TURN]) < CYCLE else -min(army_in(word), 60)
    for direction in range(4):
        after = q + shift(direction, stride)
        if int(desk[blank + after]) == FAR and is_foreign(int(desk[words + after])):
            value += 8  # from there it goes on
    return (value << TIES) | (draw(key, p * 4 + q) & ((1 << TIES) - 1))


@inlined
def is_open_prize(desk: Int32, p: int, q: int) -> bool:
    """Whether the army at `p` may take the place `q` beside it."""
    words = map_at(desk, WORDS)
    other = int(desk[words + q])
    kind = kind_in(other)
    if kind == SWAMP or (int(desk[TURN]) < CYCLE and kind == CITY and relation_in(other) == UNOWNED):
        return False
    return is_foreign(other) and army_in(int(desk[words + p])) - 1 > army_in(other)


@kernel
def expand(desk: Int32, key: int) -> int:
    """The best tile that can be taken now, or PASS."""
    words = map_at(desk, WORDS)
    stride = int(desk[STRIDE])
    best, action = 0, PASS
    for p in range(stride, int(desk[PLACES]) - stride):
        exits = exits_in(int(desk[words + p]))
        for direction in range(4):
            q = p + shift(direction, stride)
            if (exits >> direction) & 1 and is_open_prize(desk, p, q):
                value = prize(desk, p, q, key)
                if value > best:
                    best = value
                    action = move_to(p, direction, 0, stride)
                    note_reason(desk, EXPAND, p, value >> TIES)
    return action


@inlined
def can_invest(desk: Int32, price: int) -> bool:
    """Whether the seat would still be well ahead after paying so many armies for a city or castle."""
    spare = int(desk[ARMY]) - int(desk[LAND])
    return spare > price + SPARE and 2 * (int(desk[ARMY]) - price) >= 3 * int(desk[FOE_ARMY])


@kernel
def take_city(desk: Int32, moves: int) -> int:
    """Take the city that can be afforded nearest to home, or gather beside it; PASS where there is none to take."""
    words = map_at(desk, WORDS)
    home_way = map_at(desk, HOME_WAY)
    stride = int(desk[STRIDE])
    least, root, toward, army = FAR, NOWHERE, 0, 0
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        if kind_in(word) == CITY and relation_in(word) == UNOWNED and word & VISIBLE:
            if can_invest(desk, army_in(word)):
                for direction in range(4):
                    q = p - shift(direction, stride)
                    beside = int(desk[words + q])
                    cost = army_in(word) + int(desk[home_way + q]) - min(army_in(beside), army_in(word))
                    if relation_in(beside) == MINE and cost < least:
                        least, root, toward, army = cost, q, direction, army_in(word)
    if root == NOWHERE:
        return PASS
    if army_in(int(desk[words + root])) - 1 > army:
        return move_to(root, toward, 0, stride)
    return gather(desk, root, moves)


@kernel
def find_castle(desk: Int32) -> int:
    """The place nearest to home where the seat may build a castle now, or NOWHERE."""
    words = map_at(desk, WORDS)
    home_way = map_at(desk, HOME_WAY)
    stride = int(desk[STRIDE])
    nearest, place = FAR, NOWHERE
    for p in range(stride, int(desk[PLACES]) - stride):
        if (int(desk[words + p]) >> MASK_SHIFT) & MASK_BUILD and int(desk[home_way + p]) < nearest:
            nearest, place = int(desk[home_way + p]), p
    return place


@inlined
def castle_at(board: Int32, desk: Int32, place: int) -> int:
    """The action code of building a castle."""
    return 1 + 8 * tile_count(board) + tile_at(place, int(desk[STRIDE]))


@kernel
def build(board: Int32, desk: Int32) -> int:
    """Build a castle where the seat may and can afford it, nearest to home; PASS elsewhere."""
    price = rule(board, RULE_CASTLE_PRICE)
    if price == 0 or not can_invest(desk, price):
        return PASS
    place = find_castle(desk)
    return PASS if place == NOWHERE else castle_at(board, desk, place)


@kernel
def open_game(desk: Int32, key: int) -> int:
    """The first turns before an enemy is met: wait, then send out lines."""
    if int(desk[LAND]) == 1 and int(desk[TURN]) < LAUNCH_TURN and int(desk[MAIN_ARMY]) < LAUNCH_ARMY:
        return PASS
    action = expand(desk, key)
    if action == PASS:
        aim_at_foreign(desk)
        action = advance(desk, int(desk[MAIN]))
    return action


@kernel
def campaign(board: Int32, desk: Int32, key: int) -> int:
    """The cycle of 50 turns: expand, gather, march."""
    phase = int(desk[TURN]) % CYCLE
    action = PASS
    seeks = int(desk[GUESSING]) >= BY_TABLES
    gathering = SEEKER_GATHERING if seeks else GATHERING
    if phase < EXPANDING and not seeks:
        action = expand(desk, key)
    if action == PASS:
        action = build(board, desk)
    if action == PASS:
        action = take_city(desk, max(5, gathering - phase))
    if action != PASS:
        return action
    aim(desk)
    front = find_front(desk)
    if phase < gathering:
        action = gather(desk, front, gathering - phase)
    if action == PASS:
        action = advance(desk, front)
    if action == PASS:
        action = expand(desk, key)
    if action == PASS:
        action = gather(desk, front, LAST_GATHERING)
    return action


@kernel
def decide(board: Int32, desk: Int32, key: int) -> int:
    """The action for a desk that is laid out, GUESSING filled in."""
    home = int(desk[HOME])
    if int(desk[MOVABLE]) == 0 or home == NOWHERE:
        return PASS
    turn = int(desk[TURN])
    known = int(desk[FOE_GENERAL]) != NOWHERE
    if known:
        deathtouch = rule(board, RULE_DEATHTOUCH_TURN)
        action = strike(desk, deathtouch > 0 and turn >= deathtouch)
        if action != PASS:
            return action
    flood_from(desk, map_at(desk, HOME_WAY), home)
    if int(desk[CONTACT]) > 0:
        threat = find_threat(desk)
        if threat != NOWHERE:
            action = defend(desk, threat)
            if action != PASS:
                return action
    elif turn < CYCLE:
        return open_game(desk, key)
    if known:
        aim(desk)
        front = find_front(desk)
        if is_enough(desk, front):
            action = advance(desk, front)
            if action != PASS:
                return action
    return campaign(board, desk, key)


@kernel
def choose_hunter(board: Int32, s: int, key: int, guessing: int, desk: Int32) -> int:
    """The action of seat `s`: the hunter's, the tracker's or the seeker's, by how it guesses goals.

    guessing: BY_DEPTH, BY_POINTS or BY_TABLES. `desk` is int32 of `scratch_words(tiles)`.
    """
    survey(board, s, desk)
    desk[GUESSING] = guessing
    return decide(board, desk, key)
