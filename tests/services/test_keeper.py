"""What the keeper brings to its end: games that were filed and not counted, batches and matches left half done."""

from dataclasses import replace

import pytest
from tests.store.games import played_record

from lambdas.match_logic import Wish
from lambdas.playing import Playing, Wanted
from services.keeper import catch_up, round_of
from store.connect import Connection
from store.errors import BusyError
from store.lake import Lake
from store.lake_rows import GameRow
from store.matches import ENDED, FINISHED
from store.ratings import LEASE_MS, NEWCOMER, Counted, Outcome, Player, Ratings

ANNA, HUNTER = Player("human:anna"), Player("bot:hunter")


def row(number: int, source: str) -> GameRow:
    made = GameRow.of(
        played_record(), f"g{number}", ("bot:random", "bot:expander"), finished_ms=1_700_000_000_000, source=source
    )
    return replace(made, winner=number % 2)


def test_games_that_were_filed_and_not_counted_are_counted_once(connection: Connection) -> None:
    ratings, lake = Ratings(connection), Lake(connection)
    lake.add([row(n, "fleet") for n in range(150)])
    lake.add([row(n, "import") for n in range(150, 160)])
    assert catch_up(ratings, lake) == 150
    assert catch_up(ratings, lake) == 0
    assert set(ratings.games("generalsio")) == {f"g{n}" for n in range(150)}
    assert sum(rating.millielo - NEWCOMER for rating in ratings.ladder("generalsio")) == 0
    round_of(ratings, lake)
    assert lake.waiting() == []
    assert catch_up(ratings, lake) == 0


def test_a_game_that_was_counted_otherwise_holds_up_no_other(connection: Connection) -> None:
    ratings, lake = Ratings(connection), Lake(connection)
    lake.add([row(n, "fleet") for n in range(3)])
    players = (Player("bot:random"), Player("bot:expander"))
    ratings.report([Outcome("g1", players, -1, 40, "generalsio", 1_700_000_000_000)])
    assert catch_up(ratings, lake) == 2
    assert set(ratings.games("generalsio")) == {"g0", "g1", "g2"}
    assert (ratings.get("generalsio", players[0]).wins, ratings.get("generalsio", players[0]).draws) == (2, 1)


class DiedError(BaseException):
    """The process was killed: nothing catches this."""


@pytest.mark.parametrize("ladder", ["generalsio", "generalsio-6x6", "of somebody's own"])
def test_a_game_whose_reporter_died_after_claiming_it_is_counted(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, ladder: str
) -> None:
    now = [1_700_000_000_000]
    ratings, lake = Ratings(connection, lambda: now[0]), Lake(connection)
    game = Outcome("g", (ANNA, HUNTER), 0, 100, ladder, now[0])

    def die(*_: object) -> None:
        raise DiedError

    with monkeypatch.context() as patched:
        patched.setattr(Ratings, "_plan", die)
        with pytest.raises(DiedError):
            ratings.report([game])
    assert ratings.report([game]) == Counted(0, 1), "the next request believes that it is counted"
    round_of(ratings, lake)
    assert ratings.get(ladder, ANNA).games == 0, "its reporter may still live"
    now[0] += LEASE_MS
    for _ in range(2):
        round_of(ratings, lake)
        assert (ratings.get(ladder, ANNA).wins, ratings.get(ladder, HUNTER).losses) == (1, 1)


def test_a_match_whose_last_request_died_is_handed_in(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    playing = Playing(connection)
    match, _ = playing.begin(Wanted("generalsio", "6x6", ("human", "bot:random"), "turns", 1.0, "anna"))

    def refuse(*_: object) -> None:
        raise BusyError("the ladder is away")

    with monkeypatch.context() as patched:
        patched.setattr(playing.matches, "deliver", refuse)
        playing.wish(match.id, Wish(surrender=True))
    assert playing.matches.get(match.id).state == ENDED
    lake = Lake(connection)
    for _ in range(2):
        round_of(playing.ratings, lake)
        assert playing.matches.get(match.id).state == FINISHED
        assert playing.ratings.get("generalsio-6x6", ANNA).losses == 1
        assert [row.game_id for row in lake.all_rows()] == [match.id]
