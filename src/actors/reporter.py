"""Sends fragments to the replay service in the background, and again after whatever broke, so that each counts once."""

import threading
import time
from collections import deque
from itertools import islice

import grpc

from services.auth import bearer_metadata
from services.channels import open_channel
from services.settings import Settings
from services.stubs.replay_pb2 import Fragment, RecordExperienceRequest
from services.stubs.replay_pb2_grpc import ReplayServiceStub

# What passes by itself: a server that restarts, a rate limiter that holds the actor back. All else is a mistake.
PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
)
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds between tries


class ReportError(RuntimeError):
    """The replay service refuses what this actor sends."""


class Reporter:
    """A thread that sends to one table. At most `waiting` fragments are not acknowledged: `send` waits at a full queue.

    So what an actor that is killed loses is bounded: those fragments and the one it was playing. `stream` fragments are
    acknowledged together. `deadline` is how long, in seconds, the service may hold a stream before it is sent anew.
    """

    def __init__(
        self,
        address: str,
        table: str,
        settings: Settings | None = None,
        *,
        waiting: int = 64,
        stream: int = 16,
        deadline: float = 30.0,
    ) -> None:
        if waiting < 1 or stream < 1:
            raise ValueError(f"waiting is {waiting}, stream {stream}; accepted: 1 and more")
        settings = settings or Settings.from_environment()
        self.table, self.waiting, self.stream, self.deadline = table, waiting, stream, deadline
        self.acknowledged = self.duplicates = self.retries = 0
        self._metadata = bearer_metadata(settings.token)
        self._channel = open_channel(address, settings)
        self._stub = ReplayServiceStub(self._channel)
        self._queue: deque[Fragment] = deque()
        self._changed = threading.Condition()
        self._stopping: float | None = None  # when to give up, by the monotonic clock
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="reporter", daemon=True)
        self._thread.start()

    @property
    def unsent(self) -> int:
        """Fragments that are not acknowledged."""
        return len(self._queue)

    def send(self, fragment: Fragment, timeout: float | None = None) -> None:
        """Hand a fragment over; of an actor in ascending order of sequence.

        Waits while the queue is full, `timeout` seconds at most (None: for ever), then raises TimeoutError. Raises
        ReportError when the service has refused an earlier one.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._error or len(self._queue) < self.waiting, timeout):
                raise TimeoutError(f"{len(self._queue)} fragments still wait after {timeout} s; is the service there?")
            if self._error is not None:
                raise ReportError(str(self._error)) from self._error
            if self._stopping is not None:
                raise ReportError("the reporter has been stopped")
            self._queue.append(fragment)
            self._changed.notify_all()

    def stop(self, timeout: float = 10.0) -> int:
        """Send what waits, for at most `timeout` seconds; how many fragments were not acknowledged."""
        with self._changed:
            self._stopping = time.monotonic() + timeout
            self._changed.notify_all()
        self._thread.join(timeout + LONGEST_PAUSE)
        self._channel.close()
        return len(self._queue)

    def _work(self) -> None:
        pause = FIRST_PAUSE
        while (fragments := self._next()) is not None:
            requests = (RecordExperienceRequest(table=self.table, fragment=fragment) for fragment in fragments)
            try:
                answer = self._stub.RecordExperience(requests, timeout=self._patience(), metadata=self._metadata)
            except grpc.RpcError as error:
                if error.code() not in PASSING:
                    with self._changed:
                        self._error = error
                        self._changed.notify_all()
                    return
                self.retries += 1
                with self._changed:
                    self._changed.wait_for(self._out_of_time, pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            with self._changed:
                for _ in fragments:
                    self._queue.popleft()
                self.acknowledged += answer.inserted
                self.duplicates += answer.duplicates
                self._changed.notify_all()

    def _next(self) -> list[Fragment] | None:
        """The next fragments to send, which stay in the queue until they are acknowledged; None: it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping is not None)
            if not self._queue or self._out_of_time():
                return None
            return list(islice(self._queue, self.stream))

    def _out_of_time(self) -> bool:
        return self._stopping is not None and time.monotonic() >= self._stopping

    def _patience(self) -> float:
        """Seconds that the next stream may take."""
        if self._stopping is None:
            return self.deadline
        return max(0.001, min(self.deadline, self._stopping - time.monotonic()))
