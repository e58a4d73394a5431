"""Replays that strangers upload: whatever a file is called and holds, it is shown or refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.engine.test_record import random_game

from lambdas.app import create_app
from lambdas.frames import MAX_TURNS
from lambdas.http import Services
from lambdas.matches import MAX_UPLOAD
from store.connect import Connection
from store.names import Names

API = TestClient(create_app(Services(Connection(Names.of("nowhere")), limited=False)))  # nothing of them is kept


def replay(**fields: Any) -> bytes:
    """A game of two on 5 x 5 without a move."""
    named = {"id": "game", "usernames": ["anna", "ben"], **fields}
    row = [15, named["id"], 5, 5, named["usernames"], None, [], [], [0, 24], [], [], []]
    return json.dumps(row).encode()


def upload(name: str, data: bytes) -> tuple[int, dict[str, Any]]:
    answer = API.post("/v1/replays", params={"name": name}, content=data)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("name", ["a.json", "A.JSON", "a.b.json", "my game.json", "é.\0.json", "x.jsonl", "a.json.gz"])
def test_the_ending_alone_tells_the_kind(name: str) -> None:
    status, game = upload(name, replay())
    assert (status, game.get("names")) == (200, ["anna", "ben"])


def test_a_record_that_the_page_handed_out_is_shown() -> None:
    record = random_game(8, "competition")[0]
    status, game = upload("a.json", record.to_json().encode())
    assert status == 200
    told = ("id", "ruleset", "names", "turns", "winner")
    assert [game[key] for key in told] == ["game 8", "competition", list(record.names), record.turns, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"winner": 0}, "and winner 0 at its end; its events come to turn"),
        ({"start": 0, "turns": MAX_TURNS + 1}, f"replay has {MAX_TURNS + 1} turns on"),
        ({"names": ["anna", "b\udc00"]}, r"username is 'b\udc00'; accepted: text that UTF-8 can hold"),
        ({"ruleset": {}}, "ruleset's options differ"),
        ({"kinds": []}, "record has 0 kinds"),
    ],
)
def test_a_record_that_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    told = json.loads(random_game(8, "competition")[0].to_json())
    status, answer = upload("a.json", json.dumps(told | change).encode())
    assert status == 422
    assert words in answer["detail"]


@pytest.mark.parametrize("name", ["a.\0json", "a.json\0", "a.json.\0", "a.json\n", "a.txt", "a.json.txt", "json", "."])
def test_a_name_of_another_kind_is_refused(name: str) -> None:
    status, told = upload(name, replay())
    assert (status, told["detail"]) == (
        422,
        f"{name}: unknown kind of file; accepted: .gior, .gioreplay, .json, .jsonl, each also .gz",
    )


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12), st.sampled_from(["", ".json", ".gz"])
)
def test_any_name_is_answered(name: str, ending: str) -> None:
    assert upload(name + ending, replay())[0] in (200, 422)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "\ud800"}, r"id is '\ud800'; accepted: text that UTF-8 can hold"),
        ({"usernames": ["anna", "b\udc00"]}, r"username is 'b\udc00'; accepted: text that UTF-8 can hold"),
    ],
)
def test_half_a_character_is_refused(fields: dict[str, Any], words: str) -> None:
    status, told = upload("a.json", replay(**fields))
    assert (status, told["detail"]) == (422, words)


def test_a_fault_in_a_line_is_told_by_the_file_s_own_name() -> None:
    status, told = upload("mine.jsonl", b"\n[1]")
    assert status == 422
    assert told["detail"].startswith("mine.jsonl:2: replay version 1 is unknown")


def test_a_file_that_is_too_large_is_refused() -> None:
    assert upload("a.json", b" " * MAX_UPLOAD)[0] == 422
    assert upload("a.json", b" " * (MAX_UPLOAD + 1)) == (413, {"detail": f"the file is larger than {MAX_UPLOAD} bytes"})
