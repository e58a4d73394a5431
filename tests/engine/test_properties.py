"""What holds of every game, whatever is played: nothing leaks, nothing is lost, nothing illegal happens."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.boards import random_board

from engine import Layout
from engine.actions import expand_mask
from engine.batch import GameBatch
from engine.board import INVALID, OUT, RANK, VISIBLE
from engine.game import Game
from engine.maps import MapSpec
from engine.tiles import CITY, DESERT, GENERAL, HIDES, IMPASSABLE, LOOKOUT, OBSERVATORY

SEEDS = st.integers(0, 2**32)
VERSIONS = st.sampled_from([4, 13, 16, "competition"])
SIDES = st.one_of(st.integers(2, 6), st.integers(2, 40))
SEATS = st.integers(2, 8)


def random_codes(rng, game, illegal=0.3):
    """Action codes, legal by the masks but for some."""
    codes = np.zeros(game.seats, np.int32)
    tiles = game.height * game.width
    for seat in range(game.seats):
        mask = game.observe(seat).mask.ravel()
        if rng.random() < illegal:
            codes[seat] = rng.randrange(-5, 9 * tiles + 5)
        elif mask.any():
            tile = rng.choice(np.flatnonzero(mask).tolist())
            bit = rng.choice([bit for bit in range(5) if mask[tile] >> bit & 1])
            codes[seat] = 1 + 8 * tiles + tile if bit == 4 else 1 + (tile * 4 + bit) * 2 + (rng.random() < 0.3)
    return codes


def start(version, height, width, seats, seed, **changes):
    """A game on a random board."""
    board = random_board(version, height, width, 2 if version == "competition" else min(seats, height * width), seed)
    for name, value in changes.items():
        setattr(board, name, value)
    return board.game()


def walk(game, seed, turns):
    """The game after each of so many turns of random play."""
    rng = random.Random(seed)
    for _ in range(turns):
        game.step_actions(random_codes(rng, game))
        yield game


def layout_of(game, **changes):
    """The map of a game's board as it is."""
    parts = {
        "kinds": game.kinds,
        "armies": game.armies,
        "owners": np.maximum(game.owners, -1),
        "generals": tuple(game.generals),
        "teams": tuple(game.teams),
    }
    return Layout(**(parts | changes))


def is_consistent(game):
    """Owners, generals, status and totals agree with each other."""
    owners, kinds, armies = game.owners, game.kinds, game.armies
    np.testing.assert_array_equal(owners == -2, IMPASSABLE[kinds])
    assert (armies[owners >= 0] >= 0).all()
    assert game.land == [int((owners == seat).sum()) for seat in range(game.seats)]
    assert game.totals == [int(armies[owners == seat].sum()) for seat in range(game.seats)]
    assert owners.max() < game.seats
    standing = [tile for tile in game.generals if tile >= 0]
    assert sorted(standing) == np.flatnonzero(kinds == GENERAL).tolist()
    for seat, tile in enumerate(game.generals):
        assert (tile < 0) == (game.status[seat] == OUT)
        assert tile < 0 or owners.flat[tile] == seat or game.winner == -1  # a draw may be that both generals fell
        assert game.observe(seat).vector[:3].tolist() == [game.turn, game.land[seat], game.totals[seat]]


@settings(max_examples=60)
@given(VERSIONS, SIDES, SIDES, SEATS, SEEDS)
def test_boards_stay_consistent(version, height, width, seats, seed):
    for game in walk(start(version, height, width, seats, seed), seed, 12):
        is_consistent(game)


@settings(max_examples=60)
@given(st.sampled_from([13, 16]), st.integers(2, 7), st.integers(2, 7), st.integers(2, 6), SEEDS)
def test_armies_are_conserved_but_for_growth_and_combat(version, height, width, seats, seed):
    """One seat moves a turn and nothing drains, so what is lost and what grows can be counted on the board."""
    rng = random.Random(seed)
    game = start(version, height, width, seats, seed, teams=[])
    dry = game.kinds
    dry[dry == 4] = DESERT
    game = Game(game.ruleset, layout_of(game, kinds=dry), game.turn)
    for _ in range(10):
        if game.winner is not None:
            return
        before = game.copy()
        codes = random_codes(rng, game)
        codes[np.arange(game.seats) != rng.randrange(game.seats)] = 0
        game.step_actions(codes)
        legal = codes.any() and game.invalid == before.invalid
        lost = losses(before, int(codes.max())) if legal else 0
        assert game.armies.sum() == before.armies.sum() - lost + growth(game)


