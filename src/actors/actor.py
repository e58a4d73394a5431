"""An actor: plays what the matchmaker says with the latest policy, sends the experience, reports the games.

    pairings -> tables -> T turns at all tables -> fragments      -> the replay table
                                               -> finished games -> ratings and lake

Whatever it cannot deliver at once it keeps and sends again (`actors.reporter`, `actors.outcomes`); a new version of the
policy is taken between two fragments. A table whose fragment might be too long for a message has several, each of some
of its games. Killed, it loses the games under way and what it had not sent: at most
`WAITING` outcomes and the reporter's queue of fragments.
"""

import json
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import grpc
import numpy as np
import torch
from torch import Tensor

from actors.fragment import MOST_GAMES, Recorder
from actors.outcomes import GameLog, OutcomeReporter
from actors.positions import position_size
from actors.setup import Setup
from engine.arrays import Float32, Int32
from engine.batch import GameBatch
from engine.compile import OneThread
from learner.crew import Crew, crew_of
from learner.network import Output, Policy, sample
from learner.players import BotPlayer, PolicyPlayer, answer
from learner.players import Player as Opponent
from learner.published import from_published
from learner.snapshot import SnapshotError
from services.logs import get_log
from services.metrics import ACTOR_GAMES, ACTOR_TRANSITIONS, ACTOR_VERSION
from services.model_client import fetch_policy
from services.settings import Settings
from services.stubs import common_pb2, matchmaker_pb2, matchmaker_pb2_grpc, model_pb2, model_pb2_grpc, replay_pb2
from store.ratings import Player

FRAGMENT_BYTES = Settings.max_message * 3 // 4  # before compression
HAND_OVER_SECONDS = 0.5  # between two looks whether to stop, where too much waits to be sent

_log = get_log("actor")


@dataclass(frozen=True)
class ActorSettings:
    """What an actor does."""

    name: str  # of the actor
    policy: str  # the name that is trained
    games: int = 144  # played at once
    turns: int = 16  # of a fragment
    refresh_seconds: float = 2.0  # between two looks for a newer policy
    pair_seconds: float = 60.0  # between two pairings
    wait_seconds: float = 2.0  # between two tries while a service or the first policy is missing


