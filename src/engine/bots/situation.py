"""The situation of a seat in FACT_COUNT whole numbers: what a choice among options is made from.

They follow from what the seat sees this turn and nothing else; places and armies that options need are noted on the
desk beside them. A flag is 8; an amount x stands as 8 * log2(1 + x), `doublings`, or as it is within bounds.
"""

from engine.arrays import Int32
from engine.board import ENEMY, MINE, UNOWNED, VISIBLE, rule
from engine.bots.desk import (
    ALONE,
    ARMY,
    CITY_PRICE,
    CITY_ROOT,
    CITY_TOWARD,
    CONTACT,
    FAR,
    FIND,
    FOE_ARMY,
    FOE_GENERAL,
    FOE_LAND,
    FRONT,
    GAIN,
    GOAL_SHARE,
    GOAL_WAY,
    GUESSING,
    HOME,
    HOME_WAY,
    LAND,
    LARGEST,
    LINK,
    MAIN_ARMY,
    NOWHERE,
    PLACES,
    QUEUE,
    ROOM,
    SEEN_ARMY,
    STRIDE,
    TURN,
    WORDS,
    flood_from,
    is_unknown,
    map_at,
    shift,
    survey,
)
from engine.bots.hunter import ALARM, CYCLE, is_open_prize
from engine.bots.march import aim, find_front, hidden_army, toll_from
from engine.bots.sight import army_in, exits_in, kind_in, relation_in
from engine.compile import inlined, kernel
from engine.rulesets import RULE_CASTLE_PRICE, RULE_DEATHTOUCH_TURN
from engine.tiles import CITY

FACT_COUNT = 72
FLAG = 8
TOO_MUCH = 9999  # armies that a way costs which does not exist
LONG = 60  # a way at least so long, or none
AMOUNT = 80  # most of an amount that stands as it is
CHANCES = 1024  # parts of a chance in FIND
FACTS = ROOM  # first word of the facts on a desk
IS_ENOUGH = 46  # the fact that the seeker's choice reads
# Counted while places are gone through, in the words behind the facts; the network overwrites them.
COUNTED, COUNTS = ROOM + FACT_COUNT, 18
(
    WORST,  # danger of the enemy army most dangerous to the general: what it would have left there
    WORST_WAY,  # its way
    NEAREST,  # way of the nearest enemy tile from home
    OPEN_NEUTRAL,  # moves that take a neutral tile
    OPEN_ENEMY,  # moves that take an enemy's
    CITIES,
    FOE_CITIES,
    UNKNOWN,  # places that nobody has seen
    NEAR_HOME,  # own armies within 6 steps of home that can move,
    AROUND_HOME,  # and within 10
    FOG_WAY,  # way from home to the nearest place out of sight where armies can stand
    CITY_COST,
    NEAR_6,  # own armies within 6 and 12 steps of the front
    NEAR_12,
    FOES_6,  # enemy armies within 6 steps of the front, and the largest within 4 rows and columns
    FOES_CLOSE,
    FOES_HOME,  # and within 9 of home
    MOST_FIND,  # how probably the best move finds the enemy's general, of CHANCES
) = range(COUNTED, COUNTED + COUNTS)


@kernel
def doublings(amount: int) -> int:
    """8 * log2(1 + amount), between powers of two by a straight line; 0 below 1."""
    if amount <= 0:
        return 0
    top = 0
    while (amount + 1) >> (top + 1) > 0:
        top += 1
    return 8 * top + (((amount + 1) << 3) >> top) - 8


@inlined
def within(amount: int, bound: int) -> int:
    """An amount, or the bound that it is beyond."""
    return min(max(amount, -bound), bound)


@inlined
def flag(is_so: bool) -> int:
    """A fact that is or is not."""
    return FLAG if is_so else 0


