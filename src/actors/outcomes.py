"""What became of an actor's games: each kept as a record while it is played, and reported until it is acknowledged."""

import queue
import threading
import time
import uuid
from collections.abc import Sequence

import grpc
import numpy as np

from engine.arrays import Bool, Int32
from engine.batch import GameBatch
from engine.board import DRAW
from engine.layout import Layout
from engine.record import Record, layout_of
from services.elo_server import outcome_message
from services.logs import get_log
from services.stubs import common_pb2, elo_pb2, elo_pb2_grpc
from store.ratings import BATCH, Outcome, Player

WAITING = 5_000  # outcomes that may wait for the service; an actor that has more waits itself
PAUSE_SECONDS = 1.0  # before a report that failed is sent again
REFUSED = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS)

_log = get_log("outcomes")


class GameLog:
    """The games of a batch as they are played. Actions are kept a turn; a game's map when it begins."""

    def __init__(self, batch: GameBatch, table: str) -> None:
        self.batch, self.table = batch, table
        self._session = uuid.uuid4().hex[:12]
        self._layouts: list[Layout | None] = [None] * batch.num_games
        self._turns: list[list[Int32]] = [[] for _ in range(batch.num_games)]
        self._played = [0] * batch.num_games

    def note(self, fresh: Bool, over: Bool, actions: Int32) -> None:
        """Before a step: which games have just begun (G,), which are over (G,), and all seats' actions (G, S)."""
        for g in np.flatnonzero(fresh):
            self._layouts[g] = layout_of(self.batch.game(int(g)))
            self._turns[g] = []
        for g in np.flatnonzero(~over):
            self._turns[g].append(actions[g].copy())

    def finish(self, g: int, players: Sequence[Player], winner: int) -> common_pb2.Outcome:
        """After a step that ended game g: its outcome with its record."""
        layout = self._layouts[g]
        assert layout is not None
        record = Record.from_actions(self.batch.ruleset, layout, np.array(self._turns[g], np.int32))
        self._played[g] += 1
        outcome = Outcome(
            game_id=f"{self.table}-{self._session}-{g}-{self._played[g]}",
            players=tuple(players),
            winner=-1 if winner == DRAW else winner,
            turns=record.turns,
            ladder=self.batch.ruleset.name,
            finished_ms=time.time_ns() // 1_000_000,
        )
        return outcome_message(outcome, record.to_bytes())


class OutcomeReporter:
    """Sends outcomes from a thread of its own, each until it is acknowledged: counting is the service's, once."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = elo_pb2_grpc.EloServiceStub(channel)
        self._queue: queue.Queue[common_pb2.Outcome] = queue.Queue(WAITING)
        self._stopping = threading.Event()
        self.reported = self.refused = self._handed = 0
        self._thread = threading.Thread(target=self._run, name="outcomes", daemon=True)
        self._thread.start()

    @property
    def unsent(self) -> int:
        """Outcomes that are neither acknowledged nor refused, those on their way included."""
        return self._handed - self.reported - self.refused

    def put(self, outcome: common_pb2.Outcome, timeout: float | None = None) -> None:
        """Hand an outcome over; waits where too many wait, `timeout` seconds at most, then raises TimeoutError."""
        try:
            self._queue.put(outcome, timeout=timeout)
            self._handed += 1
        except queue.Full:
            raise TimeoutError(f"{WAITING} outcomes still wait after {timeout} s; is the service there?") from None

    def stop(self, seconds: float = 20.0) -> int:
        """Send what waits, for so long; how many are left unsent."""
        self._stopping.set()
        self._thread.join(seconds)
        return self.unsent

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._queue.empty()):
            try:
                batch = [self._queue.get(timeout=0.2)]
            except queue.Empty:
                continue
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            self._send(batch)

    def _send(self, batch: list[common_pb2.Outcome]) -> None:
        while True:
            try:
                self._stub.ReportOutcome(elo_pb2.ReportOutcomeRequest(outcomes=batch), timeout=60.0)
            except grpc.RpcError as error:
                if error.code() in REFUSED:
                    self._refuse(batch, str(error.details()))
                    return
                _log.warning("report failed", games=len(batch), error=str(error.details()))
                if self._stopping.wait(PAUSE_SECONDS):
                    time.sleep(PAUSE_SECONDS)
                continue
            self.reported += len(batch)
            return

    def _refuse(self, batch: list[common_pb2.Outcome], why: str) -> None:
        """One of them is not accepted: send them singly, and drop what is refused alone."""
        if len(batch) == 1:
            self.refused += 1
            _log.error("outcome refused", game=batch[0].game_id, error=why)
            return
        for outcome in batch:
            self._send([outcome])
