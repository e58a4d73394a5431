"""The land of a map while it is drawn: mountains raised at random, and the rest made one piece.

All of it happens in the game's own row, in words that are written anew when the game begins: the cells' first words
hold one number a tile (the land), the ticking region a queue, TURN the count of random numbers drawn so far.
"""

from engine.arrays import Int32
from engine.board import ADDRESS, AT_CELLS, AT_TICKING, HEIGHT, SEATS, TURN, WIDTH, column_of, get, tile_count
from engine.chance import draw_below
from engine.compile import inlined, kernel
from engine.map_specs import MAP_MOUNTAINS_LEAST, MAP_MOUNTAINS_SPREAD, MAP_OVERLAPPING, MILLION

# The land: free tiles hold FAR or, after a flood, the number that the flood wrote there, from 0 up.
FAR = 1 << 24
BLOCKED = -1  # mountain
CARVED = -2  # city
OUTSIDE = -3  # beyond the map

ROUGH, SPARE = range(2)  # what `find_tile` looks for
TILE_TRIES = 64  # random tiles to try before all are looked through


@inlined
def land(board: Int32, t: int) -> int:
    """What the land holds at tile `t`."""
    return int(board[(int(board[AT_CELLS]) + t) & ADDRESS])


@inlined
def set_land(board: Int32, t: int, value: int) -> None:
    """Set that."""
    board[(int(board[AT_CELLS]) + t) & ADDRESS] = value


@inlined
def land_beside(board: Int32, t: int, down: int, right: int) -> int:
    """What the land holds that many rows and columns from tile `t`: OUTSIDE beyond the board."""
    width = get(board, WIDTH)
    place = t + down * width
    if place < 0 or place >= tile_count(board):
        return OUTSIDE
    if right != 0 and not 0 <= column_of(board, t) + right < width:
        return OUTSIDE
    return land(board, place + right)


@inlined
def roll(board: Int32, key: int, bound: int) -> int:
    """The next random number in 0 .. bound - 1."""
    counter = int(board[TURN])
    board[TURN] = counter + 1
    return draw_below(key, counter, bound)


@inlined
def roll_tile(board: Int32, key: int, height: int, width: int) -> int:
    """A random tile of the map."""
    place = roll(board, key, height * width) & ADDRESS
    row = place // (width & ADDRESS)
    return row * get(board, WIDTH) + place - row * width


@inlined
def is_rough(board: Int32, t: int) -> bool:
    """Whether tile `t` is a mountain beside free land."""
    return land(board, t) == BLOCKED and (
        land_beside(board, t, -1, 0) >= 0
        or land_beside(board, t, 1, 0) >= 0
        or land_beside(board, t, 0, -1) >= 0
        or land_beside(board, t, 0, 1) >= 0
    )


@inlined
def is_spare(board: Int32, t: int) -> bool:
    """Whether free tile `t` can become a mountain and the free tiles around it still reach each other around it.

    That is so where the free ones of its four neighbours hang together within its eight: at most one run of them.
    """
    if land(board, t) < 0:
        return False
    up = land_beside(board, t, -1, 0) >= 0
    right = land_beside(board, t, 0, 1) >= 0
    down = land_beside(board, t, 1, 0) >= 0
    left = land_beside(board, t, 0, -1) >= 0
    runs = 0
    if up and not (right and land_beside(board, t, -1, 1) >= 0):
        runs += 1
    if right and not (down and land_beside(board, t, 1, 1) >= 0):
        runs += 1
    if down and not (left and land_beside(board, t, 1, -1) >= 0):
        runs += 1
    if left and not (up and land_beside(board, t, -1, -1) >= 0):
        runs += 1
    return runs <= 1 and (up or right or down or left)


@inlined
def suits(board: Int32, t: int, wanted: int) -> bool:
    """Whether tile `t` is ROUGH or SPARE, as wanted."""
    return is_rough(board, t) if wanted == ROUGH else is_spare(board, t)


@kernel
def find_tile(board: Int32, key: int, height: int, width: int, wanted: int) -> int:
    """A random tile that is ROUGH or SPARE, as wanted; -1 where there is none."""
    for _ in range(TILE_TRIES):
        t = roll_tile(board, key, height, width)
        if suits(board, t, wanted):
            return t
    t = roll(board, key, tile_count(board))
    for _ in range(tile_count(board)):
        t = t + 1 if t + 1 < tile_count(board) else 0
        if suits(board, t, wanted):
            return t
    return -1


@inlined
def visit(board: Int32, land_at: int, queue: int, head: int, tail: int, t: int, value: int) -> int:
    """Write `value` where the land holds more, and queue the tile. Returns the queue's new length.

    What is there cannot be foretold, so this writes in any case: without a branch it takes a quarter less time.
    """
    held = get(board, land_at + t)
    more = 1 if held > value else 0
    board[(land_at + t) & ADDRESS] = min(held, value)
    board[(queue + (tail if more else head)) & ADDRESS] = t  # the head has been read
    return tail + more


