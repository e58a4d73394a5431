"""Ratings: online Elo (Elo 1978), every game counted once, and the sum over all players exact.

Outcomes are counted by the batch, in steps that each write one item under a condition, so that a batch can be taken up
by anybody at whatever step its reporter died, and however many work on it at once:

    1  the batch is written down with its outcomes: the intent
    2  each game is claimed for the batch; a game that another batch has claimed is left out
    3  the changes of the ratings are reckoned and written to the batch, once
    4  each player's rating is changed, unless the batch stands in the list of those that changed it already;
       its history is written
    5  the batch is marked as done: it is no longer pending, and it says since when
    6  `FORGET_MS` after that, whoever next changes the rating of a player strikes the batch from the player's list

Ratings are whole thousandths of a point and each pair of players wins and loses the same, so the sum never changes.

What makes step 4 count once: as long as a change of the batch may still come, the batch stands in the list of every
player whom it has changed. For a change is sent only by whoever has read the batch while it was pending, within
`LEASE_MS` of that reading, and a request lasts at most `REQUEST_MS`. A batch is pending until step 5, however long its
reporter has been dead, and step 5 is done `REQUEST_MS` after the time that it writes down, at the latest. So nothing of
it comes later than `FORGET_MS` after that time. It takes clocks that agree to some seconds, and that nobody is stopped
for minutes between looking at the lease and sending.
"""

import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from store.connect import Connection
from store.errors import BusyError, ConflictError, InvalidError
from store.items import Items
from store.names import HISTORY, RATINGS

NEWCOMER = 1_200_000  # thousandths of a point
K = 24_000  # the most that a game between two moves, thousandths of a point
SPREAD = 400.0  # points; ten times the chances for so many more
BATCH = 100  # outcomes
LEASE_MS = 60_000
REQUEST_MS = 60_000  # see `store.connect`
FORGET_MS = LEASE_MS + 2 * REQUEST_MS
FORGET_BATCHES = 25  # struck from a player's list at once, or up to four times as many
MAX_NAME = 80
LADDERS = "#ladders"  # the partition that lists the ladders; no ladder can be called so


@dataclass(frozen=True, order=True)
class Player:
    """A player as the ladder knows it: "policy:demo" in its 12th version, "bot:hunter", "human:anna"."""

    name: str
    version: int = 0

    @property
    def key(self) -> str:
        """The player in one word."""
        return f"{self.name}@{self.version}"

    @classmethod
    def from_key(cls, key: str) -> "Player":
        """The player of a key."""
        name, _, version = key.rpartition("@")
        return cls(name, int(version))


@dataclass(frozen=True)
class Outcome:
    """How a game ended."""

    game_id: str
    players: tuple[Player, ...]  # by seat
    winner: int  # seat; -1: drawn
    turns: int
    ladder: str  # the ruleset, or RULESET-BOARD
    finished_ms: int  # Unix time

    def __post_init__(self) -> None:
        if not 1 <= len(self.game_id) <= 128:
            raise InvalidError(f"game id {self.game_id!r} has {len(self.game_id)} characters; accepted: 1 to 128")
        if not 2 <= len(self.players) <= 16:
            raise InvalidError(f"game {self.game_id} has {len(self.players)} players; accepted: 2 to 16")
        if not -1 <= self.winner < len(self.players):
            raise InvalidError(f"game {self.game_id}: winner is {self.winner}; accepted: -1 to {len(self.players) - 1}")
        if not 0 <= self.turns < 2**31:
            raise InvalidError(f"game {self.game_id} has {self.turns} turns; accepted: 0 to {2**31 - 1}")
        if not 1 <= len(self.ladder) <= MAX_NAME or self.ladder.startswith("#"):
            raise InvalidError(
                f"ladder {self.ladder!r} is not accepted; accepted: 1 to {MAX_NAME} characters, the first not #"
            )
        for player in self.players:
            if not 1 <= len(player.name) <= MAX_NAME or "@" in player.name or player.version < 0:
                raise InvalidError(
                    f"player {player.name!r}, version {player.version}, is not accepted; accepted: 1 to {MAX_NAME} "
                    "characters without @, version 0 and more"
                )

    def digest(self) -> str:
        """What tells this outcome from another of the same game."""
        text = json.dumps([self.game_id, [p.key for p in self.players], self.winner, self.turns, self.ladder])
        return hashlib.sha256(text.encode()).hexdigest()

    def to_list(self) -> list[Any]:
        """For JSON."""
        return [self.game_id, [p.key for p in self.players], self.winner, self.turns, self.ladder, self.finished_ms]

    @classmethod
    def from_list(cls, row: Sequence[Any]) -> "Outcome":
        """From what `to_list` made."""
        game_id, players, winner, turns, ladder, finished_ms = row
        return cls(game_id, tuple(map(Player.from_key, players)), winner, turns, ladder, finished_ms)


