"""Ladders: who stands where, how sure that is, how it came about; and outcomes from whoever may report them."""

import math
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from lambdas.http import Body, Serving, Writing, problems
from store.errors import InvalidError
from store.ratings import BATCH, SPREAD, Outcome, Player, Rating

router = APIRouter(tags=["ratings"])

LADDER = r"^[a-z0-9][a-z0-9-]{0,63}$"
PLAYER = r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,79}@[0-9]{1,9}$"
ELO_SLOPE = SPREAD / math.log(10)
Z = 1.96  # 95 % of a normal distribution


class Place(BaseModel):
    """A player's place on a ladder."""

    rank: int
    player: str = Field(description="NAME@VERSION, as in policy:demo@3, bot:hunter@0, human:anna@0.")
    elo: float
    low: float = Field(description="Lower end of the 95 % interval.")
    high: float = Field(description="Its upper end.")
    games: int
    wins: int
    draws: int
    losses: int


class Ladder(BaseModel):
    """A ladder, the strongest first."""

    ladder: str
    places: list[Place]


class Step(BaseModel):
    """A game and what it did to a rating."""

    game: str
    elo: float = Field(description="After the game.")
    change: float
    opponents: list[str]
    score: float = Field(description="1 won, 0.5 drawn, 0 lost.")
    finished_ms: int = Field(description="Unix time.")


class History(BaseModel):
    """A player's latest games, the newest first."""

    ladder: str
    player: str
    place: Place
    steps: list[Step]


class ReportedOutcome(Body):
    """How a game ended."""

    game: str = Field(min_length=1, max_length=128)
    players: list[Annotated[str, Field(pattern=PLAYER)]] = Field(min_length=2, max_length=16)
    winner: int = Field(ge=-1, le=15, description="Seat; -1: drawn.")
    turns: int = Field(ge=0, lt=2**31)
    ladder: str = Field(pattern=LADDER)
    finished_ms: int = Field(ge=0, lt=2**53, description="Unix time.")


class Report(Body):
    """Outcomes to count."""

    outcomes: list[ReportedOutcome] = Field(min_length=1, max_length=BATCH)


class Counts(BaseModel):
    """What became of reported outcomes."""

    counted: int
    duplicates: int = Field(description="Had been counted before.")


def half_interval(rating: Rating) -> float:
    """Half the 95 % interval of a rating, in points, by its games alone.

    A game at score s tells s (1 - s) / ELO_SLOPE² about the rating (Fisher's information of a logistic model); the mean
    score is drawn half a game towards a draw on either side, so that it is never 0 or 1.
    """
    score = (rating.wins + rating.draws / 2 + 0.5) / (rating.games + 1)
    return Z * ELO_SLOPE / math.sqrt((rating.games + 1) * score * (1 - score))


def place_of(rating: Rating, rank: int) -> Place:
    """A rating as the API tells it."""
    half = half_interval(rating)
    return Place(
        rank=rank,
        player=rating.player.key,
        elo=rating.elo,
        low=round(rating.elo - half, 1),
        high=round(rating.elo + half, 1),
        games=rating.games,
        wins=rating.wins,
        draws=rating.draws,
        losses=rating.losses,
    )


@router.get("/ladders/{ladder}", responses=problems(), operation_id="getLadder")
def get_ladder(
    services: Serving, ladder: Annotated[str, Path(pattern=LADDER)], limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> Ladder:
    """A ladder's players, the strongest first. Ladders are called by ruleset, or RULESET-BOARD for other maps."""
    found = services.ratings.ladder(ladder, limit)
    return Ladder(ladder=ladder, places=[place_of(rating, rank) for rank, rating in enumerate(found, 1)])


@router.get("/ladders/{ladder}/history", responses=problems(), operation_id="getHistory")
def get_history(
    services: Serving,
    ladder: Annotated[str, Path(pattern=LADDER)],
    player: Annotated[str, Query(pattern=PLAYER, description="NAME@VERSION.")],
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> History:
    """How a player's rating came about, the newest game first."""
    who = Player.from_key(player)
    steps = services.ratings.history(ladder, who, limit)
    return History(
        ladder=ladder,
        player=player,
        place=place_of(services.ratings.get(ladder, who), 0),
        steps=[
            Step(
                game=step.game_id,
                elo=step.millielo / 1000,
                change=step.change / 1000,
                opponents=[other.key for other in step.opponents],
                score=step.score,
                finished_ms=step.finished_ms,
            )
            for step in steps
        ],
    )


@router.post("/outcomes", responses=problems(401, 403, 409, 503), operation_id="reportOutcomes")
def report_outcomes(services: Writing, report: Report) -> Counts:
    """Count outcomes of games, each game once however often it is reported. Needs IAM or the bearer token."""
    for each in report.outcomes:
        if each.winner >= len(each.players):
            raise InvalidError(f"game {each.game}: winner is {each.winner}; accepted: -1 to {len(each.players) - 1}")
    counted = services.ratings.report([_outcome(each) for each in report.outcomes])
    return Counts(counted=counted.counted, duplicates=counted.duplicates)


def _outcome(each: ReportedOutcome) -> Outcome:
    players = tuple(map(Player.from_key, each.players))
    return Outcome(each.game, players, each.winner, each.turns, each.ladder, each.finished_ms)