@kernel
def flood(board: Int32, queued: int, step: int) -> int:
    """From the tiles queued, carry their numbers on, `step` more a step away, wherever the land holds more.

    Returns the number of tiles reached, the first ones too.
    """
    land_at = get(board, AT_CELLS)
    queue = get(board, AT_TICKING)
    width = get(board, WIDTH)
    tiles = tile_count(board)
    head = 0
    tail = queued
    while head < tail:
        t = get(board, queue + head)
        beside = get(board, land_at + t) + step
        column = column_of(board, t)
        if t >= width:
            tail = visit(board, land_at, queue, head, tail, t - width, beside)
        if t + width < tiles:
            tail = visit(board, land_at, queue, head, tail, t + width, beside)
        if column > 0:
            tail = visit(board, land_at, queue, head, tail, t - 1, beside)
        if column < width - 1:
            tail = visit(board, land_at, queue, head, tail, t + 1, beside)
        head += 1
    return tail


@inlined
def flood_from(board: Int32, t: int, value: int, step: int) -> int:
    """Write `value` at tile `t` and flood from there."""
    set_land(board, t, value)
    board[get(board, AT_TICKING)] = t
    return flood(board, 1, step)


@kernel
def clear_land(board: Int32) -> None:
    """Forget what floods have written."""
    for t in range(tile_count(board)):
        if land(board, t) >= 0:
            set_land(board, t, FAR)


@kernel
def raise_mountains(board: Int32, spec: Int32, key: int, height: int, width: int, cities: int) -> int:
    """Clear the land and raise mountains, those that become cities too. Returns how many tiles are free."""
    t = 0
    for row in range(get(board, HEIGHT)):
        for column in range(get(board, WIDTH)):
            set_land(board, t, FAR if row < height and column < width else OUTSIDE)
            t += 1
    free = height * width
    seats = get(board, SEATS)
    least = int(spec[MAP_MOUNTAINS_LEAST])
    if int(spec[MAP_OVERLAPPING]) != 0:
        share = least + roll(board, key, int(spec[MAP_MOUNTAINS_SPREAD]) + 1)
        for _ in range((free * share + MILLION - 1) // MILLION + cities + seats):
            t = roll_tile(board, key, height, width)
            if land(board, t) >= 0 and free > seats:
                set_land(board, t, BLOCKED)
                free -= 1
        return free
    fewest = (free * least + MILLION - 1) // MILLION
    choices = free * (least + int(spec[MAP_MOUNTAINS_SPREAD])) // MILLION - fewest + 1
    if choices < 1:  # no whole number lies in the range
        fewest = (free * least + MILLION // 2) // MILLION
    mountains = fewest + roll(board, key, max(choices, 1))
    for _ in range(min(mountains + cities, free - seats)):
        t = roll_tile(board, key, height, width)
        tries = 0
        while land(board, t) < 0:
            tries += 1
            if tries < TILE_TRIES:
                t = roll_tile(board, key, height, width)
            else:
                t = (t + 1) % tile_count(board)
        set_land(board, t, BLOCKED)
        free -= 1
    return free


@kernel
def flood_largest(board: Int32, key: int, free: int) -> None:
    """Write 0 on the largest piece of the free land, more on all others."""
    largest = -1
    largest_size = 0
    pieces = 0
    left = free
    t = roll(board, key, tile_count(board))
    while left > largest_size:
        t = t + 1 if t + 1 < tile_count(board) else 0
        if land(board, t) == FAR:
            size = flood_from(board, t, pieces, 0)
            left -= size
            pieces += 1
            if size > largest_size:
                largest = t
                largest_size = size
    if land(board, largest) > 0:
        clear_land(board)
        flood_from(board, largest, 0, 0)


@inlined
def divides(board: Int32, t: int) -> bool:
    """Whether tile `t` is a mountain between the flooded piece and another."""
    if land(board, t) != BLOCKED:
        return False
    up = land_beside(board, t, -1, 0)
    right = land_beside(board, t, 0, 1)
    down = land_beside(board, t, 1, 0)
    left = land_beside(board, t, 0, -1)
    return (up == 0 or right == 0 or down == 0 or left == 0) and (up > 0 or right > 0 or down > 0 or left > 0)


@kernel
def join_land(board: Int32, key: int, height: int, width: int, free: int) -> None:
    """Make the free land one piece, with as many mountains as before.

    Mountains between pieces open, and others rise where they part nothing. A piece that no single mountain parts from
    the rest turns into mountains, and others open.
    """
    flood_largest(board, key, free)
    owed = 0  # mountains to raise, or if negative, to open
    t = roll(board, key, tile_count(board))
    for _ in range(tile_count(board)):
        t = t + 1 if t + 1 < tile_count(board) else 0
        if divides(board, t):
            flood_from(board, t, 0, 0)
            owed += 1
    for t in range(tile_count(board)):
        if land(board, t) > 0:
            set_land(board, t, BLOCKED)
            owed -= 1
    for _ in range(abs(owed)):
        t = find_tile(board, key, height, width, SPARE if owed > 0 else ROUGH)
        if t >= 0:
            set_land(board, t, BLOCKED if owed > 0 else 0)
    clear_land(board)
