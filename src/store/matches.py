"""Matches of people against bots: what is kept of each, and the writes that never fork a game.

A match is its record, the canonical event log of `engine.record`, with the moves that its person has queued. Beside it
lie the engine's row, so that the next turn needs no re-simulation, the bots' memories, and for each tile the turn at
which the view of whoever watches last changed. All of it is one item, replaced under the condition that its revision is
still the one that was read: of two requests at once one is refused, reads again and plays on from there.

Whoever ends a game writes it as "ended"; then its outcome goes to the ladder and its record to the lake, both of which
take a game once however often it is handed in; then it is "finished". Where that stops half-way, the next request or
`deliver_all` does it again.
"""

import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import zstandard
from botocore.exceptions import ClientError

from engine.arrays import Float32, Int32
from engine.record import Record
from store.connect import Connection
from store.errors import InvalidError, NotFoundError, StoreError
from store.handed import hand_in
from store.items import Items
from store.names import MATCHES
from store.ratings import Outcome, Player, Ratings

LOG = logging.getLogger(__name__)
STATE = "state"
RUNNING, ENDED, FINISHED = "running", "ended", "finished"
STATES = (RUNNING, ENDED, FINISHED)
IDLE_SECONDS = 7 * 86400  # a running match that nobody asks for is forgotten after so long
KEPT_SECONDS = 90 * 86400  # a finished one, whose record the lake has
MAX_ITEM = 380_000  # bytes; DynamoDB takes 400 KB


@dataclass(frozen=True)
class Setup:
    """What a match was made with; it never changes."""

    ruleset: str
    board: str  # name of a map, or HEIGHTxWIDTH
    players: tuple[Player, ...]  # by seat
    human: int  # the person's seat; -1: bots alone play, and anybody may see all
    pace: str  # "turns" or "realtime"
    turn_ms: int  # realtime: how long a turn lasts
    seed: int  # of map and bots; tells the whole map, so it stays here
    ladder: str
    created_ms: int  # Unix time
    starts_ms: int  # when turn 0 begins
    weights: tuple[str, ...] = ()  # by seat: the sha256 of a policy's weights, "" for others

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps({**asdict(self), "players": [player.key for player in self.players]})

    @classmethod
    def from_json(cls, text: str) -> "Setup":
        """From what `to_json` made."""
        value = json.loads(text)
        value["players"] = tuple(map(Player.from_key, value["players"]))
        value["weights"] = tuple(value["weights"])
        return cls(**value)


@dataclass(frozen=True, eq=False)
class Match:
    """A match as it stands. T tiles, N words of the engine's row."""

    id: str
    setup: Setup
    token_sha256: str  # of the seat's token; "": no seat is played by a person
    record: Record  # all that was played
    row: Int32  # (N,) the engine's row after it
    changed: Int32  # (T,) the turn at which what the watcher sees of a tile last changed
    memories: dict[int, Float32] = field(default_factory=dict)  # by seat: what a policy remembers
    queue: tuple[tuple[int, int, int], ...] = ()  # the person's moves to come: start, end, half
    keys: tuple[str, ...] = ()  # of the latest requests, so that one that is sent again is not done again
    state: str = RUNNING
    revision: int = 0
    updated_ms: int = 0

    @property
    def turn(self) -> int:
        """Turns played."""
        return self.record.turns

    def opens(self, token: str) -> bool:
        """Whether a token is that of the match's seat."""
        found = hashlib.sha256(token.encode()).hexdigest()
        return bool(self.token_sha256) and hmac.compare_digest(found, self.token_sha256)


def new_token() -> tuple[str, str]:
    """A seat's token for its player, and its hash to keep."""
    token = secrets.token_urlsafe(24)
    return token, hashlib.sha256(token.encode()).hexdigest()


