"""The replay service: actors' fragments in tables, sampled as logs or as tensors.

All experience is in memory. When the server is killed, the fragments in its tables are lost, at most `capacity` and
`max_bytes` of each table, and so are their priorities and the rate limiters' counts; nothing else is: actors keep what
was not acknowledged, send it again to the server's successor, and go on (`actors.reporter`); learners wait until the
tables hold their least number again.
"""

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import grpc
import numpy as np

from actors.fragment import Replayer, Sizes, check
from engine.board import ARMY_SHIFT, MASK_SHIFT
from services import metrics
from services.refusal import RefusedError, exhausted, invalid, not_found
from services.serving import serve
from services.settings import PORTS, PPO_TABLE, R2D2_TABLE, Settings
from services.stubs import replay_pb2 as messages
from services.stubs.replay_pb2_grpc import ReplayServiceServicer
from services.tables import RateLimiter, Sampled, Table

MOST_SAMPLES = 4096  # of a call
MOST_ACTORS = 65536  # whose last sequence is remembered: those who were silent for longest are forgotten first
OVERHEAD = 1024  # bytes of a message that are not the fragment's own

Got = TypeVar("Got")


class Held(NamedTuple):
    """A fragment in a table."""

    content: bytes  # of the message
    transitions: int  # turns of learning seats
    policy_version: int
    born: float  # seconds of the monotonic clock


def default_tables() -> list[Table[Held]]:
    """The tables of the two learners: a short queue for PPO, a large prioritised one for R2D2; 9 GB at most."""
    return [
        Table(
            PPO_TABLE, 256, sampler="fifo", max_times_sampled=1, limiter=RateLimiter.queue(256), max_bytes=1_000_000_000
        ),
        Table(R2D2_TABLE, 100_000, sampler="prioritised", priority_exponent=0.9, max_bytes=8_000_000_000),
    ]


@dataclass
class _Room:
    """A table, who waits for it, and what went through it."""

    table: Table[Held]
    changed: asyncio.Event
    loop: asyncio.AbstractEventLoop
    samples_waiting: int = 0
    inserts_waiting: int = 0
    transitions_inserted: int = 0
    transitions_sampled: int = 0
    newest_policy_version: int = 0

    @classmethod
    def of(cls, table: Table[Held]) -> "_Room":
        room = cls(table, asyncio.Event(), asyncio.get_running_loop())
        table.subscribe(room.tell)
        return room

    def tell(self) -> None:
        """The table has changed, in any thread: wake those who wait."""
        if self.samples_waiting or self.inserts_waiting:
            self.loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, attempt: Callable[[], Got | None], *, samples: int = 0) -> Got:
        """What an attempt to insert, or to draw `samples`, gives as soon as it gives something.

        The call's deadline ends the waiting.
        """
        if (got := attempt()) is not None:
            return got
        self._wait_for(samples, 1)
        try:
            while True:
                changed = self.changed
                if (got := attempt()) is not None:
                    return got
                await changed.wait()
        finally:
            self._wait_for(samples, -1)

    def _wait_for(self, samples: int, change: int) -> None:
        self.samples_waiting += change * samples
        self.inserts_waiting += change * (samples == 0)
        metrics.SAMPLES_WAITING.labels(self.table.name).set(self.samples_waiting)
        metrics.INSERTS_WAITING.labels(self.table.name).set(self.inserts_waiting)


