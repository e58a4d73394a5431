"""The site's rules, one by one, with the board before and after. Engine and reference play each."""

import pytest
from tests.engine.ascii import lines, read, show

ORDERS = [4, 5, 13, 15, 16]  # a replay version for every set of rules


@pytest.fixture(params=["engine", "reference"])
def start(request):
    """Start a game on a text: start(version, text, turn=0, teams=[])."""

    def make(version, text, **options):
        board = read(version, text, **options)
        return board.game() if request.param == "engine" else board.reference()

    return make


def full(start, end):
    return (start, end, 0)


def half(start, end):
    return (start, end, 1)


class TestGrowth:
    def test_generals_and_owned_cities_grow_on_even_turns(self, start):
        game = start(16, "A1 a#5 a2 #40 . B1")
        game.step([None, None])
        assert (game.turn, show(game)) == (1, lines("A1 a#5 a2 #40 . B1"))
        game.step([None, None])
        assert (game.turn, show(game)) == (2, lines("A2 a#6 a2 #40 . B2"))

    def test_all_land_but_deserts_grows_every_50_turns(self, start):
        game = start(16, "A1 a#5 a2 a:2 a0 #40 .3 B1", turn=48)
        game.step([None, None])
        assert show(game) == lines("A1 a#5 a2 a:2 a #40 .3 B1")
        game.step([None, None])
        assert (game.turn, show(game)) == (50, lines("A3 a#7 a3 a:2 a1 #40 .3 B3"))

    def test_swamps_drain_and_are_lost_at_0(self, start):
        game = start(16, "A1 a~3 b~1 b~ ~5 B1", turn=1)
        game.step([None, None])
        assert show(game) == lines("A2 a~2 ~ ~ ~5 B2")

    def test_a_swamp_drains_before_the_harvest(self, start):
        game = start(16, "A1 a~2 a~1 B1", turn=49)
        game.step([None, None])
        assert show(game) == lines("A3 a~2 ~ B3")

    def test_a_capture_counts_for_the_growth_of_the_same_turn(self, start):
        game = start(16, "A1 a7 #5 . B1", turn=1)
        game.step([full(1, 2), None])
        assert show(game) == lines("A2 a1 a#2 . B2")

    def test_land_taken_on_a_50th_turn_is_harvested(self, start):
        game = start(16, "A1 a7 . b1 B1", turn=49)
        game.step([full(1, 2), None])
        assert show(game) == lines("A3 a2 a7 b2 B3")

    @pytest.mark.parametrize(("version", "after"), [(3, "#39 #40 #40"), (5, "#39 #40 #40"), (6, "#38 #39 #40")])
    def test_neutral_cities_below_40_grow_back_before_version_6(self, start, version, after):
        game = start(version, "A1 #38 #39 #40 B1", turn=1)
        game.step([None, None])
        assert show(game) == lines(f"A2 {after} B2")


class TestMoves:
    def test_a_full_move_leaves_one(self, start):
        game = start(16, "A1 a7 a2 B1")
        game.step([full(1, 2), None])
        assert show(game) == lines("A1 a1 a8 B1")

    @pytest.mark.parametrize(("army", "after"), [(2, "a1 a1"), (3, "a2 a1"), (7, "a4 a3"), (8, "a4 a4")])
    def test_a_half_move_leaves_half_rounded_up(self, start, army, after):
        game = start(16, f"A1 a{army} . B1")
        game.step([half(1, 2), None])
        assert show(game) == lines(f"A1 {after} B1")

    def test_a_tie_leaves_the_defender_with_nothing(self, start):
        game = start(16, "A1 a4 b3 B1")
        game.step([full(1, 2), None])
        assert show(game) == lines("A1 a1 b B1")

    def test_a_surplus_takes_the_tile(self, start):
        game = start(16, "A1 a5 b3 B1")
        game.step([full(1, 2), None])
        assert show(game) == lines("A1 a1 a1 B1")

    def test_too_few_only_wear_the_defender_down(self, start):
        game = start(16, "A1 a3 #40 B1")
        game.step([full(1, 2), None])
        assert show(game) == lines("A1 a1 #38 B1")

    def test_an_empty_tile_needs_one_army(self, start):
        game = start(16, "A2 . b B2")
        game.step([full(0, 1), None])
        game.step([None, full(3, 2)])
        assert show(game) == lines("A2 a1 b1 B2")

    @pytest.mark.parametrize("version", ORDERS)
    @pytest.mark.parametrize(
        "move",
        [
            pytest.param(full(1, 0), id="onto a mountain"),
            pytest.param(full(2, 3), id="of a single army"),
            pytest.param(full(4, 3), id="of nobody's tile"),
            pytest.param(full(5, 4), id="of the enemy's tile"),
            pytest.param(full(1, 3), id="of two steps"),
            pytest.param(full(1, 1), id="to where it is"),
            pytest.param(full(0, 1), id="out of a mountain"),
        ],
    )
    def test_an_invalid_move_is_a_pass(self, start, version, move):
        text = "^ A5 a1 . .9 B9"
        game = start(version, text)
        game.step([move, None])
        assert (game.turn, show(game)) == (1, lines(text))

    @pytest.mark.parametrize("post", ["^", "L", "O"])
    def test_mountains_lookouts_and_observatories_stop_armies(self, start, post):
        text = f"A9 {post} B9"
        game = start(16, text)
        game.step([full(0, 1), full(2, 1)])
        assert show(game) == lines(text)

    def test_rows_do_not_wrap_around(self, start):
        text = """
            A9 .
            .  B9
        """
        game = start(16, text)
        game.step([full(1, 2), full(2, 1)])
        assert show(game) == lines(text)


