"""A game server inside this process, in a thread with an event loop of its own: for playing alone, and for tests."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from services.finished import Finished
from services.game_hall import Hall, Limits
from services.game_log import GameLog
from services.game_server import GameServicer
from services.serving import Server, build_server
from services.settings import Settings

Result = TypeVar("Result")


class LocalGames:
    """A hall and its server; the log is in a folder. Raises what `Hall` and `Server` raise.

    The loop is stopped at the end and not closed: all loops of a process share gRPC's queue, and what still comes for
    a closed one would be an error in another.
    """

    def __init__(
        self,
        folder: Path,
        sink: Finished | None = None,
        limits: Limits | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local games", daemon=True)
        self._thread.start()
        self.hall, self.server = self.do(self._start(folder, sink, limits, settings or Settings()))
        self.address = self.server.address

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the server's loop and wait for it, at most a minute."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def read(self, look: Callable[[Hall], Result]) -> Result:
        """What a function finds in the hall, asked in the server's loop."""

        async def work() -> Result:
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
        self._thread.join(timeout=10)
