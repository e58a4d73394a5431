"""The competition's protocol: what is read of it is what the engine shows, whatever comes between."""

import os

import numpy as np
import pytest
from tests.actors.competition_referee import frame, handshake, map_size

from actors.competition import answer_of
from actors.competition_wire import Frames, Handshake, Lines, numbers_in, read_handshake
from actors.foreign_view import ForeignView
from engine.actions import build_code, move_code
from engine.batch import GameBatch
from engine.compile import OneThread
from engine.rulesets import RULESETS


class Pipe:
    def __init__(self):
        self.read, self.write = os.pipe()
        self.lines = Lines(self.read)

    def put(self, *lines):
        os.write(self.write, "".join(f"{line}\n" for line in lines).encode())

    def end(self):
        os.close(self.write)


@pytest.fixture
def pipe():
    return Pipe()


@pytest.fixture(scope="module")
def turns():
    """Frames of one seat of one game: (handshake, [(lines, words, vector)])."""
    batch = GameBatch("competition", 1, 3, board="competition", autoreset="off")
    batch.reset()
    kept = []
    with OneThread():
        for _ in range(300):
            kept.append((frame(batch, 1), batch.view.view[0, 1].copy(), batch.view.vector[0, 1].copy()))
            if batch.step(batch.bot_actions("hunter"))[2][0]:
                break
    return handshake(batch, 1), map_size(batch), kept


def begin(pipe, turns):
    greeting, size, kept = turns
    pipe.put(greeting)
    frames = Frames(pipe.lines, read_handshake(pipe.lines))
    return frames, ForeignView(RULESETS["competition"], 1, 2, *size, (24, 24)), kept


def test_a_game_is_read_as_the_engine_shows_it(pipe, turns):
    frames, view, kept = begin(pipe, turns)
    assert len(kept) > 100
    for lines, words, vector in kept:
        pipe.put(*lines)
        view.show(frames.next())
        assert np.array_equal(view.words, words)
        assert np.array_equal(view.vector, vector)


DAMAGE = {
    "nothing": lambda lines: lines,
    "garbage before the header": lambda lines: ["what?", "\x00\xff", *lines],
    "garbage between rows": lambda lines: [*lines[:7], "x y z", "", *lines[7:]],
    "garbage after a row of each grid": lambda lines: [
        *lines[:3],
        "?",
        *lines[3:25],
        "?",
        *lines[25:50],
        "?",
        *lines[50:],
    ],
    "a line of too many numbers": lambda lines: [*lines[:9], "1 " * 500, *lines[9:]],
    "a header cut short before it": lambda lines: ["5 1", *lines],
    "carriage returns": lambda lines: [line + "\r" for line in lines],
    "blank lines": lambda lines: [part for line in lines for part in (line, "")],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_lines_that_do_not_belong_cost_nothing(pipe, turns, damage):
    frames, view, kept = begin(pipe, turns)
    *_, words, vector = kept[-1]
    for lines, _, _ in [*kept[:3], kept[-1]]:
        pipe.put(*DAMAGE[damage](lines))
        view.show(frames.next())
    assert np.array_equal(view.vector, vector)
    assert np.array_equal(view.words & 7, words & 7)  # what is in sight, and whose: memory skipped some turns


@pytest.mark.parametrize("place", [1, 2, 30, -1])
def test_a_damaged_row_is_taken_from_the_turn_before(pipe, turns, place):
    frames, _, kept = begin(pipe, turns)
    pipe.put(*kept[0][0])
    before = frames.next()
    lines = list(kept[1][0])
    lines[place] = lines[place][:5] + " oops"
    pipe.put(*lines)
    after = frames.next()
    assert after.turn == 1
    assert np.array_equal(after.kinds, before.kinds)
    pipe.put(*kept[2][0])
    assert frames.next().turn == 2


def test_a_damaged_header_is_made_up(pipe, turns):
    frames, view, kept = begin(pipe, turns)
    pipe.put(*kept[0][0])
    frames.next()
    pipe.put("1 2 3 4", *kept[1][0][1:])
    seen = frames.next()
    assert seen.turn == 1
    view.show(seen)
    assert np.array_equal(view.words, kept[1][1])


def test_a_turn_cut_short_gives_way_to_the_next(pipe, turns):
    frames, _, kept = begin(pipe, turns)
    pipe.put(*kept[0][0][:20], *kept[1][0])
    assert frames.next().turn == 1


@pytest.mark.parametrize("cut", [0, 1, 17, 40])
def test_the_end_of_input_ends_the_game(pipe, turns, cut):
    frames, _, kept = begin(pipe, turns)
    pipe.put(*kept[0][0][:cut])
    pipe.end()
    with pytest.raises(EOFError):
        frames.next()


@pytest.mark.parametrize("greeting", ["", "hello", "0 18", "2 18 18", "0 0 18", "0 18 1000000", "0 18 18 18"])
def test_a_handshake_that_is_none_is_passed_over(pipe, greeting):
    pipe.put(greeting, "0 18 19")
    assert read_handshake(pipe.lines) == Handshake(0, 18, 19)


def test_numbers_are_kept_within_bounds():
    assert numbers_in(b"1 99999999999999 -99999999999999") == [1, 1 << 29, -(1 << 29)]
    assert numbers_in(b"9" * 5000) is None
    assert numbers_in(b"1 2 3.5") is None
    assert numbers_in(b"  ") is None


def test_odd_types_and_owners_are_fog(pipe):
    pipe.put("0 2 3", "7 1 1 1 1", "9 -4 1", "1 1 1", "7 7 1", "1 1 9", "5 5 5", "5 5 5")
    seen = Frames(pipe.lines, read_handshake(pipe.lines)).next()
    assert seen.visible.tolist() == [[False, False, True], [True, True, True]]
    assert seen.owners.tolist() == [[-1, -1, 0], [0, 0, -1]]
    assert seen.armies.tolist() == [[0, 0, 5], [5, 5, 5]]


def test_answers_name_places_of_the_map():
    tile = 3 * 24 + 20
    assert answer_of(0, 24, 24) == "1 0 0 0 0"
    assert answer_of(move_code(tile, 2, True), 24, 24) == "0 3 20 2 1"
    assert answer_of(build_code(tile, 576), 24, 24) == "2 3 20 0 0"
