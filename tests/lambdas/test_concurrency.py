"""Many requests at once never fork a game: each match equals its record, played again."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.testclient import TestClient
from tests.lambdas.conftest import Clock
from tests.lambdas.playing import begin, equals_its_record

from lambdas.app import create_app
from lambdas.http import Services
from store.connect import Connection

REQUESTS, MATCHES = 50, 200


def _two_processes(connection: Connection, clock: Clock) -> list[TestClient]:
    """Applications that share nothing but the store, as two Lambdas do."""
    return [
        TestClient(create_app(Services(connection, clock, "", "", limited=False)), base_url="http://127.0.0.1")
        for _ in range(2)
    ]


def test_fifty_requests_at_once_on_one_match(shared_connection: Connection, clock: Clock) -> None:
    apis = _two_processes(shared_connection, clock)
    match, seat, _ = begin(apis[0], board="12x12", players=["human", "bot:random"])

    def ask(number: int) -> tuple[int, Any]:
        body = {"plays": 1, "key": f"request {number}"}
        answer = apis[number % 2].post(f"/v1/matches/{match}", json=body, headers=seat)
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(REQUESTS) as pool:
        answers = list(pool.map(ask, range(REQUESTS)))
    done = [answer["turn"] for status, answer in answers if status == 200]
    assert {status for status, _ in answers} <= {200, 503}
    assert len(set(done)) == len(done), "no turn was played twice"
    stored = apis[0].app.state.services.matches.get(match)  # type: ignore[attr-defined]
    assert stored.turn == len(done) == stored.revision
    assert stored.turn > REQUESTS // 2
    assert equals_its_record(stored)


def test_many_matches_at_once_in_real_time(shared_connection: Connection, clock: Clock) -> None:
    apis = _two_processes(shared_connection, clock)
    matches = [begin(apis[0], pace="realtime", board="6x6")[0] for _ in range(MATCHES)]

    def look(number: int) -> int:
        return apis[number % 2].get(f"/v1/matches/{matches[number % MATCHES]}").status_code

    for _ in range(2):
        clock.now_ms += 3_000
        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(look, range(MATCHES + MATCHES // 4))) == {200}
    for match in matches:
        stored = apis[0].app.state.services.matches.get(match)  # type: ignore[attr-defined]
        assert stored.turn == (2 * 3_000 - 1_500) // 500 or stored.state != "running"
        assert equals_its_record(stored)
