"""A match, turn by turn: pure functions from what was stored, the time and a person's wish to what is stored next.

Nothing runs between requests. A request first plays the turns that are due, with the moves that were queued when it
came, then does what was asked. What bots do follows from the match alone, so two requests that play the same turns play
them alike, and whichever is stored first is right.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from engine.actions import PASS, encode
from engine.arrays import Float32, Int32
from engine.batch import GameBatch
from engine.board import ALIVE, AWAY, MAP_HEIGHT, MAP_WIDTH, MASK_MOVES, Shape
from engine.game import Game
from engine.layout import Layout
from engine.map_specs import MAPS, MapSpec, find_map
from engine.playback import SURRENDER
from engine.record import Record
from engine.rulesets import RULESETS, Ruleset
from engine.sides import sides_of
from lambdas.looks import differing, look_at
from store.errors import ConflictError, InvalidError
from store.matches import ENDED, RUNNING, Match, Setup

TURNS, REALTIME = "turns", "realtime"
PACES = (TURNS, REALTIME)
TURN_LIMIT = 3000  # a match is drawn there; 25 minutes at the site's speed
MAX_QUEUE = 500  # moves
MAX_PLAYS = 50  # turns that one request may ask for
KEPT_KEYS = 16
BUDGET_SECONDS = 2.0  # of playing in one request; what is due beyond that is left to the next ones
SMALLEST, LARGEST = 5, 40  # sides of boards given as HEIGHTxWIDTH


class Mind(Protocol):
    """What plays a bot's seat."""

    def act(self, game: Game, seat: int, seed: int, memory: Float32 | None) -> tuple[int, Float32 | None]:
        """The action code for the coming turn, and what to remember. It follows from the arguments alone."""


@dataclass(frozen=True)
class Wish:
    """What a person asks for."""

    moves: tuple[tuple[int, int, int], ...] = ()  # start, end, half: put at the end of the queue
    plays: int = 0  # pace "turns": turns to play
    undo: int = 0  # moves to take off the queue's end, before `moves` are put there
    clear: bool = False  # the queue is emptied first
    surrender: bool = False
    key: str = ""  # names the request, so that one sent again is not done again


def rules_of(name: str) -> Ruleset:
    """The ruleset of matches: with a limit of turns where it has none. Raises InvalidError for an unknown name."""
    if name not in RULESETS:
        raise InvalidError(f'ruleset "{name}" is unknown; known: {", ".join(RULESETS)}')
    rules = RULESETS[name]
    return rules if rules.turn_limit else rules.vary(turn_limit=TURN_LIMIT)


