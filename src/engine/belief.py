"""Where an enemy's general probably is, by the seeker's tables (`engine.bots.whereabouts`), from what is observed.

Found of every tile

    chance   how likely the general is there or on the eight tiles around: 1 where that is most likely
    likely   1 where the seeker would march to, which is where it is hardly less likely than that

Both are 0 where nothing is to be guessed: the seat has no general of its own, or knows the enemy's. `learner.belief`
shows them to a network. Letters: P planes of `engine.observation`, H x W tiles.
"""

from engine.arrays import Float32, Int32
from engine.board import DISCOVERED, KIND_SHIFT, RELATION_SHIFT, UNOWNED, VISIBLE
from engine.board import ENEMY as OF_ENEMY
from engine.board import MINE as OF_SELF
from engine.bots.desk import (
    BLANK,
    BORDER,
    BY_TABLES,
    CASTLES,
    FAR,
    FOE_LAND,
    GOAL_WAY,
    GUESSING,
    HOME,
    HOME_WAY,
    NOWHERE,
    PLACES,
    PULL,
    STRIDE,
    TURN,
    WALL,
    WORDS,
    clear_way,
    flood_from,
    map_at,
)
from engine.bots.whereabouts import find_whereabouts
from engine.compile import call, inlined, kernel
from engine.observation import PLANES
from engine.tiles import MOUNTAIN, PLAIN
from engine.ways import ENEMY, GENERAL, IN_SIGHT, MINE, SEEN, is_wall

LOOKOUT = PLANES.index("lookout or observatory")
CHANCE, LIKELY = range(2)  # what is found of a tile
FOUND = 2
CLOCK, LAND, CASTLE_RULES = range(3)  # told beside the planes: turn, the enemy's land, 1 where castles are built
TOLD = 3


@inlined
def word_of(board: Float32, r: int, c: int, wall: bool) -> int:
    """A tile's word, as far as `engine.bots.whereabouts` reads it."""
    relation = UNOWNED
    if board[r, c, ENEMY] > 0.0:
        relation = OF_ENEMY
    elif board[r, c, MINE] > 0.0:
        relation = OF_SELF
    word = (MOUNTAIN if wall else PLAIN) << KIND_SHIFT | relation << RELATION_SHIFT
    if board[r, c, IN_SIGHT] > 0.0:
        word |= VISIBLE
    return word | DISCOVERED if board[r, c, SEEN] > 0.0 else word


@kernel
def lay_out(board: Float32, told: Int32, desk: Int32) -> bool:
    """Lay out a desk by planes (H, W, P). Returns whether there is anything to guess."""
    height, width = board.shape[0], board.shape[1]
    stride = width + 1
    desk[PLACES] = (height + 2) * stride
    desk[STRIDE] = stride
    desk[TURN] = told[CLOCK]
    desk[FOE_LAND] = told[LAND]
    desk[CASTLES] = told[CASTLE_RULES]
    desk[GUESSING] = BY_TABLES
    words, blank = map_at(desk, WORDS), map_at(desk, BLANK)
    for p in range(int(desk[PLACES])):
        desk[words + p] = BORDER
        desk[blank + p] = WALL
    home, is_known = NOWHERE, False
    for r in range(height):
        for c in range(width):
            p = (r + 1) * stride + c
            if board[r, c, GENERAL] > 0.0:
                if board[r, c, MINE] > 0.0:
                    home = p
                elif board[r, c, ENEMY] > 0.0:
                    is_known = True
            wall = is_wall(board, r, c) or board[r, c, LOOKOUT] > 0.0
            desk[words + p] = word_of(board, r, c, wall)
            desk[blank + p] = WALL if wall else FAR
    desk[HOME] = home
    return home != NOWHERE and not is_known


@kernel
def believe(board: Float32, told: Int32, out: Float32, desk: Int32) -> None:
    """All that the module's docstring names, of one board.

    board: (H, W, P). told: (TOLD,). out: (H, W, FOUND). desk: scratch, `engine.bots.desk.desk_words(H * W)`.
    """
    height, width = board.shape[0], board.shape[1]
    if not lay_out(board, told, desk):
        for r in range(height):
            for c in range(width):
                out[r, c, CHANCE] = 0.0
                out[r, c, LIKELY] = 0.0
        return
    flood_from(desk, map_at(desk, HOME_WAY), int(desk[HOME]))
    clear_way(desk, map_at(desk, GOAL_WAY))
    find_whereabouts(desk)
    chances, goal_way = map_at(desk, PULL), map_at(desk, GOAL_WAY)
    most = 1
    for p in range(int(desk[PLACES])):
        most = max(most, int(desk[chances + p]))
    for r in range(height):
        for c in range(width):
            p = (r + 1) * (width + 1) + c
            out[r, c, CHANCE] = max(int(desk[chances + p]), 0) / most
            out[r, c, LIKELY] = 1.0 if int(desk[goal_way + p]) == 0 else 0.0


@call
def believe_boards(boards: Float32, told: Int32, out: Float32, desk: Int32) -> None:
    """`believe` of N boards, on the calling thread: boards (N, H, W, P), told (N, TOLD), out (N, H, W, FOUND)."""
    for n in range(len(boards)):
        believe(boards[n], told[n], out[n], desk)
