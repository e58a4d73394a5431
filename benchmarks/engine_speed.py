"""Measure the engine: `make bench-engine`. Prints a table and writes build/bench/engine.json.

Games are 1v1 on 24x24 boards of the site's maps, in mid-game, both seats playing random legal moves; the moves are
drawn beforehand, so that only the engine is in the time. Every figure is the median of several rounds. The machine may
be noisy: read the ratios, which come from one run, rather than the digits.
"""

import argparse
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from rich.console import Console
from rich.table import Table

from engine.batch import GameBatch
from engine.board import OBSERVED, TURN
from machine import describe_machine, write_result

PEER_PYTHON = Path(__file__).resolve().parent.parent / ".venv-bench" / "bin" / "python"
PEER_SCRIPT = Path(__file__).resolve().parent / "peer_generals_bots.py"
OPENING = 100  # turns played before anything is measured
LIMIT = 400  # turn at which a game is truncated and the next begins; games stand at all turns below, evenly spread


class Scene:
    """A batch in mid-game and the turns it plays next, to be played again and again."""

    def __init__(self, games: int, turns: int) -> None:
        self.batch = GameBatch("generalsio", games, seed=1, board="site", max_turns=LIMIT)
        self.batch.reset()
        for _ in range(OPENING):
            self.batch.step(self.batch.bot_actions("random"))
        self.batch.rows[:, TURN] = np.random.default_rng(0).permutation(games) * LIMIT // games
        self.start = self.batch.rows.copy()
        self.actions = []
        self.episodes = 0
        for _ in range(turns):
            actions = self.batch.bot_actions("random")
            self.actions.append(actions)
            _, _, terminated, truncated, _ = self.batch.step(actions)
            self.episodes += int(terminated.sum() + truncated.sum())

    def play(self, *, observed: bool = True, cores: int) -> float:
        """Game-turns a second of one round."""
        self.batch.rows[:] = self.start
        self.batch.rows[:, OBSERVED] = observed
        numba.set_num_threads(cores)
        start = time.perf_counter()
        for actions in self.actions:
            self.batch.step(actions)
        seconds = time.perf_counter() - start
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
        return self.batch.num_games * len(self.actions) / seconds


def batch_rates(rounds: int, cores: int) -> dict[str, float]:
    """Game-turns a second of `GameBatch`, by figure; the cases take turns, so that a slow spell hits them all alike."""
    small, large = Scene(1024, 64), Scene(65_536, 8)
    cases: dict[str, Callable[[], float]] = {
        "turns_per_s_moves_only_1024": lambda: small.play(observed=False, cores=cores),
        "turns_per_s_moves_only_65536": lambda: large.play(observed=False, cores=cores),
        "turns_per_s_1024": lambda: small.play(cores=cores),
        "turns_per_s_65536": lambda: large.play(cores=cores),
        "turns_per_s_1024_one_core": lambda: small.play(cores=1),
        "turns_per_s_65536_one_core": lambda: large.play(cores=1),
    }
    for play in cases.values():
        play()
    measured: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, play in cases.items():
            measured[name].append(play())
    figures = {name: statistics.median(rates) for name, rates in measured.items()}
    figures["bytes_per_game"] = small.batch.shape.words * 4
    figures["turns_per_episode_end"] = 1024 * 64 / max(small.episodes, 1)
    return figures


def median_rate(work: Callable[[], int], rounds: int) -> float:
    """Median over rounds of units of work a second; `work` returns how many it did."""
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        done = work()
        rates.append(done / (time.perf_counter() - start))
    return statistics.median(rates)


def single_game_rate(rounds: int) -> float:
    """Turns a second of one `Game`, called turn by turn from Python."""
    scene = Scene(64, 64)
    scene.batch.rows[:] = scene.start
    game = scene.batch.game(0)

    def play() -> int:
        for _ in range(50):
            for actions in scene.actions:
                game.step_actions(actions[0])
        return 50 * len(scene.actions)

    return median_rate(play, rounds)


