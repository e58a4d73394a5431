"""The hunter's desk: what its seat sees, copied into scratch with a border around, and what it noted while copying.

The desk is one int32 array: first `NOTES` words of notes, room for a decision among them, then maps of `PLACES` words
each. A place is a tile of the board with a border around: row r, column c is place `(r + 1) * STRIDE + c`, STRIDE =
width + 1. Row 0, the last row and the last column are border that nobody can enter, so a search never asks where the
board ends.
"""

from engine.arrays import Int32
from engine.board import (
    ALLY,
    DISCOVERED,
    ENEMY,
    HEIGHT,
    KIND_SHIFT,
    MINE,
    SEATS,
    UNOWNED,
    VECTOR_SEAT,
    WIDTH,
    get,
    rule,
)
from engine.bots.sight import (
    army_in,
    exits_in,
    is_passable,
    kind_in,
    move_action,
    relation_in,
    vector_start,
    view_start,
    view_step,
)
from engine.compile import inlined, kernel
from engine.rulesets import RULE_CASTLE_PRICE
from engine.tiles import CITY, DOWN, GENERAL, LEFT, MOUNTAIN, UP

NOTES = 400
(
    PLACES,  # places of the board with its border
    STRIDE,  # from a place to the one below it
    TURN,
    HOME,  # place of the seat's own general
    MAIN,  # place of its largest army
    MAIN_ARMY,
    LAND,  # its land and armies in all
    ARMY,
    FOE_LAND,  # those of the strongest other seat
    FOE_ARMY,
    CONTACT,  # enemy tiles in sight
    SEEN_ARMY,  # armies on them
    FOE_GENERAL,  # place of an enemy's general, seen now or before, or NOWHERE
    MOVABLE,  # own tiles that can move
    REASON,  # what the action came from, of those below; and of that,
    REASON_PLACE,  # marching: where it starts
    REASON_VALUE,  # expanding, marching: what it is worth; gathering: places of the tree
    GUESSING,  # how the goal is found while an enemy's general is unknown, of those below
    FRONT,  # place of the army that marches, where armies gather
    LARGEST,  # place of the largest enemy army in sight, or NOWHERE
    CITY_ROOT,  # own place beside the neutral city in sight that costs least, or NOWHERE,
    CITY_TOWARD,  # in what direction that city lies
    CITY_PRICE,  # and the armies on it
    CASTLES,  # 1 where castles can be built
    HOME_ROW,  # of the following `engine.bots.whereabouts` takes note: row and column of the seat's own general
    HOME_COLUMN,
    FOE_ROW,  # and amid the enemy's tiles in sight, -1 where none is
    FOE_COLUMN,
    TIME,  # which of some times of a game it is
    SIZE,  # which of some sizes the enemy's land has
    GOAL_SHARE,  # how probably the enemy's general is on a goal or beside it, in 64ths, as tables or points have it
    FIRST_MOVE,  # of a plan of `engine.bots.opening`
) = range(32)
ROOM = 32  # first of the words in which `engine.bots.strategist` decides
PLACE_ENTRIES = NOTES - 9  # first of those in which `engine.bots.whereabouts` lists a place's entries

OTHER, EXPAND, GATHER, MARCH = range(4)  # reasons
# The deepest fog, `engine.bots.track`, `engine.bots.whereabouts`; points from elsewhere, `engine.bots.told`.
BY_DEPTH, BY_POINTS, BY_TABLES, TOLD = range(4)

# Maps, each PLACES words: the place of map m is NOTES + m * PLACES.
WORDS, BLANK, HOME_WAY, GOAL_WAY, QUEUE, LINK, PULL = range(7)
MAPS = 7
# More maps, where a desk has room: points that come from elsewhere; what an army gains on its way to the goal, and what
# it gains there if it joins none of its own; and how probably one finds the enemy's general who enters a place. Behind
# them are those of `engine.bots.moves`.
TOLD_POINTS, GAIN, ALONE, FIND = range(MAPS, MAPS + 4)

NOWHERE = -1
WALL = -1  # a way's length where nobody can go
FAR = 1 << 20  # and where no way has been found
BORDER = MOUNTAIN << KIND_SHIFT


def desk_words(tiles: int) -> int:
    """Length of a desk for any board of so many tiles: a border adds at most two rows and a column to it."""
    return NOTES + MAPS * (3 * tiles + 3)


@inlined
def map_at(desk: Int32, number: int) -> int:
    """Where a map begins."""
    return NOTES + number * int(desk[PLACES])


@inlined
def shift(direction: int, stride: int) -> int:
    """From a place to the next one in a direction."""
    if direction == UP:
        return -stride
    if direction == DOWN:
        return stride
    return -1 if direction == LEFT else 1


@inlined
def tile_at(place: int, stride: int) -> int:
    """The tile of a place."""
    row = place // stride - 1
    return row * (stride - 1) + place - (row + 1) * stride


@inlined
def move_to(start: int, direction: int, half: int, stride: int) -> int:
    """The action code of a move from a place."""
    return move_action(tile_at(start, stride), direction, half)


