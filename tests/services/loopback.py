"""A server on loopback for synchronous clients: its loop runs in a thread."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import grpc

from services.serving import running
from services.settings import Settings


@contextmanager
def channel_to(servicers: Sequence[object], settings: Settings | None = None) -> Iterator[grpc.Channel]:
    """A channel to a server of these servicers."""
    ready: list[str] = []
    started, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with running(servicers, settings or Settings(grace_s=0.1)) as server:
            ready.append(server.address)
            started.set()
            while not over.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(20)
    with grpc.insecure_channel(ready[0]) as channel:
        yield channel
    over.set()
    thread.join(20)


def refusal(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """The code and the message of a failed call."""
    return error.code(), error.details()  # type: ignore[attr-defined]
