"""What a seat sees and remembers: boards, and beside them what the observation shows of them."""

import numpy as np
import pytest
from tests.engine.ascii import lines, read

from engine.tiles import KINDS

SYMBOL = {"plain": ".", "mountain": "^", "city": "#", "general": "*", "swamp": "~", "desert": ":", "obstacle": "?"} | {
    "lookout": "L",
    "observatory": "O",
}


def seen(game, seat):
    """A seat's view, one line a row: in sight whose (m mine, a ally's, e enemy's), kind and armies.

    In fog `?` is an obstacle and `_` anything else; what is only remembered stands in brackets.
    """
    observation = game.observe(seat)
    rows = []
    for row in range(game.height):
        words = []
        for column in range(game.width):
            symbol = SYMBOL[KINDS[observation.kinds[row, column]].name]
            if observation.visible[row, column]:
                whose = ["", "m", "a", "e"][observation.relation[row, column]]
                army = int(observation.army[row, column])
                words.append(whose + ("" if whose and symbol == "." else symbol) + (str(army) if army else ""))
            elif observation.flags[row, column] & 128:
                words.append(f"({symbol})")
            else:
                assert observation.army[row, column] == observation.relation[row, column] == 0
                words.append("_" if symbol == "." else symbol)
        rows.append("  ".join(words))
    return rows


def full(start, end):
    return (start, end, 0)


def test_a_tile_is_in_sight_beside_own_land():
    game = read(
        16,
        """
        A3 .1 .  b2 .
        .  ^  b4 #40 ^
        .  .  .  .  B1
        """,
    ).game()
    assert seen(game, 0) == lines(
        """
        m*3 .1 _ _ _
        .   ^  _ ? ?
        _   _  _ _ _
        """
    )
    assert seen(game, 1) == lines(
        """
        _ .1 . m2  .
        _ ^  m4 #40 ^
        _ .  . .   m*1
        """
    )


def test_in_fog_mountains_and_cities_look_alike_and_all_else_like_nothing():
    game = read(16, "A1 . ^ #40 L O ~ : .5 b9 b#9 B1").game()
    assert seen(game, 0) == lines("m*1 . ? ? ? ? _ _ _ _ ? _")


def test_mates_see_what_each_other_sees():
    game = read(16, "A1 . . . B2 . . . C1", teams=[0, 0, 1]).game()
    assert seen(game, 0) == lines("m*1 . _ . a*2 . _ _ _")
    assert seen(game, 1) == lines("a*1 . _ . m*2 . _ _ _")
    assert seen(game, 2) == lines("_ _ _ _ _ _ _ . m*1")


def test_owners_are_told_apart_from_the_seat_onwards():
    game = read(16, "A1 b1 c1 D1", teams=[5, 5, 6, 7]).game()
    assert game.observe(0).owner.tolist() == [[1, 2, 3, 0]]
    assert game.observe(2).owner.tolist() == [[0, 4, 1, 2]]


def walk(memory):
    """Seat 0 walks two tiles out and loses the second again."""
    game = read(
        16,
        """
        ^  ~  .  #40 b9 .
        A9 .  .  .   b12 .
        ^  :  .  ^   B1 .
        """,
        memory=memory,
    ).game()
    game.step([full(6, 7), None])
    game.step([full(7, 8), None])
    assert seen(game, 0) == lines(
        """
        ^   ~  .  #40 _ _
        m*2 m1 m7 .   _ _
        ^   :  .  ^   _ _
        """
    )
    game.step([None, full(10, 9)])
    game.step([None, full(9, 8)])
    return game


def test_terrain_that_was_seen_stays_known():
    assert seen(walk(memory=True), 0) == lines(
        """
        ^   ~  .  (#) _ _
        m*3 m1 e3 (.) _ _
        ^   :  .  (^) _ _
        """
    )


def test_memory_can_be_switched_off():
    assert seen(walk(memory=False), 0) == lines(
        """
        ^   ~  .  ? _ _
        m*3 m1 e3 _ _ _
        ^   :  .  ? _ _
        """
    )


