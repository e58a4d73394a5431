"""EloService: the ladders of `store.ratings` behind gRPC; a game reported with its record goes to the lake too."""

import asyncio
from typing import Any

from engine.record import Record
from engine.replay_checks import ReplayError
from services.filing import file_and_count
from services.model_server import checked_limit
from services.refusal import invalid
from services.stubs import common_pb2, elo_pb2, elo_pb2_grpc
from store.lake import Lake
from store.lake_rows import GameRow
from store.ratings import BATCH, Outcome, Player, Ratings

DEFAULT_LADDER = "generalsio"
MAX_RECORD = 1 << 20  # bytes of a record


class EloServicer(elo_pb2_grpc.EloServiceServicer):
    """Reports and questions; the store's calls run in threads."""

    def __init__(self, ratings: Ratings, lake: Lake, source: str = "fleet") -> None:
        self.ratings, self.lake, self.source = ratings, lake, source

    async def ReportOutcome(  # noqa: N802 (gRPC's name)
        self, request: elo_pb2.ReportOutcomeRequest, context: Any
    ) -> elo_pb2.ReportOutcomeResponse:
        """Count games once and file their records."""
        if not 1 <= len(request.outcomes) <= BATCH:
            raise invalid("outcomes", f"{len(request.outcomes)} of them", f"1 to {BATCH}")
        outcomes = [outcome_of(message) for message in request.outcomes]
        rows = [
            row_of(message, outcome, self.source)
            for message, outcome in zip(request.outcomes, outcomes, strict=True)
            if message.record
        ]
        # In one piece: a thread goes on when the caller dies.
        counted = await asyncio.to_thread(file_and_count, self.lake, self.ratings, rows, outcomes)
        return elo_pb2.ReportOutcomeResponse(counted=counted.counted, duplicates=counted.duplicates)

    async def GetRatings(  # noqa: N802
        self, request: elo_pb2.GetRatingsRequest, context: Any
    ) -> elo_pb2.GetRatingsResponse:
        """The ladder."""
        limit = checked_limit(request.limit)
        ladder = request.ladder or DEFAULT_LADDER
        found = await asyncio.to_thread(lambda: list(self.ratings.ladder(ladder, limit)))
        return elo_pb2.GetRatingsResponse(
            ratings=[
                elo_pb2.Rating(
                    player=player_message(rating.player),
                    elo=rating.elo,
                    games=rating.games,
                    wins=rating.wins,
                    draws=rating.draws,
                    losses=rating.losses,
                    updated_ms=rating.updated_ms,
                )
                for rating in found
            ]
        )

    async def GetHistory(  # noqa: N802
        self, request: elo_pb2.GetHistoryRequest, context: Any
    ) -> elo_pb2.GetHistoryResponse:
        """A player's latest games."""
        limit = checked_limit(request.limit)
        player = Player(request.player.name, request.player.version)
        ladder = request.ladder or DEFAULT_LADDER
        found = await asyncio.to_thread(self.ratings.history, ladder, player, limit)
        return elo_pb2.GetHistoryResponse(
            entries=[
                elo_pb2.HistoryEntry(
                    game_id=entry.game_id,
                    elo=entry.millielo / 1000,
                    change=entry.change / 1000,
                    opponent=player_message(entry.opponents[0]),
                    score=entry.score,
                    finished_ms=entry.finished_ms,
                )
                for entry in found
            ]
        )


def player_message(player: Player) -> common_pb2.Player:
    """A player as a message."""
    return common_pb2.Player(name=player.name, version=player.version)


def outcome_of(message: common_pb2.Outcome) -> Outcome:
    """An outcome from its message. Raises InvalidError."""
    return Outcome(
        message.game_id,
        tuple(Player(player.name, player.version) for player in message.players),
        message.winner,
        message.turns,
        message.ruleset,
        message.finished_ms,
    )


def outcome_message(outcome: Outcome, record: bytes = b"") -> common_pb2.Outcome:
    """The message of an outcome."""
    return common_pb2.Outcome(
        game_id=outcome.game_id,
        players=[player_message(player) for player in outcome.players],
        winner=outcome.winner,
        turns=outcome.turns,
        ruleset=outcome.ladder,
        finished_ms=outcome.finished_ms,
        record=record,
    )


def row_of(message: common_pb2.Outcome, outcome: Outcome, source: str) -> GameRow:
    """The lake's row of an outcome with a record. Raises Refusal where the two do not agree."""
    if len(message.record) > MAX_RECORD:
        raise invalid("outcomes.record", f"{len(message.record)} bytes", f"up to {MAX_RECORD} bytes")
    if not 0 <= message.finished_ms < 2**42:
        raise invalid("outcomes.finished_ms", message.finished_ms, "Unix time in ms")
    try:
        record = Record.from_bytes(message.record)
    except ReplayError as error:
        raise invalid("outcomes.record", f"no record ({error})", "a record") from None
    row = GameRow.of(
        record,
        outcome.game_id,
        [player.name for player in outcome.players],
        [player.version for player in outcome.players],
        finished_ms=outcome.finished_ms,
        source=source,
    )
    if (row.ruleset, row.winner, row.turns) != (outcome.ladder, outcome.winner, outcome.turns):
        raise invalid(
            "outcomes",
            f"game {outcome.game_id}: {outcome.ladder}, winner {outcome.winner} after {outcome.turns} turns",
            f"what its record says: {row.ruleset}, winner {row.winner} after {row.turns} turns",
        )
    return row
