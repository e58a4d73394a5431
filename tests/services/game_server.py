"""A game server for tests: in this process, in a thread with an event loop of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.client import GameClient
from services.finished import Finished
from services.game_hall import Hall, Limits
from services.game_log import GameLog
from services.game_server import GameServicer
from services.serving import Server, build_server
from services.settings import Settings
from services.stubs.common_pb2 import Board


def small(height: int = 6, width: int = 6, **options: Any) -> Board:
    """A board on which games are short."""
    return Board(kind=Board.KIND_PLAIN, height=height, width=width, **options)


class LocalServer:
    """A hall and its server."""

    def __init__(self, folder: Path, sink: Finished | None, limits: Limits | None, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.hall, self.server = self.do(self._start(folder, sink, limits, settings))
        self.address = self.server.address

    def do(self, work: Any) -> Any:
        """Run a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def read(self, look: Callable[[Hall], Any]) -> Any:
        """What a function finds in the hall, asked in the server's loop."""

        async def work() -> Any:
            return look(self.hall)

        return self.do(work())

    @staticmethod
    async def _start(
        folder: Path, sink: Finished | None, limits: Limits | None, settings: Settings
    ) -> tuple[Hall, Server]:
        hall = Hall(GameLog(folder), sink, limits)
        server = build_server([GameServicer(hall)], settings)
        await server.start()
        hall.start()
        return hall, server

    def stop(self) -> None:
        """End it as SIGTERM would."""
        self.do(self.hall.stop())
        self.do(self.server.stop(1.0))
        self._loop.call_soon_threadsafe(self._loop.stop)


@contextmanager
def local_server(
    folder: Path, sink: Finished | None = None, limits: Limits | None = None, settings: Settings | None = None
) -> Iterator[tuple[LocalServer, GameClient]]:
    """Within, a server whose log is in a folder, and a client of it."""
    settings = settings or Settings()
    server = LocalServer(folder, sink, limits, settings)
    try:
        with GameClient(server.address, settings) as client:
            yield server, client
    finally:
        server.stop()
