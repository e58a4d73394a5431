"""Maps, games and actions that cannot be are refused: the message names the thing, its value and what is accepted."""

import numpy as np
import pytest
from tests.engine.ascii import read

from engine import Game, Layout
from engine.actions import INVALID, as_codes, build_code, decode, encode, expand_mask, move_code, recode
from engine.rulesets import RULESETS, find_ruleset, replay_ruleset
from engine.tiles import CITY, GENERAL, MOUNTAIN, OBSTACLE, PLAIN


def layout(**changes):
    parts = {
        "kinds": np.array([[GENERAL, PLAIN, MOUNTAIN], [CITY, PLAIN, GENERAL]], np.uint8),
        "armies": np.array([[1, 0, 0], [40, 5, 1]], np.int32),
        "owners": np.array([[0, -1, -1], [-1, 1, 1]], np.int8),
        "generals": (0, 5),
    }
    return Layout(**(parts | changes))


def changed(array, tile, value):
    array = array.copy()
    array.flat[tile] = value
    return array


class TestLayout:
    def test_a_map_says_its_size(self):
        assert (layout().height, layout().width, layout().seats) == (2, 3, 2)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"kinds": np.zeros(6, np.uint8)}, r"map has shape \(6,\); accepted: \(H, W\) with 1 to 65535 tiles"),
            ({"kinds": np.zeros((0, 3), np.uint8)}, r"map has shape \(0, 3\)"),
            ({"kinds": np.zeros((256, 256), np.uint8)}, r"map has shape \(256, 256\)"),
            ({"armies": np.zeros((3, 2), np.int32)}, r"armies \(3, 2\) and owners \(2, 3\) differ .* \(2, 3\)"),
            ({"owners": np.zeros((2, 2), np.int8)}, r"owners \(2, 2\) differ from the map's \(2, 3\)"),
            ({"kinds": changed(layout().kinds, 1, OBSTACLE)}, "kind of tile 8 is unknown; accepted: 0 to 7"),
            ({"generals": ()}, "map has 0 generals; accepted: 1 to 16"),
            ({"generals": (0, 5) + (-1,) * 15}, "map has 17 generals"),
            ({"teams": (1, 2, 3)}, "3 teams are named for 2 seats; accepted: one a seat, or none"),
            ({"teams": (1, -1)}, r"teams are \[1, -1\]; accepted: numbers from 0 to 2147483647"),
            ({"teams": (1, 2**31)}, r"teams are \[1, 2147483648\]"),
            ({"generals": (1, 5)}, "general of seat 0 is at tile 1, which is no general's tile"),
            ({"generals": (0, 6)}, "general of seat 1 is at tile 6, which is no general's tile"),
            ({"generals": (-2, 5)}, "general of seat 0 is at tile -2"),
            ({"generals": (5, 5)}, "general of seat 0 is at tile 5, which seat 1 owns"),
            ({"generals": (0, -1)}, "tile 5 is a general's, but no seat's general is there"),
            ({"owners": changed(layout().owners, 1, 2)}, "owners reach from -1 to 2; accepted: -1 to 1"),
            ({"owners": changed(layout().owners, 1, -2)}, "owners reach from -2 to 1"),
            ({"owners": changed(layout().owners, 2, 1)}, "tile 2 cannot be entered but has an owner"),
            (
                {"armies": changed(layout().armies, 4, -3)},
                "armies reach down to -3; accepted: 0 and more on tiles with",
            ),
            ({"armies": np.full((2, 3), 10**8, np.int32)}, "armies add up to 600000000; accepted: at most 536870911"),
        ],
    )
    def test_what_cannot_be_is_refused(self, changes, message):
        with pytest.raises(ValueError, match=message):
            layout(**changes)

    def test_neutral_tiles_may_hold_less_than_nothing(self):
        game = Game("generalsio", layout(armies=changed(layout().armies, 3, -40000)))
        assert game.observe(0).army.tolist() == [[1, 0, 0], [-32767, 5, 0]]
        assert np.isfinite(game.observe(0).planes()).all()
        game = Game("generalsio", layout(armies=np.array([[3, 0, 0], [-4, 5, 1]], np.int32)))
        game.step([(0, 3, 0), None])
        assert game.armies.tolist() == [[1, 0, 0], [6, 5, 1]]