class Matches:
    """The matches of a deployment."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.items = Items(connection, MATCHES)

    def create(self, match: Match) -> None:
        """Store a new match. Raises InvalidError where the id is taken or the match is too large to keep."""
        if not self.items.create(_to_item(match)):
            raise InvalidError(f"match {match.id} exists already; accepted: an id of its own")

    def get(self, match_id: str) -> Match:
        """A match as it is now. Raises NotFoundError."""
        item = self.items.get(match_id, STATE) if 0 < len(match_id) <= 64 else None
        if item is None:
            raise NotFoundError(
                f"match {match_id!r} is unknown, or was forgotten {KEPT_SECONDS // 86400} days after it"
            )
        return _from_item(item)

    def save(self, match: Match) -> bool:
        """Write a match with a revision one higher than the one that was read; False where somebody else did so first.

        Raises InvalidError where it has become too large to keep.
        """
        item = _to_item(match) | {"revision": match.revision + 1}
        return self.items.replace(item, "revision = :read", {":read": match.revision})

    def recent(self, state: str, limit: int) -> Iterator[Match]:
        """Matches in a state, the newest first."""
        for item in self.items.query(state, index="by-state", descending=True, limit=limit):
            yield _from_item(item)

    def deliver(self, match: Match, ratings: Ratings) -> None:
        """Hand in an ended match: record to the lake, outcome to the ladder, each once; then it is finished."""
        record = match.record
        winner = -1 if record.winner is None else record.winner
        players = match.setup.players
        outcome = Outcome(match.id, players, winner, record.turns, match.setup.ladder, match.updated_ms)
        hand_in(self.connection, outcome, record)
        if len(set(players)) == len(players):  # a player that met itself has won nothing
            ratings.report([outcome])
        self.items.update(
            match.id,
            STATE,
            "SET #state = :finished, expires = :expires, revision = revision + :one",
            {":finished": FINISHED, ":expires": match.updated_ms // 1000 + KEPT_SECONDS, ":one": 1, ":ended": ENDED},
            "#state = :ended",
            {"#state": "state"},
        )

    def deliver_all(self, ratings: Ratings, limit: int = 25) -> int:
        """Hand in the matches whose last request stopped before it had done so; how many.

        One that cannot be handed in is logged, and keeps none of the others back.
        """
        delivered = 0
        for match in list(self.recent(ENDED, limit)):
            try:
                self.deliver(match, ratings)
                delivered += 1
            except (StoreError, ClientError) as error:
                LOG.warning("match %s is over and could not be handed in: %s", match.id, error)
        return delivered

    def allow(self, who: str, what: str, limit: int, seconds: int, now_ms: int) -> bool:
        """Count one use of `what` by a caller; whether it was within `limit` uses in this window of so many seconds.

        A caller's name is kept as a hash, and only until the window is over.
        """
        window = now_ms // 1000 // seconds
        caller = hashlib.sha256(f"{window} {who}".encode()).hexdigest()[:32]
        return self.items.update(
            f"rate#{caller}",
            what,
            "SET expires = :expires ADD uses :one",
            {":expires": (window + 2) * seconds, ":one": 1, ":limit": limit},
            "attribute_not_exists(uses) OR uses < :limit",
        )


def _pack(array: np.ndarray[Any, Any]) -> bytes:
    plain = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return zstandard.ZstdCompressor(level=3).compress(plain)  # not shared: two threads in one would end the process


def _unpack(data: bytes, kind: str) -> np.ndarray[Any, Any]:
    found = np.frombuffer(zstandard.ZstdDecompressor().decompress(data), np.dtype(kind))
    return found.astype(found.dtype.newbyteorder("="))


def _to_item(match: Match) -> dict[str, Any]:
    item: dict[str, Any] = {
        "match": match.id,
        "item": STATE,
        "state": match.state,
        "created_ms": match.setup.created_ms,
        "updated_ms": match.updated_ms,
        "expires": match.updated_ms // 1000 + (IDLE_SECONDS if match.state == RUNNING else KEPT_SECONDS),
        "revision": match.revision,
        "setup": match.setup.to_json(),
        "token": match.token_sha256,
        "log": match.record.to_bytes(),
        "board": _pack(match.row),
        "changed": _pack(match.changed),
        "memories": {
            str(seat): {"shape": list(memory.shape), "numbers": _pack(memory)}
            for seat, memory in match.memories.items()
        },
        "queue": json.dumps(match.queue),
        "keys": list(match.keys),
    }
    size = sum(len(part) for part in (item["log"], item["board"], item["changed"], item["queue"], item["setup"]))
    size += sum(len(memory["numbers"]) for memory in item["memories"].values())
    if size > MAX_ITEM:
        raise InvalidError(f"match {match.id} is {size} bytes; accepted: {MAX_ITEM}, so smaller boards or policies")
    return item


def _from_item(item: dict[str, Any]) -> Match:
    return Match(
        id=item["match"],
        setup=Setup.from_json(item["setup"]),
        token_sha256=item["token"],
        record=Record.from_bytes(item["log"]),
        row=_unpack(item["board"], "<i4"),
        changed=_unpack(item["changed"], "<i4"),
        memories={
            int(seat): _unpack(memory["numbers"], "<f4").reshape(memory["shape"])
            for seat, memory in item["memories"].items()
        },
        queue=tuple((start, end, half) for start, end, half in json.loads(item["queue"])),
        keys=tuple(item["keys"]),
        state=item["state"],
        revision=item["revision"],
        updated_ms=item["updated_ms"],
    )
