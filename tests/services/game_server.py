"""Game servers for tests, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.client import GameClient
from services.finished import Finished
from services.game_hall import Limits
from services.local_games import LocalGames
from services.settings import Settings
from services.stubs.common_pb2 import Board


def small(height: int = 6, width: int = 6, **options: Any) -> Board:
    """A board on which games are short."""
    return Board(kind=Board.KIND_PLAIN, height=height, width=width, **options)


@contextmanager
def local_server(
    folder: Path, sink: Finished | None = None, limits: Limits | None = None, settings: Settings | None = None
) -> Iterator[tuple[LocalGames, GameClient]]:
    """Within, a server whose log is in a folder, and a client of it."""
    settings = settings or Settings()
    server = LocalGames(folder, sink, limits, settings)
    try:
        with GameClient(server.address, settings) as client:
            yield server, client
    finally:
        server.stop()
