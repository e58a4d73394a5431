"""Settings of all tests, and the fixtures that tests of several rooms share."""

import os
import random
import secrets
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Threads that wait for each other's part of an operation must not keep the cores from the other tests meanwhile. This
# is read when torch or numba is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pytest
from hypothesis import HealthCheck, settings

from engine.warm import compile_kernels
from store.connect import Connection, create_all
from store.names import Names

# A kernel's first call compiles it, so a deadline per example would only measure numba. The same examples every time:
# a failure seen once can be seen again.
settings.register_profile(
    "stratagem", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("stratagem")


# Files that take longest go first, so that no core waits for them in the end.
LONGEST = ("test_fleet.py", "test_cuda.py", "test_live.py", "test_playing.py", "test_sagemaker_entry.py")


def pytest_configure(config: Any) -> None:
    """Compile the kernels once, before the processes among which the tests are dealt out would each do it."""
    if not hasattr(config, "workerinput"):
        compile_kernels()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first; the order within a file stays. Give every test an id of its own.

    pytest 9.2 makes one id of all tests that schemathesis makes of a function, and xdist runs one test an id.
    """
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
    for item in items:
        params = item.name.partition("[")[2]
        if params and not item.nodeid.endswith(f"[{params}"):
            item._id = item.id.with_params(params.removesuffix("]"))
    assert len({item.nodeid for item in items}) == len(items), "tests share an id"


@pytest.fixture(autouse=True)
def same_numbers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test draws the same numbers each time, and others than any other test: games' seeds and torch's own.

    Who plays better loses a game now and then, so a test of who wins must not draw its game anew each time. Processes
    that a test starts draw theirs.
    """
    numbers = random.Random(request.node.nodeid)
    monkeypatch.setattr(secrets, "randbits", numbers.getrandbits)
    monkeypatch.setattr(secrets, "randbelow", numbers.randrange)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(numbers.getrandbits(62))


@pytest.fixture(scope="session")
def replays() -> Path:
    """The folder of recorded human games beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "replays"
    if not folder.is_dir():
        pytest.skip(f"no recorded games at {folder}")
    return folder


@pytest.fixture(scope="session")
def store_endpoint() -> Iterator[str]:
    """Where a local store answers for all tests of the session."""
    from store.local import LocalStore

    server = LocalStore()
    server.start()
    yield server.endpoint
    server.stop()


@pytest.fixture
def connection(store_endpoint: str) -> Connection:
    """An empty store."""
    made = Connection(Names.of(f"t{uuid.uuid4().hex[:12]}", store_endpoint))
    create_all(made)
    return made
