"""Ratings: each game once, the sum exact, and nothing half done wherever a reporter dies."""

import itertools
import random
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from store.connect import Connection
from store.errors import ConflictError, InvalidError
from store.items import Items
from store.ratings import NEWCOMER, Counted, Outcome, Player, Ratings, changes_of

ANNA, HUNTER = Player("human:anna"), Player("bot:hunter")


def outcome(game: str, players: tuple[Player, ...] = (ANNA, HUNTER), winner: int = 0) -> Outcome:
    return Outcome(game, players, winner, 100, "generalsio", 1_700_000_000_000)


def total(ratings: Ratings) -> tuple[int, int]:
    """The sum of all ratings above a newcomer's, and all games counted, by seat."""
    ladder = list(ratings.ladder("generalsio"))
    return sum(r.millielo - NEWCOMER for r in ladder), sum(r.games for r in ladder)


class DiedError(Exception):
    """A reporter was killed."""


def test_equals_move_half_of_k_and_the_stronger_gains_less() -> None:
    assert changes_of([NEWCOMER, NEWCOMER], 0) == [12_000, -12_000]
    assert changes_of([NEWCOMER, NEWCOMER], -1) == [0, 0]
    gain, loss = changes_of([NEWCOMER + 400_000, NEWCOMER], 0)
    assert gain == round(24_000 / 11) == -loss


@pytest.mark.parametrize("count", [2, 3, 8, 16])
def test_changes_add_up_to_nothing(count: int) -> None:
    generator = random.Random(count)
    for winner in range(-1, count):
        assert sum(changes_of([generator.randrange(10**6, 2 * 10**6) for _ in range(count)], winner)) == 0


def test_a_game_counts_once(ledger: Connection) -> None:
    ratings = Ratings(ledger)
    assert ratings.report([outcome("g1")]) == Counted(1, 0)
    assert ratings.report([outcome("g1"), outcome("g2"), outcome("g2")]) == Counted(1, 2)
    anna = ratings.get("generalsio", ANNA)
    assert (anna.games, anna.wins, anna.draws, anna.losses) == (2, 2, 0, 0)
    assert [rating.player for rating in ratings.ladder("generalsio")] == [ANNA, HUNTER]
    assert total(ratings) == (0, 4)


def test_history_tells_every_game(ledger: Connection) -> None:
    ratings = Ratings(ledger)
    ratings.report([outcome("g1"), outcome("g2", winner=-1)])
    ratings.report([outcome("g3", winner=1)])
    entries = ratings.history("generalsio", ANNA)
    assert [(e.game_id, e.score) for e in entries] == [("g3", 0.0), ("g2", 0.5), ("g1", 1.0)]
    assert entries[0].millielo == ratings.get("generalsio", ANNA).millielo
    assert sum(e.change for e in entries) == entries[0].millielo - NEWCOMER
    assert entries[0].opponents == (HUNTER,)


def test_self_play_is_counted_and_moves_nobody(ledger: Connection) -> None:
    ratings = Ratings(ledger)
    assert ratings.report([outcome("g1", (ANNA, ANNA)), outcome("g2")]) == Counted(2, 0)
    assert ratings.get("generalsio", ANNA).games == 1
    assert set(ratings.games("generalsio")) == {"g1", "g2"}


def test_another_outcome_of_a_counted_game_is_refused_and_the_rest_counts(ledger: Connection) -> None:
    ratings = Ratings(ledger)
    ratings.report([outcome("g1")])
    with pytest.raises(ConflictError, match="g1"):
        ratings.report([outcome("g1", winner=1), outcome("g2")])
    assert ratings.get("generalsio", ANNA).wins == 2


def test_outcomes_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidError, match="winner is 2; accepted: -1 to 1"):
        outcome("g", winner=2)
    with pytest.raises(InvalidError, match="1 players"):
        outcome("g", players=(ANNA,))
    with pytest.raises(InvalidError, match="without @"):
        outcome("g", players=(ANNA, Player("a@b")))


def test_the_sum_is_exact_with_64_reporters_of_overlapping_outcomes(ledger: Connection) -> None:
    players = [Player("policy:demo", version) for version in range(1, 9)]
    generator = random.Random(5)
    games = [outcome(f"g{n}", tuple(generator.sample(players, 2)), generator.choice((-1, 0, 1))) for n in range(60)]
    parts = [generator.sample(games, 6) for _ in range(64)]
    with ThreadPoolExecutor(64) as crowd:
        counted = list(crowd.map(lambda part: Ratings(ledger).report(part), parts))
    told = {game.game_id for part in parts for game in part}
    ratings = Ratings(ledger)
    assert sum(c.counted for c in counted) == len(told)
    assert total(ratings) == (0, 2 * len(told))
    assert set(ratings.games("generalsio")) == told
    for player in players:
        entries = ratings.history("generalsio", player, 1000)
        assert sum(e.change for e in entries) == ratings.get("generalsio", player).millielo - NEWCOMER


