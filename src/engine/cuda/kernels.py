"""The CUDA kernels: a thread plays a game's turn, a block puts the next game in a finished one's place.

Why a thread a game, and rows as on the CPU. A turn is a chain of a few hundred dependent steps on some dozen tiles, so
a group of threads on one game would mostly wait for its first; 32 games side by side in a warp take different branches,
but all of them work. A row keeps all of a tile in 16 bytes, half a sector of 32 bytes, the least that device memory
moves: a capture reads and writes 3x3 tiles, 6 sectors each way, 384 bytes; header, seats and vectors are 248 bytes,
two lines of the first-level cache, where they stay for the turn. With rows interleaved (word * 32 + lane) header
words would be read 32 at a time, but each of a tile's four words would be a sector of its own: 36 sectors each way,
2,304 bytes a capture, and 36 lines of that cache. So counted, a typical turn moves some 1.2 KB in rows as they are and
some 3.5 KB interleaved. (Counted, not measured; `benchmarks/gpu.py` measures.)

What would hold a warp up is drawing maps: one takes as long as some hundred turns. So the next episode's map of every
game is drawn ahead into a spare row, for all games that need one together, every so many turns; a game that ends takes
its spare, copied by its whole block, and only one that ends twice in between draws in place. Maps follow from (seed,
game, episode), so nothing depends on when they are drawn.

Letters: G games, N words a row, S seats. Every array is in device memory. Blocks have at most MOST_THREADS threads.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import config, cuda, int32

from engine.advice import mark_seekers, mark_strategists
from engine.arrays import Bool, Float32, Int8, Int32
from engine.batch import (
    END_EPISODE,
    END_INVALID,
    END_TERMINATED,
    END_TRUNCATED,
    END_TURNS,
    END_WINNER,
    OFF,
    SAME,
    is_over,
    next_episode,
    step_game,
)
from engine.belief import believe
from engine.board import (
    EPISODE,
    INVALID,
    MASK_BUILD,
    MASK_SHIFT,
    OBSERVED,
    RUNNING,
    cell,
    get,
    tile_count,
    view_at,
)
from engine.bots.desk import BY_TABLES
from engine.bots.dispatch import guessing_of, key_in_game
from engine.bots.expander import EXPANDER, choose_expander
from engine.bots.hunter import HUNTER, SEEKER, TRACKER, choose_hunter
from engine.bots.random import RANDOM, choose_random
from engine.bots.strategist import STRATEGIST, choose_strategist
from engine.compile import inlined
from engine.ways import survey

REGISTERS = 128  # of a thread of `play`: four blocks of 128 threads then share a multiprocessor's 65,536
MOST_THREADS = 512  # of a block: as many as have so many registers
WARP = 32


def launched(function: Callable[..., None], registers: int = 0) -> Any:
    """A kernel for the GPU, compiled when first launched and then kept; a thread has at most so many registers."""
    limit = {"max_registers": registers} if registers and not config.ENABLE_CUDASIM else {}
    return cuda.jit(cache=True, **limit)(function)


@partial(launched, registers=REGISTERS)
def play(
    rows: Int32,
    actions: Int32,
    reward: Float32,
    ended: Int32,
    weights: Float32,
    spec: Int32,
    seed: int,
    max_turns: int,
) -> None:
    """One turn of every game: see `engine.batch.step_game`; games that are over wait for `renew`.

    rows (G, N), actions (G, S), reward (G, S), ended (G, END_FIELDS).
    """
    g = cuda.grid(1)
    if g < rows.shape[0]:
        step_game(rows[g], actions[g], reward[g], ended[g], weights, spec, seed, g, max_turns, OFF)


@launched
def renew(rows: Int32, spares: Int32, ended: Int32, spec: Int32, seed: int, max_turns: int, autoreset: int) -> None:
    """After `play`: put the next episode in the place of each game that autoreset says is to be renewed.

    rows and spares (G, N), ended (G, END_FIELDS). The block copies rows together, so that it is coalesced.
    """
    due = cuda.shared.array(MOST_THREADS, int32)
    lane = cuda.threadIdx.x
    g = cuda.grid(1)
    is_due = 0
    if g < rows.shape[0]:
        ended_now = ended[g, END_TERMINATED] + ended[g, END_TRUNCATED] != 0
        if autoreset == SAME:
            is_due = 1 if ended_now else 0
        elif is_over(rows[g], max_turns) and not ended_now:
            is_due = 1
        if is_due and get(spares[g], EPISODE) != get(rows[g], EPISODE) + 1:
            next_episode(spares[g], spec, seed, g, get(rows[g], EPISODE) + 1)
    due[lane] = is_due
    if cuda.syncthreads_or(is_due):
        first = cuda.blockIdx.x * cuda.blockDim.x
        for i in range(cuda.blockDim.x):
            if due[i]:
                for word in range(lane, rows.shape[1], cuda.blockDim.x):
                    rows[first + i, word] = spares[first + i, word]
        cuda.syncthreads()
    if is_due:
        if autoreset != SAME:
            ended[g, END_WINNER] = RUNNING
            ended[g, END_TURNS] = 0
        ended[g, END_INVALID] = get(rows[g], INVALID)
        ended[g, END_EPISODE] = get(rows[g], EPISODE)


@launched
def list_spent(rows: Int32, spares: Int32, spent: Int32) -> None:
    """List the games whose spare is not their next episode. spent (1 + G,): their number, 0 before, and they."""
    g = cuda.grid(1)
    if g < rows.shape[0] and get(spares[g], EPISODE) != get(rows[g], EPISODE) + 1:
        spent[1 + cuda.atomic.add(spent, 0, 1)] = g


@launched
def draw_spares(rows: Int32, spares: Int32, spec: Int32, seed: int, spent: Int32) -> None:
    """Draw the next episode of the games listed in `spent` (1 + G,).

    The fewer there are the fewer share a warp, down to one: then none waits for another's branches.
    """
    i = cuda.grid(1)
    count = int(spent[0])
    if count > 0:
        apart = max(1, min(WARP, rows.shape[0] // count))
        if i % apart == 0 and i // apart < count:
            g = int(spent[1 + i // apart])
            next_episode(spares[g], spec, seed, g, get(rows[g], EPISODE) + 1)


@launched
def begin_games(rows: Int32, spec: Int32, seed: int, chosen: Bool) -> None:
    """Start the chosen games, bool (G,), anew, each with its next episode's map."""
    g = cuda.grid(1)
    if g < rows.shape[0] and chosen[g]:
        next_episode(rows[g], spec, seed, g, get(rows[g], EPISODE) + 1)


