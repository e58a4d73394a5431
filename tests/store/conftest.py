"""DynamoDB Local beside the local store: what must be exact must be so on both."""

import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError

from store.connect import Connection, create_tables
from store.names import Names

EMULATOR = Path(__file__).resolve().parents[2] / "build/dynamodb/package/emulator"


@pytest.fixture(scope="session")
def dynamodb_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where AWS's own DynamoDB Local answers, with tables in memory."""
    jar, java = EMULATOR / "DynamoDBLocal.jar", shutil.which("java")
    if java is None or not jar.exists():
        pytest.skip("no DynamoDB Local in build/dynamodb, or no Java; get it with `make dynamodb-local`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [java, f"-Djava.library.path={EMULATOR}/DynamoDBLocal_lib", "-jar", str(jar)]
    command += ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    log = (tmp_path_factory.mktemp("dynamodb") / "log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=EMULATOR)
    endpoint = f"http://127.0.0.1:{port}"
    limit = time.monotonic() + 60
    while True:
        try:
            Connection(Names.of("probe", endpoint)).dynamodb.list_tables()
            break
        except BotoCoreError:
            assert process.poll() is None, "DynamoDB Local ended"
            assert time.monotonic() < limit, "DynamoDB Local did not start"
            time.sleep(0.2)
    yield endpoint
    process.kill()
    process.wait()


@pytest.fixture(params=["moto", "dynamodb-local"])
def ledger(request: pytest.FixtureRequest) -> Connection:
    """Empty tables, on the local store and on DynamoDB Local."""
    endpoint = request.getfixturevalue("store_endpoint" if request.param == "moto" else "dynamodb_local")
    made = Connection(Names.of(f"t{uuid.uuid4().hex[:12]}", endpoint))
    create_tables(made)
    return made