class TestTeams:
    def test_an_allys_land_and_cities_are_taken_over_with_their_armies(self, start):
        game = start(16, "A1 a4 b3 B1 b3 a#4 . C1", teams=[0, 0, 1])
        game.step([full(1, 2), full(4, 5), None])
        assert show(game) == lines("A1 a1 a6 B1 b1 b#6 . C1")

    def test_an_allys_general_is_reinforced_and_keeps_its_owner(self, start):
        game = start(16, "A1 a4 B3 . C1", teams=[7, 7, 2])
        game.step([full(1, 2), None, None])
        assert show(game) == lines("A1 a1 B6 . C1")

    def test_a_general_that_an_ally_just_reinforced_may_move(self, start):
        game = start(16, "A1 a4 B1 . C1", teams=[0, 0, 1])
        game.step([full(1, 2), full(2, 3), None])
        assert show(game) == lines("A1 a1 B1 b3 C1")

    def test_the_last_team_wins_and_its_first_living_seat_is_named(self, start):
        game = start(16, "A5 b9 B1 c9 C1", teams=[1, 0, 0])
        game.step([full(0, 1), full(1, 0), None])
        assert game.winner == 1
        assert show(game) == lines("b#3 b1 B1 c9 C1")

    def test_a_dead_mate_still_wins_with_the_team(self, start):
        game = start(16, "A1 a9 B1 . C1 c9", teams=[0, 1, 0])
        game.surrender(0)
        assert game.winner is None
        game.step([None, None, full(5, 4)])
        assert game.winner is None
        game.surrender(1)
        game.step([None, None, None])
        assert game.winner == 2


class TestCapture:
    def test_the_victims_land_is_halved_rounding_up_and_the_general_becomes_a_city(self, start):
        game = start(13, "A1 a9 B3 b b1 b2 b#5 .4 C1", turn=2)
        game.step([full(1, 2), None, None])
        assert show(game) == lines("A1 a1 a#5 a a1 a1 a#3 .4 C1")
        assert game.winner is None
        assert list(game.generals) in ([0, -1, 8], [(0, 0), None, (0, 8)])

    @pytest.mark.parametrize("version", ORDERS)
    def test_the_last_player_wins_and_the_turn_grows(self, start, version):
        game = start(version, "A5 a1 B3 b6 . .", turn=1)
        game.step([None, full(3, 4)])
        game.step([None, None])
        game.step([None, full(4, 5)])
        assert game.winner is None
        game = start(version, "a1 A5 B3 b6", turn=1)
        game.step([full(1, 2), None])
        assert game.winner == 0
        assert show(game) == lines("a1 A2 a#2 a3")

    def test_a_finished_game_stands_still(self, start):
        game = start(16, "A5 B3 b6")
        game.step([full(0, 1), None])
        before = show(game), game.turn
        game.surrender(0)
        game.surrender(1)
        game.step([full(2, 1), None])
        assert (show(game), game.turn, game.winner) == (*before, 0)

    def test_moves_of_the_victim_die(self, start):
        game = start(13, "A9 B3 b6 . C1")
        game.step([full(0, 1), full(2, 3), None])
        assert show(game) == lines("A1 a#5 a3 . C1")

    def test_a_later_move_of_the_turn_meets_the_capturer(self, start):
        game = start(13, "A9 B3 b5 c3 C1")
        game.step([full(0, 1), None, full(3, 2)])
        assert show(game) == lines("A1 a#5 a1 c1 C1")

    def test_a_tie_takes_no_general(self, start):
        game = start(13, "A4 B3 b6")
        game.step([full(0, 1), None])
        assert show(game) == lines("A1 B b6")
        assert game.winner is None


