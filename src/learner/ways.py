"""Ways over the board, as planes: how far each tile is from home, from where the war is won and from the front.

A convolution looks a tile far and a memory passes on a turn's step in a turn, but an army's way leads round mountains
across the whole board, and what to gather depends on all that could come along. Both take searches, so searches are
made and their results given to the network beside what its seat sees. They read the planes of `engine.observation`
alone.

    home     steps to the own general
    goal     steps to an enemy's general that was seen; else to where one may be, amid what nobody has seen; else to
             land that is not one's own
    front    steps over one's own land to the front: of the large armies the one nearest to the goal
    load     armies that would come through a tile on their way to the front, less what the moves are worth; the more
             they are worth, the fewer branches of the tree are left

Armies are shown once more as they are: which of two is larger by one is hard to tell from their logarithms.

On a CPU kernels do it; elsewhere, and in ONNX, torch does the same step by step, `STEPS` times at most.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from engine.arrays import Float32, Int32
from engine.compile import COMPILED, call, inlined
from engine.observation import ARMY_SCALE, PLANES

FAR = 48  # a way's length where there is none, or none so short
STEPS = FAR  # that torch takes at most
NEAR = 16.0  # steps that a plane shows as 1
LOG_SCALE = math.log(2.0) * ARMY_SCALE  # of the armies' planes
MOVES = (0.75, 3.0, 8.0)  # armies that a move is worth, one load each
MOST = 60.0  # armies that a plane tells apart
SMALL = 20.0  # armies that it shows as 1
HOME, GOAL, FRONT, IS_FRONT, LOAD = range(5)  # what a search finds of a tile; a load and whether it is a leaf, for
FOUND = 4 + 2 * len(MOVES)  # each of MOVES
LINEAR = 4  # planes that heads read as well: home, goal, front, and armies, those of others below 0
COUNT = LINEAR + 1 + 3 * len(MOVES)  # planes that are made of it

IN_SIGHT, MINE, ALLY, ENEMY, MOUNTAIN, CITY, GENERAL, OBSTACLE, SEEN, MY_ARMY = (
    PLANES.index(name)
    for name in (
        "in sight",
        "mine",
        "ally's",
        "enemy's",
        "mountain",
        "city",
        "general",
        "obstacle in fog",
        "seen before",
        "my army",
    )
)
OTHERS = [PLANES.index(name) for name in ("ally's army", "enemy's army", "neutral army")]


@inlined
def is_wall(tile: Float32) -> bool:
    """Whether armies do not go there: tile (P,)."""
    owned = tile[MINE] + tile[ALLY] + tile[ENEMY]
    return bool(tile[MOUNTAIN] + tile[OBSTACLE] > 0.0 or (tile[CITY] > 0.0 and owned == 0.0))


@call
def flood(way: Int32, queue: Int32, tail: int, stride: int) -> int:
    """Fill in distances from the first `tail` places of the queue, which are 0; -1 is a wall, FAR what is unknown.

    Returns how many places are in the queue then, the nearest first.
    """
    head = 0
    while head < tail:
        p = queue[head]
        head += 1
        steps = way[p] + 1
        if steps < FAR:
            for q in (p - stride, p + stride, p - 1, p + 1):
                if way[q] > steps:
                    way[q] = steps
                    queue[tail] = q
                    tail += 1
    return tail


@call
def survey_boards(boards: Float32, armies: Float32, out: Float32, maps: Int32) -> None:
    """Fill in the planes of ways.

    boards: (N, H, W, P) of `learner.network.Sight`. armies: (N, H, W), one's own. out: (N, H, W, FOUND). maps: scratch,
    (5, (H + 2) * (W + 1)); a border around the board keeps searches on it.
    """
    count, height, width = armies.shape
    stride = width + 1
    home, goal, front, other, queue = maps[0], maps[1], maps[2], maps[3], maps[4]
    for n in range(count):
        board = boards[n]
        home[:] = -1
        goal[:] = -1
        front[:] = -1
        other[:] = -1
        # Depth: steps from what is in sight and not an enemy's.
        tail, generals = 0, 0
        for r in range(height):
            for c in range(width):
                p = (r + 1) * stride + c
                tile = board[r, c]
                if tile[ENEMY] > 0.0 and tile[GENERAL] > 0.0:
                    generals += 1
                if not is_wall(tile):
                    home[p] = FAR
                    goal[p] = FAR
                    other[p] = FAR
                    if tile[IN_SIGHT] > 0.0 and tile[ENEMY] == 0.0:
                        other[p] = 0
                        queue[tail] = p
                        tail += 1
                if tile[MINE] > 0.0:
                    front[p] = FAR
        flood(other, queue, tail, stride)
        deepest = 0
        for r in range(height):
            for c in range(width):
                depth = other[(r + 1) * stride + c]
                if board[r, c, SEEN] == 0.0 and depth < FAR:
                    deepest = max(deepest, depth)
        least = max(1, 2 * deepest // 3)
        tail = 0
        for kind in range(3):
            if tail == 0:
                for r in range(height):
                    for c in range(width):
                        p = (r + 1) * stride + c
                        tile = board[r, c]
                        if goal[p] == FAR:
                            if kind == 0:
                                chosen = tile[ENEMY] > 0.0 and tile[GENERAL] > 0.0
                            elif kind == 1:
                                chosen = tile[SEEN] == 0.0 and least <= other[p] < FAR
                            else:
                                chosen = tile[MINE] + tile[ALLY] == 0.0
                            if chosen:
                                goal[p] = 0
                                queue[tail] = p
                                tail += 1
        flood(goal, queue, tail, stride)
        tail = 0
        main = 0.0
        for r in range(height):
            for c in range(width):
                tile = board[r, c]
                if tile[MINE] > 0.0:
                    main = max(main, armies[n, r, c])
                    if tile[GENERAL] > 0.0:
                        p = (r + 1) * stride + c
                        home[p] = 0
                        queue[tail] = p
                        tail += 1
        flood(home, queue, tail, stride)
        # The front: nearest to the goal of the large armies, the larger of two, the first of two alike.
        floor = max(2.0, np.floor(main / 3.0))
        nearest, most, root = FAR + 1, 0.0, -1
        for r in range(height):
            for c in range(width):
                p = (r + 1) * stride + c
                army = armies[n, r, c]
                if board[r, c, MINE] > 0.0 and army >= floor:
                    if goal[p] < nearest or (goal[p] == nearest and army > most):
                        nearest, most, root = goal[p], army, p
        tail = 0
        if root >= 0:
            front[root] = 0
            queue[0] = root
            tail = 1
        tail = flood(front, queue, tail, stride)
        for r in range(height):
            for c in range(width):
                p = (r + 1) * stride + c
                tile = out[n, r, c]
                tile[HOME] = home[p] if home[p] >= 0 else FAR
                tile[GOAL] = goal[p] if goal[p] >= 0 else FAR
                tile[FRONT] = front[p] if front[p] >= 0 else FAR
                tile[IS_FRONT] = 1.0 if p == root else 0.0
                for k in range(len(MOVES)):
                    tile[LOAD + 2 * k] = max(armies[n, r, c] - np.float32(1.0), np.float32(0.0)) - MOVES[k]
                    tile[LOAD + 2 * k + 1] = 1.0
        for i in range(tail - 1, 0, -1):
            p = queue[i]
            r = p // stride - 1
            c = p - (r + 1) * stride
            onto_r, onto_c, steps = r, c, front[p] - 1
            if front[p - stride] == steps:
                onto_r -= 1
            elif front[p + stride] == steps:
                onto_r += 1
            elif front[p - 1] == steps:
                onto_c -= 1
            else:
                onto_c += 1
            for k in range(LOAD, FOUND, 2):
                load = out[n, r, c, k]
                if load > 0.0:
                    out[n, onto_r, onto_c, k] += load
                    out[n, onto_r, onto_c, k + 1] = 0.0


class Survey(NamedTuple):
    """What searches find of every tile, each (N, H, W) float32, or (N, len(MOVES), H, W)."""

    home: Tensor  # steps, as the module says; FAR where there is no way
    goal: Tensor
    front: Tensor
    is_front: Tensor  # 1 at the front
    load: Tensor  # armies, for each of MOVES
    leaf: Tensor  # 1 where nothing is loaded from another tile, for each of MOVES


def survey_compiled(board: Tensor, armies: Tensor) -> Survey:
    """A survey of planes (N, P, H, W) on the CPU; armies (N, H, W)."""
    count, _, height, width = board.shape
    found = torch.empty((count, height, width, FOUND))
    maps = np.empty((5, (height + 2) * (width + 1)), np.int32)
    boards = board.detach().permute(0, 2, 3, 1).contiguous().numpy()
    survey_boards(boards, armies.detach().contiguous().numpy(), found.numpy(), maps)
    planes = found.permute(0, 3, 1, 2)
    home, goal, front, is_front = planes[:, :LOAD].unbind(1)
    return Survey(home, goal, front, is_front, planes[:, LOAD::2], planes[:, LOAD + 1 :: 2])


def army_of(plane: Tensor) -> Tensor:
    """The armies that a plane stands for."""
    return torch.round(torch.exp(plane * LOG_SCALE) - 1.0)


def beside(board: Tensor, fill: float) -> Tensor:
    """What lies above, below, left and right of every tile, (4, N, H, W); `fill` off the board."""
    padded = F.pad(board, (1, 1, 1, 1), value=fill)
    return torch.stack([padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]])


def steps_to(sources: Tensor, walls: Tensor, far: float = float(FAR), steps: int = STEPS) -> Tensor:
    """Steps from every tile to the nearest source, float32; sources and walls bool; all (N, H, W)."""
    way = (~sources).float() * far
    for _ in range(steps):
        before = way
        way = torch.minimum(way, (beside(way, far).amin(0) + 1.0).masked_fill(walls, far))
        if way.device.type == "cpu" and bool((before == way).all()):  # elsewhere looking costs waiting
            break
    return way


def from_all(came: Tensor, board: Tensor) -> Tensor:
    """For each tile the sum of what the tiles hold whose way leads onto it; came as `add_up` has it."""
    up, down, left, right = (came * board).unbind(0)
    return beside(up, 0.0)[1] + beside(down, 0.0)[0] + beside(left, 0.0)[3] + beside(right, 0.0)[2]


def add_up(own: Tensor, came: Tensor, steps: int = STEPS) -> Tensor:
    """What each tile has and what comes to it from those with more than nothing, (N, H, W).

    came: (4, N, H, W), 1.0 where a tile's way leads up, down, left, right.
    """
    load = own
    for _ in range(steps):
        before, load = load, own + from_all(came, F.relu(load))
        if load.device.type == "cpu" and bool((before == load).all()):
            break
    return load


def survey_plain(board: Tensor, armies: Tensor) -> Survey:
    """`survey_compiled` by torch alone, on any device."""
    search, sum_up = steps_to, add_up
    if torch.onnx.is_in_onnx_export():  # a script keeps its loops, for ONNX
        search, sum_up = torch.jit.script(steps_to), torch.jit.script(add_up)
    has = board > 0.0
    mine, enemy, owned = has[:, MINE], has[:, ENEMY], has[:, MINE] | has[:, ALLY] | has[:, ENEMY]
    walls = has[:, MOUNTAIN] | has[:, OBSTACLE] | (has[:, CITY] & ~owned)
    depth = search(has[:, IN_SIGHT] & ~enemy & ~walls, walls)
    fog = ~has[:, SEEN] & (depth < FAR) & ~walls
    deepest = (depth * fog).amax((1, 2), keepdim=True)
    goals = [
        enemy & has[:, GENERAL],
        fog & (depth >= (2.0 * deepest / 3.0).floor().clamp(min=1.0)),
        ~has[:, MINE] & ~has[:, ALLY],
    ]
    chosen = goals.pop() & ~walls
    while goals:
        better = goals.pop() & ~walls
        chosen = better | (chosen & ~better.any(2, keepdim=True).any(1, keepdim=True))
    goal = search(chosen, walls)
    home = search(mine & has[:, GENERAL], walls)
    is_front = front_of(goal, armies, mine)
    front = search(is_front, ~mine)
    nearer = (beside(front, float(FAR)) == front - 1.0) & (front < FAR)  # up, down, left, right
    came = nearer & (nearer.float().cumsum(0) == 1.0)
    movable = (armies - 1.0).clamp(min=0.0)
    loads = [sum_up(movable - move, came.float()) for move in MOVES]
    leaves = [(from_all(came.float(), F.relu(load)) == 0.0).float() for load in loads]
    return Survey(home, goal, front, is_front.float(), torch.stack(loads, 1), torch.stack(leaves, 1))


def front_of(goal: Tensor, armies: Tensor, mine: Tensor) -> Tensor:
    """Of the large armies the one nearest to the goal, the larger of two, the first of two alike; bool (N, H, W)."""
    main = (armies * mine).amax((1, 2), keepdim=True)
    large = mine & (armies >= (main / 3.0).floor().clamp(min=2.0))
    nearest = large & (goal == torch.where(large, goal, FAR + 1.0).amin((1, 2), keepdim=True))
    most = nearest & (armies == (armies * nearest).amax((1, 2), keepdim=True))
    return most & (most.flatten(1).float().cumsum(1).view(most.shape) == 1.0)


class Ways(nn.Module):
    """The planes of ways; it has no weights."""

    def forward(self, board: Tensor) -> Tensor:
        """Planes of `Sight` (N, P, H, W) to (N, COUNT, H, W) float32."""
        with torch.no_grad():
            board = board.float()
            armies = army_of(board[:, MY_ARMY])
            compiled = COMPILED and board.device.type == "cpu" and not torch.onnx.is_in_onnx_export()
            found = survey_compiled(board, armies) if compiled else survey_plain(board, armies)
            loaded = (found.load > 0.0) & (found.front < FAR)[:, None]
            load = torch.log2(1.0 + F.relu(found.load) * loaded) / ARMY_SCALE
            others = army_of(board[:, OTHERS]).clamp(max=MOST).sum(1)
            linear = [way / NEAR for way in (found.home, found.goal, found.front)]
            linear.append((armies.clamp(max=MOST) - others) / SMALL)
            first = torch.stack([*linear, found.is_front], dim=1)
            return torch.cat([first, load, loaded.float(), found.leaf * loaded], dim=1)
