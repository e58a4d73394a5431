"""All checks and measurements of a GPU in one call of under ten minutes: `make bench-gpu`, or on a bare GPU machine

    python -m pip install "numba-cuda[cu13]>=0.30,<0.31" "numba>=0.61,<0.69" safetensors
    python benchmarks/gpu.py

from the repository's root, with the machine's own torch; cu12 instead of cu13 where that is built for CUDA 12, as
`python -c "import torch; print(torch.version.cuda)"` says. It prints a table, and writes build/bench/gpu.json after
each part. A part that fails is named, and the others still report. `--smoke` runs every part in little on the CPU: it
checks the script, not the machine.

Boards are 24x24, 1v1 on the site's maps. Engine figures are of games in mid-game whose random legal moves were drawn
beforehand; both seats' observations, their masks and autoreset are in the time. `bytes_per_game_turn` counts the
sectors of 32 bytes of a game that a turn changes, read and written once, and what goes in and out: a lower bound of
what is moved. Training counts the player-turns that were played; `keep_25` learns from the quarter of each fragment's
rows with the largest advantages, all others from every row.
"""

import argparse
import faulthandler
import json
import math
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

import torch  # noqa: E402 (the path comes first)

from gpu_answers import measure_answers  # noqa: E402
from gpu_bench import SMOKE, Bench, Scale  # noqa: E402
from gpu_engine import measure_engine, measure_machine, measure_maps  # noqa: E402
from gpu_equality import COMPARED, check_equality, play_digests, start_cpu_games  # noqa: E402
from gpu_searches import measure_scout, measure_ways  # noqa: E402
from gpu_training import check_resuming, fit_training, measure_blocks, told_training, trainings_of  # noqa: E402
from machine import describe_machine  # noqa: E402

GRACE = 45.0  # seconds that the last part may take beyond its time


def parts_of(bench: Bench, folder: Path, mine: list[str]) -> Iterator[tuple[str, Callable[[], None], float]]:
    """All parts, the most wanted first: name, what to do, and the seconds it needs. `mine` takes the games' digests."""
    scale = bench.scale
    yield "machine", lambda: measure_machine(bench), 5
    yield "games to compare", lambda: mine.extend(play_digests(scale, scale.device)), 30
    for games in scale.games:
        yield f"engine, {games:,} games", partial(measure_engine, bench, games), 15
    yield "maps", lambda: measure_maps(bench), 5
    for training in trainings_of(scale):
        yield f"training, {training.name}", partial(fit_training, bench, training), 120 if training.compiled else 30
    yield "answers", lambda: measure_answers(bench), 45
    yield "blocks", lambda: measure_blocks(bench), 40
    yield "ways", lambda: measure_ways(bench), 90
    told = told_training(scale)
    yield f"training, {told.name}", lambda: fit_training(bench, told), 30
    yield "resuming", lambda: check_resuming(bench, folder), 40
    yield "scout", lambda: measure_scout(bench), 20


def measure(bench: Bench) -> None:
    """All parts, and whether the CPU's games are the same, as soon as they are over."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cpu = start_cpu_games(bench.scale, folder, __file__)
        try:
            mine: list[str] = []
            is_compared = False
            for part in parts_of(bench, folder, mine):
                bench.run(*part)
                if (
                    not is_compared and cpu.poll() is not None and len(mine) == len(COMPARED)
                ):  # at once, as time may end
                    bench.run("equality with the CPU", lambda: check_equality(bench, cpu, folder, mine))
                    is_compared = True
            if not is_compared:
                bench.run("equality with the CPU", lambda: check_equality(bench, cpu, folder, mine), -math.inf)
        finally:
            cpu.kill()
            cpu.wait()


def show(bench: Bench) -> None:
    """Print the table, write the JSON."""
    facts = {**describe_machine(), **bench.machine}
    print(f"\nGPU, 24x24 1v1 · {facts.get('device', 'smoke on the CPU')} · {facts['machine']}")
    print(f"commit {facts['commit']} · {facts['date']}\n")
    for name, value in bench.figures.items():
        print(f"{name:44}{value:>24,.4f}" if abs(value) < 100 else f"{name:44}{value:>24,.0f}")
    for name, message in bench.failed.items():
        print(f"failed: {name}: {message}")
    print(f"written: {bench.write()}")


def main() -> int:
    """Measure, print, write; 1 if a part failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="every part in little, on the CPU")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which no part is begun")
    parser.add_argument("--cpu-games", action="store_true", help="print what the compared games come to on the CPU")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="Grid size .* low occupancy")
    scale = SMOKE if options.smoke else Scale()
    if options.cpu_games:
        print(json.dumps(play_digests(scale, "cpu")))
        return 0
    if not options.smoke and not torch.cuda.is_available():
        print("no GPU was found; --smoke checks this script without one", file=sys.stderr)
        return 2
    faulthandler.dump_traceback_later(60 * options.minutes + GRACE, exit=True)  # what was measured is written by then
    bench = Bench(scale, 60 * options.minutes)
    measure(bench)
    show(bench)
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