class TestSurrender:
    def test_the_land_of_the_dead_keeps_growing_and_does_not_move(self, start):
        game = start(13, "A2 a5 . B1 C1", turn=1)
        game.surrender(0)
        game.step([full(1, 2), None, None])
        assert show(game) == lines("A3 a5 . B2 C2")
        assert game.winner is None

    def test_the_land_of_the_dead_falls_with_their_general(self, start):
        game = start(13, "A2 a5 . B1 b4 C1 c9")
        game.surrender(1)
        game.step([None, None, None])
        game.step([None, None, None])
        assert show(game) == lines("A3 a5 . B2 b4 C2 c9")
        game = start(13, "a5 A4 B2 b4 C1")
        game.surrender(1)
        game.step([full(1, 2), None, None])
        assert show(game) == lines("a5 A1 a#1 a2 C1")
        assert game.winner is None

    def test_the_second_event_leaves_the_land_to_nobody(self, start):
        game = start(13, "A2 a5 a#7 B1 C1")
        game.surrender(0)
        game.step([None, None, None])
        game.surrender(0)
        assert show(game) == lines("#2 .5 #7 B1 C1")
        game.step([None, None, None])
        assert show(game) == lines("#2 .5 #7 B2 C2")
        game.surrender(0)
        assert show(game) == lines("#2 .5 #7 B2 C2")

    def test_the_second_event_leaves_the_land_to_a_living_mate(self, start):
        game = start(13, "A2 a5 B1 b3 C1 D1 d2", teams=[0, 0, 1, 0])
        game.surrender(1)
        game.surrender(0)
        game.surrender(0)
        assert show(game) == lines("d#2 d5 B1 b3 C1 D1 d2")

    @pytest.mark.parametrize("version", ORDERS)
    def test_the_last_one_wins_once_the_turn_is_played(self, start, version):
        game = start(version, "A2 a5 . B1")
        game.surrender(1)
        assert game.winner is None
        game.step([full(1, 2), None])
        assert (game.winner, game.turn) == (0, 1)
        assert show(game) == lines("A2 a1 a4 B1")

    def test_nobody_wins_when_all_give_up_at_once(self, start):
        game = start(13, "A2 B1")
        game.surrender(0)
        game.surrender(1)
        game.step([None, None])
        assert game.winner == -1