@dataclass(frozen=True)
class Rating:
    """A player's place on the ladder."""

    player: Player
    millielo: int
    games: int
    wins: int
    draws: int
    losses: int
    updated_ms: int

    @property
    def elo(self) -> float:
        """In points."""
        return self.millielo / 1000


@dataclass(frozen=True)
class HistoryEntry:
    """What a game did to a player's rating."""

    game_id: str
    millielo: int  # after it, as reckoned when the game was counted
    change: int
    opponents: tuple[Player, ...]
    score: float  # 1 won, 0.5 drawn, 0 lost
    finished_ms: int


@dataclass(frozen=True)
class Counted:
    """What became of reported outcomes."""

    counted: int
    duplicates: int  # had been counted before


def expected_score(one: int, other: int) -> float:
    """Points that a game should bring whoever has `one` thousandths of Elo against `other`: 1 / (1 + 10^(-d/400))."""
    return float(1.0 / (1.0 + 10.0 ** ((other - one) / 1000 / SPREAD)))


def changes_of(millielo: Sequence[int], winner: int) -> list[int]:
    """How a game changes its players' ratings, in thousandths; they add up to 0.

    Every two players meet: the winner beats each, all others are drawn among themselves, and K is shared by the pairs.
    """
    changes = [0] * len(millielo)
    for a in range(len(millielo)):
        for b in range(a + 1, len(millielo)):
            score = 1.0 if winner == a else 0.0 if winner == b else 0.5
            moved = round(K / (len(millielo) - 1) * (score - expected_score(millielo[a], millielo[b])))
            changes[a] += moved
            changes[b] -= moved
    return changes


