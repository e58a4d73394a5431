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
    FOE_COLUMN,
    FOE_LAND,
    FOE_ROW,
    GOAL_SHARE,
    GUESSING,
    HOME,
    HOME_COLUMN,
    HOME_ROW,
    HOME_WAY,
    LINK,
    PLACE_ENTRIES,
    PLACES,
    PULL,
    QUEUE,
    SIZE,
    STRIDE,
    TIME,
    TOLD,
    TOLD_POINTS,
    TURN,
    WORDS,
    is_unknown,
    map_at,
)
from engine.bots.sight import relation_in
from engine.bots.track import flood_seen, queue_likeliest
from engine.bots.whereabouts_table import POINTS
from engine.compile import inlined, kernel

# Entries of each table; where two or three things are counted together, the product of theirs.
SIZES = (16 * 4, 32 * 6, 46 * 4, 32 * 2, 26 * 4, 32, 9, 32 * 6, 33 * 32)
DEPTH, CONTACT, APART, WALK, UNSEEN, CENTRE, OPEN_LAND, BEHIND, BEYOND = (sum(SIZES[:i]) for i in range(len(SIZES)))
TABLES = len(SIZES)
ENTRIES = sum(SIZES)
SHARE = 26  # places so many points below the best are goals as well
CERTAIN = 64  # in GOAL_SHARE
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
def note_centre(desk: Int32) -> None:
    """Note the row and column amid the enemy's tiles in sight, by their means; -1 where none is."""
    words = map_at(desk, WORDS)
    stride = int(desk[STRIDE])
    rows, columns, count = 0, 0, 0
    for r in range(1, int(desk[PLACES]) // stride - 1):
        for c in range(stride - 1):
            if relation_in(int(desk[words + r * stride + c])) == ENEMY:
                rows += r
                columns += c
                count += 1
    desk[FOE_ROW] = rows // count if count > 0 else -1
    desk[FOE_COLUMN] = columns // count if count > 0 else -1


@kernel
def sum_unseen(desk: Int32) -> None:
    """Fill QUEUE with how many unseen places lie in a place's row and above, in its column and to the left."""
    words = map_at(desk, WORDS)
    sums = map_at(desk, QUEUE)
    stride = int(desk[STRIDE])
    for p in range(stride):
        desk[sums + p] = 0
    for first in range(stride, int(desk[PLACES]), stride):
        in_row = 0
        for p in range(first, first + stride):
            if is_unknown(int(desk[words + p])):
                in_row += 1
            desk[sums + p] = int(desk[sums + p - stride]) + in_row


@inlined
def unseen_around(desk: Int32, row: int, column: int) -> int:
    """Unseen places within two rows and columns of a place."""
    sums = map_at(desk, QUEUE)
    stride = int(desk[STRIDE])
    above = sums + max(row - 3, 0) * stride
    below = sums + min(row + 2, int(desk[PLACES]) // stride - 1) * stride
    right = min(column + 2, stride - 1)
    count = int(desk[below + right]) - int(desk[above + right])
    if column >= 3:
        count -= int(desk[below + column - 3]) - int(desk[above + column - 3])
    return count


@inlined
def open_around(desk: Int32, p: int) -> int:
    """How many of the eight places around one can be entered."""
    blank = map_at(desk, BLANK)
    stride = int(desk[STRIDE])
    count = 0
    for q in range(blank + p - stride, blank + p + stride + 1, stride):
        for at in range(q - 1, q + 2):
            if int(desk[at]) == FAR and at != blank + p:
                count += 1
    return count


@kernel
def look_around(desk: Int32) -> None:
    """Note and search all that `list_entries` reads. HOME_WAY is filled in already.

    PULL holds steps from what is in sight and not the enemy's, LINK those from an enemy's tile.
    """
    stride = int(desk[STRIDE])
    flood_seen(desk, map_at(desk, PULL), False)
    flood_seen(desk, map_at(desk, LINK), True)
    sum_unseen(desk)
    note_centre(desk)
    desk[HOME_ROW] = int(desk[HOME]) // stride
    desk[HOME_COLUMN] = int(desk[HOME]) % stride
    desk[TIME] = time_of(int(desk[TURN]))
    desk[SIZE] = size_of(int(desk[FOE_LAND]))


@inlined
def list_entries(desk: Int32, row: int, column: int) -> None:
    """Write down, from PLACE_ENTRIES on, which entry of POINTS an unseen place has in each table."""
    stride = int(desk[STRIDE])
    p = row * stride + column
    time, size, castles = int(desk[TIME]), int(desk[SIZE]), int(desk[CASTLES])
    home_row, home_column = int(desk[HOME_ROW]), int(desk[HOME_COLUMN])
    foe_row, foe_column = int(desk[FOE_ROW]), int(desk[FOE_COLUMN])
    apart = min(abs(row - home_row) + abs(column - home_column), 45)
    met, contact, away, behind, beyond = 0, NO_CONTACT, NO_CONTACT, NO_CONTACT, 32 * 32
    if foe_row >= 0:
        met = 1
        contact = min(int(desk[map_at(desk, LINK) + p]), 30)
        away = min(abs(row - foe_row) + abs(column - foe_column), 30)
        behind = min(max(away - contact + 8, 0), 30)
        between = abs(foe_row - home_row) + abs(foe_column - home_column)
        beyond = away * 32 + min(max(apart - between + 10, 0), 31)
    desk[PLACE_ENTRIES + 0] = DEPTH + min(int(desk[map_at(desk, PULL) + p]), 15) * 4 + time
    desk[PLACE_ENTRIES + 1] = CONTACT + contact * 6 + size
    desk[PLACE_ENTRIES + 2] = APART + apart * 4 + met * 2 + castles
    desk[PLACE_ENTRIES + 3] = WALK + min(int(desk[map_at(desk, HOME_WAY) + p]), 62) // 2 * 2 + castles
    desk[PLACE_ENTRIES + 4] = UNSEEN + unseen_around(desk, row, column) * 4 + time
    desk[PLACE_ENTRIES + 5] = CENTRE + away
    desk[PLACE_ENTRIES + 6] = OPEN_LAND + open_around(desk, p)
    desk[PLACE_ENTRIES + 7] = BEHIND + behind * 6 + size
    desk[PLACE_ENTRIES + 8] = BEYOND + beyond


@kernel
def write_points(desk: Int32) -> int:
    """Fill PULL with the points of every place where the general may be, -FAR elsewhere. Returns the most."""
    words = map_at(desk, WORDS)
    points = map_at(desk, PULL)
    stride = int(desk[STRIDE])
    look_around(desk)
    best = -FAR
    for row in range(int(desk[PLACES]) // stride):
        for column in range(stride):
            p = row * stride + column
            value = -FAR
            if 0 <= int(desk[points + p]) < FAR and is_unknown(int(desk[words + p])):
                list_entries(desk, row, column)
                value = 0
                for table in range(TABLES):
                    value += int(POINTS[int(desk[PLACE_ENTRIES + table])])
            desk[points + p] = value
            best = max(best, value)
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

    Whoever stands on a place sees the eight around it as well: what counts is the chance of all nine. GOAL_SHARE is the
    most likely one's.
    """
    points = map_at(desk, PULL)
    chance = map_at(desk, LINK)
    stride = int(desk[STRIDE])
    places = int(desk[PLACES])
    best = take_told(desk) if int(desk[GUESSING]) == TOLD else write_points(desk)
    for p in range(places):
        behind = best - int(desk[points + p])
        desk[chance + p] = int(ODDS[behind]) if behind < FEWEST and int(desk[points + p]) > -FAR else 0
    most, sure = 0, 0
    for p in range(stride, places - stride):
        total = 0
        sure += int(desk[chance + p])
        if int(desk[points + p]) > -FAR:
            for q in range(p - stride, p + stride + 1, stride):
                total += int(desk[chance + max(q - 1, 0)]) + int(desk[chance + q]) + int(desk[chance + q + 1])
        desk[points + p] = total
        most = max(most, total)
    desk[GOAL_SHARE] = CERTAIN * most // max(sure, 1)
    return queue_likeliest(desk, max(most * int(ODDS[SHARE]) // ONE, 0))
