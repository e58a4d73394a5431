"""Options: ways to go on (Sutton, Precup, Singh 1999), each a small script over the desk that ends in one move.

    march        the front goes to where the enemy's general is or probably is
    search       so does another army on its own, near and small, that would arrive
    expand       the best tile that can be taken now
    gather N     at the front, until turn N of the cycle of 50
    defend       against the army that would take the general
    city         the neutral city that costs least: take it, or gather beside it
    castle       build one nearest to home, or gather for it
    home         gather on the general
    near         the largest army goes to the nearest land that is not one's own
    spread       the army behind the front that can take most land a move goes there
    raid         the front goes to the nearest enemy tile
    meet         defend against the largest enemy army in sight
    back         the front goes home

What each would play tells moves apart (`engine.bots.moves`).
"""

from engine.actions import PASS
from engine.arrays import Int32
from engine.board import rule
from engine.bots.desk import (
    ALONE,
    CITY_PRICE,
    CITY_ROOT,
    CITY_TOWARD,
    CONTACT,
    FAR,
    FOE_GENERAL,
    FRONT,
    GOAL_WAY,
    HOME,
    HOME_WAY,
    LARGEST,
    MAIN,
    NOWHERE,
    PLACES,
    STRIDE,
    TURN,
    WORDS,
    copy_map,
    map_at,
    move_to,
    shift,
)
from engine.bots.gather import gather
from engine.bots.hunter import (
    CYCLE,
    SEEKER_GATHERING,
    can_invest,
    castle_at,
    defend,
    expand,
    find_castle,
    find_threat,
    strike,
)
from engine.bots.march import advance, aim_at_enemies, aim_at_foreign, find_front
from engine.bots.opening import open_by_plan
from engine.bots.sight import army_in, exits_in
from engine.bots.situation import gain_alone
from engine.compile import kernel
from engine.rulesets import RULE_CASTLE_PRICE, RULE_DEATHTOUCH_TURN

OPTIONS = (
    "march",
    "search",
    "expand",
    "gather 28",
    "gather 50",
    "defend",
    "city",
    "castle",
    "home",
    "near",
    "spread",
    "raid",
    "meet",
    "back",
)
MARCH_ON, SEARCH, EXPAND_NOW, GATHER_28, GATHER_50, DEFEND, CITY, CASTLE, GO_HOME, NEAR, SPREAD, RAID, MEET, BACK = (
    range(14)
)
OPEN = -1  # no action: a move is to be chosen
HOME_MOVES, CITY_MOVES, CASTLE_MOVES = 10, 8, 16  # moves to plan for where these gather
NEARNESS = 4  # what a step is worth in armies, to one that searches;
CROWD = 64  # of two ways that cost it the same it takes the one less crowded
WIDEST = 12  # tiles that an army is thought to take on one way


@kernel
def settled(board: Int32, desk: Int32, key: int) -> int:
    """What is played before there is anything to choose, or OPEN: taking a general; the opening until an enemy is met.

    The opening is planned. Left to choose, learning spoils it: what it costs shows a hundred turns later.
    """
    if int(desk[FOE_GENERAL]) != NOWHERE:
        deathtouch = rule(board, RULE_DEATHTOUCH_TURN)
        action = strike(desk, deathtouch > 0 and int(desk[TURN]) >= deathtouch)
        if action != PASS:
            return action
    if int(desk[CONTACT]) == 0 and int(desk[TURN]) < CYCLE:
        return open_by_plan(desk)
    return OPEN


@kernel
def search(desk: Int32) -> int:
    """A step to the goal of an army that would arrive there on its own, near and small, the front aside."""
    words, alone, goal_way = map_at(desk, WORDS), map_at(desk, ALONE), map_at(desk, GOAL_WAY)
    stride = int(desk[STRIDE])
    least, place = FAR, NOWHERE
    for p in range(stride, int(desk[PLACES]) - stride):
        word, way = int(desk[words + p]), int(desk[goal_way + p])
        if exits_in(word) != 0 and p != int(desk[FRONT]) and way > 0 and army_in(word) + int(desk[alone + p]) > 0:
            cost = NEARNESS * way + army_in(word)
            if cost < least:
                least, place = cost, p
    if place == NOWHERE:
        return PASS
    exits, most, action = exits_in(int(desk[words + place])), -FAR, PASS
    for direction in range(4):
        q = place + shift(direction, stride)
        if (exits >> direction) & 1 and int(desk[goal_way + q]) == int(desk[goal_way + place]) - 1:
            word = int(desk[words + q])
            value = CROWD * (gain_alone(word) + int(desk[alone + q])) - min(army_in(word), CROWD - 1)
            if value > most:
                most, action = value, move_to(place, direction, 0, stride)
    return action


