"""Where an enemy's general probably hides: an estimate from all that is in sight.

A place in fog is the likelier the farther it lies from all that is in sight and not an enemy's, and the nearer to an
enemy's tile; generals never start near each other. How much each counts was fitted to where generals were in games of
two hunters (softmax over the places in fog), then tuned by games.
"""

from engine.arrays import Int32
from engine.board import ENEMY, VISIBLE
from engine.bots.desk import (
    BLANK,
    FAR,
    GOAL_WAY,
    HOME,
    LINK,
    PLACES,
    PULL,
    STRIDE,
    WORDS,
    begin_at,
    clear_way,
    flood,
    is_unknown,
    map_at,
)
from engine.bots.sight import relation_in
from engine.compile import inlined, kernel

DEPTH = 30  # points for each step away from what is in sight, and how many steps count
MOST_DEPTH = 8
CONTACT = 20  # points lost for each step away from an enemy's tile in sight, and how many steps count
MOST_CONTACT = 40
APART = 15  # Manhattan distance between generals: less of it loses
TOO_NEAR = 100
USUAL = 26  # and each step beyond this loses
TOO_FAR = 10
SHARE = 40  # places so many points below the best are goals as well


@inlined
def distance(p: int, q: int, stride: int) -> int:
    """Manhattan distance between two places."""
    return abs(p // stride - q // stride) + abs(p % stride - q % stride)


@kernel
def flood_seen(desk: Int32, way: int, enemies: bool) -> int:
    """A map of walking distances from what is in sight, of enemies or of all others. Returns from how many places."""
    words = map_at(desk, WORDS)
    blank = map_at(desk, BLANK)
    stride = int(desk[STRIDE])
    clear_way(desk, way)
    found = 0
    for p in range(stride, int(desk[PLACES]) - stride):
        word = int(desk[words + p])
        if word & VISIBLE and int(desk[blank + p]) == FAR and (relation_in(word) == ENEMY) == enemies:
            found = begin_at(desk, way, p, found)
    flood(desk, way, found)
    return found


@kernel
def queue_likeliest(desk: Int32, least: int) -> int:
    """Queue the places with more points than `least`, in PULL, with GOAL_WAY 0 there. Returns how many."""
    goal_way = map_at(desk, GOAL_WAY)
    points = map_at(desk, PULL)
    stride = int(desk[STRIDE])
    found = 0
    for p in range(stride, int(desk[PLACES]) - stride):
        if int(desk[points + p]) > least:
            found = begin_at(desk, goal_way, p, found)
    return found


@kernel
def find_hideouts(desk: Int32) -> int:
    """Queue the places where an enemy's general most probably is, with GOAL_WAY 0 there. Returns how many."""
    words = map_at(desk, WORDS)
    points = map_at(desk, PULL)
    contact = map_at(desk, LINK)
    stride = int(desk[STRIDE])
    places = int(desk[PLACES])
    home = int(desk[HOME])
    flood_seen(desk, points, False)
    met = flood_seen(desk, contact, True)
    best = -FAR
    for p in range(stride, places - stride):
        depth = int(desk[points + p])
        desk[points + p] = -FAR
        if is_unknown(int(desk[words + p])) and depth < FAR:
            value = DEPTH * min(depth, MOST_DEPTH)
            if met > 0:
                value -= CONTACT * min(int(desk[contact + p]), MOST_CONTACT)
            way = distance(p, home, stride)
            if way < APART:
                value -= TOO_NEAR
            value -= TOO_FAR * max(0, way - USUAL)
            desk[points + p] = value
            best = max(best, value)
    return queue_likeliest(desk, max(best - SHARE, -FAR))
