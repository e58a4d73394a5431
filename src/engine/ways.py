"""Searches over what a seat sees: ways home, to where the war is won and to the front, and what could gather there.

They read the planes of `engine.observation` alone, and find of every tile

    home     steps to the own general
    goal     steps to an enemy's general that was seen; else to where one may be: to tiles that are handed in
             (`engine.belief`), without those amid what nobody has seen; else to land that is not one's own
    front    steps over one's own land to the front: of the large armies the one nearest to the goal
    load     armies that would come through a tile on their way to the front, less what the moves are worth, and whether
             none come from other tiles; the more a move is worth, the fewer branches of the tree are left
    need     where it is asked for: moves of the least of the trees that empty the tile, each the best for so many moves
    behind   the least need of the tiles whose way leads onto it

so that with m moves left to gather, a tile is moved next where need <= m < behind: leaves first, and each way is walked
once. Such a tree holds the branches that are worth a toll for every move; tolls between those tried are left out.

`learner.ways` shows them to a network. Letters: P planes, H x W tiles.
"""

from engine.arrays import Float32, Int32
from engine.compile import call, inlined, kernel
from engine.observation import PLANES

FAR = 48  # a way's length where there is none, or none so short
MOVES = (0.75, 3.0, 8.0)  # armies that a move is worth, one load each
HOME, GOAL, FRONT, IS_FRONT, LOAD = range(5)  # what is found of a tile; a load and whether it is a leaf, for each of
FOUND = 4 + 2 * len(MOVES)  # MOVES
NEED, BEHIND = FOUND, FOUND + 1  # found as well where there is room for FOUND_ORDERED
FOUND_ORDERED = FOUND + 2
UNITS = 64  # tolls are counted in such parts of an army
MOST_ARMY = 8191  # more on one tile count as so many: sums stay within a word
TOLLS = tuple(48 * 6**k // 5**k for k in range(21))  # that a move costs, to find trees of all sizes: 3/4 army to 29
# Maps beside those of HOME, GOAL and FRONT: steps from what is in sight, the place that a way leads onto, and places to
# go on from.
DEPTH, ONTO, QUEUE = 3, 4, 5
MAPS = 6
PAID, LOADS, COUNTS = HOME, DEPTH, GOAL  # what these maps hold later: tolls that are paid, loads, places by tolls paid

IN_SIGHT, MINE, ALLY, ENEMY = 0, 1, 2, 3
MOUNTAIN, CITY, GENERAL = PLANES.index("mountain"), PLANES.index("city"), PLANES.index("general")
OBSTACLE, SEEN = PLANES.index("obstacle in fog"), PLANES.index("seen before")


def map_places(height: int, width: int) -> int:
    """Length of a map: a border around the board keeps searches on it; and tolls find room."""
    return max((height + 2) * (width + 1), len(TOLLS) + 1)


@inlined
def is_wall(board: Float32, r: int, c: int) -> bool:
    """Whether armies do not go there: mountains, obstacles and cities of nobody."""
    owned = board[r, c, MINE] + board[r, c, ALLY] + board[r, c, ENEMY]
    return bool(board[r, c, MOUNTAIN] + board[r, c, OBSTACLE] > 0.0 or (board[r, c, CITY] > 0.0 and owned == 0.0))


@inlined
def reach(maps: Int32, way: int, p: int, steps: int, tail: int) -> int:
    """Reach a place within a flood, after so many steps; returns the new end of the queue."""
    if maps[way, p] > steps:
        maps[way, p] = steps
        maps[QUEUE, tail] = p
        return tail + 1
    return tail


@kernel
def flood(maps: Int32, way: int, tail: int, stride: int) -> int:
    """Fill in distances from the first `tail` places of the queue, which are 0; -1 is a wall, FAR what is unknown.

    Returns how many places are in the queue then, the nearest first.
    """
    head = 0
    while head < tail:
        p = int(maps[QUEUE, head])
        head += 1
        steps = int(maps[way, p]) + 1
        if steps < FAR:
            tail = reach(maps, way, p - stride, steps, tail)
            tail = reach(maps, way, p + stride, steps, tail)
            tail = reach(maps, way, p - 1, steps, tail)
            tail = reach(maps, way, p + 1, steps, tail)
    return tail


@kernel
def lay_out(board: Float32, maps: Int32) -> int:
    """Begin all maps and queue what is in sight and not an enemy's, at depth 0; returns how many that is."""
    height, width = board.shape[0], board.shape[1]
    stride = width + 1
    for p in range((height + 2) * stride):
        for m in range(QUEUE):
            maps[m, p] = -1
    tail = 0
    for r in range(height):
        for c in range(width):
            p = (r + 1) * stride + c
            if not is_wall(board, r, c):
                maps[HOME, p] = FAR
                maps[GOAL, p] = FAR
                maps[DEPTH, p] = FAR
                if board[r, c, IN_SIGHT] > 0.0 and board[r, c, ENEMY] == 0.0:
                    maps[DEPTH, p] = 0
                    maps[QUEUE, tail] = p
                    tail += 1
            if board[r, c, MINE] > 0.0:
                maps[FRONT, p] = FAR
    return tail


@kernel
def least_depth(board: Float32, maps: Int32) -> int:
    """How deep in the fog a general may lie at least: two thirds of the deepest."""
    height, width = board.shape[0], board.shape[1]
    deepest = 0
    for r in range(height):
        for c in range(width):
            depth = int(maps[DEPTH, (r + 1) * (width + 1) + c])
            if board[r, c, SEEN] == 0.0 and depth < FAR:
                deepest = max(deepest, depth)
    return max(1, 2 * deepest // 3)


@kernel
def queue_goals(board: Float32, likely: Float32, maps: Int32, kind: int, least: int) -> int:
    """Queue goals of a kind: 0 an enemy's general, 1 where one may be, 2 land of others. Returns how many."""
    height, width = board.shape[0], board.shape[1]
    tail = 0
    for r in range(height):
        for c in range(width):
            p = (r + 1) * (width + 1) + c
            if maps[GOAL, p] == FAR:
                if kind == 0:
                    chosen = board[r, c, ENEMY] > 0.0 and board[r, c, GENERAL] > 0.0
                elif kind == 1 and len(likely) > 0:
                    chosen = likely[r, c] > 0.0
                elif kind == 1:
                    chosen = board[r, c, SEEN] == 0.0 and least <= maps[DEPTH, p] and maps[DEPTH, p] < FAR
                else:
                    chosen = board[r, c, MINE] + board[r, c, ALLY] == 0.0
                if chosen:
                    maps[GOAL, p] = 0
                    maps[QUEUE, tail] = p
                    tail += 1
    return tail


@kernel
def find_front(board: Float32, armies: Float32, maps: Int32) -> int:
    """The place of the front, or -1: of the large armies the nearest to the goal, the larger of two, the first of two
    alike.
    """
    height, width = board.shape[0], board.shape[1]
    main = 0.0
    for r in range(height):
        for c in range(width):
            if board[r, c, MINE] > 0.0:
                main = max(main, float(armies[r, c]))
    floor = max(2, int(main) // 3)
    nearest, most, root = FAR + 1, 0.0, -1
    for r in range(height):
        for c in range(width):
            if board[r, c, MINE] > 0.0 and armies[r, c] >= floor:
                p = (r + 1) * (width + 1) + c
                way = int(maps[GOAL, p])
                if way < nearest or (way == nearest and armies[r, c] > most):
                    nearest, most, root = way, float(armies[r, c]), p
    return root


@kernel
def tell(armies: Float32, maps: Int32, root: int, out: Float32) -> None:
    """Write down ways, and loads of each tile alone."""
    height, width = armies.shape
    for r in range(height):
        for c in range(width):
            p = (r + 1) * (width + 1) + c
            for way in range(LOAD - 1):
                out[r, c, way] = maps[way, p] if maps[way, p] >= 0 else FAR
            out[r, c, IS_FRONT] = 1.0 if p == root else 0.0
            for k in range(len(MOVES)):
                out[r, c, LOAD + 2 * k] = max(float(armies[r, c]) - 1.0, 0.0) - MOVES[k]
                out[r, c, LOAD + 2 * k + 1] = 1.0


@kernel
def follow(maps: Int32, count: int, stride: int) -> None:
    """Fill in ONTO for `count` places in the queue, but for the first, the front."""
    for i in range(1, count):
        p = int(maps[QUEUE, i])
        steps = int(maps[FRONT, p]) - 1
        if maps[FRONT, p - stride] == steps:
            maps[ONTO, p] = p - stride
        elif maps[FRONT, p + stride] == steps:
            maps[ONTO, p] = p + stride
        elif maps[FRONT, p - 1] == steps:
            maps[ONTO, p] = p - 1
        else:
            maps[ONTO, p] = p + 1


@kernel
def load_up(maps: Int32, count: int, stride: int, out: Float32) -> None:
    """Add loads up along the ways to the front, from the farthest of `count` places in the queue inwards."""
    for i in range(count - 1, 0, -1):
        p = int(maps[QUEUE, i])
        q = int(maps[ONTO, p])
        r, onto_r = p // stride - 1, q // stride - 1
        c, onto_c = p - (r + 1) * stride, q - (onto_r + 1) * stride
        for k in range(LOAD, FOUND, 2):
            load = out[r, c, k]
            if load > 0.0:
                out[onto_r, onto_c, k] += load
                out[onto_r, onto_c, k + 1] = 0.0


@kernel
def pay(armies: Float32, maps: Int32, count: int, stride: int) -> None:
    """Fill in PAID for `count` queued places: how many of TOLLS their ways pay; the front, the first, pays all."""
    for i in range(count):
        maps[PAID, maps[QUEUE, i]] = 0
    for toll in TOLLS:
        for i in range(count):
            p = int(maps[QUEUE, i])
            r = p // stride - 1
            army = min(int(armies[r, p - (r + 1) * stride]), MOST_ARMY)
            # Near armies before far ones of the same size: it separates what would come in all at once.
            maps[LOADS, p] = UNITS * max(army - 1, 0) - toll - maps[FRONT, p]
        for i in range(count - 1, 0, -1):
            p = int(maps[QUEUE, i])
            if maps[LOADS, p] > 0:
                maps[LOADS, maps[ONTO, p]] += maps[LOADS, p]
                maps[PAID, p] += 1
    maps[PAID, maps[QUEUE, 0]] = len(TOLLS)
    for i in range(1, count):  # a branch is cut off where its way is
        p = int(maps[QUEUE, i])
        maps[PAID, p] = min(maps[PAID, p], maps[PAID, maps[ONTO, p]])


@kernel
def put_in_order(armies: Float32, maps: Int32, count: int, stride: int, out: Float32) -> None:
    """Write down NEED and BEHIND; `count` places in the queue lead to the front."""
    height, width = armies.shape
    for r in range(height):
        for c in range(width):
            out[r, c, NEED] = FAR
            out[r, c, BEHIND] = FAR
    if count == 0:
        return
    pay(armies, maps, count, stride)
    for k in range(len(TOLLS) + 1):
        maps[COUNTS, k] = 0
    for i in range(1, count):
        maps[COUNTS, maps[PAID, maps[QUEUE, i]]] += 1
    for k in range(len(TOLLS) - 1, 0, -1):  # who pays more pays this as well
        maps[COUNTS, k] += maps[COUNTS, k + 1]
    for i in range(1, count):
        p = int(maps[QUEUE, i])
        if maps[PAID, p] > 0:
            need = min(int(maps[COUNTS, maps[PAID, p]]), FAR)
            q = int(maps[ONTO, p])
            r, onto_r = p // stride - 1, q // stride - 1
            c, onto_c = p - (r + 1) * stride, q - (onto_r + 1) * stride
            out[r, c, NEED] = need
            out[onto_r, onto_c, BEHIND] = min(float(out[onto_r, onto_c, BEHIND]), float(need))


@kernel
def survey(board: Float32, armies: Float32, likely: Float32, out: Float32, maps: Int32) -> None:
    """All that the module's docstring names, of one board.

    board: (H, W, P). armies: (H, W), the seat's own. likely: (H, W), above 0 where an enemy's general may be, or (0, 0)
    for amid what nobody has seen. out: (H, W, FOUND), or (H, W, FOUND_ORDERED) to ask for need and behind.
    maps: scratch, (MAPS, map_places(H, W)).
    """
    height, width = armies.shape
    stride = width + 1
    tail = lay_out(board, maps)
    least = 0
    if len(likely) == 0:
        flood(maps, DEPTH, tail, stride)
        least = least_depth(board, maps)
    tail, kind = 0, 0
    while tail == 0 and kind < 3:
        tail = queue_goals(board, likely, maps, kind, least)
        kind += 1
    flood(maps, GOAL, tail, stride)
    tail = 0
    for r in range(height):
        for c in range(width):
            if board[r, c, MINE] > 0.0 and board[r, c, GENERAL] > 0.0:
                maps[HOME, (r + 1) * stride + c] = 0
                maps[QUEUE, tail] = (r + 1) * stride + c
                tail += 1
    flood(maps, HOME, tail, stride)
    root = find_front(board, armies, maps)
    tail = 0
    if root >= 0:
        maps[FRONT, root] = 0
        maps[QUEUE, 0] = root
        tail = flood(maps, FRONT, 1, stride)
    tell(armies, maps, root, out)
    follow(maps, tail, stride)
    load_up(maps, tail, stride, out)
    if out.shape[2] == FOUND_ORDERED:
        put_in_order(armies, maps, tail, stride, out)


@call
def survey_boards(boards: Float32, armies: Float32, likely: Float32, out: Float32, maps: Int32) -> None:
    """`survey` of N boards, on the calling thread: boards (N, H, W, P), armies (N, H, W), likely (N, H, W) or
    (N, 0, 0), out (N, H, W, what is asked for); maps as there.
    """
    for n in range(len(boards)):
        survey(boards[n], armies[n], likely[n], out[n], maps)