class TestTiles:
    def test_numbers_stand_for_tiles(self):
        made = Layout.from_tiles([[-2, 0, 1], [45, 2, 10]])
        assert made.kinds.tolist() == [[MOUNTAIN, PLAIN, GENERAL], [CITY, GENERAL, CITY]]
        assert made.armies.tolist() == [[0, 0, 1], [45, 1, 10]]
        assert made.owners.tolist() == [[-1, -1, 0], [-1, 1, -1]]
        assert made.generals == (2, 4)

    @pytest.mark.parametrize(
        ("tiles", "message"),
        [
            ([1, 2], r"tiles have shape \(2,\)"),
            ([[1.0, 2.0]], r"tiles have shape \(1, 2\) and type float64; accepted: \(H, W\) integers"),
            ([["1", "2"]], "accepted: .* integers"),
            ([[]], r"tiles have shape \(1, 0\)"),
            ([[1, -1, 2]], "tile value -1 is unknown; accepted: -2, 0, 1 to P, 10 and more"),
            ([[1, -3, 2]], "tile value -3 is unknown"),
            ([[0, -2]], "map has 0 generals"),
            ([[1, 3]], "general 2 stands on 0 tiles; accepted: exactly one"),
            ([[1, 2, 2]], "general 2 stands on 2 tiles"),
            ([[1, 3_000_000_000, 2]], "a city has 3000000000 armies; accepted: 10 to 536870911"),
            ([[1, 300_000_000, 300_000_000, 2]], "armies add up to 600000002"),
        ],
    )
    def test_what_cannot_be_is_refused(self, tiles, message):
        with pytest.raises(ValueError, match=message):
            Layout.from_tiles(tiles)

    def test_teams_are_one_a_seat(self):
        assert Layout.from_tiles([[1, 2, 3]], [4, 4, 0]).teams == (4, 4, 0)
        with pytest.raises(ValueError, match="2 teams are named for 3 seats"):
            Layout.from_tiles([[1, 2, 3]], [0, 1])


class TestGame:
    def game(self, ruleset="generalsio", **options):
        return Game.from_tiles(ruleset, [[1, 0, 0], [0, 0, 2]], **options)

    @pytest.mark.parametrize("turn", [-1, 10**9 + 1])
    def test_turns_have_limits(self, turn):
        with pytest.raises(ValueError, match=f"turn is {turn}; accepted: 0 to 1000000000"):
            self.game(turn=turn)

    def test_rulesets_go_by_name(self):
        assert find_ruleset("classic") is RULESETS["classic"]
        assert find_ruleset(RULESETS["classic"]) is RULESETS["classic"]
        with pytest.raises(ValueError, match='"generalsio18" is unknown; known: classic, generalsio, competition'):
            self.game("generalsio18")
        with pytest.raises(TypeError, match="no_such_option"):
            RULESETS["classic"].vary(no_such_option=1)

    def test_replay_versions_differ_where_the_rules_say(self):
        assert [replay_ruleset(v).move_order.name for v in (3, 4, 5, 14, 15, 18)] == [
            *("INDEX", "INDEX", "ALTERNATE", "ALTERNATE", "PRIORITY", "PRIORITY")
        ]
        assert [replay_ruleset(v).city_regrowth for v in (3, 5, 6, 15)] == [True, True, False, False]
        assert [replay_ruleset(v).general_trade for v in (3, 15, 16, 18)] == [False, False, True, True]

    @pytest.mark.parametrize(
        "move",
        [
            *[(0, 6, 0), (0, -1, 0), (-1, 0, 0), (6, 5, 0)],  # off the board
            *[(0, 2, 0), (0, 4, 0), (2, 3, 0), (3, 2, 0)],  # not next to each other
            *[(5, 4, 0), (0, 1, 0)],  # of the enemy's tile, of a single army
            *[("build", 0), ("build", 99), ("build", -1)],  # not in this ruleset
        ],
    )
    def test_a_move_that_cannot_be_is_a_pass_and_counts(self, move):
        game = self.game()
        before = game.armies
        game.step([move, None])
        assert (game.turn, game.invalid) == (1, 1)
        np.testing.assert_array_equal(game.armies, before)

    def test_a_move_that_an_earlier_one_of_the_turn_undid_does_not_count(self):
        game = read(13, "A1 a9 b9 B1").game()
        game.step([(1, 2, 0), (2, 1, 0)])
        assert (game.armies.tolist(), game.invalid) == ([[1, 1, 1, 1]], 0)
        game.step([(1, 2, 0), (2, 1, 0)])
        assert game.invalid == 2

    @pytest.mark.parametrize("move", [5, "up", (1, 2), (1, 2, 3, 4), ("build", "here"), ("a", "b", "c"), object()])
    def test_what_is_no_move_at_all_is_refused(self, move):
        game = self.game()
        with pytest.raises(
            ValueError, match=r'is not understood; accepted: None, \(start, end, half\), \("build", tile\)'
        ):
            game.step([None, move])
        assert game.turn == 0

    def test_there_is_one_move_a_seat(self):
        with pytest.raises(ValueError, match="3 moves are given; accepted: one for each of 2 seats"):
            self.game().step([None] * 3)

    @pytest.mark.parametrize("actions", [[0], [[0, 0]], 0, [0.0, 0.0], ["a", "b"]])
    def test_action_codes_are_one_integer_a_seat(self, actions):
        with pytest.raises(ValueError, match=r"actions are .*; accepted: integers of shape \(2,\)"):
            self.game().step_actions(actions)

    def test_codes_that_int32_cannot_hold_are_invalid_not_others(self):
        game = self.game()
        game.step_actions(np.array([2**32 + 1, -(2**40)]))
        assert (game.turn, game.invalid) == (1, 2)

    @pytest.mark.parametrize("seat", [-1, 2])
    def test_seats_are_those_of_the_map(self, seat):
        game = self.game()
        for action in (game.observe, game.surrender):
            with pytest.raises(ValueError, match=f"seat is {seat}; accepted: 0 to 1"):
                action(seat)

    def test_without_observations_there_is_nothing_to_observe(self):
        game = self.game(observed=False)
        game.step([None, None])
        with pytest.raises(ValueError, match="observed=False"):
            game.observe(0)

    def test_what_a_game_hands_out_is_not_its_memory(self):
        game = self.game()
        for array in (game.armies, game.owners, game.kinds, game.observe(0).flags, game.observe(0).vector):
            array[...] = 77
        assert game.armies.tolist() == [[1, 0, 0], [0, 0, 1]]
        assert game.owners.tolist() == [[0, -1, -1], [-1, -1, 1]]
        assert game.observe(0).vector[0] == 0

    def test_a_copy_goes_its_own_way(self):
        game = self.game()
        twin = game.copy()
        twin.step([None, None])
        assert (game.turn, twin.turn) == (0, 1)
        assert (game.armies.sum(), twin.armies.sum()) == (2, 2)


