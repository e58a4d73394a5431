from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Fragment(_message.Message):
    __slots__ = ("actor", "sequence", "policy_version", "setup", "turns", "games", "seats", "learners", "start", "actions", "log_probs", "values", "memory", "priority", "played_ms", "first_game")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    SETUP_FIELD_NUMBER: _ClassVar[int]
    TURNS_FIELD_NUMBER: _ClassVar[int]
    GAMES_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    LEARNERS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    LOG_PROBS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    PLAYED_MS_FIELD_NUMBER: _ClassVar[int]
    FIRST_GAME_FIELD_NUMBER: _ClassVar[int]
    actor: str
    sequence: int
    policy_version: int
    setup: str
    turns: int
    games: int
    seats: int
    learners: int
    start: bytes
    actions: bytes
    log_probs: bytes
    values: bytes
    memory: bytes
    priority: float
    played_ms: int
    first_game: int
    def __init__(self, actor: _Optional[str] = ..., sequence: _Optional[int] = ..., policy_version: _Optional[int] = ..., setup: _Optional[str] = ..., turns: _Optional[int] = ..., games: _Optional[int] = ..., seats: _Optional[int] = ..., learners: _Optional[int] = ..., start: _Optional[bytes] = ..., actions: _Optional[bytes] = ..., log_probs: _Optional[bytes] = ..., values: _Optional[bytes] = ..., memory: _Optional[bytes] = ..., priority: _Optional[float] = ..., played_ms: _Optional[int] = ..., first_game: _Optional[int] = ...) -> None: ...

class RecordExperienceRequest(_message.Message):
    __slots__ = ("table", "fragment")
    TABLE_FIELD_NUMBER: _ClassVar[int]
    FRAGMENT_FIELD_NUMBER: _ClassVar[int]
    table: str
    fragment: Fragment
    def __init__(self, table: _Optional[str] = ..., fragment: _Optional[_Union[Fragment, _Mapping]] = ...) -> None: ...

class RecordExperienceResponse(_message.Message):
    __slots__ = ("inserted", "duplicates")
    INSERTED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    inserted: int
    duplicates: int
    def __init__(self, inserted: _Optional[int] = ..., duplicates: _Optional[int] = ...) -> None: ...

