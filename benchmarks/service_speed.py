"""Experience over loopback gRPC: fragments recorded and sampled at the same time, next to shipping uint8 observations.

Three processes (an actor that only sends, the replay service, a learner that only receives) share the machine's cores;
what a second of each one's CPU moves is told as well, since that does not depend on what else the machine does.
A transition is a turn of a learning seat; both seats learn. The uint8 observations are the network's planes. Run by
`make bench-services`.
"""

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import grpc
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table as View

from actors.fragment import Recorder, Replayer
from actors.setup import Setup
from engine.board import ARMY_SHIFT
from engine.compile import OneThread
from engine.observation import PLANES, planes
from learner.experience import ExperienceClient
from machine import write_result
from services.logs import configure_logs
from services.replay_server import Held, ReplayServicer
from services.serving import build_server
from services.settings import Settings
from services.stubs.replay_pb2 import Fragment, GetExperienceBatchRequest, RecordExperienceRequest
from services.stubs.replay_pb2_grpc import ReplayServiceStub
from services.tables import Table

SECONDS = 6.0
TURNS, GAMES, SEATS = 32, 64, 2
TRANSITIONS = TURNS * GAMES * SEATS  # of a fragment
MEMORY = 8  # numbers a tile that the policy of size "tiny" remembers
BOARDS = {"24x24": "site", "8x8": "small"}
LARGE = Settings(max_message=256 << 20)
TENSORS = "/bench.Tensors/"


class Rates(NamedTuple):
    """What went in and out a second."""

    transitions_in: float
    megabytes_in: float
    transitions_in_cpu: float  # a second of the actor's CPU
    transitions_out: float
    megabytes_out: float
    transitions_out_cpu: float  # a second of the learner's CPU
    served_cpu: float  # both ways together, a second of the server's CPU


def play(board: str, turns: int, count: int, memory: int = 0) -> list[Fragment]:
    """Fragments of the bots `hunter` and `expander` against each other, from all parts of games."""
    setup = Setup.of("generalsio", board, seed=1, max_turns=500)
    batch, rng = setup.batch(GAMES), np.random.default_rng(0)
    batch.reset()
    recorder = Recorder(setup, batch, "bench", (0, 1))
    made = []
    with OneThread():
        for _ in range(count):
            for _ in range(40):  # between fragments, so that they differ
                batch.step(batch.bot_actions(["hunter", "expander"]))
            shape = (GAMES, SEATS, memory, batch.height, batch.width)
            recorder.begin(1, np.tanh(rng.normal(size=shape)) if memory else None)
            for _ in range(turns):
                actions = batch.bot_actions(["hunter", "expander"])
                recorder.add(actions, -5 * rng.random((GAMES, SEATS)), rng.random((GAMES, SEATS)))
                batch.step(actions)
            made.append(recorder.finish(rng.random((GAMES, SEATS))))
    return made


def pass_on(settings: Settings, pipe: Connection) -> None:
    """Serve fragments, and tensors as plain bytes, until a word comes through the pipe."""

    configure_logs()

    async def run() -> None:
        servicer = ReplayServicer([Table[Held]("bench", 512)], settings.max_message)
        server = build_server([servicer], settings)
        tensors = grpc.method_handlers_generic_handler("bench.Tensors", _tensor_methods())
        server.grpc.add_generic_rpc_handlers((tensors,))
        await server.start()
        pipe.send(server.address)
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        await server.stop(0)
        servicer.close()

    asyncio.run(run())


def _tensor_methods() -> dict[str, Any]:
    """Record and sample bytes, by the same table."""
    table: Table[bytes] = Table("tensors", 16)

    async def record(requests: Any, context: Any) -> bytes:
        async for content in requests:
            table.try_insert(content)
        return b""

    async def sample(request: bytes, context: Any) -> Any:
        while (drawn := table.try_sample(2)) is None:
            await asyncio.sleep(0.01)
        for one in drawn:
            yield one.item

    return {
        "Record": grpc.stream_unary_rpc_method_handler(record),
        "Sample": grpc.unary_stream_rpc_method_handler(sample),
    }


