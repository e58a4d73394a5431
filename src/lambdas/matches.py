"""Matches: make one, play it, watch it, look at it again; and replays that somebody uploads."""

import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from engine.board import ALIVE, AWAY
from engine.bots.scout import PLAYERS
from engine.map_specs import MAPS
from engine.record import Record
from engine.record_replay import replay_of
from engine.replay_checks import ReplayError
from engine.replay_files import read_games
from engine.replays import encode_gior
from engine.rulesets import RULESETS
from lambdas.frames import facts_of, frames_of, record_of_upload
from lambdas.http import Body, Services, Serving, bearer, problems
from lambdas.looks import told
from lambdas.match_logic import MAX_PLAYS, MAX_QUEUE, PACES, Wish, game_of, map_of, since, turn_due
from lambdas.playing import SPEEDS, Wanted
from store.errors import InvalidError
from store.matches import RUNNING, Match

router = APIRouter(tags=["matches"])

MATCHES_PER_WINDOW, UPLOADS_PER_WINDOW, WINDOW_SECONDS = 40, 60, 600
MAX_UPLOAD = 2 * 1024 * 1024  # bytes
QUIET_MS = 120_000  # a running match that nobody has asked for so long is not listed
ENDING = re.compile(r"(\.[a-z]+){0,2}\Z")  # all that is taken of an uploaded file's name
STATUS: dict[int, Literal["alive", "surrendered", "out"]] = {ALIVE: "alive", AWAY: "surrendered"}
SEAT = HTTPBearer(scheme_name="seat", description="The token that making the match gave.", auto_error=False)
MatchId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
Since = Annotated[int, Query(ge=-1, lt=2**31, description="The turn of the view that is known; -1: none.")]
Move = Annotated[list[Annotated[int, Field(ge=0, lt=2**16)]], Field(min_length=3, max_length=3)]


class Opponent(BaseModel):
    """A bot that can be played against."""

    player: str = Field(description="As `players` of a new match takes it.")
    kind: Literal["bot", "policy"]
    board: str | None = Field(description="The board that a policy was trained on.")
    ruleset: str | None = Field(description="Its ruleset.")


class Options(BaseModel):
    """What a match can be made of."""

    rulesets: list[str]
    boards: list[str] = Field(description="Maps by name; HEIGHTxWIDTH is accepted as well.")
    paces: list[str]
    speeds: list[float]
    opponents: list[Opponent]


class NewMatch(Body):
    """A match to begin."""

    players: list[Annotated[str, Field(min_length=1, max_length=80)]] = Field(
        min_length=2,
        max_length=8,
        description='By seat: "human" (once, or nowhere to watch), "bot:NAME", "policy:NAME", "policy:NAME@VERSION".',
    )
    ruleset: str = Field(default="generalsio", max_length=40)
    board: str = Field(default="site", max_length=40)
    pace: Literal["turns", "realtime"] = "turns"
    speed: float = Field(default=1.0, description="Realtime: 1 is two turns a second.")
    name: str = Field(default="guest", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,23}$", description="The person's.")


class Seat(BaseModel):
    """A player of a match, as everybody knows it."""

    player: str
    land: int
    army: int
    status: Literal["alive", "surrendered", "out"]


class View(BaseModel):
    """A match as one may see it: its person's seat, or all of it where bots alone play."""

    match: str
    state: Literal["running", "finished"]
    turn: int
    due: int = Field(description="The turn by the clock; above `turn` while the match catches up.")
    now_ms: int = Field(description="The server's clock, Unix time.")
    starts_ms: int
    turn_ms: int
    pace: str
    ruleset: str
    board: str
    ladder: str
    height: int
    width: int
    players: list[Seat]
    seat: int | None = Field(description="Whose eyes this is; null: all is seen.")
    yours: bool = Field(description="Whether the request came with the seat's token.")
    whole: bool = Field(description="Whether `cells` has all tiles, or those that changed.")
    cells: list[int] = Field(description="Tile, look, army, and so on: see /v1/options in the documentation of looks.")
    queue: list[Move] = Field(description="The seat's moves to come; only its own player is told.")
    winner: int | None = Field(description="Seat; -1: drawn; null: running.")


class Created(BaseModel):
    """A new match."""

    match: str
    token: str = Field(description='Plays the seat; it is told this once. "" where bots alone play.')
    view: View


class Asked(Body):
    """What a person asks for."""

    moves: list[Move] = Field(
        default=[], max_length=MAX_QUEUE, description="[start, end, half], put at the end of the queue."
    )
    plays: int = Field(default=0, ge=0, le=MAX_PLAYS, description="Pace turns: how many turns to play.")
    undo: int = Field(default=0, ge=0, le=MAX_QUEUE, description="Moves to take off the end of the queue first.")
    clear: bool = Field(default=False, description="Empty the queue first.")
    surrender: bool = False
    since: int = Field(default=-1, ge=-1, lt=2**31, description="The turn of the view that is known.")
    key: str = Field(default="", max_length=64, description="A request with a key that was seen is not done again.")