def games_of_a_fragment(setup: Setup, learners: int, turns: int, memory: int) -> int:
    """How many games a fragment may hold, for `memory` planes a row, so that a message can carry it."""
    tiles = setup.board.board_height * setup.board.board_width
    played = 2 * turns * (setup.seats + 2 * learners) + 2 * learners  # actions, log-probabilities, values
    game = position_size(1, setup.seats, tiles) + played + 2 * learners * memory * tiles
    return max(1, min(MOST_GAMES, FRAGMENT_BYTES // game))


class PlayedTable:
    """A batch of games with the same company, as an actor plays it; `most` of them go into a fragment."""

    def __init__(
        self,
        setup: Setup,
        games: int,
        seats: tuple[int, ...],
        opponent: Opponent | None,
        rival: Player,
        actor: str,
        most: int,
    ) -> None:
        self.batch: GameBatch = setup.batch(games)
        self.seats, self.opponent, self.rival = seats, opponent, rival
        self.rows = games * len(seats)
        self.fresh = np.ones(games, np.bool_)
        self.over = np.zeros(games, np.bool_)
        self.log = GameLog(self.batch, actor)
        self.batch.reset()
        each = -(-games // -(-games // most))  # as many in each fragment as can be
        self._parts = [slice(first, min(first + each, games)) for first in range(0, games, each)]
        self._recorders = [
            Recorder(
                setup,
                self.batch,
                f"{actor}-{uuid.uuid4().hex[:12]}",
                seats,
                first=part.start,
                games=part.stop - part.start,
            )
            for part in self._parts
        ]
        if opponent is not None:
            opponent.begin(self.batch, self._other)

    @property
    def _other(self) -> int:
        return next(seat for seat in range(self.batch.seats) if seat not in self.seats)

    def begin(self, version: int, memory: Float32) -> None:
        """Begin fragments, with the policy's memory (rows, M, H, W)."""
        memory = memory.reshape(self.batch.num_games, len(self.seats), *memory.shape[1:])
        for part, recorder in zip(self._parts, self._recorders, strict=True):
            recorder.begin(version, memory[part])

    def finish(self, last_values: Float32) -> list[replay_pb2.Fragment]:
        """The fragments, given the values (rows,) of what is seen now."""
        values = last_values.reshape(self.batch.num_games, len(self.seats))
        return [r.finish(values[part]) for part, r in zip(self._parts, self._recorders, strict=True)]

    def look(self) -> tuple[Int32, Int32]:
        """Words (rows, H, W) and vectors (rows, V) of the learning seats, game by game."""
        seen, seats = self.batch.observe(), list(self.seats)
        words = seen.words[:, seats].reshape(self.rows, self.batch.height, self.batch.width)
        return words, seen.vector[:, seats].reshape(self.rows, -1)

    def step(self, codes: Int32, log_probs: Float32, values: Float32, me: Player) -> list[common_pb2.Outcome]:
        """Play a turn with the learning seats' codes, log-probabilities and values (rows,); outcomes of ended games."""
        games, learners = self.batch.num_games, len(self.seats)
        actions = np.zeros((games, self.batch.seats), np.int32)
        actions[:, list(self.seats)] = codes.reshape(games, learners)
        if self.opponent is not None:
            actions[:, self._other] = self.opponent.act(self.fresh)
        log_probs, values = log_probs.reshape(games, learners), values.reshape(games, learners)
        for part, recorder in zip(self._parts, self._recorders, strict=True):
            recorder.add(actions[part], log_probs[part], values[part])
        self.log.note(self.fresh, self.over, actions)
        _, _, terminated, truncated, info = self.batch.step(actions)
        self.fresh = self.over
        self.over = terminated | truncated
        players = [me if seat in self.seats else self.rival for seat in range(self.batch.seats)]
        return [self.log.finish(int(g), players, int(info["winner"][g])) for g in np.flatnonzero(self.over)]


class Actor:
    """Plays until it is told to stop."""

    def __init__(
        self,
        settings: ActorSettings,
        server: grpc.Channel,
        send: Callable[[replay_pb2.Fragment, float], None],
        outcomes: OutcomeReporter,
    ) -> None:
        """`send` takes a fragment, and raises TimeoutError if it could not for so many seconds."""
        self.settings, self.server, self.send, self.outcomes = settings, server, send, outcomes
        self.generator = torch.Generator().manual_seed(secrets.randbits(62))
        self.version = 0
        self.policy: Policy
        self.setup: Setup
        self.tables: list[PlayedTable] = []
        self.memory: Tensor
        self.transitions = 0
        self._snapshots: dict[int, Policy] = {}
        self._looked = self._paired = 0.0
        self._stopped: Callable[[], bool] = lambda: False

    def run(self, stopped: Callable[[], bool]) -> None:
        """Play fragments until `stopped`. What a service does not answer is tried again."""
        self._stopped = stopped
        while not stopped():
            try:
                self._refresh()
                if self.version and (not self.tables or time.monotonic() - self._paired > self.settings.pair_seconds):
                    self._pair()
            except grpc.RpcError as error:
                _log.warning("no answer", error=str(error.details()), code=error.code().name)
                time.sleep(self.settings.wait_seconds)
            if not self.tables:
                time.sleep(0.1)
                continue
            self.play()

    def _refresh(self) -> None:
        """Take the latest policy if it is newer. Before the first is published there is nothing to do."""
        if self.version and time.monotonic() - self._looked < self.settings.refresh_seconds:
            return
        self._looked = time.monotonic()
        stub = model_pb2_grpc.ModelServiceStub(self.server)
        newest = stub.ListPolicies(model_pb2.ListPoliciesRequest(name=self.settings.policy, limit=1), timeout=10.0)
        if not newest.policies:
            time.sleep(self.settings.wait_seconds)
            return
        if newest.policies[0].version > self.version:
            self.policy, about = self._fetch(newest.policies[0].version)
            self.version = newest.policies[0].version
            ACTOR_VERSION.set(self.version)
            setup = Setup.from_json(about)
            if not self.tables:
                self.setup = setup
            _log.info("policy", version=self.version)

    def _fetch(self, version: int) -> tuple[Policy, str]:
        """A version and the setup of its games, as JSON. Raises SnapshotError for one that cannot be played with."""
        info, weights = fetch_policy(self.server, self.settings.policy, version)
        about, name = json.loads(info.about), f"{info.name} version {version}"
        if "setup" not in about:
            raise SnapshotError(
                f"{name}: says of no games how to set them up; accepted: what `stratagem learn` published"
            )
        return from_published(weights, about, name), json.dumps(about["setup"])

    def _pair(self) -> None:
        """Ask who plays whom, and set up tables; games under way there are given up and count for nobody."""
        request = matchmaker_pb2.NextPairingRequest(
            actor=self.settings.name, policy=self.settings.policy, games=self.settings.games
        )
        answer_ = matchmaker_pb2_grpc.MatchMakerServiceStub(self.server).NextPairing(request, timeout=10.0)
        self.tables = [table for pairing in answer_.pairings for table in self._tables_of(pairing)]
        rows = sum(table.rows for table in self.tables)
        batch = self.tables[0].batch
        self.memory = self.policy.first_memory(rows, batch.height, batch.width)
        self._paired = time.monotonic()

    def _tables_of(self, pairing: matchmaker_pb2.Pairing) -> list[PlayedTable]:
        def table(games: int, seats: tuple[int, ...], opponent: Opponent | None, rival: Player) -> PlayedTable:
            setup = replace(self.setup, seed=secrets.randbits(61))
            most = games_of_a_fragment(setup, len(seats), self.settings.turns, self.policy.config.memory)
            return PlayedTable(setup, games, seats, opponent, rival, self.settings.name, most)

        if pairing.kind == matchmaker_pb2.Pairing.KIND_SELF:
            me = Player(f"policy:{self.settings.policy}", self.version)
            return [table(pairing.games, (0, 1), None, me)]
        opponent, rival = self._rival(pairing)
        halves = [half for half in (pairing.games - pairing.games // 2, pairing.games // 2) if half]
        return [table(games, (seat,), opponent(), rival) for seat, games in enumerate(halves)]

    def _rival(self, pairing: matchmaker_pb2.Pairing) -> tuple[Callable[[], Opponent], Player]:
        """Who makes the opponent, and under which name it is rated."""
        if pairing.kind == matchmaker_pb2.Pairing.KIND_BOT:
            return (lambda: BotPlayer(pairing.bot)), Player(f"bot:{pairing.bot}")
        version = pairing.opponent_version
        if version not in self._snapshots:
            self._snapshots[version], _ = self._fetch(version)
        policy = self._snapshots[version]
        return (lambda: PolicyPlayer("snapshot", policy, secrets.randbits(31))), Player(
            f"policy:{self.settings.policy}", version
        )

    @torch.no_grad()
    def play(self) -> None:
        """Play a fragment's turns at all tables, send the fragments, hand over the outcomes."""
        crew = crew_of(torch.device("cpu"))
        begin = 0
        for table in self.tables:
            table.begin(self.version, self.memory[begin : begin + table.rows].numpy())
            begin += table.rows
        me = Player(f"policy:{self.settings.policy}", self.version)
        for _ in range(self.settings.turns):
            output = self._answer(crew)
            logits = output.logits[0]
            actions = sample(logits, self.generator)
            log_probs = logits.log_softmax(-1).gather(-1, actions[:, None])[:, 0].numpy()
            self.memory = output.memory
            codes, values = actions.to(torch.int32).numpy(), output.values[0].numpy()
            begin = 0
            with OneThread():
                for table in self.tables:
                    rows = slice(begin, begin + table.rows)
                    for outcome in table.step(codes[rows], log_probs[rows], values[rows], me):
                        self._hand_over(self.outcomes.put, outcome)
                        ACTOR_GAMES.inc()
                    begin += table.rows
        last = self._answer(crew).values[0].numpy()
        begin = 0
        for table in self.tables:
            for fragment in table.finish(last[begin : begin + table.rows]):
                self._hand_over(self.send, fragment)
            self.transitions += self.settings.turns * table.rows
            ACTOR_TRANSITIONS.inc(self.settings.turns * table.rows)
            begin += table.rows

    def _hand_over(self, take: Callable[[Any, float], None], what: Any) -> None:
        """Hand something over to be sent, unless the actor is to stop and too much waits."""
        stopped = False
        while not stopped:
            stopped = self._stopped()
            try:
                take(what, 0.0 if stopped else HAND_OVER_SECONDS)
                return
            except TimeoutError:
                continue

    def _answer(self, crew: Crew) -> Output:
        """The policy's answer to what all rows see now."""
        words, vectors = zip(*(table.look() for table in self.tables), strict=True)
        fresh = np.concatenate([np.repeat(table.fresh, len(table.seats)) for table in self.tables])
        return answer(
            crew,
            self.policy,
            torch.from_numpy(np.concatenate(words)),
            torch.from_numpy(np.concatenate(vectors)),
            self.memory,
            torch.from_numpy(fresh),
        )
