"""The engine on a GPU: memory and arithmetic of the machine, turns of games, maps."""

from collections.abc import Callable

import numpy as np
import torch

from engine.board import TURN
from gpu_bench import LIMIT, Bench

SECTOR = 8  # words


def measure_machine(bench: Bench) -> None:
    """Copy rate of the memory (bytes read and written) and rate of bf16 matrix products."""
    source = torch.zeros(bench.scale.copied, dtype=torch.int32, device=bench.device)
    target = torch.empty_like(source)
    target.copy_(source)
    seconds = min(bench.seconds_of(lambda: target.copy_(source)) for _ in range(10))
    bench.figures["copy_bytes_per_s"] = 2 * source.nbytes / seconds
    side = 8192 if bench.device.type == "cuda" else 256
    a, b = (torch.randn(side, side, device=bench.device, dtype=torch.bfloat16) for _ in range(2))
    product = a @ b
    seconds = min(bench.seconds_of(lambda: torch.mm(a, b, out=product)) for _ in range(10))
    bench.figures["matmul_bf16_per_s"] = 2 * side**3 / seconds


class Scene:
    """A batch in mid-game and the moves it plays next, on the device, to be played again and again."""

    def __init__(self, bench: Bench, games: int) -> None:
        self.bench, self.turns = bench, bench.scale.turns
        self.batch = bench.batch(games)
        self.batch.reset()
        for _ in range(bench.scale.opening):
            self.batch.step(self.batch.bot_actions("random"))
        self.rows = bench.tensor(self.batch.rows)
        order = torch.randperm(games, device=bench.device, generator=torch.Generator(bench.device).manual_seed(0))
        self.rows[:, TURN] = (order * LIMIT // games).int()
        self.start = self.rows.clone()
        self.actions, self.ends, sectors = [], 0, []
        for turn in range(self.turns):
            self.actions.append(bench.tensor(self.batch.bot_actions("random")).clone())
            before = self.rows[:4096].clone() if turn % 8 == 0 else None
            _, _, terminated, truncated, _ = self.batch.step(self.own(self.actions[-1]))
            self.ends += int((bench.tensor(terminated) | bench.tensor(truncated)).sum())
            if before is not None:
                changed = (before != self.rows[: len(before)]).unflatten(1, (-1, SECTOR)).any(2)
                sectors.append(float(changed.sum(1).float().mean()))
        told = 4 * (2 * self.batch.seats + 6)  # actions, rewards and how it ended
        self.bytes = 2 * 4 * SECTOR * float(np.mean(sectors)) + told

    def own(self, actions: torch.Tensor) -> object:
        """Actions as the batch takes them."""
        return actions if self.bench.device.type == "cuda" else actions.numpy()

    def again(self) -> None:
        """Put the games back to the start."""
        self.rows.copy_(self.start)
        if hasattr(self.batch, "draw_spares"):
            self.batch.draw_spares()

    def play(self) -> None:
        """All turns."""
        for actions in self.actions:
            self.batch.step(self.own(actions))

    def rate(self, play: Callable[[], object]) -> float:
        """Game-turns a second, the best of three rounds."""
        rates = []
        for _ in range(3):
            self.again()
            rates.append(self.batch.num_games * self.turns / self.bench.seconds_of(play))
        return max(rates)

    def graph(self) -> Callable[[], object]:
        """All turns as one CUDA graph."""
        self.again()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.batch.stream = torch.cuda.current_stream().cuda_stream
            self.play()
        self.batch.stream = 0
        return graph.replay


def measure_engine(bench: Bench, games: int) -> None:
    """Game-turns a second of so many games, by block size; the best also as a CUDA graph."""
    scene = Scene(bench, games)
    rates = {}
    for threads in bench.scale.threads:
        scene.batch.threads = threads
        rates[threads] = scene.rate(scene.play)
        bench.figures[f"turns_per_s_{games}_threads_{threads}"] = rates[threads]
    scene.batch.threads = max(rates, key=lambda threads: rates[threads])
    best = rates[scene.batch.threads]
    if bench.device.type == "cuda":
        bench.figures[f"turns_per_s_{games}_graph"] = scene.rate(scene.graph())
        best = max(best, bench.figures[f"turns_per_s_{games}_graph"])
    bench.figures[f"turns_per_s_{games}"] = best
    bench.figures[f"episode_ends_per_turn_{games}"] = scene.ends / games / scene.turns
    bench.figures["bytes_per_game_turn"] = scene.bytes
    if "copy_bytes_per_s" in bench.figures:
        bench.figures[f"bandwidth_share_{games}"] = best * scene.bytes / bench.figures["copy_bytes_per_s"]


def measure_maps(bench: Bench) -> None:
    """Site maps drawn and begun a second, and full action masks written a second."""
    games = bench.scale.games[min(2, len(bench.scale.games) - 1)]
    batch = bench.batch(games)
    batch.reset()
    bench.figures["maps_per_s"] = 2 * games / bench.seconds_of(batch.reset)  # with a spare each
    small = bench.batch(min(games, 16_384))
    small.reset()
    small.action_masks()
    bench.figures["full_masks_per_s"] = small.num_games * small.seats / bench.seconds_of(small.action_masks)