class GetExperienceBatchRequest(_message.Message):
    __slots__ = ("table", "count", "form")
    class Form(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        FORM_UNSPECIFIED: _ClassVar[GetExperienceBatchRequest.Form]
        FORM_LOGS: _ClassVar[GetExperienceBatchRequest.Form]
        FORM_TENSORS: _ClassVar[GetExperienceBatchRequest.Form]
    FORM_UNSPECIFIED: GetExperienceBatchRequest.Form
    FORM_LOGS: GetExperienceBatchRequest.Form
    FORM_TENSORS: GetExperienceBatchRequest.Form
    TABLE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    table: str
    count: int
    form: GetExperienceBatchRequest.Form
    def __init__(self, table: _Optional[str] = ..., count: _Optional[int] = ..., form: _Optional[_Union[GetExperienceBatchRequest.Form, str]] = ...) -> None: ...

class Tensors(_message.Message):
    __slots__ = ("flags", "armies", "vector", "masks", "actions", "rewards", "terminated", "truncated", "valid", "log_probs", "height", "width", "resets", "winner")
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    ARMIES_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    MASKS_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    REWARDS_FIELD_NUMBER: _ClassVar[int]
    TERMINATED_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    LOG_PROBS_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    RESETS_FIELD_NUMBER: _ClassVar[int]
    WINNER_FIELD_NUMBER: _ClassVar[int]
    flags: bytes
    armies: bytes
    vector: bytes
    masks: bytes
    actions: bytes
    rewards: bytes
    terminated: bytes
    truncated: bytes
    valid: bytes
    log_probs: bytes
    height: int
    width: int
    resets: bytes
    winner: bytes
    def __init__(self, flags: _Optional[bytes] = ..., armies: _Optional[bytes] = ..., vector: _Optional[bytes] = ..., masks: _Optional[bytes] = ..., actions: _Optional[bytes] = ..., rewards: _Optional[bytes] = ..., terminated: _Optional[bytes] = ..., truncated: _Optional[bytes] = ..., valid: _Optional[bytes] = ..., log_probs: _Optional[bytes] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., resets: _Optional[bytes] = ..., winner: _Optional[bytes] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ("key", "probability", "times_sampled", "fragment", "tensors")
    KEY_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    TIMES_SAMPLED_FIELD_NUMBER: _ClassVar[int]
    FRAGMENT_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    key: int
    probability: float
    times_sampled: int
    fragment: Fragment
    tensors: Tensors
    def __init__(self, key: _Optional[int] = ..., probability: _Optional[float] = ..., times_sampled: _Optional[int] = ..., fragment: _Optional[_Union[Fragment, _Mapping]] = ..., tensors: _Optional[_Union[Tensors, _Mapping]] = ...) -> None: ...

class GetExperienceBatchResponse(_message.Message):
    __slots__ = ("samples", "table_size")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    TABLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    samples: _containers.RepeatedCompositeFieldContainer[Sample]
    table_size: int
    def __init__(self, samples: _Optional[_Iterable[_Union[Sample, _Mapping]]] = ..., table_size: _Optional[int] = ...) -> None: ...

class UpdatePrioritiesRequest(_message.Message):
    __slots__ = ("table", "keys", "priorities")
    TABLE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    PRIORITIES_FIELD_NUMBER: _ClassVar[int]
    table: str
    keys: _containers.RepeatedScalarFieldContainer[int]
    priorities: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, table: _Optional[str] = ..., keys: _Optional[_Iterable[int]] = ..., priorities: _Optional[_Iterable[float]] = ...) -> None: ...

class UpdatePrioritiesResponse(_message.Message):
    __slots__ = ("updated",)
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    updated: int
    def __init__(self, updated: _Optional[int] = ...) -> None: ...

class GetStatsRequest(_message.Message):
    __slots__ = ("table",)
    TABLE_FIELD_NUMBER: _ClassVar[int]
    table: str
    def __init__(self, table: _Optional[str] = ...) -> None: ...

class TableStats(_message.Message):
    __slots__ = ("table", "size", "capacity", "inserted", "sampled", "removed", "transitions_inserted", "transitions_sampled", "bytes", "hunger", "oldest_seconds", "newest_policy_version")
    TABLE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    INSERTED_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    TRANSITIONS_INSERTED_FIELD_NUMBER: _ClassVar[int]
    TRANSITIONS_SAMPLED_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    HUNGER_FIELD_NUMBER: _ClassVar[int]
    OLDEST_SECONDS_FIELD_NUMBER: _ClassVar[int]
    NEWEST_POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    table: str
    size: int
    capacity: int
    inserted: int
    sampled: int
    removed: int
    transitions_inserted: int
    transitions_sampled: int
    bytes: int
    hunger: float
    oldest_seconds: float
    newest_policy_version: int
    def __init__(self, table: _Optional[str] = ..., size: _Optional[int] = ..., capacity: _Optional[int] = ..., inserted: _Optional[int] = ..., sampled: _Optional[int] = ..., removed: _Optional[int] = ..., transitions_inserted: _Optional[int] = ..., transitions_sampled: _Optional[int] = ..., bytes: _Optional[int] = ..., hunger: _Optional[float] = ..., oldest_seconds: _Optional[float] = ..., newest_policy_version: _Optional[int] = ...) -> None: ...

class GetStatsResponse(_message.Message):
    __slots__ = ("tables",)
    TABLES_FIELD_NUMBER: _ClassVar[int]
    tables: _containers.RepeatedCompositeFieldContainer[TableStats]
    def __init__(self, tables: _Optional[_Iterable[_Union[TableStats, _Mapping]]] = ...) -> None: ...
