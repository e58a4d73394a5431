"""Where the game server's finished games go: the lake, then the ladder; both know a game that comes again."""

import asyncio
from collections.abc import Sequence

from engine.record import Record
from services.filing import file_and_count
from services.finished import FinishedGame
from services.logs import get_log
from store.errors import ConflictError
from store.lake import Lake
from store.lake_rows import GameRow
from store.ratings import Outcome, Ratings

_log = get_log("sink")


class StoreSink:
    """Files and counts finished games."""

    def __init__(self, ratings: Ratings, lake: Lake) -> None:
        self.ratings, self.lake = ratings, lake

    async def deliver(self, games: Sequence[FinishedGame]) -> None:
        """Take games in; a failure raises, and they come again.

        A game that was counted with another outcome is passed over.
        """
        await asyncio.to_thread(self._take, games)

    def _take(self, games: Sequence[FinishedGame]) -> None:
        outcomes = [
            Outcome(game.game_id, game.players, game.winner, game.turns, game.ruleset, game.finished_ms)
            for game in games
        ]
        try:
            file_and_count(self.lake, self.ratings, [_row(game) for game in games], outcomes)
        except ConflictError as error:  # delivered again it would be refused again, and hold up all others
            _log.warning("a game is not counted", error=str(error))


def _row(game: FinishedGame) -> GameRow:
    return GameRow.of(
        Record.from_bytes(game.record),
        game.game_id,
        [player.name for player in game.players],
        [player.version for player in game.players],
        finished_ms=game.finished_ms,
        source="server",
    )
