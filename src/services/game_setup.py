"""What a game is played with: rules, board, seats, clock. Checked once, when a game is asked for."""

import secrets
from dataclasses import asdict, dataclass
from typing import Any

from engine.bots import BOTS
from engine.layout import Layout
from engine.map_specs import MAPS, MapSpec
from engine.maps import generate
from engine.rulesets import RULESETS, Ruleset
from services.refusal import invalid
from services.stubs import common_pb2, game_pb2

BOT_PREFIX = "bot:"
MAX_SEATS = 16
SIDES = (4, 64)  # tiles of a plain board's side
TILES_A_SEAT = 8  # at least, so that generals have room
TURN_MS = (10, 60_000)
IDLE_MS = (100, 86_400_000)
IDLE_STEPPED_MS, IDLE_CLOCKED_MS = 60_000, 300_000
MAX_TURNS = 10_000  # where neither the request nor the ruleset sets a limit: no game may last for ever
SEEDS = 2**62


@dataclass(frozen=True)
class GameSetup:
    """Everything about a game that is known before it begins."""

    ruleset: str
    turn_limit: int
    board: int  # Board.Kind
    height: int
    width: int
    mountains: float
    cities: int
    seats: tuple[str, ...]  # "" open, or "bot:NAME"
    turn_ms: int  # 0: stepped
    spectators: game_pb2.Spectators
    seed: int
    teams: int
    idle_ms: int

    @classmethod
    def of(cls, request: game_pb2.CreateGameRequest) -> "GameSetup":
        """What a request asks for, with what it leaves open filled in. Raises RefusedError."""
        seats = tuple(request.seats)
        rules, board = request.rules, request.board
        _check_seats(seats)
        _check_rules(rules, len(seats))
        _check_board(board, len(seats))
        if request.teams and not 2 <= request.teams <= len(seats):
            raise invalid("teams", request.teams, f"0 for none, 2 to {len(seats)}")
        if rules.ruleset == "competition" and request.teams:
            raise invalid("teams", request.teams, "0 in the competition")
        _check_clock(request)
        if not 0 <= request.seed < SEEDS:
            raise invalid("seed", request.seed, "0 to 2**62 - 1")
        spectators = request.spectators or game_pb2.SPECTATORS_DELAYED
        if spectators not in game_pb2.Spectators.values():
            raise invalid("spectators", spectators, f"0 to {max(game_pb2.Spectators.values())}")
        if spectators == game_pb2.SPECTATORS_LIVE and not all(seats):
            raise invalid("spectators", "SPECTATORS_LIVE", "SPECTATORS_NONE or SPECTATORS_DELAYED where a seat is open")
        made = cls(
            ruleset=rules.ruleset or "generalsio",
            turn_limit=rules.turn_limit,
            board=board.kind or common_pb2.Board.KIND_SITE,
            height=board.height,
            width=board.width,
            mountains=board.mountains,
            cities=board.cities,
            seats=seats,
            turn_ms=request.turn_ms,
            spectators=spectators,
            seed=request.seed or 1 + secrets.randbelow(SEEDS - 1),
            teams=request.teams,
            idle_ms=request.idle_ms or (IDLE_CLOCKED_MS if request.turn_ms else IDLE_STEPPED_MS),
        )
        made.spec()  # raises where the engine knows of no such maps
        return made

    def rules(self) -> Ruleset:
        """The ruleset, always with a limit of turns."""
        ruleset = RULESETS[self.ruleset]
        return ruleset.vary(turn_limit=self.turn_limit or ruleset.turn_limit or MAX_TURNS)

    def spec(self) -> MapSpec:
        """The maps to draw from. Raises RefusedError."""
        teams = tuple(s % self.teams for s in range(len(self.seats))) if self.teams else ()
        try:
            if self.board == common_pb2.Board.KIND_COMPETITION:
                return MAPS["competition"]
            if self.board == common_pb2.Board.KIND_PLAIN:
                plain = MapSpec.plain(
                    self.height, self.width, mountains=self.mountains, cities=self.cities, teams=teams
                )
                plain.check_seats(len(self.seats))
                return plain
            return MapSpec.site(len(self.seats), teams)
        except ValueError as error:
            raise invalid("board", str(error), "what the engine draws maps from") from None

    def layout(self) -> Layout:
        """The map, drawn from the seed."""
        return generate(self.spec(), len(self.seats), self.seed, 0, 0)

    def to_json(self) -> dict[str, Any]:
        """For the log."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "GameSetup":
        """What `to_json` made."""
        return cls(**{**value, "seats": tuple(value["seats"])})


def _check_seats(seats: tuple[str, ...]) -> None:
    if not 2 <= len(seats) <= MAX_SEATS:
        raise invalid("seats", f"{len(seats)} long", f"2 to {MAX_SEATS} of them")
    for seat in seats:
        if seat and (not seat.startswith(BOT_PREFIX) or seat.removeprefix(BOT_PREFIX) not in BOTS):
            raise invalid("seats", seat, f'"" or one of {", ".join(BOT_PREFIX + name for name in BOTS)}')


def _check_rules(rules: common_pb2.Rules, seats: int) -> None:
    if rules.ruleset and rules.ruleset not in RULESETS:
        raise invalid("rules.ruleset", rules.ruleset, ", ".join(RULESETS))
    if not 0 <= rules.turn_limit <= MAX_TURNS:
        raise invalid("rules.turn_limit", rules.turn_limit, f"0 to {MAX_TURNS}")
    if rules.ruleset and RULESETS[rules.ruleset].two_seats and seats != 2:
        raise invalid("seats", f"{seats} long", f"2 of them with ruleset {rules.ruleset}")


def _check_board(board: common_pb2.Board, seats: int) -> None:
    if board.kind not in common_pb2.Board.Kind.values():
        raise invalid("board.kind", board.kind, f"0 to {max(common_pb2.Board.Kind.values())}")
    if board.kind == common_pb2.Board.KIND_COMPETITION and seats != 2:
        raise invalid("seats", f"{seats} long", "2 of them on KIND_COMPETITION")
    if board.kind != common_pb2.Board.KIND_PLAIN:
        for name in ("height", "width", "mountains", "cities"):
            if getattr(board, name):
                raise invalid(f"board.{name}", getattr(board, name), "0 where kind is not KIND_PLAIN")
        return
    for name in ("height", "width"):
        if not SIDES[0] <= getattr(board, name) <= SIDES[1]:
            raise invalid(f"board.{name}", getattr(board, name), f"{SIDES[0]} to {SIDES[1]}")
    tiles = board.height * board.width
    if seats * TILES_A_SEAT > tiles:
        raise invalid("seats", f"{seats} long", f"2 to {tiles // TILES_A_SEAT} of them on {tiles} tiles")
    if not 0 <= board.mountains <= 0.4:
        raise invalid("board.mountains", board.mountains, "0 to 0.4")
    if not 0 <= board.cities <= tiles // TILES_A_SEAT:
        raise invalid("board.cities", board.cities, f"0 to {tiles // TILES_A_SEAT} on {tiles} tiles")


def _check_clock(request: game_pb2.CreateGameRequest) -> None:
    if request.turn_ms and not TURN_MS[0] <= request.turn_ms <= TURN_MS[1]:
        raise invalid("turn_ms", request.turn_ms, f"0 or {TURN_MS[0]} to {TURN_MS[1]}")
    if not request.turn_ms and all(request.seats):
        raise invalid("turn_ms", 0, f"{TURN_MS[0]} to {TURN_MS[1]} where bots have all seats")
    if request.idle_ms and not IDLE_MS[0] <= request.idle_ms <= IDLE_MS[1]:
        raise invalid("idle_ms", request.idle_ms, f"0 or {IDLE_MS[0]} to {IDLE_MS[1]}")


def check_name(name: str, version: int) -> str:
    """The name by which ratings know who joins under a name. Raises RefusedError."""
    if not 1 <= len(name) <= 64 or not name.isprintable() or "@" in name:
        raise invalid("name", name, "1 to 64 printable characters without @")
    kind, colon, _ = name.partition(":")
    if colon and kind not in ("human", "policy"):
        raise invalid("name", name, 'a name without ":", or one that begins with "human:" or "policy:"')
    if not 0 <= version < 2**53 or (version and kind != "policy"):
        raise invalid("policy_version", version, 'a version of a player whose name begins with "policy:", else 0')
    return name if colon else f"human:{name}"
