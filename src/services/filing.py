"""A finished game's way into the store: to the lake, then to the ladder."""

from collections.abc import Sequence

from store.lake import Lake
from store.lake_rows import GameRow
from store.ratings import Counted, Outcome, Ratings


def file_and_count(lake: Lake, ratings: Ratings, rows: Sequence[GameRow], outcomes: Sequence[Outcome]) -> Counted:
    """File games, then count them, each once however often it comes.

    The lake comes first: whoever gets no answer comes again, and both the lake and the ladder know a game that they
    have. What was counted with another outcome is not filed: the lake keeps the game that the ladder has.

    Raises ConflictError where there is such a game; the others are filed and counted all the same.
    """
    refused = ratings.counted_otherwise(outcomes)
    chosen = [row for row in rows if row.game_id not in refused]
    if chosen:
        lake.add(chosen)
    return ratings.report(outcomes)
