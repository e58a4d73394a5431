"""`hunter`: a strong scripted opponent."""

from engine.actions import PASS
from engine.arrays import Int32
from engine.board import ENEMY, MINE, UNOWNED, rule
from engine.bots.desk import (
    BLANK,
    CONTACT,
    FAR,
    FOE_GENERAL,
    GOAL_WAY,
    HOME,
    HOME_WAY,
    LAND,
    MAIN,
    MAIN_ARMY,
    MOVABLE,
    NOWHERE,
    PLACES,
    QUEUE,
    STRIDE,
    TURN,
    WORDS,
    clear_way,
    flood,
    flood_from,
    is_foreign,
    is_unknown,
    map_at,
    move_to,
    shift,
    survey,
)
from engine.bots.gather import gather
from engine.bots.sight import army_in, exits_in, kind_in, relation_in
from engine.chance import draw
from engine.compile import inlined, kernel
from engine.rulesets import RULE_DEATHTOUCH_TURN
from engine.tiles import CITY, DESERT, GENERAL, SWAMP

HUNTER = 2
CYCLE = 50
EXPANDING = 14  # turns of a cycle for taking what is near
GATHERING = 32  # turn of a cycle until which armies are gathered; then they march


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
def defend(desk: Int32) -> int:
    """Meet the enemy's army that would take the general, or PASS where none would."""
    words = map_at(desk, WORDS)
    home_way = map_at(desk, HOME_WAY)
    stride = int(desk[STRIDE])
    home = int(desk[HOME])
    guard = army_in(int(desk[words + home]))
    worst, threat = 0, NOWHERE
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        if relation_in(word) == ENEMY:
            way = int(desk[home_way + p])
            if way < 14:
                danger = army_in(word) - way - guard - (way >> 1)
                if danger > worst:
                    worst, threat = danger, p
    if threat == NOWHERE:
        return PASS
    army = army_in(int(desk[words + threat]))
    limit = int(desk[home_way + threat])
    goal_way = map_at(desk, GOAL_WAY)
    flood_from(desk, goal_way, threat)
    nearest, hunter = limit + 1, NOWHERE
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        if exits_in(word) != 0 and p != home:
            way = int(desk[goal_way + p])
            if way < nearest and army_in(word) > army + way:
                nearest, hunter = way, p
    if hunter != NOWHERE:
        action = advance(desk, hunter)
        if action != PASS:
            return action
    return gather(desk, home, limit)


@kernel
def expand(desk: Int32, key: int, cities: bool) -> int:
    """The best tile that can be taken now, or PASS."""
    words = map_at(desk, WORDS)
    blank = map_at(desk, BLANK)
    home_way = map_at(desk, HOME_WAY)
    stride = int(desk[STRIDE])
    home = int(desk[HOME])
    opening = int(desk[TURN]) < CYCLE
    best, action = 0, PASS
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        exits = exits_in(word)
        if exits != 0:
            army = army_in(word)
            for direction in range(4):
                if (exits >> direction) & 1:
                    q = p + shift(direction, stride)
                    other = int(desk[words + q])
                    kind = kind_in(other)
                    against = army_in(other)
                    if is_foreign(other) and army - 1 > against and kind != SWAMP:
                        enemy = relation_in(other) == ENEMY
                        value = 1000 + min(int(desk[home_way + q]), 60)
                        if enemy:
                            value += 400 if kind != CITY else 800
                        elif kind == CITY:
                            value += 300 if cities else -2000
                        elif kind == DESERT:
                            value -= 100
                        if p == home:
                            value -= 100
                        value += min(army, 60) if opening else -min(army, 60)
                        room = 0
                        for turn in range(4):
                            after = q + shift(turn, stride)
                            if int(desk[blank + after]) == FAR and is_foreign(int(desk[words + after])):
                                room += 1
                        value += 8 * room
                        value = (value << 8) | (draw(key, p * 4 + direction) & 255)
                        if value > best:
                            best = value
                            action = move_to(p, direction, 0, stride)
    return action


