"""A bot that plays over the network: one game against a scripted bot on a server that `stratagem serve` started.

python examples/grpc_bot.py [HOST:PORT]
"""

import sys

import numpy as np

from services.client import GameClient, Sight
from services.stubs.common_pb2 import Board

chance = np.random.default_rng(0)


def choose(sight: Sight) -> int:
    """Move the largest army that can: onto what is not mine if there is such a neighbour, else anywhere."""
    seen = sight.observation
    tiles = np.where(seen.mask & 15, seen.army, 0)
    start = int(tiles.argmax())
    if tiles.flat[start] < 2:
        return 0  # pass
    width = tiles.shape[1]
    steps = [d for d in range(4) if seen.mask.flat[start] >> d & 1]  # up, down, left, right
    foreign = [d for d in steps if seen.relation.flat[start + (-width, width, -1, 1)[d]] != 1]
    return 1 + (start * 4 + int(chance.choice(foreign or steps))) * 2


with GameClient(*sys.argv[1:2]) as client:
    board = Board(kind=Board.KIND_PLAIN, height=10, width=10, mountains=0.1, cities=2)
    seat = client.join(client.create(["", "bot:random"], board=board), "crowd")
    for sight in seat.sights():
        if not sight.finished:
            seat.submit(choose(sight), sight.turn)
    print(f"game {seat.game_id}: {'won' if sight.winner == seat.seat else 'not won'} after {sight.turn} turns")