class ReplayServicer(ReplayServiceServicer):
    """ReplayService over tables; make it within a running event loop.

    max_message: bytes of a message, as the server's settings say. Others may use the tables from any thread.
    """

    def __init__(self, tables: Sequence[Table[Held]], max_message: int = Settings.max_message) -> None:
        self._rooms = {table.name: _Room.of(table) for table in tables}
        self._limit = max_message - OVERHEAD
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()  # (table, actor): its highest sequence
        self._thread = ThreadPoolExecutor(1, "replay")  # one: the engine's loops are not to be entered by two at once
        self._replayer = Replayer()

    async def RecordExperience(  # noqa: N802 (the protocol's name)
        self, requests: AsyncIterator[messages.RecordExperienceRequest], context: Any
    ) -> messages.RecordExperienceResponse:
        """Insert a stream of fragments."""
        response = messages.RecordExperienceResponse()
        async for request in requests:
            if await self._insert(self._room(request.table), request.fragment):
                response.inserted += 1
            else:
                response.duplicates += 1
        return response

    async def GetExperienceBatch(  # noqa: N802
        self, request: messages.GetExperienceBatchRequest, context: Any
    ) -> AsyncIterator[messages.GetExperienceBatchResponse]:
        """Sample fragments."""
        room = self._room(request.table)
        if not 1 <= request.count <= MOST_SAMPLES:
            raise invalid("count", request.count, f"1 to {MOST_SAMPLES}")
        if request.form not in messages.GetExperienceBatchRequest.Form.values():
            raise invalid("form", request.form, "0 to 2")
        tensors = request.form == messages.GetExperienceBatchRequest.FORM_TENSORS
        drawn = await self._sample(room, request.count)
        response = messages.GetExperienceBatchResponse(table_size=len(room.table))
        filled = 0
        for sampled in drawn:
            size = self._tensor_size(sampled.item) if tensors else len(sampled.item.content)
            if filled and filled + size > self._limit:
                yield response
                response, filled = messages.GetExperienceBatchResponse(table_size=len(room.table)), 0
            sample = response.samples.add(
                key=sampled.key, probability=sampled.probability, times_sampled=sampled.times_sampled
            )
            sample.fragment.MergeFromString(sampled.item.content)
            if tensors:
                await room.loop.run_in_executor(self._thread, self._play, sample)
            filled += size + OVERHEAD // 8
        yield response

    async def UpdatePriorities(  # noqa: N802
        self, request: messages.UpdatePrioritiesRequest, context: Any
    ) -> messages.UpdatePrioritiesResponse:
        """Change priorities."""
        room = self._room(request.table)
        keys = np.array(request.keys, np.uint64).view(np.int64)  # keys beyond int64 become negative: held by nobody
        try:
            updated = room.table.update_priorities(keys, np.array(request.priorities, np.float64))
        except ValueError as error:
            raise _refuse("priorities", error) from None
        return messages.UpdatePrioritiesResponse(updated=updated)

    async def GetStats(  # noqa: N802
        self, request: messages.GetStatsRequest, context: Any
    ) -> messages.GetStatsResponse:
        """What tables hold."""
        rooms = [self._room(request.table)] if request.table else list(self._rooms.values())
        return messages.GetStatsResponse(tables=[_stats(room) for room in rooms])

    def close(self) -> None:
        """End the thread that plays fragments again."""
        self._thread.shutdown(cancel_futures=True)

    def _room(self, name: str) -> _Room:
        room = self._rooms.get(name)
        if room is None:
            raise not_found("table", name, ", ".join(self._rooms))
        return room

    async def _insert(self, room: _Room, fragment: messages.Fragment) -> bool:
        """Put a fragment in its table; whether it is a new one."""
        origin = (room.table.name, fragment.actor)
        if fragment.sequence <= self._last.get(origin, -1):
            metrics.FRAGMENTS_REPEATED.labels(room.table.name).inc()
            return False
        try:
            sizes = check(fragment)
        except ValueError as error:
            raise _refuse("fragment", error) from None
        held = Held(fragment.SerializeToString(), sizes.transitions, fragment.policy_version, time.monotonic())
        if len(held.content) > self._limit:
            raise exhausted("bytes of the fragment", len(held.content), f"up to {self._limit}")
        priority = fragment.priority if fragment.HasField("priority") else None

        def attempt() -> bool | None:
            if fragment.sequence <= self._last.get(origin, -1):  # it has come by another stream in the meantime
                return False
            if room.table.try_insert(held, priority, size=len(held.content)) is None:
                return None
            self._last[origin] = fragment.sequence
            self._last.move_to_end(origin)
            if len(self._last) > MOST_ACTORS:
                self._last.popitem(last=False)
            return True

        try:
            inserted = await room.until(attempt)
        except ValueError as error:
            raise _refuse("fragment", error) from None
        if inserted:
            room.transitions_inserted += sizes.transitions
            room.newest_policy_version = max(room.newest_policy_version, held.policy_version)
            _count_insert(room, sizes)
        return inserted

    async def _sample(self, room: _Room, count: int) -> list[Sampled[Held]]:
        try:
            drawn = await room.until(lambda: room.table.try_sample(count), samples=count)
        except ValueError as error:
            raise _refuse("count", error) from None
        room.transitions_sampled += sum(sampled.item.transitions for sampled in drawn)
        _count_samples(room, drawn)
        return drawn

    def _tensor_size(self, held: Held) -> int:
        """Bytes of a sample as tensors; raises RefusedError where no message can carry them."""
        fragment = messages.Fragment.FromString(held.content)
        sizes = check(fragment)
        turns, games, _, learners, height, width = sizes
        seen = (turns + 1) * games * learners * (4 * height * width + 4 * sizes.vector)
        size = seen + 24 * (turns + 1) * games * learners + len(fragment.setup.encode()) + OVERHEAD
        if size > self._limit:
            accepted = f"up to {self._limit} in a message; fragments of fewer games or turns, or FORM_LOGS"
            raise exhausted("bytes of a sample as tensors", size, accepted)
        return size

    def _play(self, sample: messages.Sample) -> None:
        """Turn a sample's log into tensors."""
        fragment = sample.fragment
        played = self._replayer.replay(fragment)
        learners = [seat for seat in range(fragment.seats) if fragment.learners >> seat & 1]
        actions = np.frombuffer(fragment.actions, "<i2").reshape(fragment.turns, fragment.games, fragment.seats)
        height, width = played.words.shape[-2:]
        sample.tensors.MergeFrom(
            messages.Tensors(
                flags=(played.words & 255).astype(np.uint8).tobytes(),
                armies=(played.words >> ARMY_SHIFT).astype("<i2").tobytes(),
                vector=played.vector.astype("<i4").tobytes(),
                masks=(played.words >> MASK_SHIFT & 255).astype(np.uint8).tobytes(),
                actions=actions[..., learners].tobytes(),
                rewards=played.rewards.astype("<f4").tobytes(),
                terminated=played.terminated.tobytes(),
                truncated=played.truncated.tobytes(),
                valid=played.valid.tobytes(),
                log_probs=fragment.log_probs,
                height=height,
                width=width,
                resets=played.resets.tobytes(),
                winner=played.winner.astype(np.int8).tobytes(),
            )
        )
        for field in ("start", "actions", "memory"):
            fragment.ClearField(field)


