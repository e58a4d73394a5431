"""Opening games with seats for given players: what the matchmaker asks of a hall."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.game_hall import Hall
from services.stubs import game_pb2
from store.ratings import Player


@dataclass(frozen=True)
class Made:
    """A game with its seats taken."""

    game_id: str
    tokens: tuple[str, ...]  # by seat


class GameMaker(Protocol):
    """Opens games."""

    async def make(self, request: Any, players: Sequence[Player]) -> Made:
        """Open a game by a CreateGameRequest and seat the players, by seat. Raises RefusedError."""


class HallGames:
    """Games of a hall, which lives in the same event loop."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall

    async def make(self, request: Any, players: Sequence[Player]) -> Made:
        """Open a game and join it for each player. Raises RefusedError."""
        game_id = self.hall.create(request).id
        tokens = []
        for seat, player in enumerate(players):
            join = game_pb2.JoinGameRequest(game_id=game_id, name=player.name, seat=seat, policy_version=player.version)
            tokens.append(self.hall.join(join, None)[2])
        return Made(game_id, tuple(tokens))