class TestOrder:
    @pytest.mark.parametrize(
        ("version", "turn", "first"),
        [(3, 2, "a"), (4, 3, "a"), (5, 2, "a"), (5, 3, "b"), (14, 2, "a"), (14, 3, "b"), (15, 2, "a"), (16, 3, "b")],
    )
    def test_by_seat_and_from_version_5_on_reversed_on_odd_turns(self, start, version, turn, first):
        game = start(version, "A1 a9 . b9 B1 c2 C1", turn=turn + 100)
        game.step([full(1, 2), full(3, 2), None])
        # The first takes the empty tile with 8, the 8 of the second tie with them.
        assert show(game)[0].split()[1:4] == ["a1", first, "b1"]

    @pytest.mark.parametrize("turn", [0, 1])
    @pytest.mark.parametrize(("armies", "after"), [("a9 .1 b5", "a1 a3 b1"), ("a5 .1 b9", "a1 b3 b1")])
    def test_larger_armies_go_first(self, start, turn, armies, after):
        game = start(15, f"A1 {armies} B1", turn=turn)
        game.step([full(1, 2), full(3, 2)])
        assert show(game)[0].split()[1:4] == after.split()

    def test_it_is_the_army_of_the_source_that_counts(self, start):
        game = start(15, "A1 a9 .1 b8 B1", turn=1)
        game.step([half(1, 2), full(3, 2)])  # 4 march before 7
        assert show(game) == lines("A2 a5 b4 b1 B2")

    @pytest.mark.parametrize("turn", [0, 1])
    def test_moves_onto_own_tiles_go_before_larger_attacks(self, start, turn):
        game = start(15, "A1 a2 a3 b30 B1", turn=turn)
        game.step([full(1, 2), full(3, 2)])
        assert show(game)[0].split()[1:4] == ["a1", "b25", "b1"]

    @pytest.mark.parametrize("turn", [0, 1])
    def test_attacks_on_generals_come_last(self, start, turn):
        game = start(15, "A1 a50 B9 b6 .1 . C1", turn=turn)
        game.step([full(1, 2), full(3, 4), None])
        # The 5 of b take the neutral tile first; then all land of seat 1 falls and is halved, rounding up.
        assert show(game)[0].split()[1:6] == ["a1", f"a#{40 + turn}", "a1", "a2", "."]

    @pytest.mark.parametrize("turn", [0, 1])
    def test_whoever_is_chased_does_not_get_away(self, start, turn):
        """a moves onto b's tile, b onto c's, c away: a first, then b, then c, the smallest army before the largest."""
        game = start(15, "A1 a3 b20 c30 . B1 C1", turn=turn)
        game.step([full(1, 2), full(2, 3), full(3, 4)])
        # a's 2 leave b 18, b's 17 leave c 13, and c's 12 go.
        assert show(game)[0].split()[1:5] == ["a1", "b1", "c1", "c12"]

    @pytest.mark.parametrize("turn", [0, 1])
    def test_a_head_on_swap_waits_for_nobody(self, start, turn):
        game = start(15, "A1 a20 b10 c30 C1 B1", turn=turn)
        game.step([full(1, 2), full(2, 1), full(3, 2)])
        # Of the swap the larger would be first, but c is aimed at b's tile: b waits for it. a waits for nobody, but is
        # smaller than c; c takes b's tile with 19, a hits it with 19, b has no tile left to move from.
        assert show(game)[0].split()[1:4] == ["a1", "c", "c1"]

    @pytest.mark.parametrize("turn", [0, 1])
    def test_the_larger_side_of_a_swap_breaks_the_other(self, start, turn):
        game = start(15, "A1 a20 b10 B1", turn=turn)
        game.step([full(1, 2), full(2, 1)])
        assert show(game)[0].split()[1:3] == ["a1", "a9"]

    @pytest.mark.parametrize(("turn", "after"), [(0, ["a1", "b1"]), (1, ["a1", "b1"])])
    def test_equal_sides_of_a_swap_go_by_seat(self, start, turn, after):
        game = start(15, "A1 a10 b10 B1", turn=turn)
        game.step([full(1, 2), full(2, 1)])
        assert show(game)[0].split()[1:3] == after

    def test_a_cycle_is_cut_at_its_first_move(self, start):
        """Four in a ring, each onto the next: all wait on each other, so the largest army goes first."""
        game = start(
            15,
            """
            a40 b10
            d20 c30
            A1  B1
            C1  D1
            """,
        )
        game.step([full(0, 1), full(1, 3), full(3, 2), full(2, 0)])
        # a takes b's tile; b, which c waits for, is stuck; c takes d's tile before d gets away.
        assert show(game)[:2] == lines(
            """
            a1 a29
            c9 c1
            """
        )

    def test_the_keys_are_read_once(self, start):
        """b's army grows to 25 by an ally's move onto it, but sorts as the 5 it was when the turn began."""
        game = start(15, "D1 d21 B5 .9 a10 A1 C1", teams=[0, 1, 0, 1])
        game.step([full(4, 3), full(2, 3), None, full(1, 2)])
        # d reinforces b's general; a takes the 9 with 9 and ties, then b's 24 take the tile.
        assert show(game) == lines("D1 d1 B1 b24 a1 A1 C1")

    def test_only_moves_that_are_valid_hold_others_up(self, start):
        game = start(15, "A1 a9 .1 b5 . C1 B1")
        game.step([full(2, 1), full(3, 2), full(4, 3)])
        assert show(game) == lines("A1 a9 b3 b1 . C1 B1")
        game = start(15, "A1 a9 .1 b5 . C1 B1")
        game.step([full(1, 2), full(3, 2), full(2, 1)])
        assert show(game) == lines("A1 a1 a3 b1 . C1 B1")


class TestGeneralTrade:
    TRADE = """
        a5 A2 . B3 b8
        a4 b9 . a9 b7
        C1 .  . .  .
    """

    def test_two_who_take_each_others_general_change_places(self, start):
        game = start(16, self.TRADE)
        game.step([full(8, 3), full(6, 1), None])
        # 8 take the 3, 8 take the 2; all other land of the two changes hands, halved, rounding up.
        assert show(game) == lines(
            """
            b3 B6 . A5 a4
            b2 a1 . b1 a4
            C1 .  . .  .
            """
        )
        assert list(game.generals)[:2] in ([3, 1], [(0, 3), (0, 1)])
        assert (game.winner, list(game.status)) in ((None, [0, 0, 0]), (None, ["alive"] * 3))

    def test_before_version_16_the_first_one_takes_all(self, start):
        game = start(15, self.TRADE)
        game.step([full(8, 3), full(6, 1), None])
        assert show(game) == lines(
            """
            a5 A2 . a#5 a4
            a4 a5 . a1  a4
            C1 .  . .   .
            """
        )

    def test_it_takes_two_that_succeed(self, start):
        game = start(16, self.TRADE.replace("A2", "A8"))
        game.step([full(8, 3), full(6, 1), None])
        assert show(game)[0] == "a5  A8  .  a#5  a4"

    def test_generals_side_by_side_cannot_trade(self, start):
        game = start(16, "a5 A9 B3 b8 C1")
        game.step([full(1, 2), full(2, 1), None])
        assert show(game) == lines("a5 A1 a#5 a4 C1")
