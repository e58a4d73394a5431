"""How much a GPU's parts measure, and what keeps their figures: a part that fails is named, the others still report."""

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch

from engine.batch import GameBatch
from engine.maps import MapSpec
from machine import write_result

LIMIT = 400  # turn at which a game is truncated; games stand at all turns below, evenly spread


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    device: str = "cuda"
    board: MapSpec = field(default_factory=MapSpec.site)
    checked_games: int = 256
    checked_turns: int = 1200
    opening: int = 100
    games: tuple[int, ...] = (4096, 16_384, 65_536, 262_144, 1_048_576)
    threads: tuple[int, ...] = (32, 64, 128, 256)
    turns: int = 64
    copied: int = 1 << 30  # int32 words
    sizes: tuple[str, ...] = ("small", "large")
    trained_games: int = 4096
    trained_turns: int = 16
    rows_at_once: tuple[int, ...] = (1024, 1024)
    iterations: int = 4
    scouted: int = 1024  # positions of a step
    scouted_minutes: float = 0.1


SMOKE = Scale(
    device="cpu",
    board=MapSpec.plain(6, 6),
    checked_games=4,
    checked_turns=20,
    opening=5,
    games=(8, 16),
    threads=(32,),
    turns=4,
    copied=1 << 16,
    sizes=("tiny",),
    trained_games=8,
    trained_turns=4,
    rows_at_once=(8,),
    iterations=1,
    scouted=8,
    scouted_minutes=0.01,
)


class Bench:
    """The figures so far, and the parts that failed."""

    def __init__(self, scale: Scale, seconds: float) -> None:
        self.scale, self.end = scale, time.monotonic() + seconds
        self.figures: dict[str, float] = {}
        self.failed: dict[str, str] = {}
        self.device = torch.device(scale.device)
        self.machine: dict[str, str] = {}
        if self.device.type == "cuda":
            self.machine["device"] = f"{torch.cuda.get_device_name()}, torch {torch.__version__}"

    def run(self, name: str, part: Callable[[], None], needs: float = 5.0) -> None:
        """Run a part that takes about `needs` seconds, unless too little time is left."""
        if self.end - time.monotonic() < needs:
            self.failed[name] = "no time was left for it"
            return
        begin = time.monotonic()
        try:
            part()
        except Exception as error:
            traceback.print_exc()
            self.failed[name] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        with suppress(RuntimeError):  # after some errors the device does nothing any more
            self._tidy()
        self.write()
        print(f"[{time.monotonic() - begin:6.1f} s] {name} {self.failed.get(name, 'done')}", flush=True)

    def write(self) -> Path:
        """Write what is known so far: whatever ends this process, it is not lost."""
        failed = {f"failed_{name}": message for name, message in self.failed.items()}
        name = "gpu_smoke" if self.device.type == "cpu" else "gpu"
        return write_result(name, {**self.figures, **failed, **self.machine})

    def seconds_of(self, work: Callable[[], object]) -> float:
        """Wall seconds of work that is queued on the device, to its end."""
        self.wait()
        begin = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - begin

    def wait(self) -> None:
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def _tidy(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def tensor(self, array: object) -> torch.Tensor:
        """A batch's array as a tensor, shared."""
        return torch.as_tensor(array, device=self.device)

    def batch(self, games: int, **options: object) -> GameBatch:
        """Games on the site's maps."""
        options = {"board": self.scale.board, "max_turns": LIMIT, **options}
        return GameBatch("generalsio", games, 1, self.scale.device, **options)
