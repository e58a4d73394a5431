"""Options do what they are said to do, and the seeker's are the seeker's."""

import numpy as np
import pytest
from tests.engine.ascii import read

from engine.actions import PASS, build_code, decode
from engine.batch import GameBatch
from engine.board import MAX_SEATS, WINNER
from engine.bots import choose_in_game, find_bot, scratch_words
from engine.bots.desk import BY_TABLES, GUESSING
from engine.bots.moves import ADVICE, ADVISERS, ask_advisers
from engine.bots.options import OPEN, settled
from engine.bots.sight import vector_start
from engine.bots.situation import assess
from engine.chance import FOR_PLAY, draw, make_key


def advised(game, adviser, seat=0):
    """The action that an adviser of a seat would play."""
    desk = np.zeros(scratch_words(game.height * game.width), np.int32)
    assert assess(game.row, seat, BY_TABLES, desk)
    ask_advisers(game.row, desk, 7)
    return int(desk[ADVICE + ADVISERS.index(adviser)])


def moved(text, option, version=16, turn=60):
    """The move (start, end, half) of seat 0's option on a board."""
    game = read(version, text, turn=turn).game()
    return decode(advised(game, option), game.height, game.width)


@pytest.mark.parametrize(
    ("option", "text", "move"),
    [
        pytest.param("expand", "A1 a9 b2 .\n^ ^ ^ B1", (1, 2, 0), id="takes what is at hand"),
        pytest.param("near", "A1 a9 a1 a1 .\n^ a2 ^ ^ B1", (1, 2, 0), id="largest army, over own land"),
        pytest.param("spread", "A1 a9 a1 a1 a1 .\n^ a4 a1 . ^ B1", (6 + 1, 6 + 2, 0), id="not the front"),
        pytest.param("raid", "A1 a9 . ^\n^ ^ b1 ^\n. . . B1", (1, 2, 0), id="to the nearest enemy tile"),
        pytest.param("back", "A1 a1 a1 a9 b2 B9", (3, 2, 0), id="home"),
        pytest.param("home", "A1 a1 a4 a1 . B1", (2, 1, 0), id="gathers on the general"),
        pytest.param("city", "A1 a50 #40 .\n^ ^ ^ B1", (1, 2, 0), id="takes a city it can pay"),
        pytest.param("city", "A30 a20 #40 .\n^ ^ ^ B1", (0, 1, 0), id="gathers beside a city"),
        pytest.param("march", "A1 a9 a1 b1 B1", (1, 2, 0), id="to a general that was seen"),
        pytest.param(
            "search", "A1 a30 a1 b1 B1\n. a4 a1 a1 a1", (5 + 1, 5 + 2, 0), id="not the front, but who would arrive"
        ),
        pytest.param("search", "A1 a30 a1 b1 B1\na9 a8 a1 a1 a1", (5 + 1, 5 + 2, 0), id="the smaller and nearer one"),
        pytest.param("meet", "A3 a1 a1 a1 b9 B9\n^ ^ a30 ^ ^ ^", (6 + 2, 2, 0), id="the largest enemy army"),
    ],
)
def test_an_option_moves(option, text, move):
    assert moved(text, option) == move


def test_gathering_until_a_turn_of_the_cycle_takes_what_so_many_moves_can():
    line = "A1 a2 a3 a9 B1"
    assert moved(line, "gather 28", turn=77) == (2, 3, 0)  # one move: the 3 beside the front, the 9
    assert moved(line, "gather 28", turn=76) == (1, 2, 0)  # two: the 2 first
    assert moved(line, "gather 28", turn=78) == (1, 2, 0)  # until the next cycle's
    assert moved(line, "gather 50", turn=99) == (2, 3, 0)
    assert moved(line, "gather 50", turn=78) == (1, 2, 0)


def test_a_castle_is_built_or_gathered_for():
    game = read("competition", "A1 a1 a90 a1 . B1", turn=60).game()
    assert advised(game, "castle") == build_code(2, 6)
    game = read("competition", "A1 a20 a30 a1 . B1", turn=60).game()
    start, end, _ = decode(advised(game, "castle"), 1, 6)
    assert (start, end) == (1, 2)


def test_an_option_may_have_no_move():
    game = read(16, "A1 a30 a1 b1 B1\n. a2 . . .", turn=60).game()
    assert advised(game, "search") == PASS  # nobody but the front would arrive
    game = read(16, "A1 a9 . b1\n^ ^ . ^\n. . . B1", turn=60).game()
    assert advised(game, "raid") == PASS  # no enemy tile is in sight


def test_the_seeker_marches_where_nothing_is_to_be_gathered():
    game = read(16, "A1 a1 a5 .\n. . . B1", turn=60).game()
    assert advised(game, "gather 28") == PASS
    assert advised(game, "seeker") == advised(game, "march") != PASS


@pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
def test_the_seekers_options_are_what_the_seeker_plays(ruleset, board):
    batch = GameBatch(ruleset, 6, 5, board=board, autoreset="off")
    batch.reset()
    words = scratch_words(batch.tiles)
    desk = np.zeros(words, np.int32)
    alike = compared = 0
    for _ in range(330):
        actions = batch.bot_actions(["seeker", "hunter"])
        for g in np.flatnonzero(batch.rows[:, WINNER] == -2):
            row = batch.rows[g]
            assess(row, 0, BY_TABLES, desk)
            stream = make_key(batch.seed, int(g), 0, FOR_PLAY)
            key = draw(stream, int(row[vector_start(row, 0)]) * MAX_SEATS)
            mine = settled(row, desk, key)
            if mine == OPEN:
                ask_advisers(row, desk, key)
                mine = desk[ADVICE]
            alike += int(mine == actions[g, 0])
            compared += 1
            assert desk[GUESSING] == BY_TABLES
        batch.step(actions)
    assert compared > 1000
    assert alike / compared > 0.9  # it reckons what a march costs otherwise, and falls back in another order


def test_the_strategist_takes_a_general_before_all_options():
    game = read(16, "A1 a1 .\n. . a9\n. . B7", turn=60).game()
    action = choose_in_game(game.row, 0, 0, find_bot("strategist"), 3, np.zeros(scratch_words(9), np.int32))
    assert decode(int(action), 3, 3) == (5, 8, 0)
