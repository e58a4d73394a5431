"""The scout's network: it guesses where an enemy's general is, with a memory; `engine.bots.scout` plays by it.

The tables of `engine.bots.whereabouts` know only what a seat sees now. The scout also notes where it first and last saw
an enemy, and a convolutional network adds to the tables' points what it reads off all that. Letters: B positions,
H x W tiles, T = H * W.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as pack_tensors
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, relu

from engine.arrays import Int16, Int32
from engine.board import ENEMY, MINE
from engine.bots.scout import Guesser, Seen, take_apart
from engine.bots.told import NEVER
from engine.tiles import CITY, GENERAL, IMPASSABLE
from learner.crew import Crew
from learner.precision import half_precision
from learner.snapshot import SnapshotError, fill, portable, replace_file

WEIGHTS = Path(__file__).with_name("scout.safetensors")  # what it plays by
POINT = 64.0  # points of a unit of log-odds
CHANNELS, FINE = 48, 16  # of the trunk at half the board's size, and of what is read and said at its full size
DILATIONS = (1, 2, 1, 3, 1, 2)
TURNS = 50.0  # a unit of time
PLANES = 18 + 9  # maps, and facts that are alike everywhere
ROWS = 64  # positions that are guessed at once by one of a crew
LEAST_APART = 15  # Manhattan distance of two generals on the site's boards


class Position(NamedTuple):
    """What a guess is made from; tensors or arrays of B positions."""

    words: Tensor  # int32 (B, H, W): the observation
    vector: Tensor  # int32 (B, V): the turn, then land, army and status of both seats
    first: Tensor  # int16 (B, H, W), of `Notes`
    last: Tensor  # int16 (B, H, W)
    points: Tensor  # int32 (B, H, W): the tables' points, NEVER where the general cannot be


def planes_of(seen: Seen, vector: Tensor, first: Tensor, last: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """What the network reads, float32 (B, PLANES, H, W), and the tables' log-odds (B, H, W), -inf for NEVER."""
    vector, first, last, army = vector.float(), first.float(), last.float(), seen.army.float()
    mine, enemy = (seen.relation == MINE).float(), (seen.relation == ENEMY).float()
    open_to_all = torch.from_numpy(~IMPASSABLE).to(vector.device)[seen.kind.long()]
    maybe = points > NEVER
    odds = torch.where(maybe, points.float() / POINT, -torch.inf)
    best = odds.flatten(1).amax(1)[:, None, None]
    turn = vector[:, :1, None]
    met = last > 0
    home = mine * (seen.kind == GENERAL)
    planes = [
        maybe.float(),
        (~open_to_all).float(),
        seen.visible.float(),
        seen.discovered.float(),
        mine,
        enemy,
        (1.0 + enemy * army).log2() / 4.0,
        (1.0 + mine * army).log2() / 4.0,
        home,
        (seen.kind == CITY).float(),
        met.float(),
        met * (turn - last + 1.0) / TURNS,
        first / (2.0 * TURNS),
        met * (first - turn) / TURNS,
        distances(home) / 20.0,
        (distances(home) < LEAST_APART).float(),
        distances(enemy) / 20.0,
        torch.where(maybe, (odds - best).clamp(min=-12.0), 0.0),
    ]
    clock, land, army_now, foe_land, foe_army = vector[:, [0, 1, 2, 4, 5]].unbind(1)
    facts = [
        clock / 100.0,
        clock % TURNS / TURNS,
        foe_land / 50.0,
        foe_army.clamp(min=1.0).log2() / 5.0,
        land / 50.0,
        army_now.clamp(min=1.0).log2() / 5.0,
        enemy.flatten(1).amax(1),
        (clock < 100.0).float(),
        foe_land.clamp(min=1.0).sqrt() / 5.0,
    ]
    planes += [fact[:, None, None].expand(points.shape) for fact in facts]
    return torch.stack(planes, 1), odds


