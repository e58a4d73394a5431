"""What every call passes through: the token, the request's decoding, its errors, its line in the log, its metrics.

Requests are decoded here and not by gRPC, which would answer a truncated one with UNKNOWN.
"""

import functools
import inspect
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf.message import DecodeError
from prometheus_client import Counter, Histogram

from services.auth import check_bearer
from services.logs import get_log
from services.metrics import RPC_SECONDS, RPCS, STREAMS
from services.refusal import RefusedError, refusal_of

REQUEST_ID_HEADER = "x-request-id"
LONGEST_REQUEST_ID = 128

_log = get_log("rpc")


class _Call:
    """One call from its beginning to its end."""

    def __init__(self, method: str, context: Any, token: str) -> None:
        self.method, self.context = method, context
        self.began = time.perf_counter()
        metadata = dict(context.invocation_metadata() or ())
        given = str(metadata.get(REQUEST_ID_HEADER, ""))[:LONGEST_REQUEST_ID]
        self.request_id = given or secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request_id=self.request_id)
        self._token, self._metadata = token, metadata

    def admit(self) -> None:
        """Raise RefusedError where the caller's token does not fit."""
        check_bearer(self._token, self.method, self._metadata)

    def end(self, code: str, **more: Any) -> None:
        """Count and log the call."""
        seconds = time.perf_counter() - self.began
        _counter_of(self.method, code).inc()
        tell = _log.debug if code == "OK" else _log.info
        tell("call", method=self.method, code=code, ms=round(seconds * 1000, 3), **more)

    async def fail(self, error: BaseException) -> NoReturn:
        """End the call with the status that an exception stands for."""
        if isinstance(error, grpc.aio.AbortError):  # a servicer of a library has said what it had to
            code = self.context.code()
            name = next((known.name for known in grpc.StatusCode if code in (known, known.value[0])), "UNKNOWN")
            self.end(name)
            raise error
        if not isinstance(error, Exception):  # cancelled, by the caller or because the server stops
            self.end("CANCELLED")
            raise error
        refusal = refusal_of(error)
        if refusal is None:
            _log.error("call failed", method=self.method, exc_info=error)
            refusal = RefusedError(
                grpc.StatusCode.INTERNAL, f"the server failed; its log tells more of request {self.request_id}"
            )
        self.end(refusal.code.name, message=refusal.message)
        await self.context.abort_with_status(_AbortStatus(refusal))
        raise AssertionError("abort raises")


class _AbortStatus(grpc.Status):
    """A refusal as gRPC's Python takes it."""

    def __init__(self, refusal: RefusedError) -> None:
        self.code, self.details = refusal.code, refusal.message
        self.trailing_metadata = (("grpc-status-details-bin", refusal.status().SerializeToString()),)


class Gate(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the type stubs alone
    """Stands before all servicers of a server; their methods are coroutines or asynchronous generators."""

    def __init__(self, token: str = "") -> None:
        self.token = token

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Wrap the method that a call is for; None where there is none."""
        handler = await continuation(details)
        if handler is None:
            return None
        decode = _decoder(handler.request_deserializer)
        if handler.request_streaming and handler.response_streaming:
            wrapped = self._streamed(details.method, handler.stream_stream, lambda raw: _decoded(decode, raw))
            make = grpc.stream_stream_rpc_method_handler
        elif handler.response_streaming:
            wrapped = self._streamed(details.method, handler.unary_stream, decode)
            make = grpc.unary_stream_rpc_method_handler
        elif handler.request_streaming:
            wrapped = self._single(details.method, handler.stream_unary, lambda raw: _decoded(decode, raw))
            make = grpc.stream_unary_rpc_method_handler
        else:
            wrapped = self._single(details.method, handler.unary_unary, decode)
            make = grpc.unary_unary_rpc_method_handler
        return make(wrapped, None, handler.response_serializer)

    def _single(self, method: str, behaviour: Any, decode: Callable[[Any], Any]) -> Any:
        seconds = _seconds_of(method)

        async def answer(raw: Any, context: Any) -> Any:
            call = _Call(method, context, self.token)
            try:
                call.admit()
                response = await behaviour(decode(raw), context)
            except BaseException as error:
                await call.fail(error)
            seconds.observe(time.perf_counter() - call.began)
            call.end("OK")
            return response

        return answer

    def _streamed(self, method: str, behaviour: Any, decode: Callable[[Any], Any]) -> Any:
        async def answer(raw: Any, context: Any) -> AsyncIterator[Any]:
            call = _Call(method, context, self.token)
            with STREAMS.labels(method).track_inprogress():
                try:
                    call.admit()
                    responses = behaviour(decode(raw), context)
                    if inspect.isawaitable(responses):  # a coroutine that writes to the context itself
                        await responses
                    else:
                        async for response in responses:
                            yield response
                except BaseException as error:
                    await call.fail(error)
            call.end("OK")

        return answer


@functools.cache
def _seconds_of(method: str) -> Histogram:
    return RPC_SECONDS.labels(method)


@functools.cache
def _counter_of(method: str, code: str) -> Counter:
    return RPCS.labels(method, code)


def _decoder(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    def decode(raw: bytes) -> Any:
        if deserialize is None:
            return raw
        try:
            return deserialize(raw)
        except DecodeError:
            raise RefusedError(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"the request of {len(raw)} bytes is no valid message of this method",
                field="request",
                value=f"{len(raw)} bytes",
                accepted="the message that the method's definition in proto/ names",
            ) from None

    return decode


async def _decoded(decode: Callable[[bytes], Any], requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for raw in requests:
        yield decode(raw)
