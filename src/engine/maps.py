"""Drawing maps inside the batch, each reproducible from (seed, game, episode).

A map is drawn in steps: its sides; mountains, and the rest made one piece (`engine/terrain.py`); generals; cities,
carved out of mountains. All random numbers come from one stream, so the same map comes out on every machine.
"""

from engine.arrays import Int32
from engine.board import (
    ADDRESS,
    AT_TICKING,
    GENERAL_AT,
    HEIGHT,
    MAP_HEIGHT,
    MAP_WIDTH,
    NOBODY,
    SEATS,
    TEAM,
    TICKING,
    TURN,
    WIDTH,
    Shape,
    allocate,
    cell,
    column_of,
    get,
    row_of,
    seat,
    set_seat,
    tile_count,
)
from engine.chance import FOR_MAP, make_key
from engine.compile import call, inlined, kernel
from engine.layout import Layout
from engine.map_specs import (
    MAP_APART,
    MAP_APART_MOST,
    MAP_APART_WALKING,
    MAP_ARMY_LEAST,
    MAP_ARMY_SPREAD,
    MAP_CITIES_LEAST,
    MAP_CITIES_SPREAD,
    MAP_CITY_CHOICE,
    MAP_CITY_REACH,
    MAP_HEIGHT_LEAST,
    MAP_SKEWED,
    MAP_TEAMS,
    MAP_WIDTH_LEAST,
    MAPS,
    MapSpec,
    find_map,
)
from engine.rulesets import RULESETS
from engine.setup import begin
from engine.terrain import (
    CARVED,
    FAR,
    ROUGH,
    TILE_TRIES,
    clear_land,
    find_tile,
    flood,
    flood_from,
    is_rough,
    join_land,
    land,
    land_beside,
    raise_mountains,
    roll,
    roll_tile,
    set_land,
)
from engine.tiles import CITY, GENERAL, MOUNTAIN, PLAIN
from engine.views import BoardView

__all__ = ["MAPS", "MapSpec", "draw_map", "draw_maps", "find_map", "generate"]

ATTEMPTS = 16  # whole maps to try before one with fewer cities, or some out of reach, will do
STRICT_ATTEMPTS = 4  # of these, tried before less distance between generals is asked for
EASINGS = 8  # steps in which it goes down to nothing
PLACINGS = 8  # placings of all generals to try on one terrain
GENERAL_TRIES = 4  # tiles to try for the second general before both are placed anew; with few, both places are alike
REACH_TRIES = 256  # tiles to try for a city in reach of a general
SEAT_STEP = 16  # the land tells the way to the nearest general in steps of this, and in the rest its seat


@inlined
def draw_side(board: Int32, spec: Int32, key: int, at: int) -> int:
    """A side of the map: half of (least + U * spread) or (least + U * U * spread), rounded half up."""
    u = roll(board, key, 65536) << 16
    if int(spec[MAP_SKEWED]) != 0:
        u = (u >> 16) * (u >> 16)
    return (((int(spec[at]) + 1) << 32) + u * int(spec[at + 1])) >> 33


