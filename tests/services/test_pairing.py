"""How tables are shared out: all of them, in the right proportion, the hard snapshots most."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.pairing import BOT, SELF, SNAPSHOT, Mix, apportion, choose_snapshots, pfsp_weight, share_out

ONE = st.floats(0, 1, exclude_max=True)


@given(
    games=st.integers(1, 5000),
    versions=st.lists(st.integers(1, 500), min_size=1, max_size=80),
    rates=st.lists(st.floats(0, 1), min_size=80, max_size=80),
    bots=st.lists(st.sampled_from(["random", "expander", "hunter"]), unique=True),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1)),
    offset=ONE,
)
@example(games=1, versions=[1], rates=[0.0] * 80, bots=[], shares=(0.0, 0.0, 1.0), offset=float(np.nextafter(1, 0)))
def test_all_tables_are_dealt_and_none_is_empty(
    games: int,
    versions: list[int],
    rates: list[float],
    bots: list[str],
    shares: tuple[float, float, float],
    offset: float,
) -> None:
    tables = share_out(games, versions, dict(zip(versions, rates, strict=False)), bots, Mix(*shares), offset)
    assert sum(table.games for table in tables) == games
    assert all(table.games > 0 for table in tables)
    assert {table.version for table in tables} == {max(versions)}
    for table in tables:
        assert (table.opponent_version in versions) == (table.kind == SNAPSHOT)
        assert (table.bot in bots) == (table.kind == BOT)
        assert table.opponent_version != max(versions)


def test_shares_are_met() -> None:
    tables = share_out(1000, [1, 2], {1: 0.5}, ["random", "hunter"], Mix(0.5, 0.3, 0.2), 0.0)
    games = {(t.kind, t.bot): t.games for t in tables}
    assert games == {(SELF, ""): 500, (SNAPSHOT, ""): 300, (BOT, "random"): 100, (BOT, "hunter"): 100}


def test_what_cannot_be_had_is_self_play() -> None:
    assert [(t.kind, t.games) for t in share_out(10, [7], {}, [], Mix(), 0.5)] == [(SELF, 10)]


def test_who_beats_the_learner_is_met_most() -> None:
    tables = share_out(10_000, [1, 2, 3, 4], {1: 0.1, 2: 0.5, 3: 1.0}, [], Mix(0, 1, 0), 0.0)
    games = {t.opponent_version: t.games for t in tables if t.kind == SNAPSHOT}
    assert games[1] / games[2] == pytest.approx(0.81 / 0.25, rel=0.01)
    assert 0 < games[3] < games[2]  # never forgotten


def test_an_actor_with_one_table_meets_all_in_their_shares() -> None:
    met = Counter(
        share_out(1, [1, 2], {}, ["hunter"], Mix(0.5, 0.3, 0.2), offset)[0].kind
        for offset in (np.arange(1000) + 0.5) / 1000
    )
    assert met == {SELF: 500, SNAPSHOT: 300, BOT: 200}


def test_an_actor_meets_few_opponents_at_once_and_all_in_time() -> None:
    versions, met = list(range(1, 30)), Counter[int]()
    for offset in (np.arange(1000) + 0.5) / 1000:
        tables = share_out(144, versions, {}, ["random", "hunter"], Mix(0.5, 0.35, 0.15), offset)
        against = [t for t in tables if t.kind != SELF]
        assert len(against) <= 5
        assert min(t.games for t in against) >= 16
        met.update({t.opponent_version: t.games for t in tables if t.kind == SNAPSHOT})
    assert set(met) == set(versions[:-1])
    assert max(met.values()) < 1.5 * min(met.values())


@given(st.integers(0, 10**6), st.lists(st.floats(0, 1e6), min_size=1, max_size=50), ONE)
def test_apportioned_numbers_add_up_and_are_never_off_by_more_than_one(
    total: int, shares: list[float], offset: float
) -> None:
    if sum(shares) == 0:
        shares = [*shares, 1.0]
    counts = apportion(total, shares, offset)
    assert sum(counts) == total
    for count, share in zip(counts, shares, strict=True):
        exact = share / sum(shares) * total
        assert -1 - 1e-6 <= count - exact <= 1 + 1e-6


@given(st.lists(st.integers(1, 10_000), max_size=300), st.integers(2, 40))
def test_chosen_snapshots_reach_from_the_first_to_the_newest(versions: list[int], most: int) -> None:
    chosen = choose_snapshots(versions, most)
    assert len(chosen) <= most
    assert set(chosen) <= set(versions)
    if versions:
        assert chosen[0] == min(versions)
        assert chosen[-1] == max(versions)


def test_weights_fall_as_win_rates_rise() -> None:
    weights = [pfsp_weight(rate) for rate in np.linspace(0, 1, 11)]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] == 1.0
    assert weights[-1] > 0


@pytest.mark.parametrize(("games", "versions", "offset"), [(0, [1], 0.0), (1, [], 0.0), (1, [1], 1.0)])
def test_what_cannot_be_shared_out(games: int, versions: list[int], offset: float) -> None:
    with pytest.raises(ValueError, match="accepted"):
        share_out(games, versions, {}, [], Mix(), offset)


def test_a_mix_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="shares are"):
        Mix(0, 0, 0)
    with pytest.raises(ValueError, match="shares are"):
        Mix(-1, 1, 1)