def _refuse(field: str, error: ValueError) -> RefusedError:
    """INVALID_ARGUMENT with what a check has said."""
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, str(error), field=field)


def _count_insert(room: _Room, sizes: Sizes) -> None:
    name, counts = room.table.name, room.table.counts()
    metrics.FRAGMENTS.labels(name).set(counts.size)
    metrics.FRAGMENT_BYTES.labels(name).set(counts.bytes)
    metrics.FRAGMENTS_INSERTED.labels(name).inc()
    metrics.TRANSITIONS_INSERTED.labels(name).inc(sizes.transitions)


def _count_samples(room: _Room, drawn: list[Sampled[Held]]) -> None:
    name, now = room.table.name, time.monotonic()
    age, staleness = metrics.SAMPLE_AGE.labels(name), metrics.SAMPLE_STALENESS.labels(name)
    for sampled in drawn:
        age.observe(now - sampled.item.born)
        staleness.observe(room.newest_policy_version - sampled.item.policy_version)
    metrics.FRAGMENTS.labels(name).set(len(room.table))
    metrics.FRAGMENTS_SAMPLED.labels(name).inc(len(drawn))
    metrics.TRANSITIONS_SAMPLED.labels(name).inc(sum(sampled.item.transitions for sampled in drawn))


def _stats(room: _Room) -> messages.TableStats:
    counts = room.table.counts()
    return messages.TableStats(
        table=room.table.name,
        size=counts.size,
        capacity=room.table.capacity,
        inserted=counts.inserted,
        sampled=counts.sampled,
        removed=counts.removed,
        transitions_inserted=room.transitions_inserted,
        transitions_sampled=room.transitions_sampled,
        bytes=counts.bytes,
        hunger=room.samples_waiting,
        oldest_seconds=counts.oldest_seconds,
        newest_policy_version=room.newest_policy_version,
    )


async def serve_replay(tables: Sequence[Table[Held]], settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT."""
    servicer = ReplayServicer(tables, settings.max_message)
    try:
        await serve([servicer], settings)
    finally:
        servicer.close()


def main() -> None:
    """Serve the default tables as the environment's settings say: `python -m services.replay_server`."""
    port = PORTS["replay"]
    settings = Settings.from_environment({"STRATAGEM_LISTEN": f"127.0.0.1:{port}", **os.environ})
    asyncio.run(serve_replay(default_tables(), settings))


if __name__ == "__main__":
    main()
