"""What has to be done now and then in the store: bring to its end what a dead process left half done, fold the lake."""

import asyncio
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from engine.rulesets import RULESETS
from services.logs import get_log
from store.errors import StoreError
from store.handed import take_in
from store.lake import Lake
from store.ratings import Ratings

SECONDS = 20.0  # between two rounds

_log = get_log("keeper")


async def keep(
    ratings: Ratings, lake: Lake, ladders: Sequence[str] = tuple(RULESETS), seconds: float = SECONDS
) -> None:
    """Go round until cancelled; a round that fails is logged, and the next one tries again."""
    while True:
        try:
            await asyncio.to_thread(round_of, ratings, lake, ladders)
        except (StoreError, BotoCoreError, ClientError) as error:
            _log.warning("round failed", error=str(error))
        await asyncio.sleep(seconds)


def round_of(ratings: Ratings, lake: Lake, ladders: Sequence[str]) -> None:
    """One round."""
    swept = sum(ratings.sweep(ladder) for ladder in ladders)
    handed = take_in(lake.connection, lake.add, "api")
    folded = lake.fold()
    joined = lake.join()
    if swept or handed or folded or joined:
        _log.info("kept", batches_finished=swept, games_taken_in=handed, games_folded=folded, parts_joined=joined)
