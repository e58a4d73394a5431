"""A service over an empty local store, and a clock that tests set."""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from lambdas.app import create_app
from lambdas.http import Services
from store.connect import Connection, create_all
from store.names import Names

WRITE_TOKEN = "a token of the tests"


@dataclass
class Clock:
    """Unix time in ms that only tests move."""

    now_ms: int = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def shared_connection(store_endpoint: str) -> Connection:
    """One store for all tests of matches: making tables takes longer than most of them."""
    made = Connection(Names.of(f"t{uuid.uuid4().hex[:12]}", store_endpoint))
    create_all(made)
    return made


@pytest.fixture
def services(shared_connection: Connection, clock: Clock) -> Services:
    digest = hashlib.sha256(WRITE_TOKEN.encode()).hexdigest()
    return Services(shared_connection, clock, write_token_sha256=digest, caller_header="", limited=False)


@pytest.fixture
def api(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def writer() -> dict[str, str]:
    """The header of whoever may write."""
    return {"Authorization": f"Bearer {WRITE_TOKEN}"}
