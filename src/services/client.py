"""Talking to the services: errors that can be read, and a client of the game server.

with GameClient("127.0.0.1:50051") as client:
    seat = client.join(client.create(seats=["", "bot:hunter"]), "anna")
    for sight in seat.sights():
        ...
"""

import contextlib
import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from engine.actions import expand_mask
from engine.arrays import Bool, Int8, Int32
from engine.board import ALLY, DISCOVERED, ENEMY, KIND_SHIFT, MASK_BUILD, MASK_MOVES, MINE, RELATION_SHIFT, VISIBLE
from engine.observation import Observation
from engine.record import Record
from engine.tiles import KIND_BITS
from services.auth import bearer_metadata
from services.channels import open_channel
from services.settings import PORTS, Settings
from services.stubs import common_pb2, game_pb2, game_pb2_grpc

SEAT_TOKEN_HEADER = "x-seat-token"


class ServiceError(Exception):
    """A call that a service refused, or that did not reach it."""

    def __init__(self, code: grpc.StatusCode, message: str, metadata: dict[str, str]) -> None:
        super().__init__(f"{message} ({code.name})")
        self.code, self.message = code, message
        self.field, self.value, self.accepted = (metadata.get(name, "") for name in ("field", "value", "accepted"))

    @classmethod
    def of(cls, error: Any) -> "ServiceError":
        """What gRPC's error, a `grpc.RpcError`, says."""
        status = rpc_status.from_call(error)
        info = error_details_pb2.ErrorInfo()
        for detail in status.details if status is not None else ():
            if detail.Is(info.DESCRIPTOR):
                detail.Unpack(info)
        return cls(error.code(), error.details() or "", dict(info.metadata))


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Within, gRPC's errors become ServiceError."""
    try:
        yield
    except grpc.RpcError as error:
        raise ServiceError.of(error) from None


@dataclass(frozen=True)
class Sight:
    """What a message of StreamGame shows."""

    message: Any  # StreamGameResponse

    @property
    def turn(self) -> int:
        """Turns played."""
        return int(self.message.turn)

    @property
    def seat(self) -> int:
        """Whose it is; -1: a spectator's."""
        return int(self.message.seat)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns; (0, 0) where there is nothing to see yet."""
        return int(self.message.height), int(self.message.width)

    @property
    def shows(self) -> bool:
        """Whether there is a board to see."""
        return bool(self.message.words)

    @property
    def finished(self) -> bool:
        """Whether this is the end."""
        return bool(self.message.state == game_pb2.GAME_STATE_FINISHED)

    @property
    def winner(self) -> int:
        """Seat, -1: drawn or not finished."""
        return int(self.message.winner)

    @property
    def seats(self) -> int:
        """How many there are."""
        return len(self.vector) // 3

    @property
    def words(self) -> Int32:
        """Observation words, int32 (H, W): see `engine.board`."""
        return np.frombuffer(self.message.words, "<i4").astype(np.int32).reshape(self.shape)

    @property
    def vector(self) -> Int32:
        """The vector, int32 (1 + 3 * seats,)."""
        return np.array(self.message.vector, np.int32)

    @property
    def observation(self) -> Observation:
        """The seat's observation, as `engine.observation` documents it."""
        words = self.words
        flags, mask = (words & 255).astype(np.uint8), (words >> 8 & 255).astype(np.uint8)
        owner = None
        if self.seats > 2:
            owned = (flags >> RELATION_SHIFT) & 3 != 0
            owner = np.where(owned, 1 + (mask >> 4), 0).astype(np.uint8)
        kept = MASK_MOVES if self.seats > 2 else MASK_MOVES | MASK_BUILD
        return Observation(flags, (words >> 16).astype(np.int16), (mask & kept).astype(np.uint8), owner, self.vector)

    def legal(self, castles: bool = False) -> Bool:
        """Which action codes are legal, bool (actions,); `castles` where the ruleset has them to build."""
        return expand_mask(self.observation.mask.reshape(-1), castles)

    @property
    def visible(self) -> Bool:
        """Where it sees, bool (H, W)."""
        seen: Bool = self.words & VISIBLE != 0
        return seen

    @property
    def discovered(self) -> Bool:
        """Whose kind it knows, bool (H, W)."""
        known: Bool = self.words & (VISIBLE | DISCOVERED) != 0
        return known

    @property
    def kinds(self) -> Int8:
        """Kinds of tile as far as known, (H, W): see `engine.tiles`."""
        return (self.words >> KIND_SHIFT & KIND_BITS).astype(np.int8)

    @property
    def armies(self) -> Int32:
        """Armies in sight, int32 (H, W)."""
        return self.words >> 16

    @property
    def owners(self) -> Int8:
        """Seats of the tiles in sight, int8 (H, W); -1 nobody or unknown."""
        relation = (self.words >> RELATION_SHIFT) & 3
        mask = self.words >> 8 & 255
        viewer = max(0, self.seat)
        if self.seat >= 0 and self.seats == 2:
            return np.select([relation == MINE, relation == ENEMY], [viewer, 1 - viewer], -1).astype(np.int8)
        owned = np.isin(relation, (MINE, ALLY, ENEMY))
        return np.where(owned, (viewer + (mask >> 4)) % self.seats, -1).astype(np.int8)

    def of_seat(self, seat: int) -> tuple[int, int, int]:
        """Land, armies and status of a seat, which everybody knows."""
        at = 1 + 3 * ((seat - max(0, self.seat)) % self.seats)
        land, army, status = (int(number) for number in self.message.vector[at : at + 3])
        return land, army, status