@launched
def forget_episodes(rows: Int32, chosen: Bool) -> None:
    """Restart the count of episodes of the chosen games, bool (G,)."""
    g = cuda.grid(1)
    if g < rows.shape[0] and chosen[g]:
        rows[g, EPISODE] = -1


@launched
def lay_out(rows: Int32, header: Int32) -> None:
    """Begin every row with the header (HEADER,), before any game, and empty the rest."""
    words = rows.shape[1]
    for at in range(cuda.grid(1), rows.size, cuda.gridsize(1)):
        word = at % words
        rows[at // words, word] = header[word] if word < header.shape[0] else 0


@inlined
def seated(rows: Int32, bots: Int8, g: int, s: int) -> int:
    """The code of the bot in seat `s` of game `g`; negative for none, or where nothing is observed."""
    return int(bots[g, s]) if get(rows[g], OBSERVED) != 0 else -1


# What bots play, `engine.bots.bot_actions`: a kernel for each kind of bot, since one for all took minutes to compile.
# A batch launches those of the bots that it seats. bots int8 (G, S); scratch (threads of the grid, words).


@launched
def play_random(rows: Int32, bots: Int8, seed: int, actions: Int32, scratch: Int32) -> None:
    """The seats of `random`."""
    for i in range(cuda.grid(1), bots.size, cuda.gridsize(1)):
        g, s = i // bots.shape[1], i % bots.shape[1]
        if seated(rows, bots, g, s) == RANDOM:
            actions[g, s] = choose_random(rows[g], s, key_in_game(rows[g], g, s, seed), scratch[cuda.grid(1)])


@launched
def play_expander(rows: Int32, bots: Int8, seed: int, actions: Int32, scratch: Int32) -> None:
    """The seats of `expander`."""
    for i in range(cuda.grid(1), bots.size, cuda.gridsize(1)):
        g, s = i // bots.shape[1], i % bots.shape[1]
        if seated(rows, bots, g, s) == EXPANDER:
            actions[g, s] = choose_expander(rows[g], s, key_in_game(rows[g], g, s, seed), scratch[cuda.grid(1)])


@launched
def play_hunters(rows: Int32, bots: Int8, seed: int, actions: Int32, scratch: Int32) -> None:
    """The seats of `hunter`, `tracker` and `seeker`."""
    for i in range(cuda.grid(1), bots.size, cuda.gridsize(1)):
        g, s = i // bots.shape[1], i % bots.shape[1]
        guessing = guessing_of(seated(rows, bots, g, s))
        if guessing >= 0:
            key = key_in_game(rows[g], g, s, seed)
            actions[g, s] = choose_hunter(rows[g], s, key, guessing, scratch[cuda.grid(1)])


@launched
def play_strategist(rows: Int32, bots: Int8, seed: int, actions: Int32, scratch: Int32) -> None:
    """The seats of `strategist`."""
    for i in range(cuda.grid(1), bots.size, cuda.gridsize(1)):
        g, s = i // bots.shape[1], i % bots.shape[1]
        if seated(rows, bots, g, s) == STRATEGIST:
            key = key_in_game(rows[g], g, s, seed)
            actions[g, s] = choose_strategist(rows[g], s, key, BY_TABLES, scratch[cuda.grid(1)])


BOT_KERNELS = {
    RANDOM: play_random,
    EXPANDER: play_expander,
    HUNTER: play_hunters,
    TRACKER: play_hunters,
    SEEKER: play_hunters,
    STRATEGIST: play_strategist,
}


@launched
def expand_masks(rows: Int32, legal: Bool, castles: bool) -> None:
    """Legal actions as one bool an action code, (G, S, A); neighbouring threads take neighbouring tiles."""
    tiles = tile_count(rows[0])
    seats = legal.shape[1]
    for i in range(cuda.grid(1), rows.shape[0] * seats * tiles, cuda.gridsize(1)):
        t = i % tiles
        s = i // tiles % seats
        g = i // (tiles * seats)
        mask = view_at(rows[g], cell(rows[g], t), s) >> MASK_SHIFT
        if t == 0:
            legal[g, s, 0] = True
        for direction in range(4):
            is_legal = (mask >> direction) & 1 == 1
            legal[g, s, 1 + (t * 4 + direction) * 2] = is_legal
            legal[g, s, 2 + (t * 4 + direction) * 2] = is_legal
        if castles:
            legal[g, s, 1 + 8 * tiles + t] = mask & MASK_BUILD != 0


@launched
def survey_each(boards: Float32, armies: Float32, likely: Float32, out: Float32, maps: Int32) -> None:
    """`engine.ways.survey` of N boards, a thread each.

    boards (N, H, W, P), armies (N, H, W), likely (N, H, W) or (N, 0, 0), out (N, H, W, FOUND or FOUND_ORDERED),
    maps (N, MAPS, places).
    """
    n = cuda.grid(1)
    if n < boards.shape[0]:
        survey(boards[n], armies[n], likely[n], out[n], maps[n])


@launched
def believe_each(boards: Float32, told: Int32, out: Float32, desks: Int32) -> None:
    """`engine.belief.believe` of N boards, a thread each: boards (N, H, W, P), told (N, TOLD), out (N, H, W, 2), desks
    (N, words).
    """
    n = cuda.grid(1)
    if n < boards.shape[0]:
        believe(boards[n], told[n], out[n], desks[n])


@launched
def mark_seekers_each(words: Int32, vectors: Int32, header: Int32, out: Float32, rows: Int32, desks: Int32) -> None:
    """`engine.advice.mark_seekers` of N observations, a thread each: words (N, H, W), vectors (N, V), header (HEADER,),
    out (N, H, W, MARKS), rows and desks (N, words).
    """
    n = cuda.grid(1)
    if n < words.shape[0]:
        mark_seekers(words[n], vectors[n], header, out[n], rows[n], desks[n])


@launched
def mark_strategists_each(words: Int32, vectors: Int32, header: Int32, out: Float32, rows: Int32, desks: Int32) -> None:
    """The same of `engine.advice.mark_strategists`."""
    n = cuda.grid(1)
    if n < words.shape[0]:
        mark_strategists(words[n], vectors[n], header, out[n], rows[n], desks[n])
