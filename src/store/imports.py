"""Recorded games into the lake: each once, and none left out because another game has its id."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.record import Record
from store.lake import Lake
from store.lake_rows import GameRow

BATCH = 500  # games that are added at once


class Import:
    """Takes games in, in batches. Of two different games with one id the later gets a name that its moves give it."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.new = 0  # games that the lake did not have
        self.known = 0  # and those that it had
        self.renamed: list[str] = []  # ids of new games that had another game's
        self._rows: list[GameRow] = []
        self._digests: dict[str, str] = {}  # of games by id
        lake.fold()  # so that the lake's marks tell of all that came before

    def take(self, record: Record, game_id: str, players: Sequence[str], finished_ms: int) -> None:
        """Take a game in, at the latest with `finish`. Raises InvalidError for another number of players."""
        # ids that begin with # are the lake's own
        row = GameRow.of(record, game_id.lstrip("#") or "game", players, finished_ms=finished_ms, source="import")
        self._rows.append(row)
        if len(self._rows) == BATCH:
            self._add()

    def finish(self) -> None:
        """Add and fold what was taken."""
        self._add()
        self.lake.fold()

    def _add(self) -> None:
        rows, self._rows = self._rows, []
        taken = self.lake.marked([row.game_id for row in rows]) - self._digests.keys()
        if taken:
            self._digests |= {row.game_id: _digest(row) for row in self.lake.all_rows() if row.game_id in taken}
        games: dict[str, GameRow] = {}
        renamed = []
        for row in rows:
            digest = _digest(row)
            if self._digests.setdefault(row.game_id, digest) != digest:
                row = replace(row, game_id=f"{row.game_id}~{digest[:12]}")
                renamed.append(row.game_id)
            games[row.game_id] = row
        known = self.lake.marked(list(games))
        self.renamed += [game for game in dict.fromkeys(renamed) if game not in known]
        self.new += self.lake.add(list(games.values()))
        self.known += len(known)


def _digest(row: GameRow) -> str:
    """What tells a game from others: its map, rules and moves, whatever it and its players are called."""
    record = row.unpack()
    layout = record.layout
    found = hashlib.sha256(repr((record.ruleset, layout.kinds.shape, record.start, record.turns)).encode())
    seats = np.array([*layout.generals, *layout.teams], np.int32)
    for column in (layout.kinds, layout.owners, layout.armies, seats, record.events):
        found.update(column.tobytes())
    return found.hexdigest()
