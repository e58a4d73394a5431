"""MatchMakerService over gRPC: people and bots who look for a game, actors who ask whom to play, tournaments."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

from engine.bots import BOTS
from services import metrics
from services.game_maker import GameMaker
from services.game_setup import GameSetup, check_name
from services.game_view import player_message
from services.logs import get_log
from services.matching import Ticket, WaitingRoom
from services.pairing import BOT, SELF, SNAPSHOT, Mix, Table, choose_snapshots, share_out
from services.refusal import RefusedError, exhausted, invalid, not_found, taken
from services.stubs import game_pb2, matchmaker_pb2, matchmaker_pb2_grpc
from services.tournament import Referee, play_tournament
from store.ratings import Player, expected_score

MOST_TICKETS = 1000
MOST_TABLES = 65_536
MOST_PLAYERS, MOST_PAIRS = 64, 10_000
LONGEST_ID = 128

Rate = Callable[[Player, str], Awaitable[float]]
"""A player's Elo in points on the ladder of a ruleset."""

_log = get_log("matchmaker")


class League(Protocol):
    """What there is of a policy, and how strong."""

    async def versions(self, policy: str) -> Sequence[int]:
        """All published versions of a policy; none where there is no such policy."""

    async def win_rates(self, policy: str, version: int, others: Sequence[int]) -> dict[int, float]:
        """Points a game, 0 to 1, that a version takes from others."""


class EloLeague:
    """A league whose win rates follow from ratings."""

    def __init__(self, versions: Callable[[str], Awaitable[Sequence[int]]], rate: Rate, ladder: str) -> None:
        self._versions, self._rate, self._ladder = versions, rate, ladder

    async def versions(self, policy: str) -> Sequence[int]:
        """All published versions."""
        return await self._versions(policy)

    async def win_rates(self, policy: str, version: int, others: Sequence[int]) -> dict[int, float]:
        """What the ratings let expect."""
        own = await self._elo(policy, version)
        return {other: expected_score(own, await self._elo(policy, other)) for other in others}

    async def _elo(self, policy: str, version: int) -> int:
        return round(1000 * await self._rate(Player(f"policy:{policy}", version), self._ladder))