def map_rate(rounds: int) -> float:
    """The site's 1v1 maps drawn a second, games on them begun and observed."""
    batch = GameBatch("generalsio", 4096, seed=2, board="site")
    batch.reset()

    def draw() -> int:
        batch.reset()
        return batch.num_games

    return median_rate(draw, rounds)


def peer_rate(processes: int, rounds: int) -> float:
    """Turns a second of generals-bots in so many processes at once, both seats' observations included."""
    command = [str(PEER_PYTHON), str(PEER_SCRIPT), str(rounds), "300"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    total = 0.0
    for process in running:
        output, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"generals-bots could not be measured: {PEER_SCRIPT.name} ended with {process.returncode}")
        total += statistics.median([float(line) for line in output.split()])
    return total


def measure(rounds: int) -> dict[str, float]:
    """All figures, by name."""
    cores = numba.config.NUMBA_NUM_THREADS
    figures: dict[str, float] = {"cores": cores, **batch_rates(rounds, cores)}
    figures["scaling_over_cores_1024"] = figures["turns_per_s_1024"] / figures["turns_per_s_1024_one_core"]
    figures["scaling_over_cores_65536"] = figures["turns_per_s_65536"] / figures["turns_per_s_65536_one_core"]
    figures["ratio_65536_to_1024"] = figures["turns_per_s_65536"] / figures["turns_per_s_1024"]
    figures["single_game_turns_per_s"] = single_game_rate(rounds)
    figures["maps_per_s"] = map_rate(rounds)
    figures["generals_bots_turns_per_s_one_process"] = peer_rate(1, rounds)
    figures["generals_bots_turns_per_s_all_cores"] = peer_rate(cores, rounds)
    figures["ratio_to_generals_bots_all_cores"] = (
        figures["turns_per_s_65536"] / figures["generals_bots_turns_per_s_all_cores"]
    )
    figures["ratio_to_generals_bots_single_game"] = (
        figures["single_game_turns_per_s"] / figures["generals_bots_turns_per_s_one_process"]
    )
    return figures


LABELS = {
    "turns_per_s_moves_only_1024": "game-turns/s, moves only, 1,024 games",
    "turns_per_s_moves_only_65536": "game-turns/s, moves only, 65,536 games",
    "turns_per_s_1024": "game-turns/s, both observations, masks, autoreset, 1,024 games",
    "turns_per_s_65536": "game-turns/s, both observations, masks, autoreset, 65,536 games",
    "ratio_65536_to_1024": "  65,536 games over 1,024",
    "turns_per_s_1024_one_core": "game-turns/s, both observations, 1,024 games, one core",
    "scaling_over_cores_1024": "  all cores over one, 1,024 games",
    "scaling_over_cores_65536": "  all cores over one, 65,536 games",
    "bytes_per_game": "bytes a game",
    "single_game_turns_per_s": "turns/s of one Game from Python",
    "maps_per_s": "site maps/s, drawn and begun",
    "generals_bots_turns_per_s_one_process": "generals-bots: turns/s, one process",
    "generals_bots_turns_per_s_all_cores": "generals-bots: turns/s, a process a core",
    "ratio_to_generals_bots_all_cores": "  GameBatch of 65,536 over generals-bots, all cores",
    "ratio_to_generals_bots_single_game": "  one Game over generals-bots, one process",
}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds a figure is the median of")
    options = parser.parse_args()
    figures = measure(options.rounds)
    machine = describe_machine()
    table = Table(title=f"Engine, 24x24 1v1 · {machine['machine']} · {machine['commit']} · {machine['date']}")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, label in LABELS.items():
        value = figures[name]
        table.add_row(label, f"{value:,.2f}" if value < 100 else f"{value:,.0f}")
    Console().print(table)
    print(f"written: {write_result('engine', figures)}")


if __name__ == "__main__":
    main()
