"""A game server that the tests of a module share."""

from collections.abc import Iterator

import pytest
from tests.services.game_server import local_server

from services.client import GameClient
from services.local_games import LocalGames


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalGames, GameClient]]:
    """A server and a client of it."""
    with local_server(tmp_path_factory.mktemp("games")) as pair:
        yield pair


@pytest.fixture
def server(games: tuple[LocalGames, GameClient]) -> LocalGames:
    return games[0]


@pytest.fixture
def client(games: tuple[LocalGames, GameClient]) -> GameClient:
    return games[1]
