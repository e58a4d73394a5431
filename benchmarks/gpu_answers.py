"""Answers of "small" on a GPU: all rows at once, or in parts small enough that what they pass on stays in the cache."""

from collections.abc import Callable
from itertools import pairwise

import torch

from gpu_bench import Bench
from learner.network import Output, Policy
from learner.network_config import NetworkConfig
from learner.precision import half_precision

COMPILED_PART = 512  # rows; each size compiles anew, for tens of seconds
ROUNDS = 5


def measure_answers(bench: Bench) -> None:
    """Rows answered a second, each part's kernels in one CUDA graph with all others'."""
    rows, policy = 2 * bench.scale.trained_games, Policy(NetworkConfig.of("small")).to(bench.device)
    height, width = bench.scale.board.board_height, bench.scale.board.board_width
    words = torch.zeros((1, rows, height, width), dtype=torch.int32, device=bench.device)
    vector = torch.zeros((1, rows, 7), dtype=torch.int32, device=bench.device)
    resets = torch.zeros((1, rows), dtype=torch.bool, device=bench.device)
    memory = policy.first_memory(rows, height, width)

    def answers(network: Callable[..., Output], part: int) -> Callable[[], list[torch.Tensor]]:
        bounds = [*range(0, rows, part), rows]

        def all_parts() -> list[torch.Tensor]:
            with torch.no_grad(), half_precision(bench.device, True):
                return [
                    network(words[:, a:b], vector[:, a:b], memory[a:b], resets[:, a:b]).logits
                    for a, b in pairwise(bounds)
                ]

        return all_parts

    parts = sorted({min(rows, part) for part in (128, 256, 512, 1024, 2048, rows)})
    kinds = {f"answers_{part}_rows": answers(policy, part) for part in parts}
    if bench.device.type == "cuda":
        kinds[f"answers_{COMPILED_PART}_rows_compiled"] = answers(torch.compile(policy), COMPILED_PART)
    for name, work in kinds.items():
        again = captured(work) if bench.device.type == "cuda" else work
        bench.figures[f"{name}_per_s"] = rows / min(bench.seconds_of(again) for _ in range(ROUNDS))


def captured(work: Callable[[], object]) -> Callable[[], None]:
    """The same work as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = work()

    def again(kept: object = kept) -> None:  # what it writes to lives as long as it can be asked for
        graph.replay()

    return again