class Summary(BaseModel):
    """A match in a list."""

    match: str
    state: str
    players: list[str]
    ruleset: str
    board: str
    pace: str
    turn: int
    winner: int | None
    created_ms: int


class Summaries(BaseModel):
    """Matches, the newest first."""

    matches: list[Summary]


class Game(BaseModel):
    """A recorded game, boards from a turn on."""

    id: str
    ruleset: str
    height: int
    width: int
    names: list[str]
    teams: list[int]
    start: int
    turns: int
    winner: int | None
    ended: str
    seat: int | None = Field(description="Whose eyes this is; null: all is seen.")
    first: int = Field(description="The turn of `cells`.")
    cells: list[int]
    changes: list[list[int]] = Field(description="For each turn after it the tiles that changed: tile, look, army, ...")
    land: list[list[int]] = Field(description="For each turn from `first` on, by seat.")
    army: list[list[int]]
    next: int | None = Field(description="The turn to ask for from next; null: this is the end.")


@router.get("/options", responses=problems(), operation_id="getOptions")
def get_options(services: Serving) -> Options:
    """What a match can be made of, the policies that can be played against among it."""
    opponents = [Opponent(player=f"bot:{bot}", kind="bot", board=None, ruleset=None) for bot in PLAYERS]
    exported = services.playing.minds.exported()
    for name in services.policies.names() if exported else ():
        newest = services.policies.resolve(name)
        if newest.sha256 in exported:
            ruleset = newest.about.get("ruleset")
            known = ruleset if ruleset in RULESETS else None
            board = _board_of(newest.about)
            opponents.append(Opponent(player=f"policy:{name}", kind="policy", board=board, ruleset=known))
    return Options(
        rulesets=list(RULESETS), boards=list(MAPS), paces=list(PACES), speeds=list(SPEEDS), opponents=opponents
    )


def _board_of(about: Mapping[str, Any]) -> str | None:
    """The board that a policy was trained on, as a match takes it: maps by name, or HEIGHTxWIDTH."""
    sides = about.get("board")
    told = "x".join(map(str, sides)) if isinstance(sides, list) else ""
    for board in (about.get("maps"), told):
        with suppress(InvalidError):
            if isinstance(board, str):
                map_of(board, 2)
                return board
    return None


@router.post("/matches", status_code=201, responses=problems(404, 429, 503), operation_id="createMatch")
def create_match(services: Serving, new: NewMatch, request: Request) -> Created:
    """Begin a match. In pace "turns" it goes on when its person plays; in "realtime" by the wall clock."""
    services.limit(request, "new matches", MATCHES_PER_WINDOW, WINDOW_SECONDS)
    wanted = Wanted(new.ruleset, new.board, tuple(new.players), new.pace, new.speed, new.name)
    match, token = services.playing.begin(wanted)
    return Created(match=match.id, token=token, view=view_of(match, -1, bool(token), services.now_ms()))


@router.get("/matches", responses=problems(), operation_id="listMatches")
def list_matches(
    services: Serving,
    state: Annotated[Literal["running", "finished"], Query()] = "running",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Summaries:
    """Matches that are being played, or that are over, the newest first."""
    quiet = services.now_ms() - QUIET_MS if state == RUNNING else 0
    found = [match for match in services.matches.recent(state, limit) if match.updated_ms >= quiet]
    return Summaries(matches=[_summary(match) for match in found])


@router.get("/matches/{match}", responses=problems(404, 503), operation_id="getMatch")
def get_match(services: Serving, match: MatchId, request: Request, since: Since = -1) -> View:
    """A match as it stands now, with the tiles that changed since a turn. Without the seat's token one watches."""
    found = services.playing.look(match)
    return view_of(found, since, found.opens(bearer(request)), services.now_ms())


@router.post("/matches/{match}", responses=problems(401, 403, 404, 409, 503), operation_id="playMatch")
def play_match(
    services: Serving,
    match: MatchId,
    asked: Asked,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(SEAT)],
) -> View:
    """Submit, queue, undo and clear moves, play turns, surrender. Needs the seat's token."""
    if token is None:
        raise HTTPException(401, "playing needs the seat's token", {"WWW-Authenticate": "Bearer"})
    if not services.matches.get(match).opens(token.credentials):
        raise HTTPException(403, f"the token is not that of match {match}")
    wish = Wish(
        moves=tuple((start, end, half) for start, end, half in asked.moves),
        plays=asked.plays,
        undo=asked.undo,
        clear=asked.clear,
        surrender=asked.surrender,
        key=asked.key,
    )
    return view_of(services.playing.wish(match, wish), asked.since, True, services.now_ms())


