"""Where the hunter's armies march: to an enemy's general, else to where it may be, else to land that is not its own."""

from engine.actions import PASS
from engine.arrays import Int32
from engine.board import ENEMY, MINE, VISIBLE
from engine.bots.desk import (
    BLANK,
    BY_POINTS,
    BY_TABLES,
    CONTACT,
    FAR,
    FOE_ARMY,
    FOE_GENERAL,
    FOE_LAND,
    GOAL_SHARE,
    GOAL_WAY,
    GUESSING,
    HOME,
    MAIN,
    MAIN_ARMY,
    MARCH,
    NOWHERE,
    PLACES,
    PULL,
    SEEN_ARMY,
    STRIDE,
    WORDS,
    begin_at,
    clear_way,
    flood,
    flood_from,
    is_foreign,
    is_unknown,
    map_at,
    move_to,
    note_reason,
    shift,
)
from engine.bots.sight import army_in, exits_in, relation_in
from engine.bots.track import find_hideouts
from engine.bots.whereabouts import CERTAIN, find_whereabouts
from engine.compile import inlined, kernel


@kernel
def find_fog(desk: Int32) -> int:
    """Queue the places where an enemy's general may be, with GOAL_WAY 0 there. Returns how many.

    What nobody has seen is the likelier to hide it the farther it lies from all that is in sight and not an enemy's:
    after a while generals lie amid land of their own, and behind an enemy's border no neutral tile is seen.
    """
    words = map_at(desk, WORDS)
    blank = map_at(desk, BLANK)
    goal_way = map_at(desk, GOAL_WAY)
    depth = map_at(desk, PULL)
    stride = int(desk[STRIDE])
    places = int(desk[PLACES])
    clear_way(desk, depth)
    found = 0
    for p in range(stride, places - stride):
        word = int(desk[words + p])
        if word & VISIBLE and int(desk[blank + p]) == FAR and relation_in(word) != ENEMY:
            found = begin_at(desk, depth, p, found)
    flood(desk, depth, found)
    deepest = 0
    for p in range(stride, places - stride):
        if is_unknown(int(desk[words + p])) and int(desk[depth + p]) != FAR:
            deepest = max(deepest, int(desk[depth + p]))
    least = max(1, 2 * deepest // 3)
    found = 0
    for p in range(stride, places - stride):
        if is_unknown(int(desk[words + p])) and least <= int(desk[depth + p]) < FAR:
            found = begin_at(desk, goal_way, p, found)
    return found


@kernel
def aim_near(desk: Int32, enemies: bool) -> int:
    """Fill GOAL_WAY with distances to the nearest foreign tile, or with `enemies` to the nearest of an enemy's; neutral
    cities are left out. Returns how many such tiles there are.
    """
    words = map_at(desk, WORDS)
    blank = map_at(desk, BLANK)
    goal_way = map_at(desk, GOAL_WAY)
    stride = int(desk[STRIDE])
    clear_way(desk, goal_way)
    found = 0
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        if int(desk[blank + p]) == FAR and (relation_in(word) == ENEMY if enemies else is_foreign(word)):
            found = begin_at(desk, goal_way, p, found)
    flood(desk, goal_way, found)
    return found


@kernel
def aim_at_foreign(desk: Int32) -> int:
    """`aim_near` to land that is nobody's or an enemy's."""
    return aim_near(desk, False)


@kernel
def aim_at_enemies(desk: Int32) -> int:
    """`aim_near` to land that is an enemy's."""
    return aim_near(desk, True)


@kernel
def aim(desk: Int32) -> None:
    """Fill GOAL_WAY with distances to where the war is won. HOME_WAY is filled in already."""
    goal_way = map_at(desk, GOAL_WAY)
    desk[GOAL_SHARE] = 0
    if int(desk[FOE_GENERAL]) != NOWHERE:
        desk[GOAL_SHARE] = CERTAIN
        flood_from(desk, goal_way, int(desk[FOE_GENERAL]))
    else:
        clear_way(desk, goal_way)
        guessing = int(desk[GUESSING])
        if guessing >= BY_TABLES:
            found = find_whereabouts(desk)
        elif guessing == BY_POINTS:
            found = find_hideouts(desk)
        else:
            found = find_fog(desk)
        flood(desk, goal_way, found)
    if int(desk[goal_way + int(desk[HOME])]) == FAR:  # no such place, or no way there
        aim_at_foreign(desk)


@kernel
def find_front(desk: Int32) -> int:
    """Where to gather: of the large armies the one nearest to the goals."""
    words = map_at(desk, WORDS)
    goal_way = map_at(desk, GOAL_WAY)
    stride = int(desk[STRIDE])
    least = max(2, int(desk[MAIN_ARMY]) // 3)
    most, nearest, place = 0, FAR + 1, int(desk[MAIN])
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        if exits_in(word) != 0 and army_in(word) >= least:
            way = int(desk[goal_way + p])
            if way < nearest or (way == nearest and army_in(word) > most):
                most, nearest, place = army_in(word), way, p
    return place


@inlined
def step_value(word: int, army: int) -> int:
    """What a step of an army onto a tile, as its word has it, is worth; -FAR where it would break there."""
    value = army_in(word)
    if is_foreign(word):
        if value >= army - 1:
            return -FAR
        return (10 if relation_in(word) == ENEMY else 5) - value
    return value if relation_in(word) == MINE else 0


@kernel
def advance(desk: Int32, start: int) -> int:
    """A step of the army at `start` along a shortest way to the goals, or PASS where it would break on the enemy."""
    words = map_at(desk, WORDS)
    goal_way = map_at(desk, GOAL_WAY)
    stride = int(desk[STRIDE])
    word = int(desk[words + start])
    army = army_in(word)
    exits = exits_in(word)
    way = int(desk[goal_way + start])
    best, action = -FAR, PASS
    for direction in range(4):
        q = start + shift(direction, stride)
        if (exits >> direction) & 1 and int(desk[goal_way + q]) == way - 1:
            value = step_value(int(desk[words + q]), army)
            if value > best:
                best = value
                action = move_to(start, direction, 0, stride)
                note_reason(desk, MARCH, start, value)
    return action


@inlined
def hidden_army(desk: Int32) -> int:
    """Armies of the enemy's that stand in fog, beyond one a tile."""
    return max(0, int(desk[FOE_ARMY]) - int(desk[SEEN_ARMY]) - int(desk[FOE_LAND]) + int(desk[CONTACT]))


@kernel
def toll_from(desk: Int32, start: int, joins: bool) -> int:
    """Armies that the cheapest of the shortest ways from a place to the goal costs, without the goal's own: one a tile,
    an enemy's besides, and one for every second step. With `joins`, less the armies of its own that it takes along.

    `start` has such a way.
    """
    words = map_at(desk, WORDS)
    goal_way = map_at(desk, GOAL_WAY)
    stride = int(desk[STRIDE])
    p, way = start, int(desk[goal_way + start])
    need = way >> 1
    while way > 1:
        way -= 1
        least, place = FAR, p
        for direction in range(4):
            q = p + shift(direction, stride)
            if int(desk[goal_way + q]) == way:
                other = int(desk[words + q])
                toll = 1
                if relation_in(other) == ENEMY:
                    toll = 2 + army_in(other)
                elif joins and relation_in(other) == MINE:
                    toll = 1 - army_in(other)
                if toll < least:
                    least, place = toll, q
        need += least
        p = place
    return need


@kernel
def is_enough(desk: Int32, start: int) -> bool:
    """Whether the army at `start` should set out for the enemy's general, whose place is known."""
    words = map_at(desk, WORDS)
    word = int(desk[words + int(desk[FOE_GENERAL])])
    if int(desk[map_at(desk, GOAL_WAY) + start]) == FAR:
        return False
    guard = army_in(word)
    if word & VISIBLE == 0:
        guard = hidden_army(desk) // 3
    return army_in(int(desk[words + start])) > guard + toll_from(desk, start, False) + 1
