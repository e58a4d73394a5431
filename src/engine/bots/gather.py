"""Gathering along shortest paths: the best tree of own tiles that can be emptied into its root in so many moves.

Shortest paths over the seat's own land make a tree. A subtree is worth its armies less a toll for each move it takes;
branches worth nothing are cut off. The toll is raised until the moves that are left suffice (Lagrange's multiplier of
the knapsack on a tree). Moves go from the leaves inwards, so that each path is walked once: with one move
less to go the next turn finds the rest of the same tree, and nothing needs to be remembered.
"""

from engine.actions import PASS
from engine.arrays import Int32
from engine.board import MINE
from engine.bots.desk import (
    ARMY,
    GATHER,
    LINK,
    NOWHERE,
    PLACES,
    PULL,
    QUEUE,
    STRIDE,
    WORDS,
    map_at,
    move_to,
    note_reason,
    shift,
)
from engine.bots.sight import army_in, exits_in, relation_in
from engine.compile import kernel

SCALE = 64  # the toll is counted in parts of an army
MOST_ARMY = 8191  # more on one tile count as so many: their sum stays within a word
LEAST_TOLL = 48  # less than three quarters of an army a move are left where they lie


@kernel
def grow_tree(desk: Int32, root: int, moves: int) -> int:
    """Shortest paths of at most so many moves over own land to `root`, in LINK; returns how many places, queued."""
    words = map_at(desk, WORDS)
    link = map_at(desk, LINK)
    queue = map_at(desk, QUEUE)
    stride = int(desk[STRIDE])
    for p in range(int(desk[PLACES])):
        desk[link + p] = NOWHERE
    desk[link + root] = root
    desk[queue] = root
    head, tail, ring = 0, 1, 1
    while head < tail and moves > 0:
        p = int(desk[queue + head])
        head += 1
        for direction in range(4):
            q = p + shift(direction, stride)
            if int(desk[link + q]) == NOWHERE and relation_in(int(desk[words + q])) == MINE:
                desk[link + q] = p
                desk[queue + tail] = q
                tail += 1
        if head == ring:
            moves -= 1
            ring = tail
    return tail


@kernel
def cut_tree(desk: Int32, count: int, toll: int) -> int:
    """Cut branches not worth the toll: PULL is positive where a place moves. Returns how many moves that takes."""
    words = map_at(desk, WORDS)
    link = map_at(desk, LINK)
    queue = map_at(desk, QUEUE)
    pull = map_at(desk, PULL)
    slope = (SCALE << 14) // count
    for i in range(count):
        p = int(desk[queue + i])
        # Near armies before far ones of the same size: it separates what would be cut off all at once.
        desk[pull + p] = (min(army_in(int(desk[words + p])), MOST_ARMY) - 1) * SCALE - toll - ((i * slope) >> 16)
    for i in range(count - 1, 0, -1):
        p = int(desk[queue + i])
        worth = int(desk[pull + p])
        if worth > 0:
            desk[pull + int(desk[link + p])] += worth
    moves = 0
    desk[pull + int(desk[queue])] = 1
    for i in range(1, count):
        p = int(desk[queue + i])
        if int(desk[pull + p]) > 0:
            if int(desk[pull + int(desk[link + p])]) > 0:
                moves += 1
            else:
                desk[pull + p] = 0
    return moves


@kernel
def gather(desk: Int32, root: int, moves: int) -> int:
    """The next move of gathering at `root` as much as so many moves can, or PASS where there is nothing to gather."""
    count = grow_tree(desk, root, moves)
    low, high = (
        LEAST_TOLL,
        int(desk[ARMY]) * SCALE // max(moves, 1) + 1,
    )  # a branch of that many moves holds fewer armies
    toll = LEAST_TOLL
    if cut_tree(desk, count, toll) > moves:
        # The least toll that leaves no more than the moves there are, between low (too many) and high.
        while high - low > 1 + (high >> 4):
            toll = (low + high) >> 1
            if cut_tree(desk, count, toll) > moves:
                low = toll
            else:
                high = toll
        if toll != high:
            cut_tree(desk, count, high)
    words = map_at(desk, WORDS)
    link = map_at(desk, LINK)
    queue = map_at(desk, QUEUE)
    pull = map_at(desk, PULL)
    stride = int(desk[STRIDE])
    for i in range(count - 1, 0, -1):
        p = int(desk[queue + i])
        if int(desk[pull + p]) > 0:
            exits = exits_in(int(desk[words + p]))
            for direction in range(4):
                if (exits >> direction) & 1 and p + shift(direction, stride) == int(desk[link + p]):
                    note_reason(desk, GATHER, root, count)
                    return move_to(p, direction, 0, stride)
    return PASS