def distances(tiles: Tensor) -> Tensor:
    """Manhattan distance of every tile from the middle of those marked with 1, (B, H, W); 0 where none is."""
    rows, columns = (torch.arange(size, dtype=torch.float32, device=tiles.device) for size in tiles.shape[1:])
    rows, columns = rows[None, :, None], columns[None, None, :]
    count = tiles.sum((1, 2), keepdim=True)
    middle_row = (tiles * rows).sum((1, 2), keepdim=True) / count.clamp(min=1.0)
    middle_column = (tiles * columns).sum((1, 2), keepdim=True) / count.clamp(min=1.0)
    return ((rows - middle_row).abs() + (columns - middle_column).abs()) * (count > 0.0)


class Block(nn.Module):
    """Two convolutions, what they see of the whole board added in between, and a way around them."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.whole = nn.Linear(2 * channels, channels)
        self.near = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.near.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        wide = self.wide(relu(x))
        whole = self.whole(torch.cat([wide.mean((2, 3)), wide.amax((2, 3))], 1))
        near: Tensor = self.near(relu(wide + whole[:, :, None, None]))
        return x + near


class Scout(nn.Module):
    """Adds to the tables' log-odds; untrained it adds the same everywhere. Sides of the board are made even within."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Conv2d(PLANES, FINE, 3, padding=1)
        self.shrink = nn.Conv2d(FINE, CHANNELS, 3, padding=1, stride=2)
        self.trunk = nn.Sequential(*(Block(CHANNELS, dilation) for dilation in DILATIONS))
        self.grow = nn.Conv2d(CHANNELS, 4 * FINE, 1)
        self.join = nn.Conv2d(2 * FINE, FINE, 3, padding=1)
        self.say = nn.Conv2d(FINE, 1, 1)
        nn.init.zeros_(self.say.weight)

    def forward(self, position: Position) -> Tensor:
        """Log-odds of every tile to hide the general, (B, H, W), -inf where it cannot be."""
        return self.odds(*planes_of(take_apart(position.words), *position[1:]))

    def odds(self, planes: Tensor, odds: Tensor) -> Tensor:
        """The same from what `planes_of` made."""
        height, width = odds.shape[1:]
        planes = nn.functional.pad(planes, (0, width % 2, 0, height % 2))
        fine = relu(self.read(planes))
        coarse = self.grow(relu(self.trunk(self.shrink(fine))))
        joined = relu(self.join(torch.cat([relu(pixel_shuffle(coarse, 2)), fine], 1)))
        said: Tensor = self.say(joined)[:, 0, :height, :width]
        return odds + said


def told_points(network: Scout, position: Position, in_half: bool = False) -> Int32:
    """Points for `engine.bots.told`, int32 (B, T)."""
    with torch.no_grad(), half_precision(position.words.device, in_half):
        told: Int32 = as_points(network(position)).numpy()
    return told


def as_points(odds: Tensor) -> Tensor:
    """Log-odds (B, H, W) as points, int32 (B, T)."""
    points = torch.where(odds == -torch.inf, float(NEVER), (odds * POINT).round().clamp(-1e6, 1e6))
    return points.flatten(1).to(torch.int32)


def guesser_of(network: Scout, crew: Crew | None = None, in_half: bool = False) -> Guesser:
    """Guesses by a network; a crew deals many positions out. in_half: in bfloat16, for games that are learned from."""

    def work(fields: tuple[Int32 | Int16, ...]) -> Int32:
        return told_points(network, Position(*(torch.from_numpy(field) for field in fields)), in_half)

    def guess(*fields: Int32 | Int16) -> Int32:
        if crew is None:
            return work(fields)
        parts = -(-len(fields[0]) // ROWS)
        dealt = zip(*(np.array_split(field, parts) for field in fields), strict=True)
        return np.concatenate(crew.map(work, list(dealt)))

    return guess


def save_scout(network: Scout, path: Path) -> None:
    """Write the weights, safetensors in half precision."""
    replace_file(path, pack_tensors({name: tensor.half() for name, tensor in portable(network.state_dict()).items()}))


def load_scout(path: Path = WEIGHTS) -> Scout:
    """Read what `save_scout` wrote. Raises SnapshotError for anything else."""
    network = Scout()
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise SnapshotError(f"{path}: is no scout ({error})") from None
    fill(network, {name: tensor.float() for name, tensor in tensors.items()}, path)
    return network.eval()
