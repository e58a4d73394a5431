"""A match against a published policy, from the registry over its ONNX form to the ladder."""

import pytest
import torch
from starlette.testclient import TestClient
from tests.lambdas.playing import begin, equals_its_record

from lambdas.http import Services
from lambdas.matches import _board_of
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.snapshot import save_policy
from store.ratings import Player
from stratagem.cli.policy import publish_file, store_export


@pytest.mark.parametrize(
    ("about", "board"),
    [
        ({"board": [6, 6]}, "6x6"),
        ({"board": [24, 24], "maps": "site"}, "site"),
        ({"board": [12, 9], "maps": "moon"}, "12x9"),
        ({"board": [4, 4]}, None),  # too small for a match
        ({"board": "6x6"}, None),
        ({"board": [6, None], "maps": 3}, None),
        ({}, None),
    ],
)
def test_a_policy_is_offered_on_the_board_that_it_knows(about: dict[str, object], board: str | None) -> None:
    assert _board_of(about) == board


def test_a_policy_plays_a_match(api: TestClient, services: Services, tmp_path) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(1)
    folder = tmp_path / "apprentice"
    save_policy(Policy(NetworkConfig.of("tiny")), folder / "policy", {"board": [6, 6], "ruleset": "generalsio"})
    version = publish_file(services.connection, folder / "policy")
    before = api.get("/v1/options").json()["opponents"]
    assert "policy:apprentice" not in [each["player"] for each in before], "it cannot be played before it is exported"
    refused = api.post("/v1/matches", json={"players": ["human", "policy:apprentice"], "board": "6x6"})
    assert refused.status_code == 404
    store_export(services.connection, version)
    offered = {each["player"]: each for each in api.get("/v1/options").json()["opponents"]}
    assert offered["policy:apprentice"]["board"] == "6x6"

    match, seat, _ = begin(api, players=["human", "policy:apprentice"], board="6x9")
    url = f"/v1/matches/{match}"
    api.post(url, json={"plays": 30}, headers=seat)
    stored = services.matches.get(match)
    assert stored.setup.players[1] == Player("policy:apprentice", 1)
    assert stored.memories[1].shape == (1, 8, 6, 9)
    assert (stored.record.events[:, 1] == 1).any(), "it moves"
    assert equals_its_record(stored)
    many = api.post("/v1/matches", json={"players": ["human", *["policy:apprentice"] * 2], "board": "12x12"})
    assert many.status_code == 422
    api.post(url, json={"surrender": True}, headers=seat)
    assert services.ratings.get(stored.setup.ladder, Player("policy:apprentice", 1)).wins == 1

    listed = api.get("/v1/models/apprentice").json()
    assert listed["aliases"] == {"latest": 1}
    for form in ("safetensors", "onnx"):
        link = api.get("/v1/models/apprentice/versions/1/download", params={"form": form}).json()
        assert link["sha256"] == version.sha256
        assert link["url"].startswith("http://127.0.0.1")