@inlined
def far_enough(board: Int32, t: int, placed: int, apart: int, most: int, walking: int) -> bool:
    """Whether a general may stand on tile `t` as the generals before it are placed; `most` 0 sets no limit."""
    if land(board, t) < walking:
        return False
    for s in range(placed):
        other = seat(board, s, GENERAL_AT)
        down = abs(row_of(board, t) - row_of(board, other))
        distance = down + abs(column_of(board, t) - column_of(board, other))
        if distance < apart or (most > 0 and distance > most):
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
def place_generals(board: Int32, spec: Int32, key: int, height: int, width: int, eased: int) -> bool:
    """Place every seat's general on free land, far enough apart. Returns whether there was a place for each.

    The distance asked for goes down with `eased`, and its limit up; when that is EASINGS, there always is a place.
    """
    seats = get(board, SEATS)
    most = int(spec[MAP_APART_MOST])
    if most > 0:
        most += (get(board, HEIGHT) + get(board, WIDTH) - most) * eased // EASINGS
    apart = max(1, int(spec[MAP_APART]) * (EASINGS - eased) // EASINGS)
    walking = max(1, int(spec[MAP_APART_WALKING]) * (EASINGS - eased) // EASINGS)
    flooded = walking > 1 or eased == EASINGS
    if flooded:
        clear_land(board)
    for s in range(seats):
        place = -1
        tries = 0
        while place < 0 and tries < (GENERAL_TRIES * s * s if s > 0 else TILE_TRIES):
            tries += 1
            t = roll_tile(board, key, height, width)
            if far_enough(board, t, s, apart, most, walking):
                place = t
        if place < 0:
            if eased < EASINGS:
                return False
            place = farthest_tile(board)
        set_seat(board, s, GENERAL_AT, place)
        if flooded and s < seats - 1:
            flood_from(board, place, 0, 1)
    return True


@kernel
def shuffle_generals(board: Int32, key: int) -> None:
    """Let any seat have any of the places."""
    for s in range(get(board, SEATS) - 1, 0, -1):
        other = roll(board, key, s + 1)
        place = seat(board, s, GENERAL_AT)
        set_seat(board, s, GENERAL_AT, seat(board, other, GENERAL_AT))
        set_seat(board, other, GENERAL_AT, place)


@kernel
def share_land(board: Int32) -> None:
    """Let the land tell the way to the nearest general and, as the rest of a division by SEAT_STEP, its seat.

    Seats are queued in order, so that of equally near ones the first gets there first, and a tile is queued once.
    """
    clear_land(board)
    seats = get(board, SEATS)
    for s in range(seats):
        place = seat(board, s, GENERAL_AT)
        set_land(board, place, s)
        board[get(board, AT_TICKING) + s] = place
    flood(board, seats, SEAT_STEP)


@inlined
def nearest_way(board: Int32, t: int) -> int:
    """The least that the land holds beside mountain `t`: the way to the nearest general and its seat."""
    nearest = FAR
    for step in range(-1, 2, 2):
        way = land_beside(board, t, step, 0)
        if 0 <= way < nearest:
            nearest = way
        way = land_beside(board, t, 0, step)
        if 0 <= way < nearest:
            nearest = way
    return nearest


@kernel
def find_in_reach(board: Int32, key: int, s: int, reach: int) -> int:
    """A random mountain beside free land, at most `reach` away from the general of seat `s`; -1 if none turned up."""
    columns = get(board, WIDTH)
    row = row_of(board, seat(board, s, GENERAL_AT))
    column = column_of(board, seat(board, s, GENERAL_AT))
    for _ in range(REACH_TRIES):
        down = roll(board, key, 2 * reach + 1) - reach
        right = roll(board, key, 2 * reach + 1) - reach
        inside = 0 <= row + down < get(board, HEIGHT) and 0 <= column + right < columns
        if inside and abs(down) + abs(right) <= reach:
            t = (row + down) * columns + column + right
            if is_rough(board, t):
                return t
    return -1


@kernel
def find_alike(board: Int32, spec: Int32, key: int, height: int, width: int, s: int, way: int) -> int:
    """Of some random mountains beside free land, the one with a way from the general of seat `s` most like `way`.

    A mountain nearer to another seat will do only if there is no better. Returns -1 where there is none.
    """
    best = -1
    least = FAR
    for _ in range(int(spec[MAP_CITY_CHOICE])):
        t = find_tile(board, key, height, width, ROUGH)
        if t >= 0:
            nearest = nearest_way(board, t)
            unlike = abs(nearest // SEAT_STEP - way)
            if nearest % SEAT_STEP != s:
                unlike += tile_count(board)
            if unlike < least:
                best = t
                least = unlike
    return best


@kernel
def carve_cities(board: Int32, spec: Int32, key: int, height: int, width: int, cities: int) -> bool:
    """Turn mountains into cities, and queue these: TICKING counts them.

    With a reach, each seat first gets a city within it. Then cities come in rounds: the first of a round lies anywhere,
    and each seat that it is not nearest to gets one about as far away. Returns whether all are there, and in reach.
    """
    seats = get(board, SEATS)
    reach = int(spec[MAP_CITY_REACH])
    share_land(board)
    fair = True
    unserved = 0  # seats that this round has still to serve
    s = 0
    way = -1
    for i in range(cities):
        t = -1
        if reach > 0 and i < seats:
            s = i
            t = find_in_reach(board, key, s, reach - roll(board, key, min(2, reach)))
            fair = fair and t >= 0
        elif unserved > 0:
            while (unserved >> s) & 1 == 0:
                s = s + 1 if s + 1 < seats else 0
            t = find_alike(board, spec, key, height, width, s, way)
            unserved &= ~(1 << s)
        if t < 0:
            t = find_tile(board, key, height, width, ROUGH)
            if t < 0:
                return False
            way = nearest_way(board, t) // SEAT_STEP
            s = nearest_way(board, t) % SEAT_STEP
            unserved = ((1 << seats) - 1) & ~(1 << s)
        set_land(board, t, CARVED)
        board[get(board, AT_TICKING) + i] = t
        board[TICKING] = i + 1
    return fair


@inlined
def write_tile(board: Int32, t: int, kind: int, owner: int, army: int) -> None:
    """Write a tile; what follows from these three, `begin` will find."""
    a = cell(board, t)
    board[a & ADDRESS] = army
    board[(a + 1) & ADDRESS] = (kind << 8) | (owner + 1)


@kernel
def write_map(board: Int32, spec: Int32, key: int) -> None:
    """Write kinds, owners, armies and teams of the map that the land holds, from the last tile back: it lies there."""
    for t in range(tile_count(board) - 1, -1, -1):
        write_tile(board, t, MOUNTAIN if land(board, t) < 0 else PLAIN, NOBODY, 0)
    for i in range(get(board, TICKING)):
        army = int(spec[MAP_ARMY_LEAST]) + ((roll(board, key, 2 * int(spec[MAP_ARMY_SPREAD])) + 1) >> 1)
        write_tile(board, int(board[get(board, AT_TICKING) + i]), CITY, NOBODY, army)
    for s in range(get(board, SEATS)):
        place = seat(board, s, GENERAL_AT)
        write_tile(board, place, GENERAL, s, 1)
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
    eased = 0
    done = False
    while not done:
        attempt += 1
        free = raise_mountains(board, spec, key, height, width, cities)
        join_land(board, key, height, width, free)
        placed = False
        placings = 0
        while not placed and placings < PLACINGS:
            placings += 1
            placed = place_generals(board, spec, key, height, width, eased)
        if placed:
            shuffle_generals(board, key)
            board[TICKING] = 0
            done = cities == 0 or carve_cities(board, spec, key, height, width, cities) or attempt >= ATTEMPTS
        elif attempt >= STRICT_ATTEMPTS:
            eased += 1
    write_map(board, spec, key)
    begin(board, height, width, 0)


@call
def draw_maps(rows: Int32, spec: Int32, seed: int, game: int, episode: int) -> None:
    """Draw the maps of an episode into rows int32 (G, N): of `game`, the game after it, and so on."""
    for i in range(rows.shape[0]):
        draw_map(rows[i], spec, seed, game + i, episode)


def generate(spec: "str | MapSpec", seats: int, seed: int, game: int, episode: int) -> Layout:
    """The map that a batch draws for (seed, game, episode), cut to its own size. Raises what `find_map` does."""
    spec = find_map(spec, seats)
    ruleset = RULESETS["generalsio"]
    shape = Shape.of(ruleset, seats, spec.board_height, spec.board_width)
    rows = allocate(shape, ruleset, 1, observed=False)
    draw_maps(rows, spec.integers(), seed, game, episode)
    board = rows[0]
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
