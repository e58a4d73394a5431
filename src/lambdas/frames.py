"""Recorded games as a page plays them: the first board whole, then for each turn what changed."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.game import Game
from engine.playback import play_events
from engine.record import Record
from engine.record_replay import checked_record
from engine.replay_checks import ReplayError, show
from engine.replays import Replay
from lambdas.looks import differing, look_at, told
from store.errors import InvalidError

MAX_NUMBERS = 200_000  # in the changes of one answer: about a megabyte of JSON
BUDGET_SECONDS = 4.0  # of playing for one answer
MAX_TURNS, MAX_TILES = 20_000, 10_000  # of games that strangers upload: played uncompiled they stay within seconds


@dataclass
class Frames:
    """Boards of consecutive turns; see `lambdas.looks` for looks and armies."""

    first: int  # the turn of the whole board
    cells: list[int]  # that board, all tiles: tile, look, army, ...
    changes: list[list[int]] = field(default_factory=list)  # for each turn after it: tile, look, army, ...
    land: list[list[int]] = field(default_factory=list)  # for each turn from `first` on: land of each seat
    army: list[list[int]] = field(default_factory=list)  # armies likewise
    next: int | None = None  # the turn to ask for from, where the answer ends before the game


def record_of_upload(game: Replay | Record, file: str) -> Record:
    """The record of a stranger's game in a file. Raises InvalidError for one too long or large here, or damaged."""
    names = game.usernames if isinstance(game, Replay) else game.names
    for what, text in [("id", game.id), *(("username", name) for name in names)]:
        try:
            text.encode()
        except UnicodeEncodeError:  # half a character, which no answer can tell
            raise InvalidError(f"{what} is {show(text)}; accepted: text that UTF-8 can hold") from None
    if isinstance(game, Replay):
        turns, tiles = max([0, *game.moves[:, 4].tolist(), *game.afks[:, 1].tolist()]), game.width * game.height
    else:
        turns, tiles = game.turns - game.start, game.layout.kinds.size
    if turns > MAX_TURNS or tiles > MAX_TILES:
        raise InvalidError(
            f"replay has {turns} turns on {tiles} tiles; accepted here: {MAX_TURNS} turns on {MAX_TILES} tiles"
        )
    try:
        return checked_record(game, file)
    except ReplayError as error:
        raise InvalidError(str(error)) from None


def frames_of(record: Record, seat: int | None, first: int) -> Frames:
    """Boards from a turn on, as a seat knew them or all of them, as many as fit in one answer. Raises InvalidError."""
    seats = record.layout.seats
    if seat is not None and not 0 <= seat < seats:
        raise InvalidError(f"seat is {seat}; accepted: 0 to {seats - 1}, or none for the whole board")
    if not record.start <= first <= record.turns:
        raise InvalidError(f"first is {first}; accepted: {record.start} to {record.turns}")
    game = Game(record.ruleset, record.layout, record.start, observed=seat is not None)
    scratch = np.zeros(seats, np.int32)
    no_owners, no_armies = np.empty((0, 0), np.int8), np.empty((0, 0), np.int32)
    cursor, _ = play_events(game.row, record.events, 0, first, scratch, no_owners, no_armies)
    look = look_at(game, seat)
    frames = Frames(first, told(look, np.arange(look.shape[1], dtype=np.int32)))
    _note(frames, game)
    stop, numbers = time.monotonic() + BUDGET_SECONDS, 0
    while game.turn < record.turns:
        if numbers > MAX_NUMBERS or time.monotonic() > stop:
            frames.next = game.turn
            break
        cursor, _ = play_events(game.row, record.events, cursor, game.turn + 1, scratch, no_owners, no_armies)
        before, look = look, look_at(game, seat)
        frames.changes.append(told(look, differing(before, look)))
        numbers += len(frames.changes[-1])
        _note(frames, game)
    return frames


def _note(frames: Frames, game: Game) -> None:
    frames.land.append(game.land)
    frames.army.append(game.totals)


def facts_of(record: Record) -> dict[str, Any]:
    """What a page has to know of a recorded game beside its boards."""
    result = record.result()
    layout = record.layout
    return {
        "id": record.id,
        "ruleset": record.ruleset.name,
        "height": layout.height,
        "width": layout.width,
        "names": list(record.names) or [f"player {seat + 1}" for seat in range(layout.seats)],
        "teams": list(layout.teams) or list(range(layout.seats)),
        "start": record.start,
        "turns": record.turns,
        "winner": record.winner,
        "ended": result.ended,
    }
