"""The moves that a seat may choose among, each described in FEATURES whole numbers.

A move is passing, a whole army's step, or the castle that the seat could build nearest to home. What tells moves apart:
which of the options (`engine.bots.options`) would play it, and whether the seeker would; the army and where it stands;
what it enters; whether it comes nearer to home, to where the enemy's general is or probably is, to land that is not
one's own, to the enemy's tiles, to the front, to the enemy's largest army; and whether it may find the enemy's general.
Flags are YES, all else stands as the facts of `engine.bots.situation` do.
"""

from engine.actions import PASS
from engine.arrays import Int32
from engine.board import ENEMY, MINE, UNOWNED, VISIBLE
from engine.bots.desk import (
    BLANK,
    FAR,
    FIND,
    FRONT,
    GAIN,
    GOAL_WAY,
    HOME,
    HOME_WAY,
    LARGEST,
    MAIN,
    NOTES,
    NOWHERE,
    PLACES,
    STRIDE,
    WORDS,
    copy_map,
    flood_from,
    is_foreign,
    is_unknown,
    map_at,
    move_to,
    shift,
)
from engine.bots.gather import gather
from engine.bots.hunter import LAST_GATHERING
from engine.bots.options import CASTLE, EXPAND_NOW, MARCH_ON, NEAR, OPTIONS, RAID, begin, seeker_option
from engine.bots.sight import army_in, exits_in, is_passable, kind_in, relation_in
from engine.bots.situation import FACT_COUNT, FACTS, IS_ENOUGH, doublings, gain_on, put, within
from engine.compile import inlined, kernel
from engine.tiles import CITY, DESERT, GENERAL, SWAMP

YES = 16  # a flag that is set
ADVISERS = ("seeker", *OPTIONS)  # whose moves are told
RECKONED = 192  # words behind the facts in which `engine.bots.strategist` reckons
ADVICE = FACTS + FACT_COUNT + RECKONED  # first word of their moves on a desk
FEATURES = 1 + len(ADVISERS) + 49
FEATURE = ADVICE + len(ADVISERS)  # first word of a move's features
CASTLE_ADVICE = ADVICE + 1 + CASTLE
SEEKERS = 1  # the feature that is YES for the seeker's move
# Maps behind those of the desk: ways to the goal, the nearest foreign land, the nearest enemy tile, the front, and the
# enemy's largest army.
GOAL, NEAR_WAY, FOE_WAY, FRONT_WAY, LARGEST_WAY = range(FIND + 1, FIND + 6)
MOST_MAPS = FIND + 6


def moves_words(tiles: int) -> int:
    """Length of a desk with room for all moves on a board of so many tiles."""
    return NOTES + MOST_MAPS * (3 * tiles + 3) + 2 * most_moves(tiles)


def most_moves(tiles: int) -> int:
    """So many moves there may be: four a tile, passing and a castle."""
    return 4 * tiles + 2


@inlined
def listed(desk: Int32, k: int) -> int:
    """The word of a move's action code; behind it stands what it scores."""
    return map_at(desk, MOST_MAPS) + 2 * k


@kernel
def seekers_move(board: Int32, desk: Int32) -> int:
    """What the seeker would play, once all options were asked: where its own has no move it marches, else expands, else
    gathers.
    """
    asked = ADVICE + 1
    action = int(desk[asked + seeker_option(board, desk, int(desk[FACTS + IS_ENOUGH]) > 0)])
    if action == PASS:
        action = int(desk[asked + MARCH_ON])
    if action == PASS:
        action = int(desk[asked + EXPAND_NOW])
    return action if action != PASS else gather(desk, int(desk[FRONT]), LAST_GATHERING)


@kernel
def ask_advisers(board: Int32, desk: Int32, key: int) -> None:
    """Fill in ADVICE, PASS where an option has no move, and the maps of ways.

    The desk is laid out by `assess`, there are moves, and the seat has a front.
    """
    for option in range(len(OPTIONS)):
        desk[ADVICE + 1 + option] = begin(board, desk, option, key)
        if option == MARCH_ON:
            copy_map(desk, GOAL_WAY, GOAL)
        elif option == NEAR:
            copy_map(desk, GOAL_WAY, NEAR_WAY)
        elif option == RAID:
            copy_map(desk, GOAL_WAY, FOE_WAY)
    desk[ADVICE] = seekers_move(board, desk)
    if int(desk[LARGEST]) != NOWHERE:
        flood_from(desk, map_at(desk, LARGEST_WAY), int(desk[LARGEST]))
    else:
        foes, largest = map_at(desk, FOE_WAY), map_at(desk, LARGEST_WAY)
        for p in range(int(desk[PLACES])):
            desk[foes + p] = FAR
            desk[largest + p] = FAR
    flood_from(desk, map_at(desk, FRONT_WAY), int(desk[FRONT]))


