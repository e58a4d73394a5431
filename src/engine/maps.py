"""Drawing maps inside the batch, each reproducible from (seed, game, episode).

A map is drawn in steps: sides; mountains; the land is made one piece; generals; cities, carved out of mountains. All of
it happens in the row itself, in words that `begin` writes anew: the first seat's view plane holds one number a tile
(the land), the ticking region a queue, TURN the count of numbers drawn.
"""

from engine.arrays import Int32
from engine.board import (
    AT_TICKING,
    AT_VIEWS,
    GENERAL_AT,
    MAP_HEIGHT,
    MAP_WIDTH,
    NOBODY,
    SEATS,
    TEAM,
    TURN,
    WIDTH,
    Shape,
    allocate,
    get,
    seat,
    set_army,
    set_ground,
    set_owner,
    set_seat,
    tile_count,
)
from engine.chance import FOR_MAP, draw_below, make_key
from engine.compile import call, inlined, kernel
from engine.layout import Layout
from engine.map_specs import (
    MAP_APART,
    MAP_APART_WALKING,
    MAP_ARMY_LEAST,
    MAP_ARMY_SPREAD,
    MAP_CITIES_LEAST,
    MAP_CITIES_SPREAD,
    MAP_CITY_REACH,
    MAP_HEIGHT_LEAST,
    MAP_MOUNTAINS_LEAST,
    MAP_MOUNTAINS_SPREAD,
    MAP_OVERLAPPING,
    MAP_SKEWED,
    MAP_TEAMS,
    MAP_WIDTH_LEAST,
    MAPS,
    MILLION,
    MapSpec,
    find_map,
)
from engine.rulesets import RULESETS
from engine.setup import begin
from engine.tiles import CITY, DOWN, GENERAL, LEFT, MOUNTAIN, PLAIN, RIGHT, UP
from engine.views import BoardView

__all__ = ["MAPS", "MapSpec", "draw_map", "find_map", "generate"]

# The land: one number a tile. Free tiles hold FAR or, after a flood, what the flood wrote there.
FAR = 1 << 20
BLOCKED = -1  # mountain
CARVED = -2  # city
OUTSIDE = -3  # beyond the map

ATTEMPTS = 8  # whole maps to try before requirements are relaxed
PLACINGS = 32  # placings of all generals, and choices of all cities, to try on one terrain
GENERAL_TRIES = 4  # tiles to try for a general before all are placed anew; few: no seat's place is the better one
TILE_TRIES = 64  # tiles to try for one that is common before all are looked through


@inlined
def land(board: Int32, t: int) -> int:
    """What the land holds at tile `t`."""
    return int(board[int(board[AT_VIEWS]) + t])


@inlined
def set_land(board: Int32, t: int, value: int) -> None:
    """Set that."""
    board[int(board[AT_VIEWS]) + t] = value


@inlined
def roll(board: Int32, key: int, bound: int) -> int:
    """The next random number in 0 .. bound - 1."""
    counter = int(board[TURN])
    board[TURN] = counter + 1
    return draw_below(key, counter, bound)


