"""Scripted opponents: always legal, blind to what their seat cannot see, and as strong as they are said to be."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.engine.ascii import read

from engine.actions import PASS, build_code, decode, expand_mask, move_code
from engine.batch import GameBatch
from engine.board import (
    AT_CELLS,
    EPISODE,
    HEADER,
    INVALID,
    MAP_HEIGHT,
    MAP_WIDTH,
    MASK_MOVES,
    TICKING,
    TURN,
    WINNER,
    vector_size,
)
from engine.bots import BOTS, bot_actions, find_bot, scratch_words
from engine.bots.desk import HOME, survey
from engine.bots.gather import gather
from engine.compile import COMPILED
from engine.game import Game
from engine.maps import MapSpec
from engine.tiles import DOWN, LEFT, RIGHT, UP

ROOT = Path(__file__).parents[2]
NAMES = list(BOTS)
KINDS = {
    "site": ("generalsio", "site", 2),
    "free for all": ("classic", MapSpec.site(8), 8),
    "teams": ("generalsio", MapSpec.plain(12, 11, teams=(0, 1, 1, 0)), 4),
    "competition": ("competition", "competition", 2),
    "small": ("competition", MapSpec.plain(6, 5, cities=1), 2),
    "tiny": ("generalsio", MapSpec.plain(2, 2, mountains=0.0, cities=0), 2),
    "large": ("generalsio", MapSpec.plain(40, 40, cities=30), 16),
}


def ask(rows, bots, seed=0, slack=0):
    """Actions (G, S) of bots given by code; -9 where none plays; `slack` words behind the scratch stay as they are."""
    bots = np.asarray(bots, np.int8)
    actions = np.full(bots.shape, -9, np.int32)
    tiles = int(rows[0, 0] * rows[0, 1])
    scratch = np.full((3, scratch_words(tiles) + slack), 77, np.int32)
    bot_actions(rows, bots, seed, actions, scratch)
    assert (scratch[:, scratch_words(tiles) :] == 77).all()
    return actions


def legal_of(game, seat):
    """Bool, one an action code."""
    mask = game.observe(seat).mask.reshape(-1)
    return expand_mask(mask, castles=game.ruleset.castle_price > 0)


def choice(board, name, seat=0, seed=0):
    """What a bot does on a board, as a move of tiles."""
    game = board.game()
    bots = [-1] * game.seats
    bots[seat] = find_bot(name)
    action = int(ask(game.row[None], [bots], seed)[0, seat])
    assert legal_of(game, seat)[action]
    return decode(action, game.height, game.width)


def wins(name, other, ruleset="generalsio", board="site", maps=40, turns=1000):
    """The share of games that `name` wins, on maps played twice with seats swapped; unfinished ones are not won."""
    won = 0
    for seat, names in enumerate(((name, other), (other, name))):
        batch = GameBatch(ruleset, maps, 17, board=board, autoreset="off", max_turns=turns)
        batch.reset()
        for _ in range(turns):
            _, _, terminated, truncated, _ = batch.step(batch.bot_actions(names))
            if (terminated | truncated | (batch.rows[:, WINNER] != -2)).all():
                break
        assert (batch.rows[:, INVALID] == 0).all()
        won += int((batch.rows[:, WINNER] == seat).sum())
    return won / (2 * maps)


def play_digest():
    """What all bots do in a while, in few letters."""
    batch = GameBatch("competition", 2, 5, board=MapSpec.plain(6, 6, mountains=0.1), max_turns=90)
    batch.reset()
    seen = hashlib.sha256()
    for turn in range(50 * len(NAMES)):
        actions = batch.bot_actions((NAMES[turn // 50], "hunter"))
        seen.update(actions.tobytes())
        batch.step(actions)
    return seen.hexdigest()


class TestEveryBot:
    @pytest.mark.parametrize("kind", KINDS)
    def test_plays_only_what_is_legal(self, kind):
        ruleset, board, seats = KINDS[kind]
        batch = GameBatch(ruleset, 4, 3, board=board, seats=seats, max_turns=400)
        batch.reset()
        rng = np.random.default_rng(0)
        moves = 0
        for turn in range(40 if kind == "large" else 450):
            bots = np.broadcast_to(rng.integers(0, len(BOTS), seats), (4, seats))
            actions = ask(batch.rows, bots, turn)
            legal = np.take_along_axis(batch.action_masks(), actions[..., None].astype(np.int64), axis=-1)
            assert legal.all()
            moves += int((actions != PASS).sum())
            batch.step(actions)
        assert moves > 100

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("kind", ["site", "teams", "small"])
    def test_acts_on_nothing_but_what_its_seat_sees(self, name, kind):
        ruleset, board, seats = KINDS[kind]
        batch = GameBatch(ruleset, 3, 4, board=board, seats=seats)
        batch.reset()
        rng = np.random.default_rng(1)
        shape = batch.shape
        size = vector_size(seats)
        for turn in range(240):
            if turn % 12 == 0:
                for s in range(seats):
                    bots = np.full((3, seats), -1)
                    bots[:, s] = find_bot(name)
                    rows = rng.integers(-(2**31), 2**31, batch.rows.shape).astype(np.int32)
                    header = np.setdiff1d(np.arange(HEADER), [TURN, WINNER, TICKING, INVALID, MAP_HEIGHT, MAP_WIDTH])
                    vector = shape.vectors + s * size + np.arange(size)
                    view = shape.cells + shape.views + s + np.arange(shape.tiles) * shape.cell_words
                    for seen in (header, vector, view):
                        rows[:, seen] = batch.rows[:, seen]
                    np.testing.assert_array_equal(ask(rows, bots), ask(batch.rows, bots))
            batch.step(batch.bot_actions("hunter" if turn % 3 else "expander"))
        assert batch.rows[0, AT_CELLS] == shape.cells

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("tiles", [[[1, 2]], [[1], [2]], [[1, 0, 0, 0, 0, 0, 2]], [[1], [0], [0], [0], [2]]])
    def test_plays_corridors_and_stays_within_its_scratch(self, name, tiles):
        game = Game.from_tiles("generalsio", tiles)
        for turn in range(200):
            actions = ask(game.row[None], [[find_bot(name)] * 2], turn, slack=40)[0]
            assert all(legal_of(game, s)[actions[s]] for s in range(2))
            game.step_actions(actions)
        assert game.invalid == 0

    @pytest.mark.parametrize("name", NAMES)
    def test_stays_within_its_scratch_on_wide_boards(self, name):
        batch = GameBatch("classic", 2, 1, board=MapSpec.plain(3, 40, mountains=0.0), seats=3)
        batch.reset()
        for turn in range(120):
            batch.step(ask(batch.rows, np.full((2, 3), find_bot(name)), turn, slack=40))

    @pytest.mark.parametrize("name", NAMES)
    def test_passes_once_it_is_out(self, name):
        game = read(16, "A1 . . B9\na9 . . b9\n. . . c9\n. . . C1").game()
        game.surrender(0)
        game.step([None, None, None])
        assert ask(game.row[None], [[find_bot(name)] * 3])[0, 0] == PASS

    def test_leaves_seats_alone_that_it_does_not_play(self):
        batch = GameBatch("generalsio", 5, 0, board="small")
        batch.reset()
        bots = np.array([[0, -1], [-1, 1], [2, 0], [-1, -1], [1, 2]], np.int8)
        assert ((ask(batch.rows, bots) == -9) == (bots < 0)).all()

    def test_draws_anew_for_each_seed_game_and_episode(self):
        board = read(16, "a9 a9 a9\na9 A9 a9\na9 a9 B9").game()
        rows = np.repeat(board.row[None], 40, axis=0)
        bots = np.full((40, 2), BOTS["random"])
        first = ask(rows, bots)
        assert len(np.unique(first[:, 0])) > 8
        assert (first == ask(rows, bots)).all()
        assert (first != ask(rows, bots, seed=1)).any()
        rows[:, EPISODE] += 1
        assert (first != ask(rows, bots)).any()

    def test_an_unknown_name_is_refused(self):
        with pytest.raises(ValueError, match='bot "hunted" is unknown; known: random, expander, hunter'):
            find_bot("hunted")

    def test_plays_the_same_uncompiled(self):
        if not COMPILED:
            pytest.skip("nothing is compiled here")
        code = "from tests.engine.test_bots import play_digest; print(play_digest())"
        paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        plain = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"STRATAGEM_PLAIN": "1", "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        assert plain.stdout.strip() == play_digest()


class TestRandom:
    def test_every_move_is_as_likely_and_one_in_ten_is_half(self):
        game = read(16, ". a5 .\n. . ^\nA3 . B1").game()
        rows = np.repeat(game.row[None], 8000, axis=0)
        bots = np.broadcast_to([BOTS["random"], -1], (8000, 2))
        actions = ask(rows, bots)[:, 0]
        halves = (actions - 1) % 2
        assert 0.07 < halves.mean() < 0.13
        moves, counts = np.unique(actions - halves, return_counts=True)
        assert list(moves) == [move_code(1, d, False) for d in (DOWN, LEFT, RIGHT)] + [
            move_code(6, d, False) for d in (UP, RIGHT)
        ]
        assert (counts > 1400).all()
        assert (counts < 1800).all()

    def test_passes_only_without_a_move(self):
        assert choice(read(16, "A1 a1 ^ B1"), "random") is None


class TestExpander:
    @pytest.mark.parametrize(
        ("board", "move"),
        [
            pytest.param("a9 . .\nB3 . .\nA1 . .", (0, 3, 0), id="a general first"),
            pytest.param(". b2 .\n. a9 .\nA1 . B1", (4, 1, 0), id="the enemy's land before nobody's"),
            pytest.param("#40 a50 .\na1 a1 ^\nA1 ^ B1", (1, 2, 0), id="plain tiles before cities"),
            pytest.param("#40 a50 a1\na1 a1 ^\nA1 ^ B1", (1, 0, 0), id="a city it can afford"),
            pytest.param("#40 a20 a1 .\na1 a1 ^ ^\nA1 ^ B1 ^", (1, 2, 0), id="or the way to the nearest tile"),
        ],
    )
    def test_takes(self, board, move):
        assert choice(read(16, board), "expander") == move


class TestHunter:
    @pytest.mark.parametrize(
        ("board", "version", "turn", "move"),
        [
            pytest.param("A1 a1 .\n. . a9\n. . B7", 16, 60, (5, 8, 0), id="takes a general"),
            pytest.param("A1 a1 .\n. . a2\n. . B7", "competition", 800, (5, 8, 0), id="touches it, late"),
            pytest.param("A9 . . . .\n. . . . .\n. . . . B9", 16, 16, None, id="waits in the opening"),
        ],
    )
    def test_does_what_is_at_hand(self, board, version, turn, move):
        assert choice(read(version, board, turn=turn), "hunter") == move

    def test_keeps_its_general_from_an_army_that_marches_on_it(self):
        board = read(16, "A3 a1 a1 a1 a1 b20 B1\na9 a1 a1 . . . .\na9 a9 . . . . .", turn=60)
        game = board.game()
        for step in range(40):
            threat = 5 - step
            action = ask(game.row[None], [[BOTS["hunter"], -1]], step)[0, 0]
            attack = move_code(threat, LEFT, False) if threat > 0 and game.owners[0, threat] == 1 and step < 5 else PASS
            game.step_actions(np.array([action, attack], np.int32))
            assert game.winner in (None, 0)
        assert game.generals[0] == 0

    def test_an_army_that_marches_unopposed_would_have_taken_it(self):
        game = read(16, "A3 a1 a1 a1 a1 b20 B1\na9 a1 a1 . . . .\na9 a9 . . . . .", turn=60).game()
        for tile in range(5, 0, -1):
            game.step([None, (tile, tile - 1, False)])
        assert game.winner == 1

    def test_builds_a_castle_when_it_is_well_ahead(self):
        rich = read("competition", "A1 a1 a1 a1 a1 a1 a1 a1 a90\n^ ^ ^ ^ ^ ^ ^ ^ .\nB1 . . . . . . . .", turn=60)
        game = rich.game()
        action = ask(game.row[None], [[BOTS["hunter"], -1]])[0, 0]
        assert action == build_code(8, 27)

    def test_takes_a_city_when_it_is_well_ahead(self):
        game = read(16, "A1 a1 a1 #40\na30 a30 a40 ^\n^ ^ ^ .\nB1 . . .", turn=75).game()
        for step in range(12):
            game.step_actions(ask(game.row[None], [[BOTS["hunter"], -1]], step).clip(0)[0])
        assert game.owners[0, 3] == 0

    @pytest.mark.parametrize(
        ("board", "moves", "army"),
        [
            pytest.param("A1 a2 a3 a9 B1", 3, 12, id="a line"),
            pytest.param("A1 a2 a3 a9 B1", 1, 2, id="the near end of a line"),
            pytest.param("a4 a2 a8\nA1 ^ B1\na6 a1 a1", 2, 9, id="two branches"),
            pytest.param("a4 a2 a8\nA1 ^ B1\na6 a1 a1", 4, 17, id="what is worth its moves"),
        ],
    )
    def test_gathers_the_most_that_so_many_moves_can(self, board, moves, army):
        game = read(16, board).game()
        desk = np.zeros(scratch_words(game.height * game.width), np.int32)
        for left in range(moves, 0, -1):
            survey(game.row, 0, desk)
            game.step_actions(np.array([gather(desk, int(desk[HOME]), left), PASS], np.int32))
        assert game.armies.flat[game.generals[0]] - game.turn // 2 == army  # the general has grown meanwhile


class TestStrength:
    """Mirrored maps and fixed seeds; the bounds leave room for another order of random numbers."""

    @pytest.mark.parametrize(
        ("name", "other", "least"),
        [
            ("expander", "random", 0.9),
            ("hunter", "random", 0.96),
            ("hunter", "expander", 0.88),
            ("tracker", "expander", 0.88),
        ],
    )
    @pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("generalsio", "small")])
    def test_site_and_small_boards(self, name, other, least, ruleset, board):
        assert wins(name, other, ruleset, board) >= least

    def test_tracker_beats_the_hunter_where_generals_must_be_found(self):
        assert wins("tracker", "hunter", maps=150) >= 0.57

    @pytest.mark.parametrize("name", ["seeker", "strategist"])
    @pytest.mark.parametrize(("ruleset", "board"), [("generalsio", "site"), ("competition", "competition")])
    def test_who_has_learned_where_generals_hide_beats_who_has_not(self, name, ruleset, board):
        assert wins(name, "hunter", ruleset, board, maps=100) >= 0.7
        assert wins(name, "tracker", ruleset, board, maps=100) >= 0.6

    @pytest.mark.parametrize(("other", "least"), [("random", 0.95), ("expander", 0.85)])
    def test_hunter_in_the_competition(self, other, least):
        assert wins("hunter", other, "competition", "competition", turns=1200) >= least

    def test_hunter_among_eight(self):
        batch = GameBatch("generalsio", 12, 5, board=MapSpec.site(8), seats=8, autoreset="off")
        batch.reset()
        for _ in range(1500):
            batch.step(batch.bot_actions(["hunter"] * 2 + ["expander"] * 3 + ["random"] * 3))
        winners = batch.rows[:, WINNER]
        assert (winners < 2).sum() >= 8


def test_masks_name_moves_in_their_lower_bits():
    """What the legality tests above rely on where owners fill the upper bits."""
    game = read(16, "A5 b3 c3\n. B1 C1").game()
    assert game.observe(0).mask[0, 0] & MASK_MOVES == 1 << DOWN | 1 << RIGHT