@kernel
def list_moves(desk: Int32) -> int:
    """Write down the action codes of all moves, passing first, where `listed` says; returns how many."""
    words = map_at(desk, WORDS)
    stride = int(desk[STRIDE])
    desk[listed(desk, 0)] = PASS
    count = 1
    for p in range(stride, int(desk[PLACES]) - stride):
        exits = exits_in(int(desk[words + p]))
        if exits != 0:
            for direction in range(4):
                if (exits >> direction) & 1:
                    desk[listed(desk, count)] = move_to(p, direction, 0, stride)
                    count += 1
    castle = int(desk[CASTLE_ADVICE])
    is_listed = False
    for k in range(count):
        is_listed = is_listed or int(desk[listed(desk, k)]) == castle
    if not is_listed:
        desk[listed(desk, count)] = castle
        count += 1
    return count


@inlined
def yes(is_so: bool) -> int:
    """A feature that is or is not."""
    return YES if is_so else 0


@inlined
def way_of(desk: Int32, number: int, p: int, bound: int) -> int:
    """How long a place's way is in a map, or the bound that it is beyond."""
    way = int(desk[map_at(desk, number) + p])
    return bound if way < 0 else min(way, bound)


@inlined
def change_of(desk: Int32, number: int, p: int, q: int) -> int:
    """By how much a way gets longer from `p` to `q`, in flags; 0 where there is none."""
    before = int(desk[map_at(desk, number) + p])
    after = int(desk[map_at(desk, number) + q])
    return 0 if min(before, after) < 0 or max(before, after) >= FAR else YES * (after - before)


@kernel
def worst_beside(desk: Int32, p: int, but: int) -> int:
    """The largest enemy army beside a place, the place `but` left aside."""
    words = map_at(desk, WORDS)
    most = 0
    for direction in range(4):
        q = p + shift(direction, int(desk[STRIDE]))
        if q != but and relation_in(int(desk[words + q])) == ENEMY:
            most = max(most, army_in(int(desk[words + q])))
    return most


@kernel
def describe_ways(desk: Int32, at: int, p: int, q: int) -> int:
    """How far the army is from all that counts, and whether it comes nearer."""
    at = put(desk, at, way_of(desk, HOME_WAY, p, 60))
    at = put(desk, at, way_of(desk, GOAL, p, 60))
    at = put(desk, at, 2 * way_of(desk, NEAR_WAY, p, 20))
    at = put(desk, at, way_of(desk, FOE_WAY, p, 50))
    at = put(desk, at, way_of(desk, FRONT_WAY, p, 50))
    at = put(desk, at, way_of(desk, LARGEST_WAY, p, 50))
    at = put(desk, at, change_of(desk, HOME_WAY, p, q))
    at = put(desk, at, change_of(desk, GOAL, p, q))
    at = put(desk, at, change_of(desk, NEAR_WAY, p, q))
    at = put(desk, at, change_of(desk, FOE_WAY, p, q))
    at = put(desk, at, change_of(desk, FRONT_WAY, p, q))
    return put(desk, at, change_of(desk, LARGEST_WAY, p, q))


@kernel
def describe_end(desk: Int32, at: int, p: int, q: int) -> int:
    """What the army enters, what is left of it there, and who could strike it."""
    words = map_at(desk, WORDS)
    army, other = army_in(int(desk[words + p])), int(desk[words + q])
    relation, kind, largest = relation_in(other), kind_in(other), int(desk[LARGEST])
    is_own, is_seen = relation == MINE, other & VISIBLE != 0
    left = army - 1 + army_in(other) if is_own else army - 1 - army_in(other)
    most = 0 if largest == NOWHERE else army_in(int(desk[words + largest]))
    danger, risk = worst_beside(desk, p, q), worst_beside(desk, q, q)
    at = put(desk, at, yes(is_own))
    at = put(desk, at, yes(relation == ENEMY))
    at = put(desk, at, yes(relation == UNOWNED and is_seen))
    at = put(desk, at, yes(not is_seen))
    at = put(desk, at, yes(kind == CITY))
    at = put(desk, at, yes(kind == GENERAL))
    at = put(desk, at, yes(kind == SWAMP))
    at = put(desk, at, yes(kind == DESERT))
    at = put(desk, at, doublings(army_in(other)) if is_own else 0)
    at = put(desk, at, 0 if is_own else doublings(army_in(other)))
    at = put(desk, at, within(left, 60))
    at = put(desk, at, yes(not is_own and left > 0))
    at = put(desk, at, doublings(left) if is_own else 0)
    at = put(desk, at, within(army - most, 60) if most > 0 else 0)
    at = put(desk, at, doublings(danger))
    at = put(desk, at, yes(danger > 1))
    at = put(desk, at, doublings(risk))
    at = put(desk, at, yes(risk > max(left, 0)))
    return put(desk, at, yes(q == largest))


