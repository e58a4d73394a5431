from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Rules(_message.Message):
    __slots__ = ("ruleset", "turn_limit")
    RULESET_FIELD_NUMBER: _ClassVar[int]
    TURN_LIMIT_FIELD_NUMBER: _ClassVar[int]
    ruleset: str
    turn_limit: int
    def __init__(self, ruleset: _Optional[str] = ..., turn_limit: _Optional[int] = ...) -> None: ...

class Board(_message.Message):
    __slots__ = ("kind", "height", "width", "mountains", "cities")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Board.Kind]
        KIND_SITE: _ClassVar[Board.Kind]
        KIND_COMPETITION: _ClassVar[Board.Kind]
        KIND_PLAIN: _ClassVar[Board.Kind]
    KIND_UNSPECIFIED: Board.Kind
    KIND_SITE: Board.Kind
    KIND_COMPETITION: Board.Kind
    KIND_PLAIN: Board.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    MOUNTAINS_FIELD_NUMBER: _ClassVar[int]
    CITIES_FIELD_NUMBER: _ClassVar[int]
    kind: Board.Kind
    height: int
    width: int
    mountains: float
    cities: int
    def __init__(self, kind: _Optional[_Union[Board.Kind, str]] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., mountains: _Optional[float] = ..., cities: _Optional[int] = ...) -> None: ...

class Player(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("game_id", "players", "winner", "turns", "ruleset", "finished_ms", "record")
    GAME_ID_FIELD_NUMBER: _ClassVar[int]
    PLAYERS_FIELD_NUMBER: _ClassVar[int]
    WINNER_FIELD_NUMBER: _ClassVar[int]
    TURNS_FIELD_NUMBER: _ClassVar[int]
    RULESET_FIELD_NUMBER: _ClassVar[int]
    FINISHED_MS_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    game_id: str
    players: _containers.RepeatedCompositeFieldContainer[Player]
    winner: int
    turns: int
    ruleset: str
    finished_ms: int
    record: bytes
    def __init__(self, game_id: _Optional[str] = ..., players: _Optional[_Iterable[_Union[Player, _Mapping]]] = ..., winner: _Optional[int] = ..., turns: _Optional[int] = ..., ruleset: _Optional[str] = ..., finished_ms: _Optional[int] = ..., record: _Optional[bytes] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...
