"""Matches as requests change them: read, play what is due, do what is asked, write; again where another was faster."""

import logging
import random
import re
import secrets
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from engine.bots.scout import PLAYERS
from lambdas.match_logic import PACES, Wish, advance, begin, grant, map_of, rules_of, turn_due
from lambdas.minds import Minds
from store.connect import Connection
from store.errors import BusyError, InvalidError, NotFoundError, StoreError
from store.matches import ENDED, Match, Matches, Setup, new_token
from store.policies import Policies
from store.ratings import Player, Ratings

LOG = logging.getLogger(__name__)
TRIES = 60
TURN_MS = 500  # at speed 1, as on the site
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
COUNTDOWN_MS = 1500  # from making a match by the clock to its first turn
HOME_BOARDS = {"classic": "site", "generalsio": "site", "competition": "competition"}
LOCKS = 64


@dataclass(frozen=True)
class Wanted:
    """A match that somebody wants to begin."""

    ruleset: str
    board: str
    players: tuple[str, ...]  # by seat: "human", "bot:NAME", "policy:NAME" or "policy:NAME@VERSION"
    pace: str
    speed: float
    name: str  # the person's


class Playing:
    """Plays matches over a store. Safe to share between threads; `now_ms` is Unix time, tests may set it."""

    def __init__(self, connection: Connection, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self.matches, self.policies, self.ratings = Matches(connection), Policies(connection), Ratings(connection)
        self.minds = Minds(connection)
        self.now_ms = now_ms
        # Requests on one match that reach one process take turns; the condition on the revision is for all others.
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def begin(self, wanted: Wanted) -> tuple[Match, str]:
        """A new match and the token of the person's seat, "" where bots alone play. Raises StoreError."""
        if wanted.pace not in PACES:
            raise InvalidError(f'pace "{wanted.pace}" is unknown; known: {", ".join(PACES)}')
        if wanted.speed not in SPEEDS:
            raise InvalidError(f"speed is {wanted.speed}; accepted: {', '.join(map(str, SPEEDS))}")
        if wanted.players.count("human") > 1:
            raise InvalidError("players has more than one human; accepted: one, or none to watch bots")
        human = wanted.players.index("human") if "human" in wanted.players else -1
        if human < 0 and wanted.pace != "realtime":
            raise InvalidError(f'pace is "{wanted.pace}" and no human plays; accepted: "realtime"')
        rules_of(wanted.ruleset)
        map_of(wanted.board, len(wanted.players))
        seated = [self._seat(player, wanted.name) for player in wanted.players]
        now = self.now_ms()
        setup = Setup(
            ruleset=wanted.ruleset,
            board=wanted.board,
            players=tuple(player for player, _ in seated),
            human=human,
            pace=wanted.pace,
            turn_ms=round(TURN_MS / wanted.speed),
            seed=secrets.randbits(62),
            ladder=ladder_of(wanted.ruleset, wanted.board),
            created_ms=now,
            starts_ms=now + COUNTDOWN_MS,
            weights=tuple(sha256 for _, sha256 in seated),
        )
        self.minds.of(setup)  # refuses what cannot play here
        token, digest = new_token() if human >= 0 else ("", "")
        match = begin(secrets.token_hex(8), setup, digest)
        self.matches.create(match)
        return match, token

    def _seat(self, player: str, name: str) -> tuple[Player, str]:
        """Who takes a seat, and the sha256 of its weights."""
        kind, _, which = player.partition(":")
        if player == "human":
            return Player(f"human:{name}"), ""
        if kind == "bot" and which in PLAYERS:
            return Player(player), ""
        if kind == "policy":
            policy, _, version = which.partition("@")
            if version and not re.fullmatch("[0-9]{1,9}", version):
                raise InvalidError(f'player "{player}" is unknown; accepted: policy:NAME@VERSION with a whole number')
            found = self.policies.get(policy, int(version)) if version else self.policies.resolve(policy)
            return Player(f"policy:{policy}", found.version), found.sha256
        bots = ", ".join(f"bot:{bot}" for bot in PLAYERS)
        raise InvalidError(f'player "{player}" is unknown; known: human, {bots}, policy:NAME, policy:NAME@VERSION')

    def look(self, match_id: str) -> Match:
        """A match as it stands by the clock now. Raises NotFoundError, BusyError."""
        return self._change(match_id, None)

    def wish(self, match_id: str, wish: Wish) -> Match:
        """A match after what its person asked for. Raises StoreError."""
        return self._change(match_id, wish)

    def _change(self, match_id: str, wish: Wish | None) -> Match:
        with self._locks[zlib.crc32(match_id.encode()) % LOCKS]:
            for attempt in range(TRIES):
                match = self.matches.get(match_id)
                now = self.now_ms()
                due = turn_due(match, now)
                minds = self.minds.of(match.setup) if match.state == "running" else {}
                fresh = advance(match, due, minds, now)
                behind = fresh.state == "running" and fresh.turn < due
                over = fresh.state != match.state  # it ended on the way here, so the wish comes too late
                if wish is not None and not behind and not over:
                    fresh = grant(fresh, wish, minds, now)
                if fresh is match or self.matches.save(fresh):
                    if wish is not None and behind:
                        raise BusyError(
                            f"match {match_id} is catching up with the clock, at turn {fresh.turn} of {due}"
                        )
                    return self._delivered(fresh)
                time.sleep(random.uniform(0, 0.002 * min(attempt + 1, 20)))
        raise BusyError(f"match {match_id} is changed by many requests at once; try again")

    def _delivered(self, match: Match) -> Match:
        """Hand in a match that is over. Where that fails, whoever looks at it next does so again."""
        if match.state == ENDED:
            try:
                self.matches.deliver(match, self.ratings)
            except (StoreError, ClientError):
                LOG.exception("match %s is over and could not be handed in; the next request will do it", match.id)
        return match

    def finished(self, match_id: str) -> Match:
        """A match that is over, or that bots alone play. Raises NotFoundError where it is another."""
        match = self.look(match_id)
        if match.state == "running" and match.setup.human >= 0:
            raise NotFoundError(f"match {match_id} still runs; its record can be had when it is over")
        return match


def ladder_of(ruleset: str, board: str) -> str:
    """The ladder that a match counts for: the ruleset's own on its usual maps, else one for ruleset and board."""
    return ruleset if board == HOME_BOARDS[ruleset] else f"{ruleset}-{board}"
