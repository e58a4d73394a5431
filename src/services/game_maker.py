"""Opening games with seats for given players: what the matchmaker asks of the game server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from services.auth import bearer_metadata
from services.settings import Settings
from services.stubs import game_pb2, game_pb2_grpc
from store.ratings import Player


@dataclass(frozen=True)
class Made:
    """A game with its seats taken."""

    game_id: str
    tokens: tuple[str, ...]  # by seat


class GameMaker(Protocol):
    """Opens games."""

    async def make(self, request: Any, players: Sequence[Player]) -> Made:
        """Open a game by a CreateGameRequest and seat the players, by seat. Raises what refuses it."""


class RemoteGames:
    """Games of a game server behind a channel of `grpc.aio`."""

    def __init__(self, channel: grpc.aio.Channel, settings: Settings) -> None:
        self.stub: Any = game_pb2_grpc.GameServiceStub(channel)
        self.settings = settings

    async def make(self, request: Any, players: Sequence[Player]) -> Made:
        """Open a game and join it for each player. Raises grpc.aio.AioRpcError."""
        metadata, deadline = bearer_metadata(self.settings.token), self.settings.deadline_s
        created = await self.stub.CreateGame(request, metadata=metadata, timeout=deadline)
        tokens = []
        for seat, player in enumerate(players):
            join = game_pb2.JoinGameRequest(
                game_id=created.game_id, name=player.name, seat=seat, policy_version=player.version
            )
            joined = await self.stub.JoinGame(join, metadata=metadata, timeout=deadline)
            tokens.append(joined.seat_token)
        return Made(created.game_id, tuple(tokens))
