"""Arbitrary messages for fuzzing: any field may be there, with any value of its type."""

import math
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import strategies as st

INTEGERS = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_ENUM: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}
WORDS = st.sampled_from(
    ["", "bot:hunter", "bot:random", "generalsio", "competition", "anna", "policy:p", "GAME"]
) | st.text(max_size=20)


def values_of(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Values of one field, of its type's whole range."""
    if field.type in INTEGERS:
        low, high = INTEGERS[field.type]
        return st.integers(max(low, -3), 12) | st.integers(low, high)
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return st.floats(width=32) | st.just(0.2) | st.just(math.nan)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return fields_of(field.message_type)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=40)
    assert field.type == FieldDescriptor.TYPE_STRING, field.name
    return WORDS


@st.composite
def fields_of(draw: Any, message: Descriptor) -> dict[str, Any]:
    """Some of a message's fields with arbitrary values, as keyword arguments."""
    chosen: dict[str, Any] = {}
    for field in message.fields:
        if draw(st.booleans()):
            value = values_of(field)
            chosen[field.name] = draw(st.lists(value, max_size=4) if field.is_repeated else value)
    return chosen


@st.composite
def bytes_for(draw: Any, kind: type[Message]) -> bytes:
    """A message of a kind cut anywhere, or bytes that are none at all."""
    whole = kind(**draw(fields_of(kind.DESCRIPTOR))).SerializeToString()
    return bytes(draw(st.just(whole[: draw(st.integers(0, len(whole)))]) | st.binary(max_size=60)))


def is_message(kind: type[Message], data: bytes) -> bool:
    """Whether bytes can be read as a message of that kind."""
    try:
        kind.FromString(data)
    except DecodeError:
        return False
    return True
