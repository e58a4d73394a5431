"""What a server does after it was killed between filing a game and counting it."""

from dataclasses import replace

from tests.store.games import played_record

from services.keeper import catch_up, round_of
from store.connect import Connection
from store.lake import Lake
from store.lake_rows import GameRow
from store.ratings import NEWCOMER, Outcome, Player, Ratings


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
    round_of(ratings, lake, ["generalsio"])
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
