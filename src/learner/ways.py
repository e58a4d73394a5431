"""Ways over the board, as planes: how far each tile is from home, from where the war is won and from the front.

A convolution looks a tile far and a memory passes on a turn's step in a turn, but an army's way leads round mountains
across the whole board, and what to gather depends on all that could come along. Both take searches, so `engine.ways`
makes them and their results are given to the network beside what its seat sees; the order in which tiles are gathered
only where it is asked for.

Armies are shown once more as they are: which of two is larger by one is hard to tell from their logarithms.

On a CPU and on a GPU with numba-cuda kernels search; elsewhere, and in ONNX, torch does the same step by step, `FAR`
times at most.
"""

import importlib.util
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from engine.compile import COMPILED
from engine.observation import ARMY_SCALE, PLANES
from engine.ways import (
    ALLY,
    CITY,
    ENEMY,
    FAR,
    FOUND,
    FOUND_ORDERED,
    GENERAL,
    IN_SIGHT,
    LOAD,
    MAPS,
    MINE,
    MOST_ARMY,
    MOUNTAIN,
    MOVES,
    OBSTACLE,
    SEEN,
    TOLLS,
    UNITS,
    map_places,
    survey_boards,
)

SELDOM = 4  # steps between two looks whether a search is at its end, where torch searches
NEAR = 16.0  # steps that a plane shows as 1
LOG_SCALE = math.log(2.0) * ARMY_SCALE  # of the armies' planes
MOST = 60.0  # armies that a plane tells apart
SMALL = 20.0  # armies that it shows as 1
LINEAR = 4  # planes that heads read as well: home, goal, front, and armies, those of others below 0
COUNT = LINEAR + 1 + 3 * len(MOVES)  # planes that are made of what is found
ORDER = 2  # planes of the order behind them: need and behind
MY_ARMY = PLANES.index("my army")
# Armies of allies, enemies and nobody, side by side: as a list of planes it would be copied to a GPU.
OTHERS = slice(PLANES.index("ally's army"), PLANES.index("neutral army") + 1)
KERNELS = COMPILED  # whether kernels search
ON_GPU = importlib.util.find_spec("numba_cuda") is not None  # whether they can on a GPU


class Survey(NamedTuple):
    """What searches find of every tile, each (N, H, W) float32, or (N, len(MOVES), H, W)."""

    home: Tensor  # steps, as the module says; FAR where there is no way
    goal: Tensor
    front: Tensor
    is_front: Tensor  # 1 at the front
    load: Tensor  # armies, for each of MOVES
    leaf: Tensor  # 1 where nothing is loaded from another tile, for each of MOVES
    order: Tensor  # need and behind, (N, ORDER, H, W); (N, 0, H, W) where not asked for


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch.compile leaves it as it is
def survey_compiled(board: Tensor, armies: Tensor, ordered: bool = False, likely: Tensor | None = None) -> Survey:
    """A survey of planes (N, P, H, W) by kernels, on the CPU or a GPU; armies (N, H, W); ordered: with the order;
    likely: (N, H, W), above 0 where an enemy's general may be, None for amid what nobody has seen.
    """
    count, _, height, width = board.shape
    likely = board.new_empty((count, 0, 0)) if likely is None else likely.contiguous()
    boards, armies = board.detach().permute(0, 2, 3, 1).contiguous(), armies.detach().contiguous()
    found = torch.empty((count, height, width, FOUND_ORDERED if ordered else FOUND), device=board.device)
    if board.device.type == "cuda":
        from learner.ways_cuda import survey_on_gpu

        survey_on_gpu(boards, armies, likely, found)
    else:
        maps = np.empty((MAPS, map_places(height, width)), np.int32)
        survey_boards(boards.numpy(), armies.numpy(), likely.numpy(), found.numpy(), maps)
    planes = found.permute(0, 3, 1, 2)
    home, goal, front, is_front = planes[:, :LOAD].unbind(1)
    loads = planes[:, LOAD:FOUND]
    return Survey(home, goal, front, is_front, loads[:, ::2], loads[:, 1::2], planes[:, FOUND:])


def army_of(plane: Tensor) -> Tensor:
    """The armies that a plane stands for."""
    return torch.round(torch.exp(plane * LOG_SCALE) - 1.0)