@router.get("/matches/{match}/frames", responses=problems(404, 503), operation_id="getFrames")
def get_frames(
    services: Serving,
    match: MatchId,
    seat: Annotated[int | None, Query(ge=0, le=15)] = None,
    first: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Game:
    """The boards of a match that is over, from a turn on, whole or as a seat knew them."""
    return _game(services.playing.finished(match).record, seat, first)


@router.get(
    "/matches/{match}/record",
    responses=problems(404, 503)
    | {200: {"content": {"application/json": {"schema": {"type": "object"}}, "application/octet-stream": {}}}},
    response_class=Response,
    operation_id="getRecord",
)
def get_record(
    services: Serving, match: MatchId, form: Annotated[Literal["json", "gior"], Query()] = "json"
) -> Response:
    """The record of a match that is over: the canonical event log, or a replay file of the site."""
    record = services.playing.finished(match).record
    if form == "json":
        return Response(record.to_json(), media_type="application/json")
    try:
        data = encode_gior(replay_of(_untimed(record)))
    except ReplayError as error:
        raise InvalidError(f"match {match} cannot be told as .gior: {error}") from None
    headers = {"Content-Disposition": f'attachment; filename="{match}.gior"'}
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.post(
    "/replays",
    responses=problems(413, 429),
    operation_id="readReplay",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def read_upload(
    services: Serving,
    request: Request,
    name: Annotated[str, Query(min_length=1, max_length=200, description="The file's name; its ending is its kind.")],
    seat: Annotated[int | None, Query(ge=0, le=15)] = None,
    first: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Game:
    """The boards of a replay of the site (.gior, .gioreplay, .json) or of a record (.json), each also .gz.

    Nothing of it is kept.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_UPLOAD:
            raise HTTPException(413, f"the file is larger than {MAX_UPLOAD} bytes")
    return await run_in_threadpool(_uploaded, services, request, name, bytes(data), seat, first)


def _uploaded(services: Services, request: Request, name: str, data: bytes, seat: int | None, first: int) -> Game:
    services.limit(request, "replays", UPLOADS_PER_WINDOW, WINDOW_SECONDS)
    ending = ENDING.search(name.lower())
    with tempfile.TemporaryDirectory() as folder:
        path = FilePath(folder) / f"replay{ending[0] if ending else ''}"
        path.write_bytes(data)
        try:
            game = next(read_games(path))
        except ReplayError as error:
            raise InvalidError(str(error).replace(str(path), name, 1)) from None
    return _game(record_of_upload(game, name), seat, first)


def _untimed(record: Record) -> Record:
    """A record without the limit of turns that matches have and replays of the site have not."""
    return replace(record, ruleset=record.ruleset.vary(turn_limit=0))


def _game(record: Record, seat: int | None, first: int) -> Game:
    frames = frames_of(record, seat, first)
    return Game(
        **facts_of(record),
        seat=seat,
        first=frames.first,
        cells=frames.cells,
        changes=frames.changes,
        land=frames.land,
        army=frames.army,
        next=frames.next,
    )


def view_of(match: Match, turn: int, yours: bool, now_ms: int) -> View:
    """A match as its watchers may see it, with the tiles that changed after a turn."""
    board, tiles, whole = since(match, turn)
    game, setup = game_of(match), match.setup
    return View(
        match=match.id,
        state="running" if match.state == RUNNING else "finished",
        turn=match.turn,
        due=turn_due(match, now_ms),
        now_ms=now_ms,
        starts_ms=setup.starts_ms,
        turn_ms=setup.turn_ms,
        pace=setup.pace,
        ruleset=setup.ruleset,
        board=setup.board,
        ladder=setup.ladder,
        height=match.record.layout.height,
        width=match.record.layout.width,
        players=[
            Seat(player=player.key, land=land, army=army, status=STATUS.get(status, "out"))
            for player, land, army, status in zip(setup.players, game.land, game.totals, game.status, strict=True)
        ],
        seat=setup.human if setup.human >= 0 else None,
        yours=yours,
        whole=whole,
        cells=told(board, tiles),
        queue=[list(move) for move in match.queue] if yours else [],
        winner=match.record.winner,
    )


def _summary(match: Match) -> Summary:
    setup = match.setup
    return Summary(
        match=match.id,
        state="running" if match.state == RUNNING else "finished",
        players=[player.key for player in setup.players],
        ruleset=setup.ruleset,
        board=setup.board,
        pace=setup.pace,
        turn=match.turn,
        winner=match.record.winner,
        created_ms=setup.created_ms,
    )
