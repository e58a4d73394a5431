"""The competition's rules, one by one, with the board before and after. Engine and reference play each."""

import pytest
from tests.engine.ascii import lines, read, show

from engine import Game


@pytest.fixture(params=["engine", "reference"])
def start(request):
    """Start a game of the competition on a text: start(text, turn=0)."""

    def make(text, **options):
        board = read("competition", text, **options)
        return board.game() if request.param == "engine" else board.reference()

    return make


def full(start, end):
    return (start, end, 0)


def half(start, end):
    return (start, end, 1)


class TestCastles:
    @pytest.mark.parametrize(
        ("distance", "price"), [(1, 47), (2, 45), (3, 43), (4, 41), (5, 39), (6, 37), (7, 35), (8, 35)]
    )
    def test_the_price_falls_with_the_distance_to_an_own_structure(self, start, distance, price):
        def text(army):
            return "A1 " + ". " * (distance - 1) + f"a{army} " + ". " * (9 - distance) + "B1"

        game = start(text(price - 1))
        game.step([("build", distance), None])
        assert show(game) == lines(text(price - 1))
        game = start(text(price + 5))
        game.step([("build", distance), None])
        assert show(game) == lines("A1 " + ". " * (distance - 1) + "a#5 " + ". " * (9 - distance) + "B1")

    def test_all_own_structures_add_to_the_price_and_no_others_do(self, start):
        # 35 + 12 for the general next to it + 10 for the castle two tiles away; neither b's castle nor the neutral one.
        text = """
            a#1 .  #40
            A1  a{} b#1
            .   .  B1
        """
        game = start(text.format(56))
        game.step([("build", 4), None])
        assert show(game)[1] == "A1  a56  b#1"
        game = start(text.format(57))
        game.step([("build", 4), None])
        assert show(game)[1] == "A1  a#  b#1"

    @pytest.mark.parametrize("tile", [0, 1, 3, 4, 5, 6])
    def test_castles_stand_on_own_plain_tiles_alone(self, start, tile):
        text = "A99 a#99 a99 .99 b99 B99 ^"
        game = start(text)
        game.step([("build", tile), None])
        assert (show(game), game.turn) == (lines(text), 1)

    def test_a_castle_built_on_an_odd_turn_grows_with_it(self, start):
        game = start("A1 a50 . B1", turn=1)
        game.step([("build", 1), None])
        assert show(game) == lines("A2 a#4 . B2")

    def test_builds_come_before_moves(self, start):
        game = start("A1 a50 b9 B1")
        game.step([("build", 1), full(2, 1)])
        assert show(game) == lines("A1 b#5 b1 B1")

    def test_two_can_build_at_once_and_again(self, start):
        game = start("A1 a60 . . . . b50 B1")
        game.step([("build", 1), ("build", 6)])
        assert show(game) == lines("A1 a#13 . . . . b#3 B1")
        game.step([("build", 1), ("build", 6)])
        assert show(game) == lines("A2 a#14 . . . . b#4 B2")

    def test_a_lost_castle_counts_for_its_new_owner(self, start):
        game = start("A1 a#2 b9 . . b60 . B1")
        game.step([None, full(2, 1)])
        assert show(game) == lines("A1 b#6 b1 . . b60 . B1")
        game.step([None, ("build", 5)])
        # 35 + 10 for the general at distance 2 + 6 for the castle at distance 4.
        assert show(game) == lines("A2 b#7 b1 . . b#10 . B2")

    def test_there_are_none_elsewhere(self):
        game = read(16, "A1 a99 B1").game()
        game.step([("build", 1), None])
        assert (show(game), game.invalid) == (lines("A1 a99 B1"), 1)


