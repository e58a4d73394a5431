"""Which moves a seat may choose among, and what is told of them."""

import numpy as np
import pytest
from tests.engine.ascii import read

from engine.actions import PASS, build_code, expand_mask, move_code
from engine.batch import GameBatch
from engine.bots import scratch_words
from engine.bots.desk import BY_TABLES, FIND, PLACES, map_at
from engine.bots.moves import ADVICE, ADVISERS, FEATURE, FEATURES, YES, ask_advisers, describe, list_moves, listed
from engine.bots.situation import CHANCES, assess, doublings

ARMY = 1 + len(ADVISERS)  # of a move's features the first behind the advice
WAYS, END, BEYOND = ARMY + 6, ARMY + 18, ARMY + 37
RIGHT = 3


def sit_down(game, seat=0):
    """A seat's desk, its advisers asked."""
    desk = np.zeros(scratch_words(game.height * game.width), np.int32)
    assert assess(game.row, seat, BY_TABLES, desk)
    ask_advisers(game.row, desk, 0)
    return desk


def moves_of(desk):
    return [int(desk[listed(desk, k)]) for k in range(list_moves(desk))]


def features_of(desk, action):
    describe(desk, action)
    return desk[FEATURE : FEATURE + FEATURES].tolist()


def test_all_legal_moves_of_whole_armies_are_listed_and_passing():
    game = read(16, "A3 a1 . .\n^ a4 b9 B1", turn=60).game()
    desk = sit_down(game)
    moves = [move_code(0, RIGHT, 0), *(move_code(5, direction, 0) for direction in (0, 3))]
    assert moves_of(desk) == [PASS, *moves]
    legal = np.flatnonzero(expand_mask(game.observe(0).mask.reshape(-1), castles=False))
    assert set(moves_of(desk)) == {int(code) for code in legal if code == PASS or (code - 1) % 2 == 0}


def test_a_castle_that_can_be_built_is_a_move():
    game = read("competition", "A1 a1 a90 a1 . B1", turn=60).game()
    desk = sit_down(game)
    castle = build_code(2, 6)
    assert moves_of(desk)[-1] == castle
    described = features_of(desk, castle)
    assert described[1 + ADVISERS.index("castle")] == YES
    assert described[ARMY:] == [0] * (FEATURES - ARMY)


def test_it_is_told_who_advises_a_move():
    game = read(16, "A1 a9 a1 b1 B1", turn=60).game()
    desk = sit_down(game)
    march = move_code(1, RIGHT, 0)
    advised = {name for k, name in enumerate(ADVISERS) if features_of(desk, march)[1 + k] == YES}
    assert {"seeker", "march"} <= advised
    assert "back" not in advised
    assert desk[ADVICE] == march
    passing = features_of(desk, PASS)
    assert passing[0] == YES
    assert not any(passing[1:])


def test_what_is_told_of_an_army_and_where_it_goes():
    game = read(16, "A3 a9 b4 B1\n. . . .", turn=60).game()
    desk = sit_down(game)
    strike = features_of(desk, move_code(1, RIGHT, 0))
    assert strike[ARMY : ARMY + 6] == [doublings(9), 9, 0, YES, YES, 0]  # armies, not home, at the front, the largest
    assert strike[WAYS] == 1  # from home
    assert strike[WAYS + 1] == 2  # from the enemy's general
    assert strike[WAYS + 6 : WAYS + 8] == [YES, -YES]  # away from home, nearer to the goal
    assert strike[END : END + 4] == [0, YES, 0, 0]  # an enemy's tile
    assert strike[END + 9] == doublings(4)
    assert strike[END + 10 : END + 12] == [9 - 1 - 4, YES]  # left there
    assert strike[END + 18] == YES  # the largest enemy army
    assert strike[BEYOND] == 2 * YES // 4  # foreign tiles around it: the general's and the one below
    home = features_of(desk, move_code(1, 2, 0))
    assert home[END : END + 4] == [YES, 0, 0, 0]
    assert home[END + 10] == 9 - 1 + 3
    assert home[END + 14] == doublings(4)  # whom it leaves standing beside the tile
    assert home[-9] == YES  # it goes home
    assert strike[-5:-3] == [9 - 1 - 4 - 1 - 1, 0]  # would arrive on the general; by no other way more
    assert home[-5:-3] == [9 + 2 + 8 - 5 - 2, 2 * (2 + 8)]  # by way of home with what stands there
    assert strike[-3:] == [doublings(CHANCES), 64, doublings(CHANCES)]  # it sees all that is left to be seen
    known = features_of(sit_down(read(16, "A3 a9 B1 .", turn=60).game()), move_code(1, RIGHT, 0))
    assert known[-3:] == [0, 0, 0]  # nothing is left to be found


def test_what_is_told_of_how_probably_a_move_finds_the_general():
    game = read(16, "A5 a4 a1 a7 . . .\n^ ^ ^ ^ ^ . B30", turn=60).game()  # it may be where the last two columns are
    desk = sit_down(game)
    onward, back = (features_of(desk, move_code(3, direction, 0))[-3:] for direction in (RIGHT, 2))
    find = desk[map_at(desk, FIND) : map_at(desk, FIND) + desk[PLACES]].reshape(-1, 8)[1:-1, :7]
    assert find[0].tolist() == [0, 0, 0, 0, find[0, 4], CHANCES, CHANCES]
    assert 0 < find[0, 4] < CHANCES
    assert onward == [doublings(find[0, 4]), find[0, 4] // 8, doublings(CHANCES)]
    assert back == [0, 0, 0]


@pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
def test_features_are_small_enough_to_be_kept_in_bytes(ruleset, board):
    batch = GameBatch(ruleset, 4, 9, board=board, autoreset="same")
    batch.reset()
    most, told = np.zeros(FEATURES, np.int64), 0
    for turn in range(300):
        if turn % 11 == 0:
            for g in range(4):
                desk = sit_down(batch.game(g), turn % 2)
                for action in moves_of(desk):
                    most = np.maximum(most, np.abs(features_of(desk, action)))
                    told += 1
        batch.step(batch.bot_actions("hunter"))
    assert told > 1000
    assert most.max() <= 127
    assert (most > 0).sum() > 45