@pytest.mark.parametrize("after", [False, True])
def test_a_reporter_that_dies_at_any_write_leaves_nothing_half_done(
    ledger: Connection, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Before the n-th write, or after it with the answer lost; then somebody else sweeps, or the report is repeated."""
    report = [outcome("g1"), outcome("g2", winner=1), outcome("g3", (ANNA, Player("bot:random")))]
    writes = {"put": Items.put, "create": Items.create, "update": Items.update}
    for n in itertools.count(1):
        ratings = Ratings(ledger)
        mine = [Outcome(f"{n}-{o.game_id}", o.players, o.winner, o.turns, o.ladder, o.finished_ms) for o in report]
        before = total(ratings)[1]
        left = [n]

        def dying(name: str, left: list[int] = left):
            def write(self: Items, *args: object, **settings: object) -> object:
                left[0] -= 1
                if left[0] == 0 and not after:
                    raise DiedError
                answer = writes[name](self, *args, **settings)
                if left[0] == 0:
                    raise DiedError
                return answer

            return write

        for name in writes:
            monkeypatch.setattr(Items, name, dying(name))
        died = False
        try:
            ratings.report(mine)
        except DiedError:
            died = True
        monkeypatch.undo()
        if not died:
            break
        ratings.sweep("generalsio", older_ms=0)
        ratings.report(mine)
        assert total(ratings) == (0, before + 6)
        assert not ratings.sweep("generalsio", older_ms=0)
    assert n > 10


class Dying(Ratings):
    """A reporter that dies when it has changed the rating of one player."""

    changed = False

    def _apply(self, ladder: str, batch: str, began: int, key: str, steps: list[list[object]]) -> None:
        if self.changed:
            raise DiedError
        super()._apply(ladder, batch, began, key, steps)
        self.changed = True


MINUTE = 60_000


def test_a_batch_that_is_half_done_counts_once_however_late_it_is_taken_up(ledger: Connection) -> None:
    """Others report meanwhile, so that what is old enough is struck from the lists."""
    now = [1_700_000_000_000]
    ratings, other = Ratings(ledger, lambda: now[0]), Player("bot:random")
    with pytest.raises(DiedError):
        Dying(ledger, lambda: now[0]).report([outcome("half")])
    for n in range(60):
        now[0] += MINUTE // 4
        ratings.report([outcome(f"g{n}", (ANNA, other)), outcome(f"h{n}", (HUNTER, other))])
    assert ratings.sweep("generalsio") == 1
    assert total(ratings) == (0, 2 + 4 * 60)
    assert ratings.get("generalsio", ANNA).games == ratings.get("generalsio", HUNTER).games == 61


def test_many_reports_do_not_fill_a_players_item(ledger: Connection) -> None:
    """DynamoDB takes items of up to 400 KB; a batch in a player's list has 48 bytes."""
    ratings = Ratings(ledger)
    ratings.report([outcome("g1")])
    item = ratings.items.get("generalsio", "player#bot:hunter@0")
    assert item is not None
    now = ratings.now_ms()

    def batches(count: int, began: int, **state: int) -> set[str]:
        ids = [uuid.uuid4().hex for _ in range(count)]
        rows = [{"ladder": "generalsio", "item": f"batch#{batch}", "began": began, **state} for batch in ids]
        ratings.items.put_many(rows)
        return {f"{began:015d}#{batch}" for batch in ids}

    over = batches(40, now - 6 * MINUTE, done_ms=now - 5 * MINUTE) | batches(20, now - 20 * MINUTE)
    open_ = batches(15, now - 20 * MINUTE, pending=now - 20 * MINUTE)
    late = batches(15, now - 20 * MINUTE, done_ms=now - MINUTE)  # somebody may be at work on them still
    ratings.items.put({**item, "applied": item["applied"] | over | open_ | late})
    ratings.report([outcome("g2")])
    item = ratings.items.get("generalsio", "player#bot:hunter@0")
    assert item is not None
    assert item["applied"] & (over | open_ | late) == open_ | late
    assert ratings.get("generalsio", HUNTER).games == 2
