"""Requests drawn from the OpenAPI document: never a 5xx, and every answer as described."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from starlette.testclient import TestClient
from tests.lambdas.playing import begin

from lambdas.app import create_app
from lambdas.http import Services
from store.connect import Connection
from store.names import Names

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

EXAMPLES = 10
# A request can be refused though it fits its schema: a winner who has no seat, a board too small for so many players.
BEYOND_SCHEMA = schemathesis.checks.positive_data_acceptance
WRITES = {"reportOutcomes", "publishVersion", "setAlias"}


APP = create_app(Services(Connection(Names.of("nowhere"))))  # each test gives it a store
schema = schemathesis.openapi.from_asgi("/v1/openapi.json", APP)


@pytest.fixture
def running(api: TestClient, services: Services) -> tuple[str, dict[str, str]]:
    """A match that runs, and the header of its seat."""
    APP.state.services = services
    match, seat, _ = begin(api, board="5x5")
    return match, seat


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: Any, running: tuple[str, dict[str, str]], writer: dict[str, str]) -> None:
    match, seat = running
    name = case.operation.definition.raw["operationId"]
    headers = writer if name in WRITES else {}
    if re.fullmatch("[0-9a-f]{16}", str((case.path_parameters or {}).get("match"))):  # it would only ever be unknown
        case.path_parameters["match"] = match
        headers = seat
    case.call_and_validate(headers=headers, excluded_checks=[BEYOND_SCHEMA])
