"""Finished games on their way to whoever takes them in: kept until they are acknowledged, tried again until then."""

import asyncio
from collections.abc import Callable, Sequence

from services import metrics
from services.finished import Finished, FinishedGame
from services.logs import get_log
from services.table import Table
from store.ratings import Player

BATCH = 100  # games at once
PAUSES_S = (0.1, 60.0)  # after a delivery that failed: the first, doubled each time, and the longest

_log = get_log("delivery")


class Delivery:
    """The finished games that wait. `acknowledged` is called with those that were taken in."""

    def __init__(self, sink: Finished, acknowledged: Callable[[Sequence[Table]], None]) -> None:
        self.sink, self.acknowledged = sink, acknowledged
        self._waiting: dict[str, Table] = {}
        self._more, self._none = asyncio.Event(), asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, table: Table) -> None:
        """Have a finished game delivered."""
        self._waiting[table.game.id] = table
        self._more.set()
        self._none.clear()

    async def settled(self) -> None:
        """Wait until none waits."""
        await self._none.wait()

    async def run(self) -> None:
        """Deliver until cancelled."""
        pause = PAUSES_S[0]
        while True:
            metrics.UNDELIVERED.set(len(self._waiting))
            tables = list(self._waiting.values())[:BATCH]
            if not tables:
                self._more.clear()
                self._none.set()
                await self._more.wait()
                continue
            try:
                await self._deliver(tables)
                pause = PAUSES_S[0]
            except Exception as error:  # whatever it is, the games are kept and delivered again
                _log.warning("delivery failed", games=len(tables), error=repr(error), again_in_s=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSES_S[1])

    async def _deliver(self, tables: list[Table]) -> None:
        await self.sink.deliver(await asyncio.to_thread(_finished_games, tables))
        self.acknowledged(tables)
        for table in tables:
            self._waiting.pop(table.game.id, None)


def _finished_games(tables: Sequence[Table]) -> list[FinishedGame]:
    return [_finished_game(table) for table in tables]


def _finished_game(table: Table) -> FinishedGame:
    game = table.game
    return FinishedGame(
        game_id=game.id,
        players=tuple(player or Player("") for player in game.players),
        winner=-1 if game.winner is None else game.winner,
        turns=game.turn,
        ruleset=game.setup.ruleset,
        finished_ms=game.finished_ms,
        record=table.finished_record().to_bytes(),
    )
