"""The scout on the page: it guesses as torch does, on boards cut to their maps, and keeps its notes in the match."""

import secrets
import time
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.lambdas.conftest import Clock
from tests.lambdas.playing import begin, equals_its_record
from tests.learner.recorded_games import played

from engine.bots import scratch_words
from engine.bots.told import NEVER, guess
from engine.record import Record
from lambdas.http import Services
from lambdas.scout_mind import NETWORK, load_scout
from learner import scout as torch_scout
from learner import scouting
from learner.recorded import recorded_game
from learner.scout_onnx import TOLERANCE, largest_difference


@pytest.fixture(scope="module")
def recorded() -> Record:
    record: Record = played(3, 150)[0]
    assert (record.layout.height, record.layout.width) != (24, 24)
    return record


@pytest.fixture(scope="module")
def lessons(recorded: Record) -> scouting.Lessons:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scouting, "EVERY", 3)
        found = scouting.collect_recorded([recorded_game(recorded)])
    assert len(found.truth) > 30
    return found


def test_the_network_on_the_page_is_the_one_in_the_box(lessons: scouting.Lessons) -> None:
    network = torch_scout.load_scout()
    assert largest_difference(network, NETWORK.read_bytes(), lessons) <= TOLERANCE
    assert largest_difference(torch_scout.Scout().eval(), NETWORK.read_bytes(), lessons) > 20 * TOLERANCE


def test_a_match_s_board_is_read_as_in_training(recorded: Record, lessons: scouting.Lessons) -> None:
    height, width = recorded.layout.height, recorded.layout.width
    mind, network = load_scout(), torch_scout.load_scout()
    for i in range(len(lessons.truth)):
        turn, seat = int(lessons.vector[i, 0]), 1 - recorded.layout.generals.index(_narrow(lessons.truth[i], width))
        game = recorded.at(turn)
        points = np.zeros(height * width, np.int32)
        assert guess(game.row, seat, np.zeros(scratch_words(height * width), np.int32), points)
        cut = [field[i : i + 1, :height, :width] for field in (lessons.words, lessons.first, lessons.last)]
        assert np.array_equal(points.reshape(height, width), lessons.points[i, :height, :width])
        told = mind._guess(cut[0], lessons.vector[i : i + 1], *cut[1:], points.reshape(1, height, width))
        expected = torch_scout.told_points(network, lessons.positions(np.array([i]))[0]).reshape(24, 24)
        assert np.abs(told.reshape(height, width) - expected[:height, :width]).max() <= TOLERANCE
        assert (told > NEVER).any()


def test_it_remembers_where_it_saw_enemies(recorded: Record, lessons: scouting.Lessons) -> None:
    height, width = recorded.layout.height, recorded.layout.width
    memories: list[Any] = [None, None]
    seen: dict[tuple[int, int], Any] = {}
    for turn in range(recorded.turns):
        game = recorded.at(turn)
        for seat in range(2):
            _, memories[seat] = load_scout().act(game, seat, 1, memories[seat])
            assert memories[seat].dtype == np.float32
            seen[turn, seat] = memories[seat]
    for i in range(len(lessons.truth)):
        seat = 1 - recorded.layout.generals.index(_narrow(lessons.truth[i], width))
        first, last = seen[int(lessons.vector[i, 0]), seat]
        assert np.array_equal(first, lessons.first[i, :height, :width])
        assert np.array_equal(last, lessons.last[i, :height, :width])


def _narrow(tile: int, width: int) -> int:
    """A tile of the training's board as one of the map."""
    return int(tile) // 24 * width + int(tile) % 24


def test_a_match_against_it_is_played_to_its_end(
    api: TestClient, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "randbits", lambda bits: 7)  # the match's seed
    match, _, _ = begin(api, players=["bot:scout", "bot:expander"], pace="realtime", speed=4, board="site")
    for _ in range(300):
        clock.now_ms += 1_000
        if api.get(f"/v1/matches/{match}").json()["state"] == "finished":
            break
    found = services.matches.get(match)
    assert found.record.winner == 0
    assert equals_its_record(found)


def test_it_is_offered(api: TestClient) -> None:
    assert "bot:scout" in [each["player"] for each in api.get("/v1/options").json()["opponents"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"players": ["human", "bot:scout", "bot:random"], "board": "12x12"}, "bot:scout@0 plays games of 2"),
        ({"players": ["human", "bot:scout"], "board": "24x25"}, "bot:scout@0 does not play on 24x25; accepted: boards"),
    ],
)
def test_what_it_cannot_play_is_refused(api: TestClient, change: dict[str, Any], words: str) -> None:
    answer = api.post("/v1/matches", json=change)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_move_takes_little_time(recorded: Record) -> None:
    game = recorded.at(100)
    mind = load_scout()
    _, memory = mind.act(game, 0, 1, None)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        mind.act(game, 0, 1, memory)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.1
