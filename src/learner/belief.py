"""Where an enemy's general probably is, as a plane: what `engine.belief` finds, given to a network.

People learn where generals hide from a few hundred games, and a network from far more. The tables of
`engine.bots.whereabouts` know it already.

As in `learner.ways`, kernels look it up where there are any; elsewhere, and in ONNX, torch does the same.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from engine.belief import FOUND, LOOKOUT, believe_boards
from engine.board import VECTOR_SEAT
from engine.bots.desk import desk_words
from engine.bots.whereabouts import (
    APART,
    BEHIND,
    BEYOND,
    CENTRE,
    CONTACT,
    DEPTH,
    FEWEST,
    NO_CONTACT,
    ODDS,
    ONE,
    OPEN_LAND,
    SHARE,
    UNSEEN,
    WALK,
)
from engine.bots.whereabouts_table import POINTS
from engine.ways import ENEMY, GENERAL, IN_SIGHT, MINE, SEEN
from learner import ways

FAR = 120  # steps that a search goes on for, where torch searches; a kernel's has no end
TIMES = (75, 100, 150)  # turns at which another entry of a table begins,
SIZES = (15, 23, 31, 45, 65)  # and sizes of the enemy's land


class Whereabouts(NamedTuple):
    """What is found of every tile, each (N, H, W) float32."""

    chance: Tensor
    likely: Tensor


def told_of(vector: Tensor, castles: bool) -> Tensor:
    """What is told beside the planes, int32 (N, `engine.belief.TOLD`); vector (N, 1 + 3S) int32."""
    others = vector[:, 1 + VECTOR_SEAT :].reshape(len(vector), -1, VECTOR_SEAT)
    strongest = others[..., 1].argmax(1, keepdim=True)
    land = others[..., 0].gather(1, strongest)
    return torch.cat([vector[:, :1], land, torch.full_like(land, int(castles))], dim=1)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch.compile leaves it as it is
def believe_compiled(board: Tensor, told: Tensor) -> Whereabouts:
    """What is found by kernels, on the CPU or a GPU: planes (N, P, H, W), told (N, TOLD)."""
    count, _, height, width = board.shape
    boards, told = board.detach().permute(0, 2, 3, 1).contiguous(), told.to(torch.int32).contiguous()
    found = torch.empty((count, height, width, FOUND), device=board.device)
    if board.device.type == "cuda":
        from learner.ways_cuda import believe_on_gpu

        believe_on_gpu(boards, told, found)
    else:
        believe_boards(boards.numpy(), told.numpy(), found.numpy(), np.empty(desk_words(height * width), np.int32))
    return Whereabouts(*found.unbind(-1))


def entry_of(number: Tensor, bounds: tuple[int, ...]) -> Tensor:
    """How many of some bounds a number has reached."""
    return sum((number >= bound).long() for bound in bounds)  # type: ignore[return-value]


def total(number: Tensor, reach: int) -> Tensor:
    """The sum of whole numbers over all tiles within some rows and columns, (N, H, W); exact under autocast as well."""
    side = 2 * reach + 1
    return (side**2 * F.avg_pool2d(number[:, None], side, 1, reach)[:, 0]).round()


def believe_plain(board: Tensor, told: Tensor) -> Whereabouts:
    """`believe_compiled` by torch alone."""
    search = torch.jit.script(ways.steps_to) if torch.onnx.is_in_onnx_export() else ways.steps_to
    table = torch.from_numpy(np.asarray(POINTS, np.float32)).to(board.device)
    odds = torch.from_numpy(np.append(ODDS, 0).astype(np.float32)).to(board.device)
    has = board > 0.0
    mine, enemy, in_sight = has[:, MINE], has[:, ENEMY], has[:, IN_SIGHT]
    walls = ways.walls_of(has) | has[:, LOOKOUT]
    home, known = mine & has[:, GENERAL], (enemy & has[:, GENERAL]).any(2).any(1)
    guessing = home.any(2).any(1) & ~known
    turn, land, castles = (column[:, None, None] for column in told.long().unbind(1))
    time, size = entry_of(turn, TIMES), entry_of(land, SIZES)

    depth = search(in_sight & ~enemy & ~walls, walls, FAR)
    contact = search(in_sight & enemy & ~walls, walls, FAR)
    walk = search(home & ~walls, walls, FAR)
    met = (in_sight & enemy & ~walls).any(2).any(1)[:, None, None]
    rows = torch.ones_like(board[:, 0]).cumsum(1)
    columns = torch.ones_like(board[:, 0]).cumsum(2)
    apart = distance(rows, columns, middle(home, rows), middle(home, columns))
    row, column = middle(enemy, rows), middle(enemy, columns)
    away = distance(rows, columns, row, column)
    apart_there = distance(row, column, middle(home, rows), middle(home, columns))

    unknown = ~in_sight & ~has[:, SEEN] & ~walls
    none = torch.full_like(depth, NO_CONTACT).long()
    near = torch.where(met, contact.clamp(max=30.0).long(), none)
    far = torch.where(met, away.clamp(max=30.0).long(), none)
    behind = torch.where(met, (far - near + 8).clamp(0, 30), none)
    beyond = torch.where(met, far * 32 + (apart.clamp(max=45.0) - apart_there + 10.0).clamp(0.0, 31.0).long(), 32 * 32)
    unseen = total(unknown.float(), 2).long()
    opened = (total((~walls).float(), 1) - (~walls).float()).long()
    entries = (
        DEPTH + depth.clamp(max=15.0).long() * 4 + time,
        CONTACT + near * 6 + size,
        APART + apart.clamp(max=45.0).long() * 4 + met.long() * 2 + castles,
        WALK + walk.clamp(max=62.0).long() // 2 * 2 + castles,
        UNSEEN + unseen * 4 + time,
        CENTRE + far,
        OPEN_LAND + opened,
        BEHIND + behind * 6 + size,
        BEYOND + beyond,
    )
    points = sum(table[entry.flatten()].view(depth.shape) for entry in entries)

    open_fog = unknown & (depth < FAR) & guessing[:, None, None]
    best = torch.where(open_fog, points, -1e6).amax((1, 2), keepdim=True)
    lost = torch.where(open_fog, (best - points).clamp(max=float(FEWEST)), float(FEWEST)).long()
    chance = total(odds[lost.flatten()].view(depth.shape), 1) * open_fog
    most = chance.amax((1, 2), keepdim=True)
    likely = open_fog & (chance > (most * float(ODDS[SHARE]) / ONE).floor())
    return Whereabouts(chance / most.clamp(min=1.0), likely.float())


def middle(chosen: Tensor, number: Tensor) -> Tensor:
    """The mean of a number over chosen tiles, rounded down, (N, 1, 1); 0 where none is chosen."""
    count = chosen.float().sum((1, 2), keepdim=True)
    return ((number * chosen).sum((1, 2), keepdim=True) / count.clamp(min=1.0) + 1e-4).floor()


def distance(row: Tensor, column: Tensor, other_row: Tensor, other_column: Tensor) -> Tensor:
    """Manhattan distance."""
    return (row - other_row).abs() + (column - other_column).abs()


class Belief(nn.Module):
    """The plane of chances, and where ways may lead; it has no weights.

    castles: whether castles are built in the games that are seen.
    """

    count = 1  # planes that it makes

    def __init__(self, castles: bool) -> None:
        super().__init__()
        self.castles = castles

    def forward(self, board: Tensor, vector: Tensor) -> Whereabouts:
        """Planes of `Sight` (N, P, H, W) and vector (N, 1 + 3S) int32 to what is found of the tiles."""
        with torch.no_grad():
            board = board.float()
            find = believe_compiled if ways.has_kernels(board) else believe_plain
            return find(board, told_of(vector, self.castles))
