"""The messages of StreamGame, one after another: a seat's up to the present, a spectator's some turns behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from services.game_view import DELAY, Eye, Rerun
from services.live_game import FINISHED, OPEN, LiveGame
from services.refusal import RefusedError
from services.stubs import game_pb2
from services.table import Table

STOPPING = "the server stops; accepted: the same call, later"


class Stream:
    """One watcher of a table. `stopping` tells whether the server stops."""

    def __init__(self, table: Table, eye: Eye, stopping: Callable[[], bool]) -> None:
        self.table, self.eye, self._stopping = table, eye, stopping

    async def of_seat(self, since: int) -> AsyncIterator[Any]:
        """Every turn from `since` to the present one, then every change; a slow reader gets the newest."""
        table, eye, game = self.table, self.eye, self.table.game
        if game.state == OPEN:
            yield eye.waiting()
            await self._begun()
        rerun = Rerun(game)
        while 0 <= since < game.turn:
            yield eye.of_board(rerun.to(since), since)
            since += 1
        while True:
            changed = table.changed  # taken first: what changes from here on wakes the wait below
            yield eye.of_board(game.view, game.turn)
            if eye.told_end:
                return
            await self._change(changed)

    async def of_spectator(self, since: int) -> AsyncIterator[Any]:
        """Every turn from `since` on, as soon as it may be seen."""
        table, eye, game = self.table, self.eye, self.table.game
        yield eye.waiting()
        await self._begun()
        rerun = Rerun(game)
        at = since if since >= 0 else max(0, visible_turn(game))
        while True:
            changed = table.changed
            while at <= visible_turn(game):
                yield eye.of_board(rerun.to(at), at)
                at += 1
            if eye.told_end:
                return
            await self._change(changed)

    async def _begun(self) -> None:
        while self.table.game.state == OPEN:
            await self._change(self.table.changed)

    async def _change(self, changed: asyncio.Event) -> None:
        if not self._stopping() and not self.table.dropped:
            await changed.wait()
        if self._stopping():
            raise RefusedError(grpc.StatusCode.UNAVAILABLE, STOPPING)
        if self.table.dropped:
            id = self.table.game.id
            raise RefusedError(grpc.StatusCode.ABORTED, f"game {id} was dropped: its seats were not taken in time")


def visible_turn(game: LiveGame) -> int:
    """The last turn that spectators may see; negative: none yet."""
    late = game.state != FINISHED and game.setup.spectators != game_pb2.SPECTATORS_LIVE
    return game.turn - DELAY if late else game.turn
