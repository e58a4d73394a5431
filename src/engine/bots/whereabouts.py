"""Where an enemy's general hides, learned: points for every place that nobody has seen, added up from tables.

Each table counts one thing that tells: how deep in fog the place lies, how far from an enemy's tile and from home, how
open the land is around it, where it lies beyond the enemy's land. Points are log-odds in 64ths: a softmax over all such
places is the chance that the general is there. `learner.whereabouts` fitted the tables to where generals were in games
of bots, and writes `engine.bots.whereabouts_table`.
"""

import numpy as np

from engine.arrays import Int32
from engine.board import ENEMY
from engine.bots.desk import (
    BLANK,
    CASTLES,
    FAR,
    FOE_LAND,
    GUESSING,
    HOME,
    HOME_WAY,
    LINK,
    PLACES,
    PULL,
    STRIDE,
    TOLD,
    TOLD_POINTS,
    TURN,
    WORDS,
    is_unknown,
    map_at,
)
from engine.bots.sight import relation_in
from engine.bots.track import distance, flood_seen, queue_likeliest
from engine.bots.whereabouts_table import POINTS
from engine.compile import inlined, kernel

# Entries of each table; where two or three things are counted together, the product of theirs.
SIZES = (16 * 4, 32 * 6, 46 * 4, 32 * 2, 26 * 4, 32, 9, 32 * 6, 33 * 32)
DEPTH, CONTACT, APART, WALK, UNSEEN, CENTRE, OPEN_LAND, BEHIND, BEYOND = (sum(SIZES[:i]) for i in range(len(SIZES)))
BY_DISTANCE = (DEPTH, CONTACT, APART, WALK, CENTRE, BEHIND, BEYOND)  # those that `entry` reads
ENTRIES = sum(SIZES)
SHARE = 26  # places so many points below the best are goals as well
ONE = 1024  # a chance as large as the most likely place's
FEWEST = 512  # points behind it from which on a place's chance counts as none
ODDS = np.rint(ONE * np.exp(-np.arange(FEWEST) / 64.0)).astype(np.int32)
NO_CONTACT = 31  # instead of a distance from enemies, where none is in sight


@inlined
def time_of(turn: int) -> int:
    """Which of four times of a game a turn belongs to."""
    if turn < 75:
        return 0
    if turn < 100:
        return 1
    return 2 if turn < 150 else 3


@inlined
def size_of(land: int) -> int:
    """Which of six sizes the enemy's land has."""
    if land < 23:
        return 0 if land < 15 else 1
    if land < 45:
        return 2 if land < 31 else 3
    return 4 if land < 65 else 5


@kernel
def enemy_centre(desk: Int32) -> int:
    """The place amid the enemy's tiles in sight, by the mean of rows and columns; the first place where none is."""
    words = map_at(desk, WORDS)
    stride = int(desk[STRIDE])
    rows, columns, count = 0, 0, 0
    for p in range(stride, int(desk[PLACES]) - stride):
        if relation_in(int(desk[words + p])) == ENEMY:
            rows += p // stride
            columns += p % stride
            count += 1
    return rows // max(count, 1) * stride + columns // max(count, 1)