class TestActions:
    def test_every_code_says_what_it_is_and_back(self):
        height, width = 3, 4
        for code in range(1 + 9 * height * width):
            move = decode(code, height, width)
            # A code that leads off the board reads as a move that no code is for, or wraps to none.
            assert encode(move, height, width) in (code, INVALID)
        assert encode(None, height, width) == 0
        assert encode((5, 1, 0), height, width) == move_code(5, 0, False) == 41
        assert encode((5, 9, True), height, width) == move_code(5, 1, True) == 44
        assert encode((5, 4, 0), height, width) == move_code(5, 2, False) == 45
        assert encode((5, 6, 0), height, width) == move_code(5, 3, False) == 47
        assert encode(("build", 7), height, width) == build_code(7, 12) == 104

    def test_a_code_on_another_board_with_the_same_corner(self):
        small, large = (3, 4), (5, 7)
        for code in range(1 + 9 * 12):
            if encode(decode(code, *small), *small) == code:  # else it leads off the board
                assert recode(recode(code, small, large), large, small) == code
        move = decode(recode(move_code(6, 3, True), small, large), *large)
        assert move == (1 * 7 + 2, 1 * 7 + 3, 1)
        assert recode(move_code(4, 0, False), large, small) == INVALID  # column 4 of 4
        assert recode(build_code(3 * 7, 35), large, small) == INVALID  # row 3 of 3

    @pytest.mark.parametrize("code", [-1, 109, 10**9])
    def test_a_code_of_nothing_is_refused(self, code):
        with pytest.raises(ValueError, match=f"action is {code}; accepted: 0 to 108"):
            decode(code, 3, 4)

    def test_codes_become_int32(self):
        codes = as_codes(np.array([[0, 2**31, -(2**31) - 1, 2**31 - 1]], np.int64), (1, 4))
        assert codes.dtype == np.int32
        assert codes.tolist() == [[0, -1, -1, 2**31 - 1]]
        assert as_codes(np.array([3, 2**32 - 1], np.uint32), (2,)).tolist() == [3, -1]
        assert as_codes(np.array([3, 255], np.uint8), (2,)).tolist() == [3, 255]

    def test_a_mask_is_one_bool_an_action(self):
        mask = np.array([0b00010, 0b11001], np.uint8)
        plain = expand_mask(mask, castles=False)
        moves = [move_code(tile, way, half) for tile, way in ((0, 1), (1, 0), (1, 3)) for half in (False, True)]
        assert np.flatnonzero(plain).tolist() == [0, *moves]
        castles = expand_mask(mask, castles=True)
        assert castles.shape == (1 + 9 * 2,)
        assert np.flatnonzero(castles).tolist() == [0, *moves, build_code(1, 2)]