def map_of(board: str, seats: int) -> MapSpec:
    """Maps by name or as HEIGHTxWIDTH. Raises InvalidError."""
    sides = sides_of(board)
    if board not in MAPS and not (sides and SMALLEST <= min(sides) <= max(sides) <= LARGEST):
        raise InvalidError(
            f'board is "{board}"; accepted: {", ".join(MAPS)}, or HEIGHTxWIDTH with sides of {SMALLEST} to {LARGEST}, '
            "as in 8x12"
        )
    try:
        if sides is None:
            return find_map(board, seats)
        spec = MapSpec.plain(*sides, name=board, cities=max(1, sides[0] * sides[1] // 60), mountains=0.12)
        spec.check_seats(seats)
        return spec
    except ValueError as error:
        raise InvalidError(str(error)) from None


def draw_layout(ruleset: Ruleset, spec: MapSpec, seats: int, seed: int) -> Layout:
    """The map of a match, cut to its own size."""
    batch = GameBatch(ruleset, 1, seed, board=spec, seats=seats, autoreset="off")
    batch.reset()
    game = batch.game(0)
    height, width = int(game.row[MAP_HEIGHT]), int(game.row[MAP_WIDTH])
    generals = tuple(tile // game.width * width + tile % game.width for tile in game.generals)
    return Layout(
        kinds=np.ascontiguousarray(game.kinds[:height, :width]),
        armies=np.ascontiguousarray(game.armies[:height, :width]),
        owners=np.maximum(game.owners, -1)[:height, :width].astype(np.int8),
        generals=generals,
        teams=spec.teams,
    )


def begin(match_id: str, setup: Setup, token_sha256: str) -> Match:
    """A match before its first turn. Raises InvalidError for a setup that cannot be played."""
    rules = rules_of(setup.ruleset)
    seats = len(setup.players)
    spec = map_of(setup.board, seats)
    try:
        layout = draw_layout(rules, spec, seats, setup.seed)
        game = Game(rules, layout)
    except ValueError as error:
        raise InvalidError(str(error)) from None
    names = tuple(player.key for player in setup.players)
    record = Record(rules, layout, np.empty((0, 3), np.int32), 0, id=match_id, names=names)
    changed = np.zeros(layout.kinds.size, np.int32)
    return Match(match_id, setup, token_sha256, record, game.row, changed, updated_ms=setup.created_ms)


def game_of(match: Match) -> Game:
    """The game as it stands, a copy."""
    record = match.record
    shape = Shape.of(record.ruleset, record.layout.seats, record.layout.height, record.layout.width)
    return Game.of_row(record.ruleset, shape, match.row.copy())


def watcher(match: Match) -> int | None:
    """Whose eyes a running match is watched with: the person's seat, or None, all, where bots alone play."""
    return match.setup.human if match.setup.human >= 0 else None


def turn_due(match: Match, now_ms: int) -> int:
    """The turn at which a match should stand by the clock; where the person drives it, the one where it stands."""
    if match.setup.pace == TURNS or match.state != RUNNING:
        return match.turn
    return max(match.turn, (now_ms - match.setup.starts_ms) // match.setup.turn_ms)


def advance(
    match: Match,
    until: int,
    minds: Mapping[int, Mind],
    now_ms: int,
    *,
    leave: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Match:
    """Play a running match on to a turn, to its end, or until `BUDGET_SECONDS` are over.

    `minds` has one for each seat of a bot. With `leave` the person gives up in the first turn played.
    """
    if match.state != RUNNING or match.turn >= until:
        return match
    stop = clock() + BUDGET_SECONDS
    table = _Table(match, minds)
    while table.game.winner is None and table.game.turn < until:
        table.play(leave)
        leave = False
        if clock() > stop:
            break
    return table.match(now_ms)


class _Table:
    """A match while its turns are played."""

    def __init__(self, match: Match, minds: Mapping[int, Mind]) -> None:
        self.before, self.minds = match, minds
        self.game = game_of(match)
        self.queue = list(match.queue)
        self.memories = dict(match.memories)
        self.changed = match.changed.copy()
        self.events: list[tuple[int, int, int]] = []
        self.eyes = watcher(match)
        self.look = look_at(self.game, self.eyes)

    def play(self, leave: bool) -> None:
        """One turn."""
        game, human, turn = self.game, self.before.setup.human, self.game.turn
        status = game.status[human] if human >= 0 else None
        if status == AWAY or (leave and status == ALIVE):  # the second time, the land is given up
            self.events.append((turn, human, SURRENDER))
            game.surrender(human)
        actions = np.zeros(game.seats, np.int32)
        for seat in range(game.seats):
            if game.status[seat] == ALIVE:
                actions[seat] = self._next_move(seat) if seat == human else self._ask(seat)
        self.events += [(turn, seat, int(code)) for seat, code in enumerate(actions) if code != PASS]
        game.step_actions(actions)
        look = look_at(game, self.eyes)
        self.changed[differing(self.look, look)] = game.turn
        self.look = look

    def _ask(self, seat: int) -> int:
        seed = self.before.setup.seed
        action, memory = self.minds[seat].act(self.game, seat, seed, self.memories.get(seat))
        if memory is not None:
            self.memories[seat] = memory
        return action

    def _next_move(self, seat: int) -> int:
        """The first queued move that is valid now, as on the site; those before it are dropped."""
        mask = self.game.observe(seat).mask.ravel()
        while self.queue:
            move = self.queue.pop(0)
            code = encode(move, self.game.height, self.game.width)
            if code > 0 and int(mask[move[0]]) & MASK_MOVES & 1 << ((code - 1) % 8 // 2):
                return code
        return PASS

    def match(self, now_ms: int) -> Match:
        """The match as it stands now."""
        record, game = self.before.record, self.game
        events = np.concatenate([record.events, np.array(self.events, np.int32).reshape(-1, 3)])
        if self.eyes is not None and game.status[self.eyes] != ALIVE:
            self.queue = []
        return replace(
            self.before,
            record=replace(record, events=events, turns=game.turn, winner=game.winner),
            row=game.row,
            changed=self.changed,
            memories=self.memories,
            queue=tuple(self.queue),
            state=RUNNING if game.winner is None else ENDED,
            updated_ms=now_ms,
        )


def grant(match: Match, wish: Wish, minds: Mapping[int, Mind], now_ms: int) -> Match:
    """Do what a person asks, in a match that has caught up with the clock; the same match where nothing changes.

    Raises ConflictError for a match that is over and InvalidError for a wish that cannot be granted.
    """
    if wish.key and wish.key in match.keys:
        return match
    if match.state != RUNNING:
        raise ConflictError(f"match {match.id} is over; accepted: looking at it")
    if wish.plays and match.setup.pace != TURNS:
        raise InvalidError(f"plays is {wish.plays} in a match by the clock; accepted: 0")
    if not 0 <= wish.plays <= MAX_PLAYS:
        raise InvalidError(f"plays is {wish.plays}; accepted: 0 to {MAX_PLAYS}")
    queue = [] if wish.clear else list(match.queue)
    if wish.undo:
        queue = queue[: -wish.undo]
    queue += _checked(match, wish.moves)
    if len(queue) > MAX_QUEUE:
        raise InvalidError(f"the queue would hold {len(queue)} moves; accepted: up to {MAX_QUEUE}")
    keys = (*match.keys, wish.key)[-KEPT_KEYS:] if wish.key else match.keys
    fresh = replace(match, queue=tuple(queue), keys=keys, updated_ms=now_ms)
    if wish.surrender:
        return advance(fresh, match.turn + 1, minds, now_ms, leave=True)
    return advance(fresh, match.turn + wish.plays, minds, now_ms)


def _checked(match: Match, moves: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Moves from a tile to its neighbour; whether they are valid shows when their turn comes."""
    layout = match.record.layout
    for move in moves:
        if encode(move, layout.height, layout.width) <= PASS:
            raise InvalidError(
                f"move {list(move)} is none from a tile to its neighbour; accepted: [start, end, half] with tiles "
                f"0 to {layout.kinds.size - 1}, numbered row by row, and half 0 or 1"
            )
    return [(start, end, int(bool(half))) for start, end, half in moves]


def since(match: Match, turn: int) -> tuple[Int32, Int32, bool]:
    """The board as the match's watcher sees it, int32 (2, T); the tiles that changed after a turn; if those are all."""
    board = look_at(game_of(match), watcher(match))
    if 0 <= turn <= match.turn:
        return board, np.flatnonzero(match.changed > turn).astype(np.int32), False
    return board, np.arange(board.shape[1], dtype=np.int32), True