@kernel
def count_around(desk: Int32, p: int) -> int:
    """Unseen places within two rows and columns of a place, and 32 times the open places beside and across."""
    words = map_at(desk, WORDS)
    blank = map_at(desk, BLANK)
    stride = int(desk[STRIDE])
    row, column = p // stride, p % stride
    count = 0
    for r in range(max(row - 2, 1), min(row + 3, int(desk[PLACES]) // stride - 1)):
        for c in range(max(column - 2, 0), min(column + 3, stride - 1)):
            q = r * stride + c
            if is_unknown(int(desk[words + q])):
                count += 1
            if q != p and abs(r - row) <= 1 and abs(c - column) <= 1 and int(desk[blank + q]) == FAR:
                count += 32
    return count


@kernel
def entry(desk: Int32, p: int, table: int, time: int, size: int, centre: int, castles: int) -> int:
    """Which entry of a table of BY_DISTANCE an unseen place has. centre: of the enemy's tiles, or 0.

    PULL holds steps from what is in sight and not the enemy's, LINK those from an enemy's tile.
    """
    stride = int(desk[STRIDE])
    met = 1 if centre > 0 else 0
    home = int(desk[HOME])
    apart = min(distance(p, home, stride), 45)
    contact = min(int(desk[map_at(desk, LINK) + p]), 30) if met else NO_CONTACT
    away = min(distance(p, centre, stride), 30) if met else NO_CONTACT
    if table == DEPTH:
        return min(int(desk[map_at(desk, PULL) + p]), 15) * 4 + time
    if table == CONTACT:
        return contact * 6 + size
    if table == APART:
        return apart * 4 + met * 2 + castles
    if table == WALK:
        return min(int(desk[map_at(desk, HOME_WAY) + p]), 62) // 2 * 2 + castles
    if table == CENTRE:
        return away
    if table == BEHIND:
        return (min(max(away - contact + 8, 0), 30) if met else NO_CONTACT) * 6 + size
    beyond = min(max(apart - distance(centre, home, stride) + 10, 0), 31)
    return away * 32 + beyond if met else 32 * 32


@kernel
def points_of(desk: Int32, p: int, time: int, size: int, centre: int, castles: int) -> int:
    """An unseen place's points; the arguments are those of `entry`."""
    around = count_around(desk, p)
    points = int(POINTS[UNSEEN + around % 32 * 4 + time]) + int(POINTS[OPEN_LAND + around // 32])
    for table in BY_DISTANCE:
        points += int(POINTS[table + entry(desk, p, table, time, size, centre, castles)])
    return points


@kernel
def write_points(desk: Int32) -> int:
    """Fill PULL with the points of every place where the general may be, -FAR elsewhere. Returns the most."""
    words = map_at(desk, WORDS)
    points = map_at(desk, PULL)
    flood_seen(desk, points, False)
    centre = enemy_centre(desk) if flood_seen(desk, map_at(desk, LINK), True) > 0 else 0
    time, size = time_of(int(desk[TURN])), size_of(int(desk[FOE_LAND]))
    castles = int(desk[CASTLES])
    best = -FAR
    for p in range(int(desk[PLACES])):
        depth = int(desk[points + p])
        is_open = 0 <= depth < FAR and is_unknown(int(desk[words + p]))
        desk[points + p] = points_of(desk, p, time, size, centre, castles) if is_open else -FAR
        best = max(best, int(desk[points + p]))
    return best


@kernel
def take_told(desk: Int32) -> int:
    """Fill PULL with the points that were told. Returns the most."""
    told = map_at(desk, TOLD_POINTS)
    points = map_at(desk, PULL)
    best = -FAR
    for p in range(int(desk[PLACES])):
        desk[points + p] = desk[told + p]
        best = max(best, int(desk[told + p]))
    return best


@kernel
def find_whereabouts(desk: Int32) -> int:
    """Queue the places around which an enemy's general most probably is, with GOAL_WAY 0 there. Returns how many.

    Whoever stands on a place sees the eight around it as well: what counts is the chance of all nine.
    """
    points = map_at(desk, PULL)
    chance = map_at(desk, LINK)
    stride = int(desk[STRIDE])
    places = int(desk[PLACES])
    best = take_told(desk) if int(desk[GUESSING]) == TOLD else write_points(desk)
    for p in range(places):
        behind = best - int(desk[points + p])
        desk[chance + p] = int(ODDS[behind]) if behind < FEWEST else 0
    most = 0
    for p in range(stride, places - stride):
        total = 0
        if int(desk[points + p]) > -FAR:
            for q in range(p - stride, p + stride + 1, stride):
                total += int(desk[chance + max(q - 1, 0)]) + int(desk[chance + q]) + int(desk[chance + q + 1])
        desk[points + p] = total
        most = max(most, total)
    return queue_likeliest(desk, max(most * int(ODDS[SHARE]) // ONE, 0))
