"""Matches over HTTP: both paces, what a seat may see, who may do what, and each result once."""

import re
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.lambdas.conftest import Clock
from tests.lambdas.playing import begin, board, equals_its_record, general_of

from engine.record import Record
from lambdas.http import Services
from lambdas.looks import look_at
from lambdas.match_logic import TURN_LIMIT, game_of, map_of
from lambdas.playing import ladder_of
from lambdas.ratings import LADDER
from store.errors import BusyError, InvalidError
from store.handed import handed_record
from store.matches import ENDED, FINISHED
from store.ratings import Outcome, Player


def test_own_pace_plays_turns_only_when_asked(api: TestClient, clock: Clock) -> None:
    match, seat, view = begin(api)
    general = general_of(view, 0)
    clock.now_ms += 60_000
    assert api.get(f"/v1/matches/{match}").json()["turn"] == 0
    played = api.post(f"/v1/matches/{match}", json={"plays": 3, "since": 0}, headers=seat).json()
    assert played["turn"] == 3
    assert played["players"][0]["army"] == 2  # the general grew on turn 2
    assert [general, 2] in np.array(played["cells"]).reshape(-1, 3)[:, [0, 2]].tolist()


def test_queue_undo_and_clear(api: TestClient) -> None:
    match, seat, view = begin(api)
    height, width = view["height"], view["width"]
    start = general_of(view, 0)
    end = start + 1 if start % width < width - 1 else start - 1
    moves = [[start, end, 0], [end, start, 1]]
    url = f"/v1/matches/{match}"
    assert api.post(url, json={"moves": moves}, headers=seat).json()["queue"] == moves
    assert api.get(url).json()["queue"] == [], "only its own player is told the queue"
    assert api.get(url, headers=seat).json()["queue"] == moves, "a reload finds it again"
    assert api.post(url, json={"undo": 1}, headers=seat).json()["queue"] == moves[:1]
    assert api.post(url, json={"clear": True, "moves": moves[1:]}, headers=seat).json()["queue"] == moves[1:]
    far = api.post(url, json={"moves": [[0, height * width - 1, 0]]}, headers=seat)
    assert far.status_code == 422
    assert f"0 to {height * width - 1}" in far.json()["detail"]


def test_moves_that_are_no_longer_valid_are_dropped(api: TestClient) -> None:
    match, seat, view = begin(api)
    start, width = general_of(view, 0), view["width"]
    looks = board(view)[0]
    ways = [start + step for step in (-width, width, -1, 1)]
    end = next(
        tile
        for tile in ways
        if 0 <= tile < looks.size and abs(tile % width - start % width) <= 1 and looks[tile] >> 2 & 15 == 0
    )
    url = f"/v1/matches/{match}"
    api.post(url, json={"plays": 4}, headers=seat)
    nothing_there = [end, start, 0]
    moved = api.post(url, json={"moves": [nothing_there, [start, end, 0]], "plays": 1}, headers=seat).json()
    assert moved["queue"] == []
    assert board(moved)[0, end] >> 6 == 1, "the second move was played in the same turn"


def test_a_request_that_is_sent_again_is_not_done_again(api: TestClient) -> None:
    match, seat, _ = begin(api)
    for _ in range(3):
        view = api.post(f"/v1/matches/{match}", json={"plays": 2, "key": "one"}, headers=seat).json()
        assert view["turn"] == 2


def test_real_time_follows_the_clock_with_what_is_queued(api: TestClient, clock: Clock) -> None:
    match, seat, view = begin(api, pace="realtime", speed=1)
    url = f"/v1/matches/{match}"
    assert view["turn_ms"] == 500
    clock.now_ms = view["starts_ms"] - 1
    assert api.get(url).json()["turn"] == 0
    clock.now_ms = view["starts_ms"] + 10 * 500 + 499
    assert api.get(url).json()["turn"] == 10
    assert api.post(url, json={"plays": 1}, headers=seat).status_code == 422, "nobody plays ahead of the clock"
    start, width = general_of(view, 0), view["width"]
    end = start + 1 if start % width < width - 1 else start - 1
    queued = api.post(url, json={"moves": [[start, end, 0]]}, headers=seat).json()
    assert (queued["turn"], queued["queue"]) == (10, [[start, end, 0]]), "it waits for the next turn"
    clock.now_ms += 500
    assert api.get(url, headers=seat).json()["queue"] == []


