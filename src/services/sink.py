"""Where the game server's finished games go: the lake, then the ladder; both know a game that comes again."""

import asyncio
from collections.abc import Sequence

from engine.record import Record
from services.finished import FinishedGame
from store.lake import Lake
from store.lake_rows import GameRow
from store.ratings import Outcome, Ratings


class StoreSink:
    """Files and counts finished games."""

    def __init__(self, ratings: Ratings, lake: Lake) -> None:
        self.ratings, self.lake = ratings, lake

    async def deliver(self, games: Sequence[FinishedGame]) -> None:
        """Take games in; a failure raises, and they come again."""
        await asyncio.to_thread(self._take, games)

    def _take(self, games: Sequence[FinishedGame]) -> None:
        self.lake.add([_row(game) for game in games])
        self.ratings.report(
            [
                Outcome(game.game_id, game.players, game.winner, game.turns, game.ruleset, game.finished_ms)
                for game in games
            ]
        )


def _row(game: FinishedGame) -> GameRow:
    return GameRow.of(
        Record.from_bytes(game.record),
        game.game_id,
        [player.name for player in game.players],
        [player.version for player in game.players],
        finished_ms=game.finished_ms,
        source="server",
    )
