"""Recorded games of two, laid on the board that batches of the site's maps have, to learn from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.arrays import Int32, UInt8
from engine.batch import GameBatch
from engine.board import EPISODE, RULE_COUNT, RULES
from engine.layout import Layout
from engine.map_specs import MapSpec
from engine.playback import SURRENDER
from engine.record import Record
from engine.record_replay import checked_record
from engine.replay_files import read_games
from engine.replays import Replay, ReplayError
from engine.setup import begin
from engine.tiles import MOUNTAIN
from engine.views import BoardView

BOARD = MapSpec.site()


@dataclass(frozen=True)
class RecordedGame:
    """A recorded game of two, laid on the board of `BOARD`."""

    rules: Int32  # (RULE_COUNT,)
    kinds: UInt8  # (H, W) of the board; mountains beyond the map
    layout: Layout  # of the map itself
    actions: Int32  # (turns, 2) codes on the board; 0 for a pass
    winner: int  # seat, or negative


def load_games(paths: Iterable[Path]) -> tuple[list[RecordedGame], int]:
    """The games of two that fit on the board, and how many others there were. Raises ReplayError."""
    games, others = [], 0
    for path in paths:
        for game in read_games(path):
            plain = isinstance(game, Replay) or (game.start == 0 and not game.ruleset.castle_price)
            map_ = game if isinstance(game, Replay) else game.layout
            fits = map_.height <= BOARD.board_height and map_.width <= BOARD.board_width
            if plain and fits and len(map_.generals) == 2 and min(map_.generals) >= 0:
                games.append(recorded_game(checked_record(game, path)))
            else:
                others += 1
    if not games:
        raise ReplayError(f"no game of two players on at most {BOARD.board_height}x{BOARD.board_width} tiles is there")
    return games, others


def recorded_game(record: Record) -> RecordedGame:
    """A record laid on the board; it ends with its last turn or with a surrender."""
    layout, wide = record.layout, BOARD.board_width
    kinds = np.full((BOARD.board_height, wide), MOUNTAIN, np.uint8)
    kinds[: layout.height, : layout.width] = layout.kinds
    gone = record.events[record.events[:, 2] == SURRENDER, 0]
    turns = min(record.turns, int(gone[0])) if len(gone) else record.turns
    turn, seat, code = record.events[(record.events[:, 2] > 0) & (record.events[:, 0] < turns)].T
    tile, rest = (code - 1) // 8, (code - 1) % 8
    actions = np.zeros((turns, 2), np.int32)
    actions[turn, seat] = 1 + 8 * (tile // layout.width * wide + tile % layout.width) + rest
    winner = -1 if record.winner is None else record.winner
    return RecordedGame(record.ruleset.integers(), kinds, layout, actions, winner)


def begin_recorded(batch: GameBatch, g: int, game: RecordedGame) -> None:
    """Put a recorded game on the board of game `g` of a batch of `BOARD`, at its first turn."""
    row, layout = batch.rows[g], game.layout
    view = BoardView.of(row, batch.shape)
    row[RULES : RULES + RULE_COUNT] = game.rules
    row[EPISODE] += 1
    owners, armies = np.full(game.kinds.shape, -1, np.int8), np.zeros(game.kinds.shape, np.int32)
    owners[: layout.height, : layout.width] = layout.owners
    armies[: layout.height, : layout.width] = layout.armies
    wide = game.kinds.shape[1]
    generals = tuple(tile // layout.width * wide + tile % layout.width for tile in layout.generals)
    view.write_layout(Layout(game.kinds, armies, owners, generals))
    begin(row, layout.height, layout.width, 0)
