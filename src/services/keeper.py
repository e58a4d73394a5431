"""What has to be done now and then in the store: bring to its end what a dead process left half done, fold the lake.

A server does it, and `stratagem web`; any number of processes may at once.
"""

import asyncio

from botocore.exceptions import BotoCoreError, ClientError

from services.logs import get_log
from store.errors import StoreError
from store.handed import take_in
from store.lake import Lake
from store.matches import Matches
from store.ratings import Outcome, Player, Ratings

COUNTED = ("fleet", "server")  # sources of games that this process files and counts
SECONDS = 20.0  # between two rounds

_log = get_log("keeper")


async def keep(ratings: Ratings, lake: Lake, seconds: float = SECONDS) -> None:
    """Catch up once, then go round until cancelled; a round that fails is logged, and the next one tries again."""
    caught_up = False
    while True:
        try:
            if not caught_up:
                await asyncio.to_thread(catch_up, ratings, lake)
                caught_up = True
            await asyncio.to_thread(round_of, ratings, lake)
        except (StoreError, BotoCoreError, ClientError) as error:
            _log.warning("round failed", error=str(error))
        await asyncio.sleep(seconds)


def catch_up(ratings: Ratings, lake: Lake) -> int:
    """Count what a server had filed when it was killed before counting it; how many games that were.

    The lake takes a game in first. Where the reporter has died as well, nobody reports that game again. Games that are
    counted already stay as they are, those with another outcome too.
    """
    outcomes = [
        Outcome(
            row.game_id,
            tuple(Player(name, version) for name, version in zip(row.players, row.versions, strict=True)),
            row.winner,
            row.turns,
            row.ruleset,
            row.finished_ms,
        )
        for row in lake.waiting()
        if row.source in COUNTED
    ]
    refused = ratings.counted_otherwise(outcomes)
    if refused:
        _log.warning("counted with another outcome", games=sorted(refused))
    counted = ratings.report([outcome for outcome in outcomes if outcome.game_id not in refused]).counted
    if counted:
        _log.info("caught up", games=counted)
    return counted


def round_of(ratings: Ratings, lake: Lake) -> None:
    """One round."""
    swept = sum(ratings.sweep(ladder) for ladder in ratings.ladders())
    delivered = Matches(lake.connection).deliver_all(ratings)
    handed = take_in(lake.connection, lake.add, "api")
    folded = lake.fold()
    joined = lake.join()
    if swept or delivered or handed or folded or joined:
        _log.info(
            "kept",
            batches_finished=swept,
            matches_delivered=delivered,
            games_taken_in=handed,
            games_folded=folded,
            parts_joined=joined,
        )