@pytest.mark.parametrize(
    ("version", "armies", "left"), [(4, (9, 1, 30), 22), (15, (20, 15, 10), 5), ("competition", (9, 1, 30), 22)]
)
def test_a_tile_taken_and_lost_within_a_turn_shows_nothing(version, armies, left):
    """a takes the neutral tile and sees past it, then b throws it out: at the end of the turn nobody had looked."""
    a, neutral, b = armies
    game = read(
        version,
        f"""
        .  .    .          .    #40 .
        A1 a{a} .{neutral} b{b} .  .
        .  .    .          .    .  B1
        """,
    ).game()
    game.step([full(7, 8), full(9, 8)])
    assert seen(game, 0) == lines(
        f"""
        .   .  .       _ ? _
        m*1 m1 e{left} _ _ _
        .   .  .       _ _ _
        """
    )


def test_a_city_that_rises_in_fog_is_an_obstacle_there_and_known_to_who_saw_the_ground():
    """A player who saw plain ground knows an obstacle in its place for the castle that it must be."""
    game = read(
        "competition",
        """
        A9 . . b60 .
        .  . . .   B1
        """,
    ).game()
    game.step([full(0, 1), ("build", 3)])
    assert seen(game, 0)[0] == "m*1  m8  .  ?  _"
    game.step([full(1, 2), None])
    assert seen(game, 0)[0] == "m*2  m1  m7  e#16  _"


def test_a_general_that_falls_in_fog_is_known_to_be_a_city_by_who_saw_it():
    game = read(13, "A2 a9 .7 B1 b4 c9 C1").game()
    game.step([full(1, 2), None, None])
    assert seen(game, 0) == lines("m*2 m1 m1 e*1 _ _ _")
    game.step([None, full(4, 3), None])
    game.step([None, full(3, 2), full(5, 4)])
    assert seen(game, 0) == lines("m*3 m1 e3 (*) _ _ _")
    game.step([None, None, full(4, 3)])
    assert game.generals == [0, -1, 6]
    assert seen(game, 0) == lines("m*4 m1 e2 (#) _ _ _")


def test_a_lookout_shows_three_tiles_around_it_to_who_owns_land_beside_it():
    board = """
        A1 a2 .  .  .  .  .
        .  .  L  .  .  .  .
        .  .  .  .  .  .  .
        .  .  .  .  .  .  .
        .  .  .  .  .  #40 .
        .  .  .  .  .  .  B1
    """
    assert seen(read(16, board).game(), 0) == lines(
        """
        m*1 m2 . . . . _
        .   .  L . . . _
        .   .  . . . . _
        .   .  . . . . _
        .   .  . . . #40 _
        _   _  _ _ _ _ _
        """
    )
    assert seen(read(16, board.replace("a2", ". ")).game(), 0)[1:3] == lines(". . ? _ _ _ _\n_ _ _ _ _ _ _")


def test_an_observatory_shows_eight_tiles_beyond_it_in_line():
    game = read(
        16,
        """
        .  .  .  . . . . . . .   . .
        A1 O  .  . . ^ . . . #40 . .
        .  .  .  . . . . . . .   . B1
        """,
    ).game()
    assert seen(game, 0) == lines(
        """
        .   .  _  _ _ _ _ _ _ _   _ _
        m*1 O  .  . . ^ . . . #40 _ _
        .   .  _  _ _ _ _ _ _ _   _ _
        """
    )
    game = read(16, "A1 . .\n. O .\n. . .\n. . .\n. . B1").game()
    assert seen(game, 0) == lines("m*1 . _\n. O _\n_ _ _\n_ _ _\n_ _ _")


def test_land_among_many_lookouts_stays_in_sight_until_the_last_of_it_is_lost():
    """Each tile of the middle is watched some 170 times over, for both seats alike."""
    for mine, theirs in ("ab", "ba"):
        rows = [f"{'L ' * 11}" if row % 2 else f"{f'{mine}2 ' * 11}" for row in range(11)]
        text = "\n".join([*rows, f"{mine.upper()}1 . . . . . . . . . {theirs.upper()}9"])
        game = read(16, text).game()
        seat = "ab".index(mine)
        assert game.observe(seat).visible.all()
        moves = [None, None]
        moves[1 - seat] = full(131, 120)
        game.step(moves)
        assert game.observe(seat).visible.all()
        game.surrender(seat)
        game.surrender(seat)
        assert not game.observe(seat).visible.any()


