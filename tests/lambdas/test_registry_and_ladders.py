"""Who may publish and report, and what everybody may read."""

import base64
import hashlib

import pytest
from starlette.testclient import TestClient

WEIGHTS = base64.b64encode(b"weights").decode()


def test_publishing_needs_the_token(api: TestClient, writer: dict[str, str]) -> None:
    body = {"weights": WEIGHTS, "about": {"board": "8x8"}}
    url = "/v1/models/demo/versions"
    assert api.post(url, json=body).status_code == 401
    assert api.post(url, json=body, headers={"Authorization": "Bearer wrong"}).status_code == 403
    made = api.post(url, json=body, headers=writer)
    assert made.status_code == 201
    assert made.json()["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert api.post(url, json=body, headers=writer).json()["version"] == 1, "the same again is the same version"
    assert "demo" in api.get("/v1/models").json()["names"]
    pointed = api.put("/v1/models/demo/aliases/champion", json={"version": 1, "expected": 0}, headers=writer)
    assert pointed.status_code == 200
    assert api.put("/v1/models/demo/aliases/champion", json={"version": 1}).status_code == 401
    assert api.get("/v1/models/demo/aliases/champion").json()["about"] == {"board": "8x8"}
    assert api.get("/v1/models/demo/versions/2").status_code == 404
    assert api.get("/v1/models/demo/versions/1/download?form=onnx").status_code == 404


@pytest.mark.parametrize("value", ['"\\ud800"', "[" * 400 + "]" * 400, "NaN"])
def test_what_no_answer_could_tell_is_not_published(api: TestClient, writer: dict[str, str], value: str) -> None:
    body = f'{{"weights": "{WEIGHTS}", "about": {{"note": {value}}}}}'
    headers = {**writer, "Content-Type": "application/json"}
    refused = api.post("/v1/models/unspeakable/versions", content=body, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("about cannot be kept as JSON: ")
    assert api.get("/v1/models/unspeakable").status_code == 404


def test_iam_s_callers_may_write(api: TestClient) -> None:
    from fastapi import Request

    from lambdas.http import may_write

    services = api.app.state.services  # type: ignore[attr-defined]
    iam = {"requestContext": {"authorizer": {"iam": {"userArn": "arn:aws:iam::1:role/trainer"}}}}
    for event, expected in ((iam, True), ({"requestContext": {}}, False), ({}, False)):
        request = Request({"type": "http", "headers": [], "aws.event": event})
        assert may_write(services, request) is expected


def test_outcomes_are_counted_once(api: TestClient, writer: dict[str, str]) -> None:
    outcome = {
        "game": "game-1",
        "players": ["policy:demo@1", "bot:hunter@0"],
        "winner": 0,
        "turns": 300,
        "ladder": "generalsio-9x9",
        "finished_ms": 1_700_000_000_000,
    }
    assert api.post("/v1/outcomes", json={"outcomes": [outcome]}).status_code == 401
    first = api.post("/v1/outcomes", json={"outcomes": [outcome]}, headers=writer)
    again = api.post("/v1/outcomes", json={"outcomes": [outcome]}, headers=writer)
    assert (first.json(), again.json()) == ({"counted": 1, "duplicates": 0}, {"counted": 0, "duplicates": 1})
    other = api.post("/v1/outcomes", json={"outcomes": [{**outcome, "winner": 1}]}, headers=writer)
    assert other.status_code == 409
    places = api.get("/v1/ladders/generalsio-9x9").json()["places"]
    assert [(place["player"], place["elo"]) for place in places] == [
        ("policy:demo@1", 1212.0),
        ("bot:hunter@0", 1188.0),
    ]
    history = api.get("/v1/ladders/generalsio-9x9/history", params={"player": "policy:demo@1"}).json()
    assert [(step["game"], step["change"], step["score"]) for step in history["steps"]] == [("game-1", 12.0, 1.0)]
