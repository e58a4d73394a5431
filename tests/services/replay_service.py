"""A replay service on a loopback port, and small fragments to send to it."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import numpy as np

from actors.fragment import Recorder
from actors.setup import Setup
from engine.maps import MapSpec
from services.replay_server import Held, ReplayServicer
from services.serving import build_server
from services.settings import Settings
from services.stubs.replay_pb2 import Fragment
from services.tables import Table

SETUP = Setup.of("generalsio", MapSpec.plain(5, 5, cities=1), seed=9, max_turns=12)
TURNS, GAMES = 8, 2


@cache
def recorded(count: int) -> tuple[bytes, ...]:
    """Fragments of passing and one fixed move, serialized."""
    batch, rng = SETUP.batch(GAMES), np.random.default_rng(0)
    batch.reset()
    recorder = Recorder(SETUP, batch, "actor", (0, 1))
    made = []
    for n in range(count):
        recorder.begin(policy_version=n)
        for _ in range(TURNS):
            actions = rng.integers(0, batch.action_count, (GAMES, 2)).astype(np.int32)
            recorder.add(actions, np.zeros((GAMES, 2)), np.zeros((GAMES, 2)))
            batch.step(actions)
        made.append(recorder.finish(np.zeros((GAMES, 2))).SerializeToString())
    return tuple(made)


def fragments(count: int, actor: str = "actor") -> list[Fragment]:
    """That many fragments of an actor, sequences 1, 2, ..."""
    made = [Fragment.FromString(content) for content in recorded(32)[:count]]
    for fragment in made:
        fragment.actor = actor
    return made


@contextmanager
def replay_service(tables: Sequence[Table[Held]], settings: Settings | None = None) -> Iterator[str]:
    """Where a service of these tables answers, HOST:PORT."""
    settings = settings or Settings()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> tuple[ReplayServicer, object]:
        servicer = ReplayServicer(tables, settings.max_message)
        server = build_server([servicer], settings)
        await server.start()
        return servicer, server

    servicer, server = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        yield server.address
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(0), loop).result(30)
        servicer.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