class GameClient:
    """A game server, from a client's side; calls wait for their answer. Methods raise ServiceError."""

    def __init__(self, address: str = f"127.0.0.1:{PORTS['game']}", settings: Settings | None = None) -> None:
        self.address, self.settings = address, settings or Settings.from_environment()
        self._channel = open_channel(address, self.settings)
        self.stub: Any = game_pb2_grpc.GameServiceStub(self._channel)

    def __enter__(self) -> "GameClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def call(self, method: str, request: Any, seat_token: str | None = None) -> Any:
        """One call of a method by its name."""
        with readable_errors():
            return getattr(self.stub, method)(
                request, timeout=self.settings.deadline_s, metadata=self.metadata(seat_token)
            )

    def metadata(self, seat_token: str | None = None) -> tuple[tuple[str, str], ...]:
        """What calls carry: the server's token and a seat's."""
        seat = ((SEAT_TOKEN_HEADER, seat_token),) if seat_token is not None else ()
        return (*bearer_metadata(self.settings.token), *seat)

    def create(
        self,
        seats: Sequence[str] = ("", ""),
        *,
        ruleset: str = "generalsio",
        board: common_pb2.Board | None = None,
        turn_ms: int = 0,
        **fields: Any,
    ) -> str:
        """Open a game; `fields` are others of CreateGameRequest. Returns its id."""
        turn_limit = fields.pop("turn_limit", 0)
        fields.setdefault("request_id", uuid.uuid4().hex)
        request = game_pb2.CreateGameRequest(
            rules=common_pb2.Rules(ruleset=ruleset, turn_limit=turn_limit),
            board=board,
            seats=seats,
            turn_ms=turn_ms,
            **fields,
        )
        return str(self.call("CreateGame", request).game_id)

    def join(self, game_id: str, name: str, *, seat: int = -1, policy_version: int = 0) -> "SeatClient":
        """Take a free seat."""
        request = game_pb2.JoinGameRequest(
            game_id=game_id,
            name=name,
            seat=seat,
            policy_version=policy_version,
            seat_token=secrets.token_urlsafe(32),
        )
        return SeatClient(self, self.call("JoinGame", request))

    def rejoin(self, game_id: str, seat_token: str) -> "SeatClient":
        """Come back to a seat."""
        return SeatClient(self, self.call("JoinGame", game_pb2.JoinGameRequest(game_id=game_id), seat_token))

    def games(self, state: int = 0, limit: int = 0) -> list[Any]:
        """GameInfo of games, the newest first."""
        return list(self.call("ListGames", game_pb2.ListGamesRequest(state=state, limit=limit)).games)  # type: ignore[arg-type]

    def replay(self, game_id: str) -> Record:
        """The record of a finished game."""
        return Record.from_bytes(self.call("GetReplay", game_pb2.GetReplayRequest(game_id=game_id)).record)

    def sights(self, game_id: str, since: int = 0, seat_token: str | None = None) -> Iterator[Sight]:
        """What a seat or a spectator may see, to the game's end."""
        request = game_pb2.StreamGameRequest(game_id=game_id, since_turn=since)
        with readable_errors():
            for message in self.stub.StreamGame(request, metadata=self.metadata(seat_token), wait_for_ready=True):
                yield Sight(message)


class SeatClient:
    """A seat that one holds."""

    def __init__(self, client: GameClient, joined: Any) -> None:
        self.client, self.game_id, self.info = client, joined.game_id, joined.info
        self.seat, self.token = int(joined.seat), str(joined.seat_token)
        self.castles = joined.info.ruleset == "competition"

    def submit(self, actions: int | Sequence[int], turn: int = 0, *, clear: bool = False) -> Any:
        """Give the action of a stepped game's `turn`, or queue some by the clock; the SubmitActionResponse."""
        request = game_pb2.SubmitActionRequest(
            game_id=self.game_id,
            turn=turn,
            actions=[actions] if isinstance(actions, int) else actions,
            clear=clear,
            request_id=uuid.uuid4().hex,
        )
        return self.client.call("SubmitAction", request, self.token)

    def surrender(self) -> None:
        """Give up."""
        self.client.call("Surrender", game_pb2.SurrenderRequest(game_id=self.game_id), self.token)

    def sights(self, since: int = -1) -> Iterator[Sight]:
        """What the seat may see, from the present turn on, or from an earlier one."""
        return self.client.sights(self.game_id, since, self.token)