class TestOrder:
    @pytest.mark.parametrize("turn", [0, 1])
    def test_a_single_chaser_goes_first(self, start, turn):
        """a moves onto the tile that b leaves; b would go first by its smaller army and its own tile."""
        game = start("A1 a20 b9 b1 B1", turn=turn)
        game.step([full(1, 2), full(2, 3)])
        assert show(game)[0].split()[1:4] == ["a1", "a10", "b1"]

    def test_two_chasers_go_by_army(self, start):
        game = start("A1 a20 b9 B1")
        game.step([full(1, 2), full(2, 1)])
        # b's 8 leave a 12, of which 11 take the 1 that b left.
        assert show(game) == lines("A1 a1 a10 B1")

    @pytest.mark.parametrize("turn", [0, 1])
    def test_a_single_move_onto_an_own_tile_goes_first(self, start, turn):
        game = start("A1 a9 a2 b5 B1", turn=turn)
        game.step([full(1, 2), full(3, 2)])
        assert show(game)[0].split()[1:4] == ["a1", "a6", "b1"]

    @pytest.mark.parametrize("turn", [0, 1])
    def test_else_the_smaller_army_goes_first(self, start, turn):
        game = start("A1 a9 . b5 B1", turn=turn)
        game.step([full(1, 2), full(3, 2)])
        assert show(game)[0].split()[1:4] == ["a1", "a4", "b1"]
        game = start("A1 a5 . b9 B1", turn=turn)
        game.step([full(1, 2), full(3, 2)])
        assert show(game)[0].split()[1:4] == ["a1", "b4", "b1"]

    def test_it_is_the_army_of_the_source_that_counts(self, start):
        game = start("A1 a9 .5 b6 B1")
        game.step([half(1, 2), full(3, 2)])
        # b's 6 are fewer than a's 9: 5 of b wear down the 5, then 4 of a take the tile.
        assert show(game) == lines("A1 a5 a4 b1 B1")

    @pytest.mark.parametrize("turn", [0, 1])
    def test_else_player_0_goes_first(self, start, turn):
        game = start("A1 a9 . b9 B1", turn=turn)
        game.step([full(1, 2), full(3, 2)])
        assert show(game)[0].split()[1:4] == ["a1", "a", "b1"]

    def test_an_army_that_has_shrunk_marches_with_what_is_left(self, start):
        game = start("A1 a20 b9 . B1")
        game.step([full(1, 2), full(2, 1)])
        assert show(game) == lines("A1 a1 a10 . B1")
        game = start("A1 a6 b9 . B1")
        game.step([full(1, 2), full(2, 3)])
        assert show(game) == lines("A1 a1 b1 b3 B1")


class TestEnd:
    def test_the_winner_takes_all_at_full_strength_and_nothing_grows(self, start):
        game = start("a7 A5 B3 b7 b#4 #40", turn=49)
        game.step([full(1, 2), None])
        assert (game.winner, game.turn) == (0, 50)
        assert show(game) == lines("a7 A1 a#1 a7 a#4 #40")

    def test_mutual_capture_is_a_draw(self, start):
        game = start("A1 b9 . a9 B1", turn=1)
        game.step([full(3, 4), full(1, 0)])
        assert (game.winner, game.turn) == (-1, 2)

    def test_the_victims_move_is_played_too(self, start):
        game = start("A9 b8 . a9 B1")
        game.step([full(3, 4), full(1, 0)])
        assert game.winner == 0
        assert show(game)[0].split()[0] == "A2"

    def test_a_general_taken_with_the_victims_move_cannot_strike_back(self, start):
        game = start("A5 B3")
        game.step([full(0, 1), full(1, 0)])
        # B is smaller, goes first and leaves A 3 of 5; 2 of them take the 1 that stayed.
        assert (game.winner, show(game)) == (0, lines("A1 a#1"))

    @pytest.mark.parametrize(("turn", "winner"), [(798, None), (799, None), (800, 0), (801, 0), (1100, 0)])
    def test_deathtouch_from_turn_800(self, start, turn, winner):
        game = start("A1 . a3 B50 b7", turn=turn)
        game.step([full(2, 3), None])
        assert (game.winner, game.turn) == (winner, turn + 1)

    def test_deathtouch_hands_over_the_land_as_it_stands(self, start):
        game = start("A1 . a3 B50 b7", turn=801)
        game.step([full(2, 3), None])
        assert show(game) == lines("A1 . a1 a#48 a7")

    def test_both_touching_is_a_draw(self, start):
        game = start("A30 b3 . a3 B50", turn=800)
        game.step([full(3, 4), full(1, 0)])
        assert game.winner == -1

    def test_a_touch_that_is_not_executed_does_not_count(self, start):
        """a chases b's toucher and takes its tile before it strikes; then b has nobody to touch with."""
        game = start("A30 b3 a9 . B50", turn=800)
        game.step([full(2, 1), full(1, 0)])
        assert game.winner is None
        assert show(game)[0].split()[:3] == ["A31" if game.turn % 2 == 0 else "A30", "a5", "a1"]

    def test_a_touch_and_a_capture_are_a_draw(self, start):
        game = start("A30 b3 . a99 B50", turn=900)
        game.step([full(3, 4), full(1, 0)])
        assert game.winner == -1

    def test_turn_1200_is_a_draw(self, start):
        game = start("A1 . B1", turn=1198)
        game.step([None, None])
        assert (game.winner, game.turn) == (None, 1199)
        game.step([None, None])
        assert (game.winner, game.turn) == (-1, 1200)
        assert show(game) == lines("A3 . B3")
        game.step([None, None])
        assert game.turn == 1200

    def test_a_capture_on_the_last_turn_still_wins(self, start):
        game = start("A5 B1", turn=1199)
        game.step([full(0, 1), None])
        assert (game.winner, game.turn) == (0, 1200)


def test_it_takes_two_seats():
    with pytest.raises(ValueError, match="is for 2 seats; seats is 3"):
        Game.from_tiles("competition", [[1, 2, 3]])
