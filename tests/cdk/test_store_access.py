"""What the code of each role asks of the store, recorded as it asks, against what the role's statements allow."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.cdk.conftest import Synthesized
from tests.cdk.test_access import as_list, statements
from tests.store.games import played_record

from lambdas.app import create_app
from lambdas.http import Services
from learner.judge import judge
from services.keeper import catch_up, round_of
from store.connect import Connection
from store.handed import hand_in
from store.lake import JOIN_PARTS, Lake
from store.lake_rows import GameRow
from store.names import Names
from store.policies import CHAMPION, Policies
from store.ratings import Outcome, Player, Ratings

LADDER = "generalsio"
NOW = 1_790_000_000_000
PLAYERS = (Player("bot:random"), Player("bot:expander"))
Call = tuple[str, str]  # action and resource: ("s3:GetObject", "models/policies/abc"), ("dynamodb:Query", "games")


def asked(names: Names, service: str, operation: str, parameters: dict[str, Any]) -> Iterator[Call]:
    """What IAM has to allow for a request to a store."""
    if service == "dynamodb":
        index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
        for table in parameters.get("RequestItems", [parameters.get("TableName")]):
            yield f"dynamodb:{operation}", table.removeprefix(f"{names.prefix}-") + index
        return
    bucket = {names.models_bucket: "models", names.lake_bucket: "lake"}[parameters["Bucket"]]
    if operation == "ListObjectsV2":
        yield "s3:ListBucket", bucket
    elif operation == "DeleteObjects":
        for row in parameters["Delete"]["Objects"]:
            yield "s3:DeleteObject", f"{bucket}/{row['Key']}"
    else:
        yield f"s3:{operation}", f"{bucket}/{parameters['Key']}"


def recorded(connection: Connection) -> set[Call]:
    """A set into which everything goes that is asked of the store through this connection from now on."""
    calls: set[Call] = set()

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        calls.update(asked(connection.names, model.service_model.service_name, model.name, params))

    for client in (connection.dynamodb, connection.s3):
        client.meta.events.register("before-parameter-build", note)
    return calls


def place(resource: Any) -> str:
    """A resource of a statement in the words of `Call`; "" for one that is not of the store."""
    parts = resource["Fn::Join"][1] if isinstance(resource, dict) and "Fn::Join" in resource else [resource]
    found = re.search(r"storage:ExportsOutputFnGetAtt([A-Za-z]+?)[0-9A-F]{8}Arn", json.dumps(parts[0]))
    return found[1].lower() + "".join(parts[1:]) if found else ""


def refused(app: Synthesized, role: str, calls: set[Call]) -> list[Call]:
    """The calls that no statement of a role allows."""
    allowed = [
        (action, place(resource))
        for name, statement in statements(app)
        if name == role
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]
    return sorted(
        (action, resource)
        for action, resource in calls
        if not any(action == may and fnmatchcase(resource, where) for may, where in allowed)
    )


def row(game: str) -> GameRow:
    names = [player.name for player in PLAYERS]
    return replace(GameRow.of(played_record(), game, names, finished_ms=NOW, source="fleet"), winner=0)


def outcome(game: str) -> Outcome:
    return Outcome(game, PLAYERS, 0, 40, LADDER, NOW)


def serve(connection: Connection) -> None:
    """What the services of `stratagem serve` do: file and count games, keep the lake, publish and hand out policies."""
    ratings, lake, policies = Ratings(connection), Lake(connection), Policies(connection)
    hand_in(Connection(connection.names), outcome("h"), played_record())
    for number in range(JOIN_PARTS):
        lake.add([row(f"g{number}")])
        catch_up(ratings, lake)
        round_of(ratings, lake)
    assert lake.join(settled_seconds=0) == JOIN_PARTS
    assert [found.game_id for found in lake.all_rows()]
    assert list(ratings.ladder(LADDER))
    assert ratings.history(LADDER, PLAYERS[0])
    ratings.sweep(LADDER, older_ms=-1)
    train(connection)
    policies.set_alias("p", CHAMPION, 1, expected=0)
    policies.set_alias("p", CHAMPION, 2, expected=1)
    assert [version.name for name in policies.names() for version in policies.versions(name)]
    policies.weights(policies.resolve("p", CHAMPION))


def train(connection: Connection) -> None:
    """What a training job does: begin with a version, publish the next."""
    policies = Policies(connection)
    policies.publish("p", b"one", {})
    policies.weights(policies.get("p", 1))
    policies.publish("p", b"two", {}, parent=1)


def judge_policy(connection: Connection) -> None:
    """What the judge does."""
    others = Policies(Connection(connection.names))
    others.publish("p", b"one", {})
    policies = Policies(connection)
    assert judge(policies, "p", 1).better
    others.set_alias("p", CHAMPION, 1)
    assert not judge(policies, "p", 1).better
    policies.weights(policies.resolve("p"))


def api_of(connection: Connection, part: str) -> TestClient:
    """A part of the API, as it answers somebody that IAM lets write."""
    services = Services(connection, lambda: NOW, write_token_sha256="", caller_header="", limited=True)
    event = {"requestContext": {"authorizer": {"iam": {"userArn": "arn:aws:iam::1:role/trainer"}}}}
    app = create_app(services, [part])

    async def signed(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "aws.event": event if part != "matches" else {}}, receive, send)

    return TestClient(signed, base_url="http://127.0.0.1")


def rate(connection: Connection) -> None:
    """What the Lambda of the ladders does."""
    api = api_of(connection, "ratings")
    told = {"game": "g", "players": ["bot:random@0", "bot:expander@0"], "winner": 0, "turns": 40}
    report = {"outcomes": [{**told, "ladder": LADDER, "finished_ms": NOW}]}
    assert [api.post("/v1/outcomes", json=report).status_code for _ in range(2)] == [200, 200]
    assert api.get(f"/v1/ladders/{LADDER}").json()["places"]
    assert api.get(f"/v1/ladders/{LADDER}/history", params={"player": "bot:random@0"}).json()["steps"]


def keep_models(connection: Connection) -> None:
    """What the Lambda of the registry does."""
    api = api_of(connection, "models")
    body = {"weights": base64.b64encode(b"weights").decode(), "about": {}}
    assert api.post("/v1/models/p/versions", json=body).status_code == 201
    assert api.put("/v1/models/p/aliases/champion", json={"version": 1, "expected": 0}).status_code == 200
    assert api.get("/v1/models/p/aliases/champion").json()["version"] == 1
    assert api.get("/v1/models").json()["names"] == ["p"]
    assert api.get("/v1/models/p").status_code == 200
    assert "url" in api.get("/v1/models/p/versions/1/download").json()
    assert api.get("/v1/models/p/versions/1/download?form=onnx").status_code == 404


def play(connection: Connection) -> None:
    """What the Lambda of the matches does."""
    Policies(Connection(connection.names)).publish("p", b"weights", {})
    api = api_of(connection, "matches")
    assert api.get("/v1/options").status_code == 200
    new = {"players": ["human", "bot:random"], "board": "6x6", "pace": "turns"}
    made = api.post("/v1/matches", json=new).json()
    url, seat = f"/v1/matches/{made['match']}", {"Authorization": f"Bearer {made['token']}"}
    assert api.post(url, json={"plays": 1}, headers=seat).json()["turn"] == 1
    assert api.post(url, json={"surrender": True}, headers=seat).json()["state"] == "finished"
    assert api.get(f"{url}/record").status_code == api.get(f"{url}/frames").status_code == 200
    assert api.get("/v1/matches", params={"state": "finished"}).json()["matches"]
    assert api.post("/v1/matches", json={**new, "players": ["human", "policy:p"]}).status_code in (404, 422)


@pytest.mark.parametrize(
    ("role", "duties"),
    [
        ("Services/ServerTaskTaskRole", serve),
        ("Training/JobRole", train),
        ("Training/JudgeTaskTaskRole", judge_policy),
        ("Api/RatingsRole", rate),
        ("Api/ModelsRole", keep_models),
        ("Api/MatchesRole", play),
    ],
)
def test_a_role_is_allowed_what_its_code_asks_for(
    role: str, duties: Callable[[Connection], None], connection: Connection, dev: Synthesized
) -> None:
    calls = recorded(connection)
    duties(connection)
    assert len(calls) >= 3
    assert refused(dev, role, calls) == []