@kernel
def describe_beyond(desk: Int32, at: int, p: int, q: int) -> int:
    """What lies around the tile that is entered."""
    words = map_at(desk, WORDS)
    blank = map_at(desk, BLANK)
    foreign, hidden, own = 0, 0, 0
    for direction in range(4):
        after = q + shift(direction, int(desk[STRIDE]))
        word = int(desk[words + after])
        if int(desk[blank + after]) == FAR and is_foreign(word):
            foreign += YES // 4
            if is_unknown(word):
                hidden += YES // 4
        if relation_in(word) == MINE and after != p:
            own += YES // 4
    at = put(desk, at, foreign)
    at = put(desk, at, hidden)
    return put(desk, at, own)


@kernel
def describe_arrival(desk: Int32, at: int, p: int, q: int) -> int:
    """How many would arrive at the goal by way of `q`, and how many more than if the army stood there now."""
    gain = map_at(desk, GAIN)
    army, after = army_in(int(desk[map_at(desk, WORDS) + p])), int(desk[gain + q])
    if after > -FAR:
        after += gain_on(int(desk[map_at(desk, WORDS) + q]))
    at = put(desk, at, within(army + after, 60))
    return put(desk, at, within(2 * (after - int(desk[gain + p])), 60))


@kernel
def describe_find(desk: Int32, at: int, q: int) -> None:
    """How probably the enemy's general is seen from `q`, and from the best place beside it."""
    words, find = map_at(desk, WORDS), map_at(desk, FIND)
    chance, further = int(desk[find + q]), 0
    for direction in range(4):
        after = q + shift(direction, int(desk[STRIDE]))
        if is_passable(int(desk[words + after])):
            further = max(further, int(desk[find + after]))
    at = put(desk, at, doublings(chance))
    at = put(desk, at, min(chance // 8, 64))
    put(desk, at, doublings(further))


@kernel
def describe(desk: Int32, action: int) -> None:
    """Write down the features of a move that `list_moves` listed, from FEATURE on."""
    at = put(desk, FEATURE, yes(action == PASS))
    for k in range(len(ADVISERS)):
        at = put(desk, at, yes(int(desk[ADVICE + k]) == action and action != PASS))
    stride = int(desk[STRIDE])
    tile = (action - 1) >> 3
    tiles = (int(desk[PLACES]) // stride - 2) * (stride - 1)
    if action == PASS or tile >= tiles:
        for i in range(at, FEATURE + FEATURES):
            desk[i] = 0
        return
    words = map_at(desk, WORDS)
    p = (tile // (stride - 1) + 1) * stride + tile % (stride - 1)
    q = p + shift(((action - 1) >> 1) & 3, stride)
    army = army_in(int(desk[words + p]))
    at = put(desk, at, doublings(army))
    at = put(desk, at, min(army, 40))
    at = put(desk, at, yes(p == int(desk[HOME])))
    at = put(desk, at, yes(p == int(desk[FRONT])))
    at = put(desk, at, yes(p == int(desk[MAIN])))
    at = put(desk, at, yes(kind_in(int(desk[words + p])) == CITY))
    at = describe_ways(desk, at, p, q)
    at = describe_end(desk, at, p, q)
    at = describe_beyond(desk, at, p, q)
    at = put(desk, at, yes(q == int(desk[HOME])))
    at = put(desk, at, yes(q == int(desk[FRONT])))
    at = put(desk, at, yes(army == 2))
    at = put(desk, at, yes(relation_in(int(desk[words + q])) == MINE and army_in(int(desk[words + q])) == 1))
    at = describe_arrival(desk, at, p, q)
    describe_find(desk, at, q)