@inlined
def roll_tile(board: Int32, key: int, height: int, width: int) -> int:
    """A random tile of the map."""
    place = roll(board, key, height * width)
    return (place // width) * get(board, WIDTH) + place % width


@inlined
def draw_side(board: Int32, spec: Int32, key: int, at: int) -> int:
    """A side of the map: half of (least + U * spread) or (least + U * U * spread), rounded half up."""
    u = roll(board, key, 65536) << 16
    if int(spec[MAP_SKEWED]) != 0:
        u = (u >> 16) * (u >> 16)
    return (((int(spec[at]) + 1) << 32) + u * int(spec[at + 1])) >> 33


@inlined
def neighbour(board: Int32, t: int, direction: int) -> int:
    """The tile beside `t`, or `t` itself at the board's edge."""
    width = get(board, WIDTH)
    if direction == UP:
        return t - width if t >= width else t
    if direction == DOWN:
        return t + width if t + width < tile_count(board) else t
    if direction == LEFT:
        return t - 1 if t % width > 0 else t
    return t + 1 if t % width < width - 1 else t


@inlined
def borders_land(board: Int32, t: int) -> bool:
    """Whether a free tile lies beside `t`."""
    return (
        land(board, neighbour(board, t, UP)) >= 0
        or land(board, neighbour(board, t, DOWN)) >= 0
        or land(board, neighbour(board, t, LEFT)) >= 0
        or land(board, neighbour(board, t, RIGHT)) >= 0
    )


@kernel
def flood(board: Int32, start: int, value: int, step: int) -> int:
    """Write `value` at `start` and `step` more a step away, wherever the land held more. Returns on how many tiles."""
    queue = get(board, AT_TICKING)
    board[queue] = start
    set_land(board, start, value)
    head, tail = 0, 1
    while head < tail:
        t = int(board[queue + head])
        head += 1
        reached = land(board, t) + step
        for direction in range(4):
            beside = neighbour(board, t, direction)
            if land(board, beside) > reached:
                set_land(board, beside, reached)
                board[queue + tail] = beside
                tail += 1
    return tail


@kernel
def rough_tile(board: Int32, key: int, height: int, width: int) -> int:
    """A random mountain beside free land; -1 where there is none."""
    for _ in range(TILE_TRIES):
        t = roll_tile(board, key, height, width)
        if land(board, t) == BLOCKED and borders_land(board, t):
            return t
    first = roll(board, key, tile_count(board))
    for i in range(tile_count(board)):
        t = (first + i) % tile_count(board)
        if land(board, t) == BLOCKED and borders_land(board, t):
            return t
    return -1


@kernel
def raise_mountains(board: Int32, spec: Int32, key: int, height: int, width: int, cities: int) -> int:
    """Clear the land and raise mountains, those that become cities too. Returns how many tiles are free."""
    columns = get(board, WIDTH)
    for t in range(tile_count(board)):
        set_land(board, t, FAR if t // columns < height and t % columns < width else OUTSIDE)
    free = height * width
    seats = get(board, SEATS)
    share = int(spec[MAP_MOUNTAINS_LEAST]) + roll(board, key, int(spec[MAP_MOUNTAINS_SPREAD]) + 1)
    if int(spec[MAP_OVERLAPPING]) != 0:
        for _ in range((free * share + MILLION - 1) // MILLION + cities + seats):
            t = roll_tile(board, key, height, width)
            if land(board, t) >= 0 and free > seats:
                set_land(board, t, BLOCKED)
                free -= 1
        return free
    for _ in range(min((free * share + MILLION // 2) // MILLION + cities, free - seats)):
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
def join_land(board: Int32, key: int, height: int, width: int, free: int) -> None:
    """Make the free land one piece: all but the largest turn into mountains, as many mountains beside it open."""
    pieces = 0
    largest = -1
    largest_size = 0
    seen = 0
    first = roll(board, key, tile_count(board))
    for i in range(tile_count(board)):
        t = (first + i) % tile_count(board)
        if land(board, t) == FAR:
            size = flood(board, t, pieces, 0)
            seen += size
            if size > largest_size:
                largest = pieces
                largest_size = size
            pieces += 1
            if largest_size >= free - seen:
                break
    for t in range(tile_count(board)):
        if land(board, t) >= 0:
            set_land(board, t, FAR if land(board, t) == largest else BLOCKED)
    for _ in range(free - largest_size):
        t = rough_tile(board, key, height, width)
        if t >= 0:
            set_land(board, t, FAR)


@inlined
def far_enough(board: Int32, spec: Int32, t: int, placed: int) -> bool:
    """Whether a general may stand on tile `t` as the generals before it are placed."""
    columns = get(board, WIDTH)
    if land(board, t) < max(int(spec[MAP_APART_WALKING]), 1):  # also false on mountains
        return False
    for s in range(placed):
        other = seat(board, s, GENERAL_AT)
        distance = abs(t // columns - other // columns) + abs(t % columns - other % columns)
        if distance < max(int(spec[MAP_APART]), 1):
            return False
    return True


@kernel
def farthest_tile(board: Int32) -> int:
    """The free tile with the longest way to any general."""
    best = -1
    farthest = 0
    for t in range(tile_count(board)):
        if land(board, t) > farthest:
            farthest = land(board, t)
            best = t
    return best


@kernel
def place_generals(board: Int32, spec: Int32, key: int, height: int, width: int, relaxed: bool) -> bool:
    """Place every seat's general on free land, far enough apart, or `relaxed`, as far as can be."""
    for t in range(tile_count(board)):
        if land(board, t) >= 0:
            set_land(board, t, FAR)
    walking = relaxed or int(spec[MAP_APART_WALKING]) > 1
    for s in range(get(board, SEATS)):
        place = -1
        tries = 0
        while place < 0 and tries < (GENERAL_TRIES if s > 0 else TILE_TRIES):
            tries += 1
            t = roll_tile(board, key, height, width)
            if far_enough(board, spec, t, s):
                place = t
        if place < 0:
            if not relaxed:
                return False
            place = farthest_tile(board)
        set_seat(board, s, GENERAL_AT, place)
        if walking:
            flood(board, place, 0, 1)
    return True


@kernel
def shuffle_generals(board: Int32, key: int) -> None:
    """Let any seat have any of the places."""
    for s in range(get(board, SEATS) - 1, 0, -1):
        other = roll(board, key, s + 1)
        place = seat(board, s, GENERAL_AT)
        set_seat(board, s, GENERAL_AT, seat(board, other, GENERAL_AT))
        set_seat(board, other, GENERAL_AT, place)


@inlined
def has_city(board: Int32, s: int, cities: int, reach: int) -> bool:
    """Whether one of the cities in the queue is in reach of the general of seat `s`."""
    columns = get(board, WIDTH)
    general = seat(board, s, GENERAL_AT)
    for i in range(cities):
        city = int(board[get(board, AT_TICKING) + i])
        if abs(city // columns - general // columns) + abs(city % columns - general % columns) <= reach:
            return True
    return False


@kernel
def carve_cities(board: Int32, spec: Int32, key: int, height: int, width: int, cities: int) -> bool:
    """Turn mountains beside free land into cities. Returns whether all are there, and one in reach of every general."""
    queue = get(board, AT_TICKING)
    reach = int(spec[MAP_CITY_REACH])
    carved = 0
    for _ in range(PLACINGS):
        for i in range(carved):
            set_land(board, int(board[queue + i]), BLOCKED)
        carved = 0
        while carved < cities:
            t = rough_tile(board, key, height, width)
            if t < 0:
                return False
            set_land(board, t, CARVED)
            board[queue + carved] = t
            carved += 1
        fair = True
        if reach > 0:
            for s in range(get(board, SEATS)):
                fair = fair and has_city(board, s, carved, reach)
        if fair:
            return True
    return False


@kernel
def write_map(board: Int32, spec: Int32, key: int) -> None:
    """Write kinds, owners, armies and teams of the map that the land holds."""
    for t in range(tile_count(board)):
        kind = MOUNTAIN
        army = 0
        if land(board, t) >= 0:
            kind = PLAIN
        elif land(board, t) == CARVED:
            kind = CITY
            army = int(spec[MAP_ARMY_LEAST]) + ((roll(board, key, 2 * int(spec[MAP_ARMY_SPREAD])) + 1) >> 1)
        set_ground(board, t, kind, 0)
        set_owner(board, t, NOBODY)
        set_army(board, t, army)
    for s in range(get(board, SEATS)):
        place = seat(board, s, GENERAL_AT)
        set_ground(board, place, GENERAL, 0)
        set_owner(board, place, s)
        set_army(board, place, 1)
        set_seat(board, s, TEAM, int(spec[MAP_TEAMS + s]))


@kernel
def draw_map(board: Int32, spec: Int32, seed: int, game: int, episode: int) -> None:
    """Draw the map of an episode of a game into its row, and begin the game on it.

    The row's header must be written (see `allocate`); the board must hold the specification's longest sides. `spec` is
    `MapSpec.integers()`. Always yields a map where all generals and cities can walk to each other; what is asked for
    beyond that may be out of reach on odd boards, and then comes as near as it can.
    """
    key = make_key(seed, game, episode, FOR_MAP)
    board[TURN] = 0
    height = draw_side(board, spec, key, MAP_HEIGHT_LEAST)
    width = draw_side(board, spec, key, MAP_WIDTH_LEAST)
    cities = int(spec[MAP_CITIES_LEAST]) + roll(board, key, int(spec[MAP_CITIES_SPREAD]) + 1)
    attempt = 0
    done = False
    while not done:
        attempt += 1
        relaxed = attempt == ATTEMPTS
        free = raise_mountains(board, spec, key, height, width, cities)
        join_land(board, key, height, width, free)
        placings = 0
        while not done and placings < PLACINGS:
            placings += 1
            done = place_generals(board, spec, key, height, width, relaxed)
        if done:
            done = carve_cities(board, spec, key, height, width, cities) or relaxed
    shuffle_generals(board, key)
    write_map(board, spec, key)
    begin(board, height, width, 0)


@call
def _draw_map(board: Int32, spec: Int32, seed: int, game: int, episode: int) -> None:
    draw_map(board, spec, seed, game, episode)


def generate(spec: "str | MapSpec", seats: int, seed: int, game: int, episode: int) -> Layout:
    """The map that a batch draws for (seed, game, episode), cut to its own size. Raises what `find_map` does."""
    spec = find_map(spec, seats)
    ruleset = RULESETS["generalsio"]
    shape = Shape.of(ruleset, seats, spec.board_height, spec.board_width)
    board = allocate(shape, ruleset, 1, observed=False)[0]
    _draw_map(board, spec.integers(), seed, game, episode)
    view = BoardView.of(board, shape)
    height, width = int(board[MAP_HEIGHT]), int(board[MAP_WIDTH])
    generals = [int(tile) for tile in view.seat[:, GENERAL_AT]]
    return Layout(
        kinds=view.kind[:height, :width].copy(),
        armies=view.army[:height, :width].copy(),
        owners=view.owner[:height, :width].copy(),
        generals=tuple(tile // spec.board_width * width + tile % spec.board_width for tile in generals),
        teams=tuple(int(team) for team in view.seat[:, TEAM]) if spec.teams else (),
    )