class Ratings:
    """The ladders of a deployment. `now_ms` is Unix time in ms; tests may set it."""

    def __init__(self, connection: Connection, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self.items, self.histories = Items(connection, RATINGS), Items(connection, HISTORY)
        self.now_ms = now_ms
        self._listed: set[str] = set()  # ladders that are known to stand in the list

    def report(self, outcomes: Sequence[Outcome]) -> Counted:
        """Count outcomes, each game once however often it is reported.

        Raises ConflictError where a game was counted with another outcome; the other games are counted all the same.
        """
        counted = duplicates = 0
        conflicts: list[str] = []
        for ladder in dict.fromkeys(outcome.ladder for outcome in outcomes):
            chosen = {outcome.game_id: outcome for outcome in reversed(outcomes) if outcome.ladder == ladder}
            for again in outcomes:
                if again.ladder == ladder and again.digest() != chosen[again.game_id].digest():
                    conflicts.append(again.game_id)
            new = list(reversed(chosen.values()))
            for begin in range(0, len(new), BATCH):
                done, refused = self._count(ladder, new[begin : begin + BATCH])
                counted += done
                conflicts += refused
            duplicates += sum(outcome.ladder == ladder for outcome in outcomes)
        if conflicts:
            raise ConflictError(
                f"game {conflicts[0]} was counted before with another outcome; accepted: the same again"
            )
        return Counted(counted, duplicates - counted)

    def _count(self, ladder: str, outcomes: list[Outcome]) -> tuple[int, list[str]]:
        """Count a batch; how many games it could claim, and those that were counted otherwise."""
        if ladder not in self._listed:  # before the batch: from then on somebody may have to find it
            self.items.put({"ladder": LADDERS, "item": ladder})
            self._listed.add(ladder)
        now = self.now_ms()
        batch = uuid.uuid4().hex
        rows = json.dumps([outcome.to_list() for outcome in outcomes])
        self.items.create({"ladder": ladder, "item": f"batch#{batch}", "outcomes": rows, "began": now, "pending": now})
        return self._finish(ladder, batch)

    def _finish(self, ladder: str, batch: str) -> tuple[int, list[str]]:
        """Bring a batch from wherever it stands to its end."""
        read_ms = self.now_ms()
        item = self.items.get(ladder, f"batch#{batch}")
        assert item is not None
        outcomes = [Outcome.from_list(row) for row in json.loads(item["outcomes"])]
        claimed, refused = self._claim(ladder, batch, outcomes)
        if "pending" not in item:
            return len(claimed), refused
        plan = self._plan(ladder, item, claimed)
        for key, steps in plan.items():
            if self.now_ms() - read_ms > LEASE_MS:
                raise BusyError(f"counting batch {batch} took over {LEASE_MS} ms; it will be taken up again")
            self._apply(ladder, batch, item["began"], key, steps)
        done = {":now": self.now_ms()}
        self.items.update(ladder, item["item"], "REMOVE pending SET done_ms = :now", done, "attribute_exists(pending)")
        return len(claimed), refused

    def _claim(self, ladder: str, batch: str, outcomes: list[Outcome]) -> tuple[list[Outcome], list[str]]:
        """The outcomes that are this batch's to count, and the games whose counted outcome is another."""
        claimed, refused = [], []
        for outcome in outcomes:
            claim = {"ladder": ladder, "item": f"game#{outcome.game_id}", "batch": batch, "digest": outcome.digest()}
            if not self.items.create(claim):
                stands = self.items.get(ladder, claim["item"])
                assert stands is not None
                if stands["digest"] != claim["digest"]:
                    refused.append(outcome.game_id)
                    continue
                if stands["batch"] != batch:
                    continue
            claimed.append(outcome)
        return claimed, refused

    def _plan(self, ladder: str, item: dict[str, Any], claimed: list[Outcome]) -> dict[str, list[list[Any]]]:
        """By player the games of a batch: [id, rating after, change, opponents, score, ms]; reckoned by the first."""
        if "plan" not in item:
            self.items.update(
                ladder,
                item["item"],
                "SET #plan = :plan",
                {":plan": json.dumps(self._reckon(ladder, claimed))},
                "attribute_not_exists(#plan)",
                {"#plan": "plan"},
            )
            item = self.items.get(ladder, item["item"]) or item
        plan: dict[str, list[list[Any]]] = json.loads(item["plan"])
        return plan

    def _reckon(self, ladder: str, outcomes: list[Outcome]) -> dict[str, list[list[Any]]]:
        elo: dict[str, int] = {}
        plan: dict[str, list[list[Any]]] = {}
        for outcome in outcomes:
            keys = [player.key for player in outcome.players]
            if len(set(keys)) < len(keys):
                continue  # counted, but nobody gains from itself
            for key in keys:
                if key not in elo:
                    elo[key] = (self.items.get(ladder, f"player#{key}") or {"millielo": NEWCOMER})["millielo"]
                    plan[key] = []
            for seat, change in enumerate(changes_of([elo[key] for key in keys], outcome.winner)):
                key = keys[seat]
                elo[key] += change
                score = 0.5 if outcome.winner < 0 else float(outcome.winner == seat)
                others = keys[:seat] + keys[seat + 1 :]
                plan[key].append([outcome.game_id, elo[key], change, others, score, outcome.finished_ms])
        return plan

    def _apply(self, ladder: str, batch: str, began: int, key: str, steps: list[list[Any]]) -> None:
        """Change a player's rating by a batch, once, and write its history."""
        mark = f"{began:015d}#{batch}"
        scores = [step[4] for step in steps]
        values = {
            ":change": sum(step[2] for step in steps),
            ":newcomer": NEWCOMER,
            ":zero": 0,
            ":games": len(steps),
            ":wins": scores.count(1.0),
            ":draws": scores.count(0.5),
            ":losses": scores.count(0.0),
            ":now": self.now_ms(),
            ":mark": mark,
            ":marks": {mark},
            ":player": key,
        }
        sums = ", ".join(f"{n} = if_not_exists({n}, :zero) + :{n}" for n in ("games", "wins", "draws", "losses"))
        self.items.update(
            ladder,
            f"player#{key}",
            f"SET millielo = if_not_exists(millielo, :newcomer) + :change, {sums}, updated_ms = :now, player = :player "
            "ADD applied :marks",
            values,
            "NOT contains(applied, :mark)",
        )
        self.histories.put({"player": f"{ladder}#{key}", "item": mark, "games": json.dumps(steps)})
        self._forget(ladder, key)

    def _forget(self, ladder: str, key: str) -> None:
        """Strike from a player's list the batches of which nothing can come any more, so that the item stays small."""
        item = self.items.get(ladder, f"player#{key}") or {}
        limit = self.now_ms() - FORGET_MS
        old = [mark for mark in item.get("applied", ()) if int(mark.partition("#")[0]) <= limit]
        if len(old) < FORGET_BATCHES:
            return
        tried = random.sample(old, min(len(old), 4 * FORGET_BATCHES))  # those that must stay are in nobody's way then
        if over := {mark for mark in tried if self._is_over(ladder, mark.partition("#")[2], limit)}:
            self.items.update(ladder, f"player#{key}", "DELETE applied :over", {":over": over})

    def _is_over(self, ladder: str, batch: str, limit: int) -> bool:
        """Whether a batch was done by `limit`; those of before `done_ms` was written have only their beginning."""
        item = self.items.get(ladder, f"batch#{batch}")
        return item is None or ("pending" not in item and item.get("done_ms", item["began"]) <= limit)

    def sweep(self, ladder: str, older_ms: int = LEASE_MS) -> int:
        """Bring to their end the batches whose reporters died; how many."""
        limit = self.now_ms() - older_ms
        waiting = [i for i in self.items.query(ladder, index="by-pending") if i["pending"] <= limit]
        for item in waiting:
            self._finish(ladder, item["item"].removeprefix("batch#"))
        return len(waiting)

    def ladders(self) -> Iterator[str]:
        """All ladders that games were reported for."""
        for item in self.items.query(LADDERS):
            yield item["item"]

    def ladder(self, ladder: str, limit: int | None = None) -> Iterator[Rating]:
        """The players, the strongest first."""
        for item in self.items.query(ladder, index="by-elo", descending=True, limit=limit):
            yield _rating(item)

    def get(self, ladder: str, player: Player) -> Rating:
        """A player's rating; a newcomer's where it has not played."""
        item = self.items.get(ladder, f"player#{player.key}")
        return _rating(item) if item else Rating(player, NEWCOMER, 0, 0, 0, 0, 0)

    def counted(self, ladder: str, game_id: str) -> bool:
        """Whether a game has been reported."""
        return self.items.get(ladder, f"game#{game_id}") is not None

    def counted_otherwise(self, outcomes: Sequence[Outcome]) -> set[str]:
        """The ids of games that have been counted with another outcome."""
        items = ((outcome, self.items.get(outcome.ladder, f"game#{outcome.game_id}")) for outcome in outcomes)
        return {outcome.game_id for outcome, item in items if item and item["digest"] != outcome.digest()}

    def games(self, ladder: str) -> Iterator[str]:
        """The ids of all games that were reported."""
        for item in self.items.query(ladder, begins="game#"):
            yield item["item"].removeprefix("game#")

    def history(self, ladder: str, player: Player, limit: int = 100) -> list[HistoryEntry]:
        """A player's latest games, the newest first."""
        entries: list[HistoryEntry] = []
        for item in self.histories.query(f"{ladder}#{player.key}", descending=True):
            for game_id, millielo, change, others, score, finished_ms in reversed(json.loads(item["games"])):
                opponents = tuple(map(Player.from_key, others))
                entries.append(HistoryEntry(game_id, millielo, change, opponents, score, finished_ms))
            if len(entries) >= limit:
                break
        return entries[:limit]


def _rating(item: dict[str, Any]) -> Rating:
    return Rating(
        Player.from_key(item["player"]),
        item["millielo"],
        item["games"],
        item["wins"],
        item["draws"],
        item["losses"],
        item["updated_ms"],
    )