@kernel
def count_enemy(desk: Int32, p: int, guard: int) -> None:
    """Count an enemy tile in sight. guard: armies on the own general."""
    word = int(desk[map_at(desk, WORDS) + p])
    way = int(desk[map_at(desk, HOME_WAY) + p])
    army = army_in(word)
    largest = int(desk[LARGEST])
    if army > 0 and (largest == NOWHERE or army > army_in(int(desk[map_at(desk, WORDS) + largest]))):
        desk[LARGEST] = p
    if kind_in(word) == CITY:
        desk[FOE_CITIES] += 1
    if 0 <= way < FAR:
        desk[NEAREST] = min(int(desk[NEAREST]), way)
        danger = army - way - guard - (way >> 1)
        if danger > int(desk[WORST]):
            desk[WORST] = danger
            desk[WORST_WAY] = way


@kernel
def count_own(desk: Int32, p: int) -> None:
    """Count an own tile."""
    words = map_at(desk, WORDS)
    word = int(desk[words + p])
    exits = exits_in(word)
    if kind_in(word) == CITY:
        desk[CITIES] += 1
    if exits != 0:
        if int(desk[map_at(desk, HOME_WAY) + p]) <= 6:
            desk[NEAR_HOME] += army_in(word) - 1
        if int(desk[map_at(desk, HOME_WAY) + p]) <= 10:
            desk[AROUND_HOME] += army_in(word) - 1
        for direction in range(4):
            q = p + shift(direction, int(desk[STRIDE]))
            if (exits >> direction) & 1 and is_open_prize(desk, p, q):
                desk[OPEN_ENEMY if relation_in(int(desk[words + q])) == ENEMY else OPEN_NEUTRAL] += 1


@kernel
def weigh_city(desk: Int32, p: int) -> None:
    """Note a neutral city in sight if it costs less than those before."""
    words = map_at(desk, WORDS)
    price = army_in(int(desk[words + p]))
    for direction in range(4):
        q = p - shift(direction, int(desk[STRIDE]))
        beside = int(desk[words + q])
        if relation_in(beside) == MINE:
            cost = price + int(desk[map_at(desk, HOME_WAY) + q]) - min(army_in(beside), price)
            if cost < int(desk[CITY_COST]):
                desk[CITY_COST] = cost
                desk[CITY_ROOT] = q
                desk[CITY_TOWARD] = direction
                desk[CITY_PRICE] = price


@kernel
def count_places(desk: Int32) -> None:
    """Go through all places once."""
    words = map_at(desk, WORDS)
    stride = int(desk[STRIDE])
    guard = army_in(int(desk[words + int(desk[HOME])]))
    for at in range(COUNTED, COUNTED + COUNTS):
        desk[at] = 0
    desk[WORST] = -FAR
    desk[WORST_WAY] = LONG
    desk[NEAREST] = LONG
    desk[FOG_WAY] = LONG
    desk[CITY_COST] = FAR
    desk[LARGEST] = NOWHERE
    desk[CITY_ROOT] = NOWHERE
    desk[CITY_PRICE] = 0
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        relation = relation_in(word)
        if relation == ENEMY:
            count_enemy(desk, p, guard)
        elif relation == MINE:
            count_own(desk, p)
        elif relation == UNOWNED and kind_in(word) == CITY and word & VISIBLE:
            weigh_city(desk, p)
        if is_unknown(word):
            desk[UNKNOWN] += 1
        if word & VISIBLE == 0 and int(desk[map_at(desk, HOME_WAY) + p]) >= 0:
            desk[FOG_WAY] = min(int(desk[FOG_WAY]), int(desk[map_at(desk, HOME_WAY) + p]))