class MatchMakerServicer(matchmaker_pb2_grpc.MatchMakerServiceServicer):
    """Answers with what it is given: games to make, ratings, the league, a referee."""

    def __init__(
        self,
        games: GameMaker,
        rate: Rate,
        league: League,
        referee: Referee,
        mix: Mix | None = None,
        chance: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.games, self.rate, self.league, self.referee = games, rate, league, referee
        self.mix, self.chance, self.clock = mix or Mix(), chance or random.Random(), clock
        self.room = WaitingRoom()
        self._making: set[asyncio.Task[None]] = set()

    async def Enqueue(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Let a player wait."""
        if len(request.request_id) > LONGEST_ID:
            raise invalid("request_id", request.request_id, f"at most {LONGEST_ID} characters")
        name = check_name(request.player.name, request.player.version)
        player, create = Player(name, request.player.version), _create_request(request)
        setup = GameSetup.of(create)
        kind: bytes = create.SerializeToString(deterministic=True)
        self.room.drop_lost(self.clock())
        ticket = self.room.of_request(request.request_id)
        if ticket is None:
            if len(self.room) >= MOST_TICKETS:
                raise exhausted("players who wait", len(self.room) + 1, f"at most {MOST_TICKETS}")
            rating = await self.rate(player, setup.ruleset)
            ticket = self.room.add(Ticket(player, rating, kind, self.clock(), request.request_id))
        if (ticket.player, ticket.kind) != (player, kind):
            raise taken("request_id", request.request_id)
        metrics.TICKETS.set(len(self.room))
        return matchmaker_pb2.EnqueueResponse(ticket=ticket.id)

    async def Poll(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell what became of a ticket; whoever asks also has all pairs made that can be."""
        ticket = self.room.poll(request.ticket, self.clock())
        if ticket is None:
            raise not_found("ticket", request.ticket, "a ticket that Enqueue gave and that was polled within 30 s")
        for pair in self.room.pair(self.clock()):
            made = asyncio.create_task(self._make(list(pair)))
            self._making.add(made)
            made.add_done_callback(self._making.discard)
            await asyncio.shield(made)  # whoever asked may hang up; the other player still gets the game
        metrics.TICKETS.set(len(self.room))
        if not ticket.game_id:
            return matchmaker_pb2.PollResponse()
        return matchmaker_pb2.PollResponse(
            matched=True,
            game_id=ticket.game_id,
            seat=ticket.seat,
            seat_token=ticket.seat_token,
            opponent=player_message(ticket.opponent),
        )

    async def _make(self, pair: list[Ticket]) -> None:
        """Open a pair's game; where that fails they wait on, and the next poll tries again."""
        self.chance.shuffle(pair)
        try:
            request = game_pb2.CreateGameRequest.FromString(pair[0].kind)
            made = await self.games.make(request, [ticket.player for ticket in pair])
        except RefusedError as error:
            for ticket in pair:
                ticket.paired = False
            _log.warning("no game was made", error=str(error))
            return
        for seat, ticket in enumerate(pair):
            ticket.game_id, ticket.seat, ticket.seat_token = made.game_id, seat, made.tokens[seat]
            ticket.opponent = pair[1 - seat].player
            metrics.WAIT_SECONDS.observe(self.clock() - ticket.since)
        metrics.MATCHES.inc()
        _log.info("matched", game=made.game_id, players=[ticket.player.key for ticket in pair])

    async def NextPairing(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Share out an actor's tables."""
        if not 1 <= request.games <= MOST_TABLES:
            raise invalid("games", request.games, f"1 to {MOST_TABLES}")
        for field in ("actor", "policy"):
            if not 1 <= len(getattr(request, field)) <= LONGEST_ID:
                raise invalid(field, getattr(request, field), f"1 to {LONGEST_ID} characters")
        versions = await self.league.versions(request.policy)
        if not versions:
            raise not_found("policy", request.policy, "a policy with a published version")
        latest = max(versions)
        older = choose_snapshots([version for version in versions if version != latest])
        win_rates = await self.league.win_rates(request.policy, latest, older)
        offset = self.chance.random()
        tables = share_out(request.games, [*older, latest], win_rates, list(BOTS), self.mix, offset)
        return matchmaker_pb2.NextPairingResponse(pairings=[_pairing(table) for table in tables])

    async def Tournament(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """Play a tournament."""
        players = [Player(player.name, player.version) for player in request.players]
        if not 2 <= len(players) <= MOST_PLAYERS:
            raise invalid("players", f"{len(players)} long", f"2 to {MOST_PLAYERS} of them")
        if len(set(players)) < len(players):
            raise invalid("players", "one of them twice", "different ones")
        if not 1 <= request.pairs <= MOST_PAIRS:
            raise invalid("pairs", request.pairs, f"1 to {MOST_PAIRS}")
        for player in players:
            self.referee.check(player)
        create = game_pb2.CreateGameRequest(
            rules=request.rules,
            board=request.board if request.HasField("board") else None,
            seats=["", ""],
            seed=request.seed,
        )
        setup = GameSetup.of(create)
        async for one, other, score in play_tournament(players, setup, setup.seed, request.pairs, self.referee):
            yield matchmaker_pb2.TournamentResponse(
                one=player_message(one),
                other=player_message(other),
                wins=score.wins,
                draws=score.draws,
                losses=score.losses,
            )
        yield matchmaker_pb2.TournamentResponse(finished=True)


def _create_request(request: Any) -> game_pb2.CreateGameRequest:
    """The game that an EnqueueRequest waits for."""
    return game_pb2.CreateGameRequest(
        rules=request.rules,
        board=request.board if request.HasField("board") else None,
        seats=["", ""],
        turn_ms=request.turn_ms,
    )


def _pairing(table: Table) -> matchmaker_pb2.Pairing:
    kinds = {
        SELF: matchmaker_pb2.Pairing.KIND_SELF,
        SNAPSHOT: matchmaker_pb2.Pairing.KIND_SNAPSHOT,
        BOT: matchmaker_pb2.Pairing.KIND_BOT,
    }
    return matchmaker_pb2.Pairing(
        kind=kinds[table.kind],
        games=table.games,
        version=table.version,
        opponent_version=table.opponent_version,
        bot=table.bot,
    )
