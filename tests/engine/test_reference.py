"""The engine is the reference, turn by turn: boards, winner, legal actions, and what every seat observes."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.boards import assert_same_board, assert_same_view, decode, random_actions, random_board
from tests.engine.reference import Reference

VERSIONS = [4, 5, 13, 15, 16, "competition"]
SEEDS = st.integers(0, 2**32)


def play_both(board, seed, turns, viewed=True):
    """Play a board with engine and reference for some turns of random actions and surrenders; they never differ."""
    rng = random.Random(seed)
    game, reference = board.game(), board.reference()

    def compare():
        assert_same_board(game, reference)
        for seat in reference.seats if viewed else ():
            assert_same_view(game, reference, seat)

    compare()
    for _ in range(turns):
        if board.version != "competition" and rng.random() < 0.06:
            seat = rng.randrange(board.seats)
            game.surrender(seat)
            reference.surrender(seat)
            compare()
        codes = random_actions(reference, rng)
        moves = [decode(code, reference) for code in codes]
        if not board.teams:  # else a mate's reinforcement may make a move of a general valid in time
            legal = [reference.legal(seat) for seat in reference.seats]
            wrong = [move is None or move[:2] not in legal[seat] for seat, move in enumerate(moves)]
            wrong = sum(wrong[seat] for seat in reference.seats if codes[seat] != 0)
            invalid = game.invalid + (wrong if reference.winner is None else 0)
        game.step_actions(np.array(codes, np.int32))
        reference.step(moves)
        compare()
        if not board.teams:
            assert game.invalid == invalid
    return reference


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=30)
@given(height=st.integers(1, 7), width=st.integers(2, 7), seats=st.integers(2, 8), seed=SEEDS)
def test_small_boards(version, height, width, seats, seed):
    seats = 2 if version == "competition" else min(seats, height * width)
    play_both(random_board(version, height, width, seats, seed), seed, turns=12)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=100)
@given(height=st.integers(2, 4), width=st.integers(2, 5), seats=st.integers(2, 4), seed=SEEDS)
def test_sieges(version, height, width, seats, seed):
    """Strong armies beside the generals: captures, trades, deathtouch and draws within the first turns."""
    seats = 2 if version == "competition" else min(seats, height * width)
    play_both(random_board(version, height, width, seats, seed, siege=1.0), seed, turns=3, viewed=False)


@settings(max_examples=5)
@given(height=st.integers(8, 40), width=st.integers(8, 40), seats=st.integers(2, 8), seed=SEEDS)
@pytest.mark.parametrize("version", [13, 16, "competition"])
def test_large_boards(version, height, width, seats, seed):
    play_both(random_board(version, height, width, 2 if version == "competition" else seats, seed), seed, turns=4)


def test_sixteen_seats():
    for seed in range(3):
        play_both(random_board(16, 9, 9, 16, seed), seed, turns=8)


def test_sieges_reach_the_rules_that_are_rare(monkeypatch):
    """Else the comparison would prove little."""
    seen = set()
    for rule in ("trade_generals", "take_general"):
        played = getattr(Reference, rule)

        def note(self, *arguments, rule=rule, played=played):
            seen.add(rule)
            return played(self, *arguments)

        monkeypatch.setattr(Reference, rule, note)
    for seed in range(100):
        play_both(random_board(16, 4, 4, 2, seed, siege=1.0), seed, turns=3, viewed=False)
        board = random_board("competition", 4, 4, 2, seed, siege=1.0)
        seen.add((board.turn >= 800, play_both(board, seed, turns=3, viewed=False).winner))
    ends = {(deathtouch, winner) for deathtouch in (False, True) for winner in (-1, 0, 1)}
    assert {"trade_generals", "take_general"} | ends <= seen