def steps_to(sources: Tensor, walls: Tensor, far: int = FAR, seldom: int = SELDOM) -> Tensor:
    """Steps from every tile to the nearest source, float32; sources and walls bool; all (N, H, W)."""
    near = sources.float() * far  # how much nearer than `far`
    ground = (~walls).float()
    for step in range(far):
        before = near
        framed = F.pad(near, [1, 1, 1, 1])
        rows = torch.maximum(framed[:, :-2, 1:-1], framed[:, 2:, 1:-1])
        best = torch.maximum(rows, torch.maximum(framed[:, 1:-1, :-2], framed[:, 1:-1, 2:]))
        near = torch.maximum(near, (best - 1.0) * ground)
        # On a CPU it is looked, now and then, whether anything changes; elsewhere looking costs waiting.
        if step % seldom == 0 and near.device.type == "cpu" and bool((before == near).all()):
            break
    return far - near


def to_all(came: Tensor, board: Tensor) -> Tensor:
    """For each tile the sum of what the tiles hold whose way leads onto it; as `add_up` has them."""
    up, down, left, right = (came * board).unbind(0)
    rows = F.pad(up[:, :, 1:], [0, 0, 0, 1]) + F.pad(down[:, :, :-1], [0, 0, 1, 0])
    return rows + F.pad(left[..., 1:], [0, 1]) + F.pad(right[..., :-1], [1, 0])


def add_up(own: Tensor, came: Tensor, steps: int = FAR, seldom: int = SELDOM) -> Tensor:
    """What each tile has and what comes to it from those with more than nothing, (N, K, H, W).

    came: (4, N, 1, H, W), 1.0 where a tile's way leads up, down, left, right.
    """
    load = own
    for step in range(steps):
        before, load = load, own + to_all(came, F.relu(load))
        if step % seldom == 0 and load.device.type == "cpu" and bool((before == load).all()):
            break
    return load


def least_on_way(own: Tensor, came: Tensor, steps: int = FAR, seldom: int = SELDOM) -> Tensor:
    """The least number, 0 or more, on each tile's way to where ways end, (N, H, W); `own` ends there as it began."""
    least = own
    for step in range(steps):
        before = least
        framed = F.pad(least, [1, 1, 1, 1])
        ahead = came[0, :, 0] * framed[:, :-2, 1:-1] + came[1, :, 0] * framed[:, 2:, 1:-1]
        ahead = ahead + came[2, :, 0] * framed[:, 1:-1, :-2] + came[3, :, 0] * framed[:, 1:-1, 2:]
        least = torch.where(came.sum(0)[:, 0] > 0.0, torch.minimum(own, ahead), own)
        if step % seldom == 0 and least.device.type == "cpu" and bool((before == least).all()):
            break
    return least


def order_of(paid: Tensor, came: Tensor, is_front: Tensor) -> Tensor:
    """Need and behind, (N, ORDER, H, W), of how many of TOLLS the ways pay, (N, H, W); the front pays all."""
    gathered = paid * ~is_front
    counts = torch.stack([(gathered >= toll).flatten(1).sum(1) for toll in range(1, len(TOLLS) + 1)], dim=1)
    places = (gathered.flatten(1).long() - 1).clamp(min=0)
    need = counts.gather(1, places).view(paid.shape).to(paid.dtype).clamp(max=FAR)
    nearer = (FAR - need) * (gathered > 0.0)  # than FAR
    up, down, left, right = (came[:, :, 0] * nearer).unbind(0)
    rows = torch.maximum(F.pad(up[:, 1:], [0, 0, 0, 1]), F.pad(down[:, :-1], [0, 0, 1, 0]))
    behind = torch.maximum(rows, torch.maximum(F.pad(left[..., 1:], [0, 1]), F.pad(right[..., :-1], [1, 0])))
    return FAR - torch.stack([nearer, behind], dim=1)


def has_kernels(board: Tensor) -> bool:
    """Whether kernels search these planes."""
    return KERNELS and (board.device.type == "cpu" or ON_GPU) and not torch.onnx.is_in_onnx_export()


def walls_of(has: Tensor) -> Tensor:
    """Where armies do not go, bool (N, H, W): mountains, obstacles and cities of nobody; has (N, P, H, W) bool."""
    owned = has[:, MINE] | has[:, ALLY] | has[:, ENEMY]
    return has[:, MOUNTAIN] | has[:, OBSTACLE] | (has[:, CITY] & ~owned)