def for_seconds(step: Callable[[], tuple[int, int]], pipe: Connection) -> None:
    """Run steps, which tell fragments and bytes, once to warm up and then for SECONDS.

    Sends transitions and MB a second, and transitions a second of this process's CPU.
    """
    step()
    pipe.send("ready")
    pipe.recv()
    made = size = 0
    begun, worked = time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - begun) < SECONDS:
        fragments, content = step()
        made += fragments
        size += content
    transitions = made * TRANSITIONS
    pipe.send((transitions / passed, size / passed / 1e6, transitions / (time.process_time() - worked)))


def record_fragments(address: str, pipe: Connection) -> None:
    """Send fragments, 16 a stream."""
    made, sequence = play("site", TURNS, 8), 0
    size = sum(fragment.ByteSize() for fragment in made) / len(made)
    stub = ReplayServiceStub(grpc.insecure_channel(address))

    def requests() -> Iterator[RecordExperienceRequest]:
        nonlocal sequence
        for _ in range(16):
            sequence += 1
            fragment = made[sequence % len(made)]
            fragment.sequence = sequence
            yield RecordExperienceRequest(table="bench", fragment=fragment)

    def step() -> tuple[int, int]:
        inserted = int(stub.RecordExperience(requests()).inserted)
        return inserted, int(inserted * size)

    for_seconds(step, pipe)


def sample_fragments(address: str, pipe: Connection) -> None:
    """Receive fragments as logs, 16 at a time."""
    stub = ReplayServiceStub(grpc.insecure_channel(address))
    request = GetExperienceBatchRequest(table="bench", count=16)

    def step() -> tuple[int, int]:
        samples = [sample for answer in stub.GetExperienceBatch(request) for sample in answer.samples]
        return len(samples), sum(sample.fragment.ByteSize() for sample in samples)

    for_seconds(step, pipe)


def record_tensors(address: str, pipe: Connection) -> None:
    """Send the same as uint8 planes, one a stream."""
    content = observations(play("site", TURNS, 1)[0])
    call = channel(address).stream_unary(TENSORS + "Record")

    def step() -> tuple[int, int]:
        call(iter([content]))
        return 1, len(content)

    for_seconds(step, pipe)


def sample_tensors(address: str, pipe: Connection) -> None:
    """Receive uint8 planes, 2 at a time."""
    call = channel(address).unary_stream(TENSORS + "Sample")

    def step() -> tuple[int, int]:
        sizes = [len(content) for content in call(b"")]
        return len(sizes), sum(sizes)

    for_seconds(step, pipe)


def channel(address: str) -> grpc.Channel:
    limits = [("grpc.max_receive_message_length", 256 << 20), ("grpc.max_send_message_length", 256 << 20)]
    return grpc.insecure_channel(address, limits)


def observations(fragment: Fragment) -> bytes:
    """What the learning seats saw of a fragment as the network's planes, uint8 (T, G, L, PLANES, H, W)."""
    words = Replayer().replay(fragment).words[:-1]
    seen = planes((words & 255).astype(np.uint8), (words >> ARMY_SHIFT).astype(np.int16))
    return (seen * 60).astype(np.uint8).tobytes()  # army planes reach 2.5


def both_ways(server: psutil.Process, address: str, record: Callable[..., None], sample: Callable[..., None]) -> Rates:
    """What goes in and out while both go on."""
    context = multiprocessing.get_context("spawn")
    ends, processes = [], []
    for work in (record, sample):  # the first one's warming up fills the table for the second one
        end, other = context.Pipe()
        process = context.Process(target=work, args=(address, other), daemon=True)
        process.start()
        end.recv()
        ends.append(end)
        processes.append(process)
    worked = sum(server.cpu_times()[:2])
    for end in ends:
        end.send("go")
    into, out = (end.recv() for end in ends)
    served = SECONDS * (into[0] + out[0]) / (sum(server.cpu_times()[:2]) - worked)
    for process in processes:
        process.join()
    return Rates(*into, *out, served)


