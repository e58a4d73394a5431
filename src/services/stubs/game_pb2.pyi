from services.stubs import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GameState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GAME_STATE_UNSPECIFIED: _ClassVar[GameState]
    GAME_STATE_OPEN: _ClassVar[GameState]
    GAME_STATE_RUNNING: _ClassVar[GameState]
    GAME_STATE_FINISHED: _ClassVar[GameState]

class Spectators(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPECTATORS_UNSPECIFIED: _ClassVar[Spectators]
    SPECTATORS_NONE: _ClassVar[Spectators]
    SPECTATORS_DELAYED: _ClassVar[Spectators]
    SPECTATORS_LIVE: _ClassVar[Spectators]
GAME_STATE_UNSPECIFIED: GameState
GAME_STATE_OPEN: GameState
GAME_STATE_RUNNING: GameState
GAME_STATE_FINISHED: GameState
SPECTATORS_UNSPECIFIED: Spectators
SPECTATORS_NONE: Spectators
SPECTATORS_DELAYED: Spectators
SPECTATORS_LIVE: Spectators

class CreateGameRequest(_message.Message):
    __slots__ = ("rules", "board", "seats", "turn_ms", "spectators", "seed", "request_id", "teams", "idle_ms")
    RULES_FIELD_NUMBER: _ClassVar[int]
    BOARD_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    TURN_MS_FIELD_NUMBER: _ClassVar[int]
    SPECTATORS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TEAMS_FIELD_NUMBER: _ClassVar[int]
    IDLE_MS_FIELD_NUMBER: _ClassVar[int]
    rules: _common_pb2.Rules
    board: _common_pb2.Board
    seats: _containers.RepeatedScalarFieldContainer[str]
    turn_ms: int
    spectators: Spectators
    seed: int
    request_id: str
    teams: int
    idle_ms: int
    def __init__(self, rules: _Optional[_Union[_common_pb2.Rules, _Mapping]] = ..., board: _Optional[_Union[_common_pb2.Board, _Mapping]] = ..., seats: _Optional[_Iterable[str]] = ..., turn_ms: _Optional[int] = ..., spectators: _Optional[_Union[Spectators, str]] = ..., seed: _Optional[int] = ..., request_id: _Optional[str] = ..., teams: _Optional[int] = ..., idle_ms: _Optional[int] = ...) -> None: ...

class CreateGameResponse(_message.Message):
    __slots__ = ("game_id",)
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    def __init__(self, game_id: _Optional[str] = ...) -> None: ...

class JoinGameRequest(_message.Message):
    __slots__ = ("game_id", "name", "seat", "policy_version", "seat_token")
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SEAT_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEAT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    name: str
    seat: int
    policy_version: int
    seat_token: str
    def __init__(self, game_id: _Optional[str] = ..., name: _Optional[str] = ..., seat: _Optional[int] = ..., policy_version: _Optional[int] = ..., seat_token: _Optional[str] = ...) -> None: ...

class JoinGameResponse(_message.Message):
    __slots__ = ("game_id", "seat", "seat_token", "height", "width", "state", "info")
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    SEAT_FIELD_NUMBER: _ClassVar[int]
    SEAT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    seat: int
    seat_token: str
    height: int
    width: int
    state: GameState
    info: GameInfo
    def __init__(self, game_id: _Optional[str] = ..., seat: _Optional[int] = ..., seat_token: _Optional[str] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., state: _Optional[_Union[GameState, str]] = ..., info: _Optional[_Union[GameInfo, _Mapping]] = ...) -> None: ...

class SubmitActionRequest(_message.Message):
    __slots__ = ("game_id", "turn", "actions", "clear", "request_id")
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    CLEAR_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    turn: int
    actions: _containers.RepeatedScalarFieldContainer[int]
    clear: bool
    request_id: str
    def __init__(self, game_id: _Optional[str] = ..., turn: _Optional[int] = ..., actions: _Optional[_Iterable[int]] = ..., clear: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class SubmitActionResponse(_message.Message):
    __slots__ = ("turn", "queued", "accepted")
    TURN_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    turn: int
    queued: int
    accepted: bool
    def __init__(self, turn: _Optional[int] = ..., queued: _Optional[int] = ..., accepted: _Optional[bool] = ...) -> None: ...

class StreamGameRequest(_message.Message):
    __slots__ = ("game_id", "since_turn")
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_TURN_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    since_turn: int
    def __init__(self, game_id: _Optional[str] = ..., since_turn: _Optional[int] = ...) -> None: ...

class StreamGameResponse(_message.Message):
    __slots__ = ("game_id", "turn", "height", "width", "words", "vector", "seat", "state", "winner", "reward", "queued", "players")
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    SEAT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WINNER_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    PLAYERS_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    turn: int
    height: int
    width: int
    words: bytes
    vector: _containers.RepeatedScalarFieldContainer[int]
    seat: int
    state: GameState
    winner: int
    reward: float
    queued: int
    players: _containers.RepeatedCompositeFieldContainer[_common_pb2.Player]
    def __init__(self, game_id: _Optional[str] = ..., turn: _Optional[int] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., words: _Optional[bytes] = ..., vector: _Optional[_Iterable[int]] = ..., seat: _Optional[int] = ..., state: _Optional[_Union[GameState, str]] = ..., winner: _Optional[int] = ..., reward: _Optional[float] = ..., queued: _Optional[int] = ..., players: _Optional[_Iterable[_Union[_common_pb2.Player, _Mapping]]] = ...) -> None: ...

class GetReplayRequest(_message.Message):
    __slots__ = ("game_id",)
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    def __init__(self, game_id: _Optional[str] = ...) -> None: ...

class GetReplayResponse(_message.Message):
    __slots__ = ("record", "outcome")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    record: bytes
    outcome: _common_pb2.Outcome
    def __init__(self, record: _Optional[bytes] = ..., outcome: _Optional[_Union[_common_pb2.Outcome, _Mapping]] = ...) -> None: ...

class ListGamesRequest(_message.Message):
    __slots__ = ("state", "limit")
    STATE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    state: GameState
    limit: int
    def __init__(self, state: _Optional[_Union[GameState, str]] = ..., limit: _Optional[int] = ...) -> None: ...

class GameInfo(_message.Message):
    __slots__ = ("game_id", "state", "turn", "players", "ruleset", "turn_ms", "created_ms", "spectators")
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    PLAYERS_FIELD_NUMBER: _ClassVar[int]
    RULESET_FIELD_NUMBER: _ClassVar[int]
    TURN_MS_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    SPECTATORS_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    state: GameState
    turn: int
    players: _containers.RepeatedCompositeFieldContainer[_common_pb2.Player]
    ruleset: str
    turn_ms: int
    created_ms: int
    spectators: Spectators
    def __init__(self, game_id: _Optional[str] = ..., state: _Optional[_Union[GameState, str]] = ..., turn: _Optional[int] = ..., players: _Optional[_Iterable[_Union[_common_pb2.Player, _Mapping]]] = ..., ruleset: _Optional[str] = ..., turn_ms: _Optional[int] = ..., created_ms: _Optional[int] = ..., spectators: _Optional[_Union[Spectators, str]] = ...) -> None: ...

class ListGamesResponse(_message.Message):
    __slots__ = ("games",)
    GAMES_FIELD_NUMBER: _ClassVar[int]
    games: _containers.RepeatedCompositeFieldContainer[GameInfo]
    def __init__(self, games: _Optional[_Iterable[_Union[GameInfo, _Mapping]]] = ...) -> None: ...

class SurrenderRequest(_message.Message):
    __slots__ = ("game_id",)
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    def __init__(self, game_id: _Optional[str] = ...) -> None: ...

class SurrenderResponse(_message.Message):
    __slots__ = ("turn",)
    TURN_FIELD_NUMBER: _ClassVar[int]
    turn: int
    def __init__(self, turn: _Optional[int] = ...) -> None: ...