def losses(game, code):
    """Armies that a legal move destroys: as many of both sides; of a fallen seat's other land half, rounded down."""
    (start, way), half = divmod((code - 1) // 2, 4), (code - 1) % 2
    end = start + (-game.width, game.width, -1, 1)[way]
    armies, owners = game.armies.ravel(), game.owners.ravel()
    if owners[start] == owners[end]:
        return 0
    marching = armies[start] // 2 if half else armies[start] - 1
    lost = 2 * min(marching, armies[end])
    if marching > armies[end] and game.kinds.flat[end] == GENERAL:
        land = owners == owners[end]
        land[end] = False
        lost += (armies[land] // 2).sum()
    return lost


def growth(game):
    """What grew in the turn just played."""
    owned = game.owners >= 0
    structures = (owned & np.isin(game.kinds, (CITY, GENERAL))).sum() if game.turn % 2 == 0 else 0
    return structures + ((owned & (game.kinds != DESERT)).sum() if game.turn % 50 == 0 else 0)


def assert_same_views(game, other, ignore=0):
    for seat in range(game.seats):
        mine, theirs = game.observe(seat), other.observe(seat)
        np.testing.assert_array_equal(mine.flags & ~np.uint8(ignore), theirs.flags & ~np.uint8(ignore))
        np.testing.assert_array_equal(mine.army, theirs.army)
        np.testing.assert_array_equal(mine.mask, theirs.mask)
        np.testing.assert_array_equal(mine.vector, theirs.vector)


@settings(max_examples=60)
@given(VERSIONS, SIDES, SIDES, SEATS, SEEDS)
def test_what_is_kept_up_to_date_is_what_is_seen_from_scratch(version, height, width, seats, seed):
    """Observations, masks, castle prices: as in a game that starts on the board as it stands."""
    for game in walk(start(version, height, width, seats, seed, memory=False), seed, 12):
        if game.winner is None:
            assert_same_views(game, Game(game.ruleset, layout_of(game), game.turn, memory=False))


@settings(max_examples=40)
@given(VERSIONS, SIDES, SIDES, SEATS, SEEDS)
def test_memory_adds_to_what_is_in_sight_and_never_changes_it(version, height, width, seats, seed):
    remembering = start(version, height, width, seats, seed, memory=True)
    forgetful = start(version, height, width, seats, seed, memory=False)
    known = [remembering.observe(seat).flags & 128 for seat in range(remembering.seats)]
    for game, other in zip(walk(remembering, seed, 12), walk(forgetful, seed, 12), strict=True):
        for seat in range(game.seats):
            mine, theirs = game.observe(seat), other.observe(seat)
            np.testing.assert_array_equal(mine.visible, theirs.visible)
            np.testing.assert_array_equal(mine.army, theirs.army)
            np.testing.assert_array_equal(mine.mask, theirs.mask)
            np.testing.assert_array_equal(mine.flags[mine.visible] & 127, theirs.flags[mine.visible])
            unknown = mine.flags & 128 == 0
            assert mine.visible[unknown].sum() == 0
            np.testing.assert_array_equal(mine.flags[unknown], theirs.flags[unknown])
            assert (known[seat] & ~mine.flags == 0).all()  # nothing is forgotten
            known[seat] = mine.flags & 128


@settings(max_examples=80)
@given(VERSIONS, SIDES, SIDES, SEATS, SEEDS)
def test_fog_hides_all_but_obstacles_and_totals(version, height, width, seats, seed):
    """Shuffle what a seat does not see: obstacles among obstacles, all else among itself. It notices nothing."""
    rng = np.random.default_rng(seed)
    *_, game = walk(start(version, height, width, seats, seed, memory=False), seed, 3)
    if game.winner is not None:
        return
    kinds, armies, owners = game.kinds, game.armies, np.maximum(game.owners, -1)
    seat = int(rng.integers(game.seats))
    hidden = ~game.observe(seat).visible.ravel()
    # Lookouts and observatories stay: moving them moves sight.
    hides = (HIDES >> kinds.ravel()) & 1 == 1
    posts = np.isin(kinds.ravel(), (LOOKOUT, OBSERVATORY))
    source = np.arange(kinds.size)
    for group in (hidden & hides & ~posts, hidden & ~hides):
        source[group] = rng.permutation(source[group])
    target = np.argsort(source)
    changed = layout_of(
        game,
        kinds=kinds.ravel()[source].reshape(kinds.shape),
        armies=armies.ravel()[source].reshape(kinds.shape),
        owners=owners.ravel()[source].reshape(kinds.shape),
        generals=tuple(int(target[tile]) if tile >= 0 else -1 for tile in game.generals),
    )
    mine = Game(game.ruleset, layout_of(game), game.turn, memory=False).observe(seat)
    shuffled = Game(game.ruleset, changed, game.turn, memory=False)
    theirs = shuffled.observe(seat)
    for what in ("flags", "army", "mask", "vector"):
        np.testing.assert_array_equal(getattr(mine, what), getattr(theirs, what))
    if seats > 2 and mine.owner is not None:
        np.testing.assert_array_equal(mine.owner, theirs.owner)
    assert not shuffled.observe(seat).visible.ravel()[hidden].any()


@pytest.mark.parametrize("ruleset", ["classic", "generalsio", "competition"])
def test_a_million_random_actions_do_nothing_that_the_masks_forbid(ruleset):
    """One batch plays any numbers, the other passes wherever the mask forbids one: only the counts differ."""
    rng = np.random.default_rng(5)
    games, seats, steps = 1024, 2, 170
    spec = MapSpec.plain(7, 6, mountains=0.15, cities=3, apart=3)
    wild, tame = (GameBatch(ruleset, games, 3, board=spec, seats=seats, max_turns=60) for _ in range(2))
    wild.reset()
    tame.reset()
    forbidden = 0
    for _ in range(steps):
        legal = wild.action_masks()
        count = legal.shape[-1]
        actions = rng.integers(-20, count + 20, (games, seats), dtype=np.int32)
        extreme = rng.random((games, seats)) < 0.02
        actions[extreme] = rng.integers(-(2**31), 2**31, int(extreme.sum()))
        some = (rng.random(legal.shape, np.float32) * legal).argmax(-1)  # else hardly any action would be legal
        actions = np.where(rng.random((games, seats)) < 0.3, some, actions).astype(np.int32)
        within = (actions >= 0) & (actions < count)
        allowed = within & np.take_along_axis(legal, np.where(within, actions, 0)[..., None], -1)[..., 0]
        forbidden += int((~allowed).sum())
        _, *earned, info = wild.step(actions)
        _, *expected, _ = tame.step(np.where(allowed, actions, 0).astype(np.int32))
        for mine, theirs in zip(earned, expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert (tame.rows[:, INVALID] == 0).all()
        np.testing.assert_array_equal(info["invalid"], wild.rows[:, INVALID])
        wild.view.seat[..., RANK] = tame.view.seat[..., RANK] = 0  # scratch of the order of moves
        differing = np.flatnonzero((wild.rows != tame.rows).any(axis=0))
        assert set(differing.tolist()) <= {INVALID}
    assert forbidden > games * seats * steps // 2
    view = wild.view
    for seat in range(seats):
        np.testing.assert_array_equal(view.seat[:, seat, 0], (view.owner == seat).sum((1, 2)))
        np.testing.assert_array_equal(view.seat[:, seat, 1], np.where(view.owner == seat, view.army, 0).sum((1, 2)))
    assert not (view.flags & VISIBLE == 0)[view.mask != 0].any()


def test_masks_of_a_batch_are_the_observations_of_its_games():
    batch = GameBatch("competition", 5, 1, board=MapSpec.plain(5, 5), autoreset="off")
    batch.reset()
    for _ in range(30):
        batch.step(batch.bot_actions("random"))
    masks = batch.action_masks()
    for g in range(5):
        for seat in range(2):
            mask = batch.game(g).observe(seat).mask
            np.testing.assert_array_equal(masks[g, seat], expand_mask(mask.ravel(), castles=True))