def replay_rates(address: str) -> tuple[float, float]:
    """Transitions that a learner gets as torch tensors, played again on one thread: a second, and a second of CPU."""
    client = ExperienceClient(address, "bench", 2, memory=MEMORY, settings=LARGE)
    client.sample()
    made, begun, worked = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begun < SECONDS:
        client.sample()
        made += 2 * TRANSITIONS
    rates = made / (time.perf_counter() - begun), made / (time.process_time() - worked)
    client.close()
    return rates


def sizes(figures: dict[str, float]) -> View:
    """Bytes a transition costs, by board and length of fragments."""
    view = View(title="bytes a transition", title_justify="left")
    for head in ("board, turns", "log", "with memory", "compact", "uint8 planes", "ratio", "with memory", "compact"):
        view.add_column(head, justify="right")
    for name, board in BOARDS.items():
        side = int(name.split("x")[0])
        for turns in (16, 32, 64):
            transitions = turns * GAMES * SEATS
            log = np.mean([len(one.SerializeToString()) for one in play(board, turns, 4)]) / transitions
            full = np.mean([len(one.SerializeToString()) for one in play(board, turns, 1, MEMORY)]) / transitions
            compact, wide = 3.0 * side**2 + 28, float(len(PLANES) * side**2)
            kept = full - log  # what the memory adds, to either
            ratios = wide / log, (wide + kept) / full, compact / log
            key = f"{name}, {turns} turns: "
            figures[key + "log bytes a transition"] = log
            figures[key + "log and memory bytes a transition"] = full
            figures[key + "uint8 planes to log"] = ratios[0]
            figures[key + "uint8 planes and memory to log and memory"] = ratios[1]
            figures[key + "compact observations to log"] = ratios[2]
            row = f"{log:.1f} {full:.1f} {compact:,.0f} {wide:,.0f} {ratios[0]:.0f} {ratios[1]:.1f} {ratios[2]:.0f}"
            view.add_row(f"{name}, {turns}", *row.split())
    return view


def main() -> None:
    """Measure, print tables, write build/bench/services.json."""
    figures: dict[str, float] = {}
    console = Console(width=120)
    console.print(sizes(figures))
    context = multiprocessing.get_context("spawn")
    end, other = context.Pipe()
    server = context.Process(target=pass_on, args=(LARGE, other), daemon=True)
    server.start()
    address = end.recv()
    view = View(title=f"fragments of {TURNS} turns x {GAMES} games x {SEATS} seats, 24x24", title_justify="left")
    heads = ("transitions/s in", "MB/s in", "/CPU s in", "transitions/s out", "MB/s out", "/CPU s out", "served/CPU s")
    for head in ("", *heads):
        view.add_column(head, justify="right")
    ways = {"logs": (record_fragments, sample_fragments), "uint8 planes": (record_tensors, sample_tensors)}
    for name, (record, sample) in ways.items():
        rates = both_ways(psutil.Process(server.pid), address, record, sample)
        view.add_row(
            name, *(f"{rate:,.1f}" if "MB" in head else f"{rate:,.0f}" for head, rate in zip(heads, rates, strict=True))
        )
        for what, rate in zip(heads, rates, strict=True):
            figures[f"{name}: {what}"] = rate
    for name, rate in zip(("transitions/s", "transitions/CPU s"), replay_rates(address), strict=True):
        figures[f"played again: {name}"] = rate
    end.send("stop")
    server.join(10)
    console.print(view)
    again, of_cpu = figures["played again: transitions/s"], figures["played again: transitions/CPU s"]
    console.print(f"a learner's thread plays again {again:,.0f} transitions/s, {of_cpu:,.0f} a second of CPU")
    console.print(f"written to {write_result('services', figures)}")


if __name__ == "__main__":
    sys.exit(main())
