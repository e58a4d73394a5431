from services.stubs import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EnqueueRequest(_message.Message):
    __slots__ = ("player", "rules", "board", "turn_ms", "request_id")
    PLAYER_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    BOARD_FIELD_NUMBER: _ClassVar[int]
    TURN_MS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    player: _common_pb2.Player
    rules: _common_pb2.Rules
    board: _common_pb2.Board
    turn_ms: int
    request_id: str
    def __init__(self, player: _Optional[_Union[_common_pb2.Player, _Mapping]] = ..., rules: _Optional[_Union[_common_pb2.Rules, _Mapping]] = ..., board: _Optional[_Union[_common_pb2.Board, _Mapping]] = ..., turn_ms: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class EnqueueResponse(_message.Message):
    __slots__ = ("ticket",)
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ticket: str
    def __init__(self, ticket: _Optional[str] = ...) -> None: ...

class PollRequest(_message.Message):
    __slots__ = ("ticket",)
    TICKET_FIELD_NUMBER: _ClassVar[int]
    ticket: str
    def __init__(self, ticket: _Optional[str] = ...) -> None: ...

class PollResponse(_message.Message):
    __slots__ = ("matched", "game_id", "seat", "seat_token", "opponent")
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    SEAT_FIELD_NUMBER: _ClassVar[int]
    SEAT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OPPONENT_FIELD_NUMBER: _ClassVar[int]
    matched: bool
    game_id: str
    seat: int
    seat_token: str
    opponent: _common_pb2.Player
    def __init__(self, matched: _Optional[bool] = ..., game_id: _Optional[str] = ..., seat: _Optional[int] = ..., seat_token: _Optional[str] = ..., opponent: _Optional[_Union[_common_pb2.Player, _Mapping]] = ...) -> None: ...

class NextPairingRequest(_message.Message):
    __slots__ = ("actor", "policy", "games")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    GAMES_FIELD_NUMBER: _ClassVar[int]
    actor: str
    policy: str
    games: int
    def __init__(self, actor: _Optional[str] = ..., policy: _Optional[str] = ..., games: _Optional[int] = ...) -> None: ...

class Pairing(_message.Message):
    __slots__ = ("kind", "games", "version", "opponent_version", "bot")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Pairing.Kind]
        KIND_SELF: _ClassVar[Pairing.Kind]
        KIND_SNAPSHOT: _ClassVar[Pairing.Kind]
        KIND_BOT: _ClassVar[Pairing.Kind]
    KIND_UNSPECIFIED: Pairing.Kind
    KIND_SELF: Pairing.Kind
    KIND_SNAPSHOT: Pairing.Kind
    KIND_BOT: Pairing.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    GAMES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OPPONENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    BOT_FIELD_NUMBER: _ClassVar[int]
    kind: Pairing.Kind
    games: int
    version: int
    opponent_version: int
    bot: str
    def __init__(self, kind: _Optional[_Union[Pairing.Kind, str]] = ..., games: _Optional[int] = ..., version: _Optional[int] = ..., opponent_version: _Optional[int] = ..., bot: _Optional[str] = ...) -> None: ...

class NextPairingResponse(_message.Message):
    __slots__ = ("pairings",)
    PAIRINGS_FIELD_NUMBER: _ClassVar[int]
    pairings: _containers.RepeatedCompositeFieldContainer[Pairing]
    def __init__(self, pairings: _Optional[_Iterable[_Union[Pairing, _Mapping]]] = ...) -> None: ...

class TournamentRequest(_message.Message):
    __slots__ = ("players", "pairs", "rules", "board", "seed")
    PLAYERS_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    BOARD_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    players: _containers.RepeatedCompositeFieldContainer[_common_pb2.Player]
    pairs: int
    rules: _common_pb2.Rules
    board: _common_pb2.Board
    seed: int
    def __init__(self, players: _Optional[_Iterable[_Union[_common_pb2.Player, _Mapping]]] = ..., pairs: _Optional[int] = ..., rules: _Optional[_Union[_common_pb2.Rules, _Mapping]] = ..., board: _Optional[_Union[_common_pb2.Board, _Mapping]] = ..., seed: _Optional[int] = ...) -> None: ...

class TournamentResponse(_message.Message):
    __slots__ = ("one", "other", "wins", "draws", "losses", "finished")
    ONE_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    WINS_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    one: _common_pb2.Player
    other: _common_pb2.Player
    wins: int
    draws: int
    losses: int
    finished: bool
    def __init__(self, one: _Optional[_Union[_common_pb2.Player, _Mapping]] = ..., other: _Optional[_Union[_common_pb2.Player, _Mapping]] = ..., wins: _Optional[int] = ..., draws: _Optional[int] = ..., losses: _Optional[int] = ..., finished: _Optional[bool] = ...) -> None: ...
