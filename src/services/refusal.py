"""How a service says no: a status code and a google.rpc.ErrorInfo that names the field, the value and what is accepted.

A servicer raises `RefusedError`; the gate (`services.gate`) turns it into the call's status.
`proto/stratagem/v1/common.proto` says which code stands for what.
"""

from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from store.errors import BusyError, ConflictError, DamagedError, InvalidError, NotFoundError, StoreError

DOMAIN = "stratagem"
# Characters of a value that an error repeats, and of its message: statuses travel in headers, which are small.
LONGEST, LONGEST_MESSAGE = 100, 400


class RefusedError(Exception):
    """A call that is refused. `reason` is a word for machines, the code's name where it is not given."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        field: str = "",
        value: Any = "",
        accepted: str = "",
        reason: str = "",
    ) -> None:
        self.code, self.message, self.reason = code, _shorten_message(message), reason or code.name
        super().__init__(self.message)
        about = {"field": field, "value": shorten(value), "accepted": accepted}
        self.metadata = {name: text for name, text in about.items() if text}

    def status(self) -> status_pb2.Status:
        """The status as google.rpc has it."""
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata)
        detail = any_pb2.Any()
        detail.Pack(info)
        return status_pb2.Status(code=self.code.value[0], message=self.message, details=[detail])


def shorten(value: Any) -> str:
    """A value as text, cut where it is long."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"


def _shorten_message(text: str) -> str:
    """A message, cut within where it is long: what is wrong stands before, what is accepted behind."""
    kept = LONGEST_MESSAGE // 2
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:kept]}... ({len(text)} characters) ...{text[-kept:]}"


def invalid(field: str, value: Any, accepted: str) -> RefusedError:
    """INVALID_ARGUMENT: a field out of its range."""
    shown = f'"{shorten(value)}"' if isinstance(value, str) else shorten(value)
    message = f"{field} is {shown}; accepted: {accepted}"
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message, field=field, value=value, accepted=accepted)


def not_found(field: str, value: Any, accepted: str) -> RefusedError:
    """NOT_FOUND: an unknown id."""
    message = f'{field} "{shorten(value)}" is unknown; accepted: {accepted}'
    return RefusedError(grpc.StatusCode.NOT_FOUND, message, field=field, value=value, accepted=accepted)


def taken(field: str, value: Any) -> RefusedError:
    """ALREADY_EXISTS: the id of a request that was another one before."""
    accepted = "the same request again, or another id"
    message = f'{field} "{shorten(value)}" was given with another request; accepted: {accepted}'
    return RefusedError(grpc.StatusCode.ALREADY_EXISTS, message, field=field, value=value, accepted=accepted)


def failed(field: str, value: Any, accepted: str) -> RefusedError:
    """FAILED_PRECONDITION: what cannot be done in the present state."""
    message = f"{field} is {shorten(value)}; accepted: {accepted}"
    return RefusedError(grpc.StatusCode.FAILED_PRECONDITION, message, field=field, value=value, accepted=accepted)


def exhausted(field: str, value: Any, accepted: str) -> RefusedError:
    """RESOURCE_EXHAUSTED: a limit is reached."""
    message = f"{field} would be {shorten(value)}; accepted: {accepted}"
    return RefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, message, field=field, value=value, accepted=accepted)


def unauthenticated(field: str, accepted: str) -> RefusedError:
    """UNAUTHENTICATED: a token is missing."""
    message = f"{field} is missing; accepted: {accepted}"
    return RefusedError(grpc.StatusCode.UNAUTHENTICATED, message, field=field, accepted=accepted)


def denied(field: str, accepted: str) -> RefusedError:
    """PERMISSION_DENIED: a token does not fit. The value is a secret and not repeated."""
    message = f"{field} does not fit; accepted: {accepted}"
    return RefusedError(grpc.StatusCode.PERMISSION_DENIED, message, field=field, accepted=accepted)


_STORE_CODES = (
    (InvalidError, grpc.StatusCode.INVALID_ARGUMENT),
    (NotFoundError, grpc.StatusCode.NOT_FOUND),
    (ConflictError, grpc.StatusCode.ALREADY_EXISTS),
    (DamagedError, grpc.StatusCode.DATA_LOSS),
    (BusyError, grpc.StatusCode.ABORTED),
)


def refusal_of(error: BaseException) -> RefusedError | None:
    """What an exception says to the caller; None for those that should not have come up."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, NotImplementedError):  # what generated servicers raise
        return RefusedError(grpc.StatusCode.UNIMPLEMENTED, "this server does not answer that method")
    if isinstance(error, StoreError):
        code = next((code for kind, code in _STORE_CODES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
        return RefusedError(code, str(error))
    return None