@kernel
def find_goals(desk: Int32) -> int:
    """Fill GOAL_WAY: walking distances to where the seat wants to go."""
    words = map_at(desk, WORDS)
    blank = map_at(desk, BLANK)
    home_way = map_at(desk, HOME_WAY)
    goal_way = map_at(desk, GOAL_WAY)
    queue = map_at(desk, QUEUE)
    stride = int(desk[STRIDE])
    places = int(desk[PLACES])
    clear_way(desk, goal_way)
    found = 0
    if int(desk[FOE_GENERAL]) != NOWHERE:
        flood_from(desk, goal_way, int(desk[FOE_GENERAL]))
        return 1
    if int(desk[CONTACT]) > 0:
        for p in range(stride, places - stride):
            if relation_in(int(desk[words + p])) == ENEMY:
                for dr in range(-1, 2):
                    for dc in range(-1, 2):
                        q = p + dr * stride + dc
                        if is_unknown(int(desk[words + q])) and int(desk[goal_way + q]) == FAR:
                            desk[goal_way + q] = 0
                            desk[queue + found] = q
                            found += 1
    if found == 0:
        farthest = 0
        for p in range(stride, places - stride):
            way = int(desk[home_way + p])
            if way != FAR and way > farthest and is_unknown(int(desk[words + p])):
                farthest = way
        least = min(12, farthest * 2 // 3)
        for p in range(stride, places - stride):
            way = int(desk[home_way + p])
            if way != FAR and way >= least and is_unknown(int(desk[words + p])):
                desk[goal_way + p] = 0
                desk[queue + found] = p
                found += 1
    if found == 0:
        for p in range(stride, places - stride):
            if int(desk[blank + p]) == FAR and is_foreign(int(desk[words + p])):
                desk[goal_way + p] = 0
                desk[queue + found] = p
                found += 1
    flood(desk, goal_way, found)
    return found


@kernel
def near_goals(desk: Int32) -> None:
    """GOAL_WAY to the nearest foreign tile."""
    words = map_at(desk, WORDS)
    blank = map_at(desk, BLANK)
    goal_way = map_at(desk, GOAL_WAY)
    queue = map_at(desk, QUEUE)
    stride = int(desk[STRIDE])
    places = int(desk[PLACES])
    clear_way(desk, goal_way)
    found = 0
    for p in range(stride, places - stride):
        if int(desk[blank + p]) == FAR and is_foreign(int(desk[words + p])):
            desk[goal_way + p] = 0
            desk[queue + found] = p
            found += 1
    flood(desk, goal_way, found)


@kernel
def advance(desk: Int32, start: int) -> int:
    """A step of the army at `start` along a shortest way to the goals, or PASS."""
    words = map_at(desk, WORDS)
    goal_way = map_at(desk, GOAL_WAY)
    stride = int(desk[STRIDE])
    word = int(desk[words + start])
    army = army_in(word)
    exits = exits_in(word)
    way = int(desk[goal_way + start])
    best, action = -1000000, PASS
    for direction in range(4):
        if (exits >> direction) & 1:
            q = start + shift(direction, stride)
            other = int(desk[words + q])
            if int(desk[goal_way + q]) == way - 1:
                relation = relation_in(other)
                value = 0
                if relation == MINE:
                    value = army_in(other)
                elif relation == ENEMY:
                    value = 10 - army_in(other)
                    if army_in(other) >= army - 1:
                        continue
                elif relation == UNOWNED:
                    value = 5 - army_in(other)
                    if army_in(other) >= army - 1:
                        continue
                if value > best:
                    best = value
                    action = move_to(start, direction, 0, stride)
    return action


@inlined
def front(desk: Int32) -> int:
    """The place to gather at: of the large armies the one nearest to the goals."""
    words = map_at(desk, WORDS)
    goal_way = map_at(desk, GOAL_WAY)
    stride = int(desk[STRIDE])
    least = max(2, int(desk[MAIN_ARMY]) // 3)
    best, place = FAR << 10, int(desk[MAIN])
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        if exits_in(word) != 0 and army_in(word) >= least:
            value = (int(desk[goal_way + p]) << 10) - min(army_in(word), 1000)
            if value < best:
                best, place = value, p
    return place


@kernel
def choose_hunter(board: Int32, s: int, key: int, desk: Int32) -> int:
    """The action of seat `s`. `desk` is int32 of `scratch_words(tiles)`."""
    survey(board, s, desk)
    home = int(desk[HOME])
    if int(desk[MOVABLE]) == 0 or home == NOWHERE:
        return PASS
    turn = int(desk[TURN])
    if int(desk[FOE_GENERAL]) != NOWHERE:
        deathtouch = rule(board, RULE_DEATHTOUCH_TURN)
        action = strike(desk, deathtouch > 0 and turn >= deathtouch)
        if action != PASS:
            return action
    flood_from(desk, map_at(desk, HOME_WAY), home)
    if int(desk[CONTACT]) > 0:
        action = defend(desk)
        if action != PASS:
            return action
    elif turn < 24 and int(desk[LAND]) == 1 and int(desk[MAIN_ARMY]) < 13:
        return PASS
    phase = turn % CYCLE
    if turn < CYCLE and int(desk[CONTACT]) == 0:
        action = expand(desk, key, False)
        if action == PASS:
            near_goals(desk)
            action = advance(desk, int(desk[MAIN]))
        return action
    if phase < EXPANDING:
        action = expand(desk, key, True)
        if action != PASS:
            return action
    find_goals(desk)
    root = front(desk)
    if phase < GATHERING:
        action = gather(desk, root, GATHERING - phase)
        if action != PASS:
            return action
    action = advance(desk, root)
    if action == PASS:
        action = expand(desk, key, True)
    if action == PASS:
        action = gather(desk, root, 20)
    return action