@kernel
def survey(board: Int32, s: int, desk: Int32) -> None:
    """Lay out the desk for seat `s`."""
    width = get(board, WIDTH)
    height = get(board, HEIGHT)
    stride = width + 1
    places = (height + 2) * stride
    view = view_start(board, s)
    step = view_step(board)
    words = NOTES
    blank = NOTES + places
    home, main, foe_general = NOWHERE, NOWHERE, NOWHERE
    main_army, contact, seen_army, movable = 1, 0, 0, 0
    for p in range(stride):
        desk[words + p] = BORDER
        desk[blank + p] = WALL
        desk[words + places - stride + p] = BORDER
        desk[blank + places - stride + p] = WALL
    for r in range(height):
        base = (r + 1) * stride
        desk[words + base + width] = BORDER
        desk[blank + base + width] = WALL
        for c in range(width):
            word = int(board[view + (r * width + c) * step])
            p = base + c
            desk[words + p] = word
            relation = relation_in(word)
            kind = kind_in(word)
            enter = is_passable(word)
            if relation == MINE:
                army = army_in(word)
                if exits_in(word) != 0:
                    movable += 1
                    if army > main_army:
                        main, main_army = p, army
                if kind == GENERAL:
                    home = p
            elif relation == ENEMY:
                contact += 1
                seen_army += army_in(word)
            elif kind == CITY:
                enter = enter and relation == ALLY
            if kind == GENERAL and relation != MINE:
                if relation == ALLY:
                    enter = False
                else:
                    foe_general = p
            desk[blank + p] = FAR if enter else WALL
    vector = vector_start(board, s)
    foe_land, foe_army = 0, 0
    for other in range(1, get(board, SEATS)):
        at = vector + 1 + VECTOR_SEAT * other
        if int(board[at + 1]) > foe_army:
            foe_land, foe_army = int(board[at]), int(board[at + 1])
    desk[PLACES] = places
    desk[STRIDE] = stride
    desk[TURN] = board[vector]
    desk[HOME] = home
    desk[MAIN] = main
    desk[MAIN_ARMY] = main_army
    desk[LAND] = board[vector + 1]
    desk[ARMY] = board[vector + 2]
    desk[FOE_LAND] = foe_land
    desk[FOE_ARMY] = foe_army
    desk[CONTACT] = contact
    desk[SEEN_ARMY] = seen_army
    desk[FOE_GENERAL] = foe_general
    desk[MOVABLE] = movable
    desk[CASTLES] = 1 if rule(board, RULE_CASTLE_PRICE) > 0 else 0
    desk[REASON] = OTHER


@inlined
def note_reason(desk: Int32, reason: int, place: int, value: int) -> None:
    """Note why an action is returned; `engine.bots.equals` tells by it which others would do."""
    desk[REASON] = reason
    desk[REASON_PLACE] = place
    desk[REASON_VALUE] = value


@inlined
def is_unknown(word: int) -> bool:
    """Whether nobody of the seat's team has seen the tile and armies may stand there."""
    return word & (DISCOVERED | 1) == 0 and is_passable(word)


@inlined
def is_foreign(word: int) -> bool:
    """Whether the tile belongs to nobody or to an enemy."""
    relation = relation_in(word)
    return relation == UNOWNED or relation == ENEMY


@kernel
def clear_way(desk: Int32, way: int) -> None:
    """Begin a map of ways: WALL where nobody goes, FAR elsewhere. `way` is where the map begins."""
    blank = map_at(desk, BLANK)
    for p in range(int(desk[PLACES])):
        desk[way + p] = desk[blank + p]


@kernel
def copy_map(desk: Int32, source: int, target: int) -> None:
    """Copy one map to another."""
    begin, to = map_at(desk, source), map_at(desk, target)
    for p in range(int(desk[PLACES])):
        desk[to + p] = desk[begin + p]


@inlined
def begin_at(desk: Int32, way: int, place: int, found: int) -> int:
    """Let a flood begin at a place as well, the queue holds `found` before it; returns how many there are then."""
    desk[way + place] = 0
    desk[map_at(desk, QUEUE) + found] = place
    return found + 1


@inlined
def reach(desk: Int32, way: int, place: int, steps: int, tail: int) -> int:
    """Reach a place within a flood, after so many steps; returns the new end of the queue."""
    if int(desk[way + place]) > steps:
        desk[way + place] = steps
        desk[tail] = place
        return tail + 1
    return tail


@kernel
def flood(desk: Int32, way: int, tail: int) -> None:
    """Fill a map with walking distances from the first `tail` places in the queue, whose own are written already."""
    queue = map_at(desk, QUEUE)
    stride = int(desk[STRIDE])
    head = queue
    tail += queue
    while head < tail:
        p = int(desk[head])
        head += 1
        steps = int(desk[way + p]) + 1
        tail = reach(desk, way, p - stride, steps, tail)
        tail = reach(desk, way, p + stride, steps, tail)
        tail = reach(desk, way, p - 1, steps, tail)
        tail = reach(desk, way, p + 1, steps, tail)


@kernel
def flood_from(desk: Int32, way: int, place: int) -> None:
    """A map of walking distances from one place."""
    clear_way(desk, way)
    flood(desk, way, begin_at(desk, way, place, 0))