def survey_plain(board: Tensor, armies: Tensor, ordered: bool = False, likely: Tensor | None = None) -> Survey:
    """`survey_compiled` by torch alone."""
    search, sum_up, go = steps_to, add_up, least_on_way
    if torch.onnx.is_in_onnx_export():  # a script keeps its loops, for ONNX
        search, sum_up, go = torch.jit.script(steps_to), torch.jit.script(add_up), torch.jit.script(least_on_way)
    has = board > 0.0
    mine, enemy, walls = has[:, MINE], has[:, ENEMY], walls_of(has)
    if likely is None:
        depth = search(has[:, IN_SIGHT] & ~enemy & ~walls, walls)
        fog = ~has[:, SEEN] & (depth < FAR) & ~walls
        deepest = (depth * fog).amax((1, 2), keepdim=True)
        maybe = fog & (depth >= (2.0 * deepest / 3.0).floor().clamp(min=1.0))
    else:
        maybe = likely > 0.0
    goals = [enemy & has[:, GENERAL], maybe, ~has[:, MINE] & ~has[:, ALLY]]
    chosen = goals.pop() & ~walls
    while goals:
        better = goals.pop() & ~walls
        chosen = better | (chosen & ~better.any(2, keepdim=True).any(1, keepdim=True))
    goal = search(chosen, walls)
    home = search(mine & has[:, GENERAL], walls)
    is_front = front_of(goal, armies, mine)
    front = search(is_front, ~mine)
    framed = F.pad(front, [1, 1, 1, 1], value=FAR)
    beside = torch.stack([framed[:, :-2, 1:-1], framed[:, 2:, 1:-1], framed[:, 1:-1, :-2], framed[:, 1:-1, 2:]])
    nearer = ((beside == front - 1.0) & (front < FAR)).float()  # up, down, left, right
    came = (nearer * (nearer.cumsum(0) == 1.0))[:, :, None]  # of several the first
    movable = (armies - 1.0).clamp(min=0.0)
    load = sum_up(torch.stack([movable - move for move in MOVES], 1), came)
    leaf = (to_all(came, F.relu(load)) == 0.0).float()
    order = home.new_empty((len(home), 0, *home.shape[1:]))
    if ordered:
        worth = UNITS * movable.clamp(max=MOST_ARMY - 1.0) - front
        left = sum_up(torch.stack([worth - toll for toll in TOLLS], 1), came)
        paid = (left > 0.0).sum(1).float() * (front < FAR)
        order = order_of(go(torch.where(is_front, float(len(TOLLS)), paid), came), came, is_front)
    return Survey(home, goal, front, is_front.float(), load, leaf, order)


def front_of(goal: Tensor, armies: Tensor, mine: Tensor) -> Tensor:
    """Of the large armies the one nearest to the goal, the larger of two, the first of two alike; bool (N, H, W)."""
    main = (armies * mine).amax((1, 2), keepdim=True)
    large = mine & (armies >= (main / 3.0).floor().clamp(min=2.0))
    nearest = large & (goal == torch.where(large, goal, FAR + 1.0).amin((1, 2), keepdim=True))
    most = nearest & (armies == (armies * nearest).amax((1, 2), keepdim=True))
    return most & (most.flatten(1).float().cumsum(1).view(most.shape) == 1.0)


class Ways(nn.Module):
    """The planes of ways, with those of the order where they are asked for; it has no weights."""

    def __init__(self, ordered: bool = False) -> None:
        super().__init__()
        self.ordered = ordered

    @property
    def count(self) -> int:
        """Planes it makes."""
        return COUNT + (ORDER if self.ordered else 0)

    def forward(self, board: Tensor, likely: Tensor | None = None) -> Tensor:
        """Planes of `Sight` (N, P, H, W) to (N, count, H, W) float32; likely: as `survey_compiled` has it."""
        with torch.no_grad():
            board = board.float()
            armies = army_of(board[:, MY_ARMY])
            found = (survey_compiled if has_kernels(board) else survey_plain)(board, armies, self.ordered, likely)
            loaded = (found.load > 0.0) & (found.front < FAR)[:, None]
            load = torch.log2(1.0 + F.relu(found.load) * loaded) / ARMY_SCALE
            others = army_of(board[:, OTHERS]).clamp(max=MOST).sum(1)
            linear = [way / NEAR for way in (found.home, found.goal, found.front)]
            linear.append((armies.clamp(max=MOST) - others) / SMALL)
            first = torch.stack([*linear, found.is_front], dim=1)
            return torch.cat([first, load, loaded.float(), found.leaf * loaded, found.order / NEAR], dim=1)
