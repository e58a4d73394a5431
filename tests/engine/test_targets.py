"""One rulebook, many ways to play it: compiled, plain, without numba, alone, in batches, from snapshots and records."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.boards import random_actions, random_board, ruleset_of
from tests.engine.long_games import BATCHES, digests

from engine.batch import GameBatch
from engine.board import TURN, WINNER
from engine.maps import MapSpec
from engine.record import Record

ROOT = Path(__file__).parents[2]
WITHOUT_NUMBA = (
    "import sys, runpy; sys.modules['numba'] = None; runpy.run_module('tests.engine.long_games', run_name='__main__')"
)


@pytest.fixture(scope="module")
def here():
    """What the games of `long_games` come to in this process."""
    return digests()


@pytest.mark.parametrize(
    ("command", "plain"),
    [
        pytest.param(["-m", "tests.engine.long_games"], "1", id="switched off"),
        pytest.param(["-c", WITHOUT_NUMBA], "", id="not installed"),
    ],
)
def test_games_are_the_same_without_numba(here, command, plain):
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"STRATAGEM_PLAIN": plain, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert not result["compiled"]
    assert result["digests"] == here


def test_long_games_differ_from_each_other(here):
    assert len(set(here)) == len(here) == len(BATCHES) + 16


def random_batch(ruleset, seats, seed, games=6, **options):
    board = MapSpec.plain(5, 6, mountains=0.1, cities=2)
    batch = GameBatch(ruleset, games, seed, board=board, seats=seats, **options)
    batch.reset()
    return batch


@pytest.mark.parametrize(("ruleset", "seats"), [("classic", 4), ("generalsio", 3), ("competition", 2)])
class TestBatch:
    def test_a_game_alone_is_the_game_in_a_batch(self, ruleset, seats):
        batch = random_batch(ruleset, seats, 3, autoreset="off")
        games = [batch.game(g) for g in range(batch.num_games)]
        rng = np.random.default_rng(1)
        for _ in range(120):
            actions = batch.bot_actions("random")
            wild = rng.random(actions.shape) < 0.1
            actions[wild] = rng.integers(-3, batch.action_count + 3, int(wild.sum()))
            _, _, terminated, _, info = batch.step(actions)
            for g, game in enumerate(games):
                game.step_actions(actions[g])
                np.testing.assert_array_equal(game.row, batch.rows[g])
                assert info["winner"][g] == (-2 if game.winner is None else game.winner)
                assert terminated[g] == (game.winner is not None)

    def test_a_snapshot_brings_a_game_back(self, ruleset, seats):
        batch = random_batch(ruleset, seats, 4, autoreset="off")
        for _ in range(25):
            batch.step(batch.bot_actions("random"))
        snapshot, others = batch.snapshot(2), batch.rows[[0, 1, 3, 4, 5]].copy()
        plan = [batch.bot_actions("expander")]
        batch.step(plan[0])
        for _ in range(20):
            plan.append(batch.bot_actions("expander"))
            batch.step(plan[-1])
        first = batch.rows[2].copy()
        assert (first != snapshot).any()
        batch.restore(2, snapshot)
        np.testing.assert_array_equal(batch.rows[2], snapshot)
        batch.rows[[0, 1, 3, 4, 5]] = others
        for actions in plan:
            batch.step(actions)
        np.testing.assert_array_equal(batch.rows[2], first)

    def test_a_fork_goes_its_own_way_and_leaves_the_others_alone(self, ruleset, seats):
        batch = random_batch(ruleset, seats, 5, autoreset="off")
        for _ in range(25):
            batch.step(batch.bot_actions("random"))
        before = batch.rows.copy()
        batch.fork(1, 4)
        np.testing.assert_array_equal(batch.rows[4], before[1])
        np.testing.assert_array_equal(np.delete(batch.rows, 4, axis=0), np.delete(before, 4, axis=0))
        actions = batch.bot_actions("random")
        actions[4] = actions[1]
        batch.step(actions)
        np.testing.assert_array_equal(batch.rows[4], batch.rows[1])
        for _ in range(10):
            actions = batch.bot_actions("random")
            actions[4] = 0
            batch.step(actions)
        assert (batch.rows[4] != batch.rows[1]).any()

    def test_a_snapshot_moves_to_another_batch(self, ruleset, seats):
        batch, other = random_batch(ruleset, seats, 6), random_batch(ruleset, seats, 7, games=2)
        other.restore(1, batch.snapshot(3))
        np.testing.assert_array_equal(other.rows[1], batch.rows[3])
        np.testing.assert_array_equal(other.observe().words[1], batch.observe().words[3])

    def test_batches_of_any_size_play_the_same_games(self, ruleset, seats):
        small, large = random_batch(ruleset, seats, 8, games=2), random_batch(ruleset, seats, 8, games=70)
        for _ in range(40):
            small.step(small.bot_actions("random"))
            large.step(large.bot_actions("random"))
        np.testing.assert_array_equal(small.rows, large.rows[:2])


def test_snapshots_of_other_shapes_are_refused():
    batch = random_batch("generalsio", 2, 1)
    for snapshot in (batch.snapshot(0)[:-1], batch.snapshot(0).astype(np.int64)):
        with pytest.raises(ValueError, match=r"snapshot is int.* accepted: int32 \(\d+,\)"):
            batch.restore(0, snapshot)


@settings(max_examples=30)
@given(
    st.sampled_from([4, 13, 16, "competition"]),
    st.integers(2, 12),
    st.integers(2, 12),
    st.integers(2, 8),
    st.integers(0, 2**32),
)
def test_a_record_is_its_game(version, height, width, seats, seed):
    """Random play, invalid actions and surrenders included, recorded and played again: every board is the same."""
    rng = random.Random(seed)
    board = random_board(version, height, width, 2 if version == "competition" else min(seats, height * width), seed)
    board.memory = True
    game, reference = board.game(), board.reference()
    owners, armies, actions, surrenders = [game.owners.ravel()], [game.armies.ravel()], [], []
    while game.winner is None and len(actions) < 25:
        if version != "competition" and rng.random() < 0.05:
            surrenders.append((game.turn, rng.randrange(board.seats)))
            game.surrender(surrenders[-1][1])
        codes = np.array([max(-1, code) for code in random_actions(reference, rng)], np.int32)
        codes[codes > 8 * board.tiles + (board.tiles if version == "competition" else 0)] = -1
        game.step_actions(codes)
        actions.append(codes)
        owners.append(game.owners.ravel())
        armies.append(game.armies.ravel())
    record = Record.from_actions(
        ruleset_of(version),
        board.layout,
        np.array(actions, np.int32).reshape(-1, board.seats),
        np.array(surrenders, np.int32).reshape(-1, 2),
        start=board.turn,
    )
    for again in (record, Record.from_bytes(record.to_bytes()), Record.from_json(record.to_json())):
        np.testing.assert_array_equal(again.boards()[0], owners)
        np.testing.assert_array_equal(again.boards()[1], armies)
        assert (again.result().turns, again.result().winner) == (game.turn, game.winner)
        assert again.result().invalid == game.invalid
        np.testing.assert_array_equal(again.play().row, game.row)
        turn = rng.randint(board.turn, game.turn)
        np.testing.assert_array_equal(again.at(turn).armies.ravel(), armies[turn - board.turn])


def test_a_finished_game_put_in_place_of_another_tells_its_own_end():
    batch = GameBatch("generalsio", 2, 1, board=MapSpec.plain(3, 3, mountains=0.0, cities=0), autoreset="off")
    batch.reset()
    over = batch.snapshot(0)
    over[[WINNER, TURN]] = 1, 77
    batch.restore(0, over)
    _, reward, terminated, truncated, info = batch.step(np.zeros((2, 2), np.int32))
    assert (info["winner"].tolist(), info["turns"].tolist()) == ([1, -2], [77, 1])
    assert not reward.any()
    assert not terminated.any()
    assert not truncated.any()