@kernel
def go_near(desk: Int32, key: int) -> int:
    """A step of the largest army to the nearest land that is not one's own; else what can be taken."""
    aim_at_foreign(desk)
    action = advance(desk, int(desk[MAIN]))
    return action if action != PASS else expand(desk, key)


@kernel
def take_city(desk: Int32) -> int:
    """Take the neutral city that costs least, or gather beside it."""
    root = int(desk[CITY_ROOT])
    if root == NOWHERE:
        return PASS
    if army_in(int(desk[map_at(desk, WORDS) + root])) - 1 > int(desk[CITY_PRICE]):
        return move_to(root, int(desk[CITY_TOWARD]), 0, int(desk[STRIDE]))
    return gather(desk, root, CITY_MOVES)


@kernel
def build_castle(board: Int32, desk: Int32) -> int:
    """Build a castle nearest to home, or gather at the front for one."""
    if rule(board, RULE_CASTLE_PRICE) == 0:
        return PASS
    place = find_castle(desk)
    if place == NOWHERE:
        return gather(desk, int(desk[FRONT]), CASTLE_MOVES)
    return castle_at(board, desk, place)


@kernel
def spread(desk: Int32) -> int:
    """A step of the army that takes most land a move on its way there and on, the front aside. GOAL_WAY is NEAR's."""
    words = map_at(desk, WORDS)
    goal_way = map_at(desk, GOAL_WAY)
    home_way = map_at(desk, HOME_WAY)
    stride = int(desk[STRIDE])
    best, place = 0, NOWHERE
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        if exits_in(word) != 0 and p != int(desk[FRONT]):
            taken = min(army_in(word) - 1, WIDEST)
            way = int(desk[goal_way + p])
            if taken > 0 and 1 <= way < FAR:
                value = 1024 * taken // (way - 1 + taken) + min(int(desk[home_way + p]), 60)
                if p == int(desk[HOME]):
                    value -= 64
                if value > best:
                    best, place = value, p
    return PASS if place == NOWHERE else advance(desk, place)


@kernel
def raid(desk: Int32) -> int:
    """A step of the front to the nearest enemy tile in sight."""
    return advance(desk, find_front(desk)) if aim_at_enemies(desk) > 0 else PASS


@kernel
def go_back(desk: Int32) -> int:
    """A step of the front towards home."""
    if int(desk[FRONT]) == int(desk[HOME]):
        return PASS
    copy_map(desk, HOME_WAY, GOAL_WAY)
    return advance(desk, int(desk[FRONT]))


@kernel
def meet(desk: Int32, threat: int) -> int:
    """Defend against an army at a place, if there is one that could come home."""
    if threat == NOWHERE or int(desk[map_at(desk, HOME_WAY) + threat]) >= FAR:
        return PASS
    return defend(desk, threat)


@kernel
def begin(board: Int32, desk: Int32, option: int, key: int) -> int:
    """The move of an option, an index of OPTIONS, or PASS where it has none; GOAL_WAY may be another map then.

    All are asked in their order, on a desk that `engine.bots.situation.assess` laid out: MARCH_ON and SEARCH read its
    GOAL_WAY, SPREAD that of NEAR.
    """
    if option == MARCH_ON:
        return advance(desk, int(desk[FRONT]))
    if option == SEARCH:
        return search(desk)
    if option == EXPAND_NOW:
        return expand(desk, key)
    if option == GATHER_28 or option == GATHER_50:
        moves = (SEEKER_GATHERING if option == GATHER_28 else CYCLE) - int(desk[TURN]) % CYCLE
        return gather(desk, int(desk[FRONT]), moves if moves > 0 else moves + CYCLE)
    if option == DEFEND:
        return meet(desk, find_threat(desk))
    if option == CITY:
        return take_city(desk)
    if option == CASTLE:
        return build_castle(board, desk)
    if option == GO_HOME:
        return gather(desk, int(desk[HOME]), HOME_MOVES)
    if option == NEAR:
        return go_near(desk, key)
    if option == SPREAD:
        return spread(desk)
    if option == RAID:
        return raid(desk)
    if option == MEET:
        return meet(desk, int(desk[LARGEST]))
    return go_back(desk)


@kernel
def seeker_option(board: Int32, desk: Int32, is_enough: bool) -> int:
    """The option that does what the seeker would do.

    is_enough: whether the front suffices for an enemy's general that is known.
    """
    phase = int(desk[TURN]) % CYCLE
    if int(desk[CONTACT]) > 0 and find_threat(desk) != NOWHERE:
        return DEFEND
    if is_enough:
        return MARCH_ON
    price = rule(board, RULE_CASTLE_PRICE)
    if price > 0 and can_invest(desk, price):
        return CASTLE
    if int(desk[CITY_ROOT]) != NOWHERE and can_invest(desk, int(desk[CITY_PRICE])):
        return CITY
    return GATHER_28 if phase < SEEKER_GATHERING else MARCH_ON