def test_armies_beyond_what_int16_holds_are_shown_at_its_limit():
    game = read(16, "A40000 . B32767").game()
    assert game.observe(0).army.tolist() == [[32767, 0, 0]]
    assert game.observe(1).army.tolist() == [[0, 0, 32767]]
    assert game.armies.tolist() == [[40000, 0, 32767]]
    game.step([full(0, 1), None])
    assert game.observe(0).army.tolist() == [[1, 32767, 32767]]


def test_the_vector_tells_turn_land_armies_and_status_of_all_from_the_seat_onwards():
    game = read(13, "A5 a2 b3 B1 . C1 c7 c1", turn=6).game()
    game.surrender(1)
    game.step([None, None, None])
    a, b, c = [2, 7, 0], [2, 4, 1], [3, 9, 0]
    assert game.observe(0).vector.tolist() == [7, *a, *b, *c]
    assert game.observe(1).vector.tolist() == [7, *b, *c, *a]
    assert game.observe(2).vector.tolist() == [7, *c, *a, *b]
    game.surrender(1)
    assert game.observe(0).vector.tolist() == [7, *a, 0, 0, 2, *c]


class TestMask:
    UP, DOWN, LEFT, RIGHT, BUILD = 1, 2, 4, 8, 16

    def test_moves_lead_from_own_land_of_two_armies_to_what_can_be_entered(self):
        game = read(
            16,
            """
            A2 a1 ^
            a3 .9 #40
            a4 ^  B5
            """,
        ).game()
        assert game.observe(0).mask.tolist() == [
            [self.DOWN | self.RIGHT, 0, 0],
            [self.UP | self.DOWN | self.RIGHT, 0, 0],
            [self.UP, 0, 0],
        ]
        assert game.observe(1).mask.tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, self.UP]]

    def test_castles_can_be_built_where_they_can_be_paid(self):
        game = read("competition", "A1 a46 b45 B1").game()
        assert game.observe(0).mask.tolist() == [[0, self.LEFT | self.RIGHT, 0, 0]]
        game.step([None, full(2, 1)])
        assert game.observe(0).mask.tolist() == [[0, self.LEFT | self.RIGHT, 0, 0]]
        game = read("competition", "A1 a47 b45 B1").game()
        assert game.observe(0).mask.tolist() == [[0, self.LEFT | self.RIGHT | self.BUILD, 0, 0]]
        assert game.observe(1).mask.tolist() == [[0, 0, self.LEFT | self.RIGHT, 0]]

    def test_the_price_follows_structures_that_come_and_go(self):
        game = read("competition", "A1 . a#1 b9 a41 . . b9 B1").game()
        # 35 + 6 for the general + 10 for the castle; once the castle is b's, 41 are enough.
        assert game.observe(0).mask[0, 4] == self.LEFT | self.RIGHT
        game.step([None, full(3, 2)])
        assert game.observe(0).mask[0, 4] == self.LEFT | self.RIGHT | self.BUILD

    def test_whoever_is_dead_can_do_nothing(self):
        game = read(13, "A9 a9 . B9 C9").game()
        game.surrender(0)
        assert not game.observe(0).mask.any()
        assert game.observe(1).mask.any()


def test_planes_say_what_the_bytes_say():
    game = read(16, "A3 .1 ^ #40 b2 B1").game()
    observation = game.observe(0)
    planes = observation.planes()
    assert planes.dtype == np.float32
    np.testing.assert_array_equal(planes[0, 0], [1, 1, 0, 0, 0, 0])  # in sight
    np.testing.assert_array_equal(planes[1, 0], [1, 0, 0, 0, 0, 0])  # mine
    np.testing.assert_array_equal(planes[6, 0], [1, 0, 0, 0, 0, 0])  # generals
    np.testing.assert_array_equal(planes[10, 0], [0, 0, 1, 1, 0, 0])  # obstacles in fog
    np.testing.assert_allclose(planes[12, 0, 0], 2 / 6)  # log2(1 + 3) / 6
    np.testing.assert_allclose(planes[15, 0, 1], 1 / 6)