@kernel
def count_around(desk: Int32) -> None:
    """Count armies around the front and home, by rows and columns."""
    words = map_at(desk, WORDS)
    stride = int(desk[STRIDE])
    front, home = int(desk[FRONT]), int(desk[HOME])
    front_row, front_column = front // stride, front % stride
    home_row, home_column = home // stride, home % stride
    for row in range(1, int(desk[PLACES]) // stride - 1):
        for column in range(stride - 1):
            word = int(desk[words + row * stride + column])
            relation = relation_in(word)
            rows, columns = abs(row - front_row), abs(column - front_column)
            if relation == MINE and rows + columns > 0:
                if rows + columns <= 6:
                    desk[NEAR_6] += army_in(word) - 1
                if rows + columns <= 12:
                    desk[NEAR_12] += army_in(word) - 1
            elif relation == ENEMY:
                if rows + columns <= 6:
                    desk[FOES_6] += army_in(word)
                if rows <= 4 and columns <= 4:
                    desk[FOES_CLOSE] = max(int(desk[FOES_CLOSE]), army_in(word))
                if abs(row - home_row) + abs(column - home_column) <= 9:
                    desk[FOES_HOME] += army_in(word)


@inlined
def gain_on(word: int) -> int:
    """By how many armies one gets larger that enters a tile; what fog hides is thought to hold one army."""
    if relation_in(word) == MINE:
        return army_in(word) - 1
    return -1 - army_in(word) if word & VISIBLE else -2


@inlined
def gain_alone(word: int) -> int:
    """The same for one that joins no armies of its own."""
    return min(gain_on(word), 0)


@kernel
def weigh_ways(desk: Int32) -> None:
    """Fill GAIN with what an army at each place gains on the best of its shortest ways to the goal, -FAR without one;
    and ALONE with what it gains if it joins no armies of its own.

    QUEUE lists the places in the order of GOAL_WAY, as `aim` leaves it.
    """
    words, queue, goal_way = map_at(desk, WORDS), map_at(desk, QUEUE), map_at(desk, GOAL_WAY)
    gain, alone = map_at(desk, GAIN), map_at(desk, ALONE)
    stride = int(desk[STRIDE])
    reached = 0
    for p in range(int(desk[PLACES])):
        desk[gain + p] = -FAR
        desk[alone + p] = -FAR
        if 0 <= int(desk[goal_way + p]) < FAR:
            reached += 1
    for i in range(reached):
        p = int(desk[queue + i])
        way, best, best_alone = int(desk[goal_way + p]), -FAR, -FAR
        for direction in range(4):
            q = p + shift(direction, stride)
            if int(desk[goal_way + q]) == way - 1 and way > 0:
                word = int(desk[words + q])
                best = max(best, gain_on(word) + int(desk[gain + q]))
                best_alone = max(best_alone, gain_alone(word) + int(desk[alone + q]))
        desk[gain + p] = best if way > 0 else 0
        desk[alone + p] = best_alone if way > 0 else 0


@kernel
def weigh_finds(desk: Int32) -> None:
    """Fill FIND with how probably one sees the enemy's general who enters a place, of CHANCES; 0 where it is known.

    Whoever holds a place sees the eight around it. LINK holds the chance of each place, as `aim` leaves it.
    """
    chance, find = map_at(desk, LINK), map_at(desk, FIND)
    stride, places = int(desk[STRIDE]), int(desk[PLACES])
    for p in range(places):
        desk[find + p] = 0
    if int(desk[FOE_GENERAL]) != NOWHERE:
        return
    all_chances = 0
    for p in range(places):
        all_chances += int(desk[chance + p])
    for p in range(stride + 1, places - stride - 1):
        total = 0
        for q in range(p - stride, p + stride + 1, stride):
            total += int(desk[chance + q - 1]) + int(desk[chance + q]) + int(desk[chance + q + 1])
        if total > 0:
            desk[find + p] = CHANCES * total // all_chances
    words = map_at(desk, WORDS)
    for p in range(stride, places - stride):
        exits = exits_in(int(desk[words + p]))
        for direction in range(4):
            if (exits >> direction) & 1:
                desk[MOST_FIND] = max(int(desk[MOST_FIND]), int(desk[find + p + shift(direction, stride)]))


@inlined
def put(desk: Int32, at: int, fact: int) -> int:
    """Write down a fact; returns where the next one goes."""
    desk[at] = fact
    return at + 1


@kernel
def put_totals(board: Int32, desk: Int32, at: int) -> int:
    """Time, land and armies of both, and what castles cost."""
    turn, land, army = int(desk[TURN]), int(desk[LAND]), int(desk[ARMY])
    foe_land, foe_army = int(desk[FOE_LAND]), int(desk[FOE_ARMY])
    at = put(desk, at, turn % CYCLE)
    at = put(desk, at, FLAG)
    at = put(desk, at, flag(turn < CYCLE))
    at = put(desk, at, flag(turn < 2 * CYCLE))
    at = put(desk, at, min(turn, 1000) // 25)
    at = put(desk, at, doublings(land))
    at = put(desk, at, doublings(foe_land))
    at = put(desk, at, within(land - foe_land, LONG))
    at = put(desk, at, doublings(army))
    at = put(desk, at, doublings(foe_army))
    at = put(desk, at, within(4 * (doublings(army) - doublings(foe_army)), AMOUNT))
    at = put(desk, at, within(4 * (doublings(land) - doublings(foe_land)), AMOUNT))
    at = put(desk, at, min(8 * land // max(1, foe_land), 32))
    at = put(desk, at, flag(land == 1))
    castle = rule(board, RULE_CASTLE_PRICE)
    touch = rule(board, RULE_DEATHTOUCH_TURN)
    at = put(desk, at, flag(castle > 0))
    at = put(desk, at, within(army - land - castle, AMOUNT) if castle > 0 else 0)
    return put(desk, at, flag(touch > 0 and turn >= touch))


@kernel
def put_enemies(desk: Int32, at: int) -> int:
    """What is seen of enemies, and how near they are."""
    words = map_at(desk, WORDS)
    worst, way, contact = int(desk[WORST]), int(desk[WORST_WAY]), int(desk[CONTACT])
    largest = int(desk[LARGEST])
    guard = army_in(int(desk[words + int(desk[HOME])]))
    army = 0 if largest == NOWHERE else army_in(int(desk[words + largest]))
    at = put(desk, at, doublings(contact))
    at = put(desk, at, flag(contact > 0))
    at = put(desk, at, doublings(int(desk[SEEN_ARMY])))
    at = put(desk, at, doublings(army))
    at = put(desk, at, LONG if largest == NOWHERE else min(int(desk[map_at(desk, HOME_WAY) + largest]), LONG))
    at = put(desk, at, within(army, AMOUNT))
    at = put(desk, at, within(worst, LONG))
    at = put(desk, at, min(way, LONG))
    at = put(desk, at, flag(worst > 0))
    at = put(desk, at, flag(worst > 0 and way <= ALARM))
    at = put(desk, at, doublings(guard))
    at = put(desk, at, doublings(int(desk[NEAR_HOME])))
    at = put(desk, at, int(desk[NEAREST]))
    at = put(desk, at, doublings(int(desk[FOES_HOME])))
    return put(desk, at, within(int(desk[NEAR_HOME]) + guard - int(desk[FOES_HOME]), AMOUNT))


@kernel
def put_front(desk: Int32, at: int) -> int:
    """What the front and the armies around it can do."""
    words = map_at(desk, WORDS)
    front = int(desk[FRONT])
    army, way, home_way, need = 1, LONG, 0, 0
    if front != NOWHERE:
        army = army_in(int(desk[words + front]))
        way = int(desk[map_at(desk, GOAL_WAY) + front])
        need = toll_from(desk, front, True) if 0 <= way < FAR else TOO_MUCH
        way = min(way, LONG)
        home_way = min(int(desk[map_at(desk, HOME_WAY) + front]), LONG)
    spare = int(desk[ARMY]) - int(desk[LAND])
    loose = max(0, spare - (army - 1))
    close = int(desk[FOES_CLOSE])
    fog = hidden_army(desk)
    known = int(desk[FOE_GENERAL]) != NOWHERE
    guard = 0
    if known:
        word = int(desk[words + int(desk[FOE_GENERAL])])
        guard = army_in(word) if word & VISIBLE else fog // 3
    at = put(desk, at, doublings(int(desk[MAIN_ARMY])))
    at = put(desk, at, doublings(army - 1))
    at = put(desk, at, within(army, AMOUNT))
    at = put(desk, at, doublings(loose))
    at = put(desk, at, within(loose, AMOUNT))
    at = put(desk, at, min(64, 64 * (army - 1) // max(1, spare)))
    at = put(desk, at, way)
    at = put(desk, at, home_way)
    at = put(desk, at, doublings(close))
    at = put(desk, at, within(army - close, LONG))
    at = put(desk, at, flag(army > close))
    at = put(desk, at, within(army - need, AMOUNT))
    at = put(desk, at, flag(known))
    at = put(desk, at, within(army - need - guard - 1, AMOUNT) if known else 0)
    at = put(desk, at, flag(known and army > need + guard + 1))
    at = put(desk, at, doublings(guard))
    at = put(desk, at, doublings(fog))
    at = put(desk, at, flag(army - 1 > need + fog // 2))
    at = put(desk, at, doublings(int(desk[NEAR_6])))
    at = put(desk, at, doublings(int(desk[NEAR_12])))
    at = put(desk, at, doublings(int(desk[FOES_6])))
    return put(desk, at, within(army - 1 + int(desk[NEAR_6]) - int(desk[FOES_6]), AMOUNT))


@kernel
def put_chances(desk: Int32, at: int) -> int:
    """What can be taken."""
    neutral, enemy = int(desk[OPEN_NEUTRAL]), int(desk[OPEN_ENEMY])
    is_city = int(desk[CITY_ROOT]) != NOWHERE
    spare = int(desk[ARMY]) - int(desk[LAND])
    at = put(desk, at, flag(neutral + enemy > 0))
    at = put(desk, at, min(neutral, 20))
    at = put(desk, at, min(enemy, 20))
    at = put(desk, at, flag(enemy > 0))
    at = put(desk, at, flag(is_city))
    at = put(desk, at, min(int(desk[CITY_COST]), LONG) if is_city else LONG)
    at = put(desk, at, within(spare - int(desk[CITY_PRICE]), AMOUNT) if is_city else -AMOUNT)
    at = put(desk, at, FLAG * min(int(desk[CITIES]), 6))
    at = put(desk, at, FLAG * min(int(desk[FOE_CITIES]), 6))
    return put(desk, at, doublings(int(desk[UNKNOWN])))


@kernel
def put_fog(desk: Int32, at: int) -> None:
    """How sure the goal is, and how many would arrive there; what may come out of the fog, and who could meet it; what
    the best look into it finds.

    The guard counts twice, as one of those near home and for being there already.
    """
    front = int(desk[FRONT])
    arrive = -FAR
    if front != NOWHERE:
        arrive = army_in(int(desk[map_at(desk, WORDS) + front])) + int(desk[map_at(desk, GAIN) + front])
    at = put(desk, at, int(desk[GOAL_SHARE]))
    at = put(desk, at, within(arrive, AMOUNT))
    hidden, guard = hidden_army(desk), army_in(int(desk[map_at(desk, WORDS) + int(desk[HOME])]))
    at = put(desk, at, within(hidden, AMOUNT))
    at = put(desk, at, within(int(desk[MAIN_ARMY]) - hidden, AMOUNT))
    at = put(desk, at, within(guard + int(desk[NEAR_HOME]) - hidden, AMOUNT))
    at = put(desk, at, within(guard + int(desk[AROUND_HOME]) - hidden, AMOUNT))
    at = put(desk, at, min(int(desk[FOG_WAY]), LONG))
    put(desk, at, doublings(int(desk[MOST_FIND])))


@kernel
def assess(board: Int32, s: int, guessing: int, desk: Int32) -> bool:
    """Lay out the desk for seat `s` and write down the facts of its situation, in FACT_COUNT words from FACTS.

    guessing: BY_TABLES, or TOLD where the desk holds points already. False, and nothing written, where the seat has no
    general.
    """
    survey(board, s, desk)
    desk[GUESSING] = guessing
    home = int(desk[HOME])
    if home == NOWHERE:
        return False
    flood_from(desk, map_at(desk, HOME_WAY), home)
    count_places(desk)
    aim(desk)
    weigh_ways(desk)
    weigh_finds(desk)
    desk[FRONT] = find_front(desk)
    if int(desk[FRONT]) != NOWHERE:
        count_around(desk)
    at = put_totals(board, desk, FACTS)
    at = put_enemies(desk, at)
    at = put_front(desk, at)
    at = put_chances(desk, at)
    put_fog(desk, at)
    return True
