"""What all routers share: errors as answers, who may write, how often who may ask, and the services behind."""

import base64
import binascii
import hashlib
import hmac
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from store.connect import Connection
from store.errors import BusyError, ConflictError, DamagedError, InvalidError, NotFoundError, StoreError
from store.names import CALLER_HEADER_VARIABLE

if TYPE_CHECKING:
    from lambdas.playing import Playing
    from store.matches import Matches
    from store.policies import Policies
    from store.ratings import Ratings

WRITE_TOKEN_VARIABLE = "STRATAGEM_WRITE_TOKEN_SHA256"  # sha256 of the bearer token for publishing and reporting
UNLIMITED_VARIABLE = "STRATAGEM_UNLIMITED"  # "1": nobody is refused for asking often (a private deployment)
STATUSES: tuple[tuple[type[StoreError], int], ...] = (
    (InvalidError, 422),
    (NotFoundError, 404),
    (ConflictError, 409),
    (DamagedError, 502),
    (BusyError, 503),
)


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str = Field(description="What is wrong, with the value and what is accepted.")


class Body(BaseModel):
    """A request's body: nothing is read that is not described."""

    model_config = ConfigDict(extra="forbid", strict=True)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for the OpenAPI document."""
    told = {
        400: "The request is not understood.",
        401: "A token is missing.",
        403: "The token is not the right one.",
        404: "There is no such thing.",
        409: "It does not go with what is there.",
        413: "The body is too large.",
        422: "A value is not accepted.",
        429: "Too many requests of this kind from one address.",
        503: "Others change the same thing, or the match is catching up; try again.",
    }
    return {status: {"model": Problem, "description": told[status]} for status in sorted({*statuses, 400, 422})}


@dataclass
class Services:
    """What the routers work with; each part is made when it is first asked for."""

    connection: Connection
    now_ms: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)
    write_token_sha256: str = field(default_factory=lambda: os.environ.get(WRITE_TOKEN_VARIABLE, ""))
    caller_header: str = field(default_factory=lambda: os.environ.get(CALLER_HEADER_VARIABLE, ""))
    limited: bool = field(default_factory=lambda: os.environ.get(UNLIMITED_VARIABLE, "") != "1")

    @cached_property
    def playing(self) -> "Playing":
        """Matches as they are played."""
        from lambdas.playing import Playing

        return Playing(self.connection, self.now_ms)

    @cached_property
    def matches(self) -> "Matches":
        """Matches as they are stored."""
        return self.playing.matches

    @cached_property
    def ratings(self) -> "Ratings":
        """The ladders."""
        from store.ratings import Ratings

        return Ratings(self.connection)

    @cached_property
    def policies(self) -> "Policies":
        """The registry."""
        from store.policies import Policies

        return Policies(self.connection)

    def caller(self, request: Request) -> str:
        """Who asks: the address that the proxy tells, or that of the connection."""
        told = request.headers.get(self.caller_header, "") if self.caller_header else ""
        return told.rpartition(":")[0] or told or (request.client.host if request.client else "unknown")

    def limit(self, request: Request, what: str, uses: int, seconds: int) -> None:
        """Refuse a caller that asks for something too often, unless it may write."""
        if not self.limited or may_write(self, request):
            return
        if not self.matches.allow(self.caller(request), what, uses, seconds, self.now_ms()):
            raise HTTPException(
                429, f"more than {uses} of {what} in {seconds} s; try later", {"Retry-After": str(seconds)}
            )


def services_of(request: Request) -> Services:
    """The services of the application that answers a request."""
    services: Services = request.app.state.services
    return services


def bearer(request: Request) -> str:
    """The bearer token of a request, or ""."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def may_write(services: Services, request: Request) -> bool:
    """Whether a caller may publish and report: by IAM, which API Gateway has checked, or by the bearer token."""
    event = request.scope.get("aws.event")
    if isinstance(event, dict):
        authorizer = event.get("requestContext", {}).get("authorizer") or {}
        if isinstance(authorizer, dict) and (authorizer.get("iam") or {}).get("userArn"):
            return True
    found = hashlib.sha256(bearer(request).encode()).hexdigest()
    expected = services.write_token_sha256
    return bool(expected) and hmac.compare_digest(found, expected)


def check_writer(request: Request) -> Services:
    """A dependency of routes that write: the services. Refuses callers that may not."""
    services = services_of(request)
    if not may_write(services, request):
        status = 403 if bearer(request) else 401
        raise HTTPException(
            status, "publishing and reporting need IAM or the bearer token", {"WWW-Authenticate": "Bearer"}
        )
    return services


Serving = Annotated[Services, Depends(services_of)]  # what a route that anybody may ask works with
Writing = Annotated[Services, Depends(check_writer)]  # what a route that publishes or reports works with


def from_base64(what: str, text: str) -> bytes:
    """The bytes of a base64 text. Raises InvalidError."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidError(f"{what} is no base64; accepted: the standard alphabet with padding") from None


def answer_errors(app: FastAPI) -> None:
    """Let every refusal be a `Problem`."""

    @app.exception_handler(StoreError)
    async def _store(request: Request, error: StoreError) -> JSONResponse:
        status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
        headers = {"Retry-After": "1"} if status == 503 else {}
        return JSONResponse({"detail": str(error)}, status, headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return JSONResponse({"detail": f"{where}: {first['msg']}"}, 422)

    @app.exception_handler(StarletteHTTPException)
    async def _http(request: Request, error: StarletteHTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == 405:  # of several routes for a path Starlette names the first one's methods alone
            headers["Allow"] = ", ".join(_methods(app, request.scope["path"]))
        return JSONResponse({"detail": str(error.detail)}, error.status_code, headers)


def _methods(app: FastAPI, path: str) -> list[str]:
    """What can be done with a path, by the OpenAPI document."""
    found = set()
    for template, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template)), path):
            found |= {method.upper() for method in operations}
    return sorted(found)