def test_a_long_absence_is_caught_up_in_pieces(
    api: TestClient, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    match, seat, view = begin(api, pace="realtime", players=["human", "bot:random"], board="12x12")
    monkeypatch.setattr("lambdas.match_logic.BUDGET_SECONDS", -1.0)  # a turn a request
    clock.now_ms = view["starts_ms"] + 3 * 500
    url = f"/v1/matches/{match}"
    first = api.get(url).json()
    assert (first["turn"], first["due"]) == (1, 3)
    busy = api.post(url, json={"clear": True}, headers=seat)
    assert busy.status_code == 503
    assert busy.headers["retry-after"] == "1"
    assert api.get(url).json()["turn"] == 3
    assert api.post(url, json={"clear": True}, headers=seat).status_code == 200
    assert equals_its_record(services.matches.get(match))


def test_diffs_since_any_turn_add_up_to_the_view(api: TestClient) -> None:
    match, seat, view = begin(api, board="8x8", players=["human", "bot:expander"])
    known = {0: board(view)}
    url = f"/v1/matches/{match}"
    for _ in range(8):
        view = api.post(url, json={"plays": 4}, headers=seat).json()
        known[view["turn"]] = board(view)
        if view["state"] == "finished":
            break
    for turn, before in known.items():
        told = api.get(url, params={"since": turn}).json()
        assert not told["whole"]
        cells = np.array(told["cells"], int).reshape(-1, 3)
        patched = before.copy()
        patched[:, cells[:, 0]] = cells[:, 1:].T
        assert np.array_equal(patched, known[view["turn"]])


def test_no_answer_tells_what_the_seat_may_not_see(api: TestClient, services: Services) -> None:
    match, seat, view = begin(api, board="8x8", players=["human", "bot:hunter"])
    url = f"/v1/matches/{match}"
    for _ in range(6):
        for headers in (seat, {}):
            answer = api.get(url, headers=headers)
            stored = services.matches.get(match)
            assert np.array_equal(board(answer.json()), look_at(game_of(stored), 0))
            assert str(stored.setup.seed) not in answer.text
            assert stored.token_sha256 not in answer.text
        view = api.post(url, json={"plays": 5}, headers=seat).json()
        if view["state"] == "finished":
            break
        for what in ("record", "frames"):
            assert api.get(f"{url}/{what}").status_code == 404, "nothing but the view before the end"
    assert not {"seed", "token_sha256"} & set(view)


def test_only_the_seat_s_token_plays(api: TestClient, services: Services) -> None:
    match, seat, _ = begin(api)
    _, other, _ = begin(api)
    url = f"/v1/matches/{match}"
    assert api.post(url, json={"plays": 1}).status_code == 401
    assert api.post(url, json={"plays": 1}, headers=other).status_code == 403
    assert seat["Authorization"].split()[1] not in str(services.matches.items.get(match, "state")), "hashed at rest"


def test_surrender_ends_the_match_and_counts_once(api: TestClient, services: Services) -> None:
    match, seat, view = begin(api, name="anna", board="7x5")
    url = f"/v1/matches/{match}"
    over = api.post(url, json={"surrender": True}, headers=seat).json()
    assert (over["state"], over["winner"]) == ("finished", 1)
    assert api.post(url, json={"plays": 1}, headers=seat).status_code == 409
    for _ in range(3):
        assert api.get(url).json()["state"] == "finished"
    rating = services.ratings.get(view["ladder"], Player("human:anna"))
    assert (rating.games, rating.losses) == (1, 1)
    assert handed_record(services.connection, match) == services.matches.get(match).record
    listed = api.get("/v1/matches", params={"state": "finished", "limit": 100}).json()["matches"]
    assert match in [each["match"] for each in listed]
    shown = api.get(f"/v1/ladders/{view['ladder']}").json()["places"]
    assert [place["player"] for place in shown] == ["bot:random@0", "human:anna@0"]
    assert all(place["low"] < place["elo"] < place["high"] for place in shown)


def test_a_result_that_could_not_be_handed_in_is_handed_in_later(
    api: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    match, seat, view = begin(api)
    real = services.ratings.report
    monkeypatch.setattr(services.playing.ratings, "report", _refuse)
    url = f"/v1/matches/{match}"
    assert api.post(url, json={"surrender": True}, headers=seat).json()["state"] == "finished"
    assert not services.ratings.counted(view["ladder"], match)
    monkeypatch.setattr(services.playing.ratings, "report", real)
    assert services.matches.deliver_all(services.ratings) == 1
    assert services.ratings.counted(view["ladder"], match)
    assert services.matches.deliver_all(services.ratings) == 0


def test_a_match_that_cannot_be_handed_in_keeps_none_back(
    api: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    matches = [begin(api)[:2] for _ in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(services.playing.ratings, "report", _refuse)
        for match, seat in matches:
            api.post(f"/v1/matches/{match}", json={"surrender": True}, headers=seat)
    ids = [match for match, _ in matches]
    players = services.matches.get(ids[1]).setup.players
    services.ratings.report(
        [Outcome(ids[1], players, 0, 1, "generalsio-6x6", 1)]
    )  # somebody says that it went otherwise
    assert services.matches.deliver_all(services.ratings) == 2
    assert [services.matches.get(match).state for match in ids] == [FINISHED, ENDED, FINISHED]


def _refuse(outcomes: object) -> None:
    raise BusyError("the ladder is away")


def test_a_record_tells_the_whole_game(api: TestClient, services: Services) -> None:
    match, seat, _ = begin(api, board="6x6", players=["human", "bot:hunter"])
    url = f"/v1/matches/{match}"
    view: dict[str, Any] = {"state": "running"}
    while view["state"] == "running":
        view = api.post(url, json={"plays": 50}, headers=seat).json()
    assert view["winner"] == 1
    record = Record.from_json(api.get(f"{url}/record").content)
    assert record.winner == 1
    assert record.names == ("human:guest@0", "bot:hunter@0")
    assert equals_its_record(services.matches.get(match))
    told = api.get(f"{url}/frames").json()
    cells = np.array(told["cells"]).reshape(-1, 3)[:, 1:].T.copy()
    for turn, change in enumerate(told["changes"], 1):
        rows = np.array(change, int).reshape(-1, 3)
        cells[:, rows[:, 0]] = rows[:, 1:].T
        assert np.array_equal(cells, look_at(record.at(turn), None))
    assert told["land"][-1] == record.at(record.turns).land
    as_seat = api.get(f"{url}/frames", params={"seat": 0, "first": 10}).json()
    first = np.array(as_seat["cells"]).reshape(-1, 3)[:, 1:].T
    assert np.array_equal(first, look_at(record.at(10), 0))
    assert api.get(f"{url}/record", params={"form": "gior"}).status_code == 200


def test_bots_alone_are_watched_by_all(api: TestClient, services: Services, clock: Clock) -> None:
    match, seat, view = begin(api, players=["bot:hunter", "bot:random"], pace="realtime", speed=4)
    assert seat["Authorization"] == "Bearer "
    assert view["seat"] is None
    clock.now_ms += 30_000
    view = api.get(f"/v1/matches/{match}").json()
    assert np.array_equal(board(view), look_at(game_of(services.matches.get(match)), None))
    assert api.post(f"/v1/matches/{match}", json={"plays": 1}, headers={"Authorization": "Bearer x"}).status_code == 403


def test_more_than_two_players(api: TestClient, services: Services) -> None:
    match, seat, view = begin(api, players=["human", "bot:expander", "bot:hunter", "bot:random"], board="12x12")
    url = f"/v1/matches/{match}"
    api.post(url, json={"plays": 40}, headers=seat)
    api.post(url, json={"surrender": True}, headers=seat)
    view = api.post(url, json={"plays": 1}, headers=seat).json()
    assert view["players"][0]["status"] == "out"
    assert view["state"] == "running"
    assert equals_its_record(services.matches.get(match))


def test_a_match_that_nobody_wins_is_drawn() -> None:
    from lambdas.match_logic import rules_of

    assert rules_of("generalsio").turn_limit == TURN_LIMIT
    assert rules_of("competition").turn_limit == 1200


@given(st.from_regex(r"\d{1,3}x\d{1,3}", fullmatch=True))
def test_a_board_that_is_accepted_opens_a_ladder_that_can_be_asked_for(board: str) -> None:
    with suppress(InvalidError):
        map_of(board, 2)
        assert re.fullmatch(LADDER, ladder_of("generalsio", board))


def test_asking_too_often_is_refused(api: TestClient, writer: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.matches.MATCHES_PER_WINDOW", 3)
    api.app.state.services.limited = True  # type: ignore[attr-defined]
    body = {"players": ["human", "bot:random"], "board": "5x5"}
    answers = [api.post("/v1/matches", json=body).status_code for _ in range(5)]
    assert answers == [201, 201, 201, 429, 429]
    assert api.post("/v1/matches", json=body, headers=writer).status_code == 201


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ruleset": "generalsio18"}, 'ruleset "generalsio18" is unknown; known: classic, generalsio, competition'),
        ({"board": "4x90"}, 'board is "4x90"; accepted: site, competition, small, or HEIGHTxWIDTH'),
        ({"board": "moon"}, "HEIGHTxWIDTH with sides of 5 to 40"),
        ({"board": "²x5"}, "HEIGHTxWIDTH with sides of 5 to 40"),
        ({"board": "٥x٥"}, "HEIGHTxWIDTH with sides of 5 to 40"),
        ({"board": "05x05"}, "HEIGHTxWIDTH with sides of 5 to 40"),
        ({"board": "5x5\n"}, "HEIGHTxWIDTH with sides of 5 to 40"),
        ({"players": ["human", "policy:demo@٣"]}, "policy:NAME@VERSION with a whole number"),
        ({"players": ["human", "human"]}, "more than one human"),
        ({"players": ["human", "bot:deep"]}, 'player "bot:deep" is unknown'),
        ({"players": ["bot:hunter", "bot:random"]}, 'accepted: "realtime"'),
        ({"speed": 3.0}, "accepted: 0.25, 0.5, 1.0, 2.0, 4.0"),
        ({"ruleset": "competition", "players": ["human", "bot:random", "bot:random"]}, "2 seats"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(api: TestClient, change: dict[str, Any], words: str) -> None:
    body = {"players": ["human", "bot:random"], "board": "6x6", **change}
    answer = api.post("/v1/matches", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
