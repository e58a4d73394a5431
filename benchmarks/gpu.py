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
what is moved.
"""

import argparse
import faulthandler
import hashlib
import json
import math
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402 (the path comes first)
import torch  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from engine.advice import ADVISERS  # noqa: E402
from engine.batch import GameBatch  # noqa: E402
from engine.board import DISCOVERED, TURN  # noqa: E402
from engine.bots.told import NEVER  # noqa: E402
from engine.maps import MapSpec  # noqa: E402
from engine.rewards import Shaping  # noqa: E402
from engine.rulesets import RULESETS  # noqa: E402
from learner.advice import advise  # noqa: E402
from learner.arena import Arena  # noqa: E402
from learner.belief import believe_compiled, believe_plain, told_of  # noqa: E402
from learner.blocks import Neighbours  # noqa: E402
from learner.clock import Clock  # noqa: E402
from learner.fused import FusedPPO, FusedSettings  # noqa: E402
from learner.fused_rollout import FusedRollout  # noqa: E402
from learner.fused_training import FusedPlan, FusedTraining  # noqa: E402
from learner.network import Policy, parameters_of  # noqa: E402
from learner.network_config import NetworkConfig  # noqa: E402
from learner.scout import load_scout  # noqa: E402
from learner.scouting import CPU, Lessons, Report, learn_from, train  # noqa: E402
from learner.sight import Sight  # noqa: E402
from learner.ways import MY_ARMY, Ways, army_of, survey_compiled, survey_plain  # noqa: E402
from machine import describe_machine, write_result  # noqa: E402

LIMIT = 400  # turn at which a game is truncated; games stand at all turns below, evenly spread
SECTOR = 8  # words
GRACE = 45.0  # seconds that the last part may take beyond its time
LAST_WAIT = 20.0  # of these, in which the CPU's games are waited for
EVERYTHING: dict[str, Any] = {  # that a network may be told
    **dict.fromkeys(("ways", "phases", "ordered", "belief"), True),
    "adviser": "strategist",
}
ADVISED_ON_CPU = 512  # boards whose advice is compared
PEAK = 989e12  # dense bf16 operations a second of an H100 or H200 by their datasheets
COMPARED = (("generalsio", "site", "same"), ("classic", "site", "next"), ("competition", "competition", "same"))


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
    sizes: tuple[str, ...] = ("small", "large", "base")
    trained_games: int = 4096
    trained_turns: int = 16
    rows_at_once: tuple[int, ...] = (1024, 1024, 1024)
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


def play_digests(scale: Scale, device: str) -> list[str]:
    """What long random games come to on a device: a digest of all that is seen and told, ruleset by ruleset."""
    digests = []
    for ruleset, board, autoreset in COMPARED:
        spec = board if scale.device == "cuda" else scale.board
        batch = GameBatch(
            ruleset,
            scale.checked_games,
            7,
            device,
            board=spec,
            autoreset=autoreset,
            max_turns=LIMIT,
            shaping=Shaping(),
        )
        batch.reset()
        told = hashlib.sha256()
        for turn in range(scale.checked_turns):
            seen, reward, terminated, truncated, info = batch.step(batch.bot_actions("random"))
            arrays = [reward, terminated, truncated, *info.values()]
            if turn % 10 == 9:
                arrays += [seen.words, seen.vector]
            for array in arrays:
                host = torch.as_tensor(array, device=device).contiguous().cpu().numpy()
                told.update(host.tobytes())
        digests.append(told.hexdigest())
    return digests


def start_cpu_games(scale: Scale, folder: Path) -> subprocess.Popen[bytes]:
    """The same games on the CPU, in a process of their own: it compiles meanwhile, which takes minutes."""
    options = ["--smoke"] if scale.device == "cpu" else []
    out = (folder / "cpu.json").open("wb")
    return subprocess.Popen([sys.executable, __file__, "--cpu-games", *options], stdout=out)


def check_equality(bench: Bench, cpu: "subprocess.Popen[bytes]", folder: Path, mine: list[str]) -> None:
    """Compare with the CPU's games."""
    if len(mine) != len(COMPARED):
        raise RuntimeError("the GPU's games were not played")
    if cpu.wait(timeout=max(LAST_WAIT, bench.end - time.monotonic())):
        raise RuntimeError(f"the CPU's games ended with {cpu.returncode}")
    theirs = json.loads((folder / "cpu.json").read_text())
    bench.figures["equal_to_cpu"] = float(theirs == mine)
    bench.figures["compared_game_turns"] = len(mine) * bench.scale.checked_games * bench.scale.checked_turns
    if theirs != mine:
        wrong = [name for (name, _, _), a, b in zip(COMPARED, theirs, mine, strict=True) if a != b]
        raise AssertionError(f"games differ from the CPU's: {', '.join(wrong)}")


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


def seen_in_mid_game(bench: Bench) -> tuple[torch.Tensor, torch.Tensor]:
    """Words (N, H, W) and vectors (N, V) of both seats, after an opening of random moves."""
    batch = bench.batch(bench.scale.trained_games)
    batch.reset()
    for _ in range(bench.scale.opening):
        batch.step(batch.bot_actions("random"))
    seen = batch.observe()
    return bench.tensor(seen.words).flatten(0, 1).clone(), bench.tensor(seen.vector).flatten(0, 1).clone()


def measure_ways(bench: Bench) -> None:
    """Boards a second whose ways are searched, generals guessed, and on which advice is given; and whether kernels find
    what torch does, or for advice the CPU.
    """
    words, vector = seen_in_mid_game(bench)
    board = Sight().to(bench.device)(words)
    told = told_of(vector, castles=False)
    armies = army_of(board[:, MY_ARMY])
    believed = believe_plain(board, told)
    likely = believed.likely
    searches = {
        "ways": (survey_compiled(board, armies, True, likely), survey_plain(board, armies, True, likely)),
        "belief": (believe_compiled(board, told), believed),
    }
    ways = Ways(ordered=True)
    calls = {"ways": lambda: ways(board, likely), "belief": lambda: believe_compiled(board, told)}
    for name, (found, plain) in searches.items():
        is_equal = all(torch.allclose(mine, theirs, atol=1e-3) for mine, theirs in zip(found, plain, strict=True))
        bench.figures[f"{name}_equal_to_torch"] = float(is_equal)
        bench.figures[f"{name}_boards_per_s"] = len(board) / min(bench.seconds_of(calls[name]) for _ in range(3))
        if not is_equal:
            raise AssertionError(f"{name}: kernels differ from torch")
    few = slice(ADVISED_ON_CPU)
    for name in ADVISERS:
        wanted = advise(name, words[few].cpu(), vector[few].cpu(), castles=False)
        is_equal = torch.equal(advise(name, words[few], vector[few], castles=False).cpu(), wanted)
        bench.figures[f"advice_of_{name}_equal_to_cpu"] = float(is_equal)
        bench.figures[f"advice_of_{name}_boards_per_s"] = len(words) / min(
            bench.seconds_of(partial(advise, name, words, vector, castles=False)) for _ in range(3)
        )
        if not is_equal:
            raise AssertionError(f"advice of the {name}: the GPU's differs from the CPU's")


def lessons_of(bench: Bench) -> Lessons:
    """Positions in mid-game for the scout to learn from; points and generals are drawn from all places unseen."""
    words, vector = (tensor.cpu().numpy() for tensor in seen_in_mid_game(bench))
    chance = np.random.default_rng(1)
    maybe = words & DISCOVERED == 0
    points = np.where(maybe, chance.integers(-256, 256, words.shape), NEVER).astype(np.int32)
    count = len(words)
    truth = np.where(maybe, chance.random(words.shape), -1.0).reshape(count, -1).argmax(1)
    turns = vector[:, :1, None].astype(np.int16)
    last = np.where(chance.random(words.shape) < 0.1, turns, np.int16(0))
    return Lessons(words, vector, last // 2, last, points, truth, np.arange(count))


def measure_scout(bench: Bench) -> None:
    """Positions a second that the scout learns from; and whether its loss is the CPU's."""
    lessons = lessons_of(bench)
    few = np.arange(min(64, len(lessons.truth)))
    network = load_scout()
    wanted, _ = learn_from(network, lessons.on(CPU), 3, few)
    found, _ = learn_from(network.to(bench.device), lessons.on(bench.device), 3, few)
    if abs(float(found) / float(wanted) - 1.0) > 0.02:  # bfloat16
        raise AssertionError(f"the scout's loss is {float(found)}, on the CPU {float(wanted)}")
    reports: list[Report] = []
    for minutes in (0.05, bench.scale.scouted_minutes):  # what comes first warms up
        train(lessons, minutes, 1, reports.append, device=bench.device, batch=bench.scale.scouted)
    bench.figures["scout_positions_per_s"] = reports[-1].steps * bench.scale.scouted / (60 * minutes)


def neighbours_as_sums(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """What `learner.network.Neighbours` computes, by sums of shifted boards: x (N, C, H, W), weight (C, 3)."""
    p = torch.nn.functional.pad(x, (1, 1, 1, 1))
    up, middle, down = p[:, :, :-2], p[:, :, 1:-1], p[:, :, 2:]
    beside = up[..., 1:-1] + down[..., 1:-1] + middle[..., :-2] + middle[..., 2:]
    corners = up[..., :-2] + up[..., 2:] + down[..., :-2] + down[..., 2:]
    own, near, far = (each[None, :, None, None] for each in weight.to(x.dtype).unbind(1))
    return x * own + beside * near + corners * far


def measure_neighbours(bench: Bench) -> None:
    """Boards a second through the 3x3 layer of "small", forward and backward: as it is, and by sums, compiled too."""
    config, scale = NetworkConfig.of("small"), bench.scale
    layer = Neighbours(config.channels).to(bench.device)
    torch.nn.init.normal_(layer.weight)
    board = torch.randn(
        (min(2048, scale.trained_games), config.channels, scale.board.board_height, scale.board.board_width),
        device=bench.device,
        dtype=torch.bfloat16,
    ).contiguous(memory_format=torch.channels_last)
    kinds = {"conv": layer, "sums": lambda x: neighbours_as_sums(x, layer.weight)}
    if bench.device.type == "cuda":
        kinds["sums_compiled"] = torch.compile(kinds["sums"])
    answers = {}
    for name, work in kinds.items():

        def both(work: Callable[[torch.Tensor], torch.Tensor] = work) -> torch.Tensor:
            x = board.clone().requires_grad_()
            with torch.autocast(bench.device.type, torch.bfloat16):
                answer = work(x)
            answer.float().square().sum().backward()
            return answer.detach()

        answers[name] = both()
        seconds = min(bench.seconds_of(both) for _ in range(5))
        bench.figures[f"neighbours_{name}_boards_per_s"] = len(board) / seconds
    worst = max(float((answers[name].float() - answers["conv"].float()).abs().max()) for name in answers)
    if worst > 0.5:  # bfloat16 of numbers up to some 10
        raise AssertionError(f"the layer's forms differ by {worst}")


def operations_of(config: NetworkConfig, height: int, width: int) -> float:
    """Floating-point operations of one answer to one row, counted on the CPU."""
    policy = Policy(config)
    words = torch.zeros((1, 1, height, width), dtype=torch.int32)
    vector = torch.zeros((1, 1, 7), dtype=torch.int32)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        policy(words, vector, policy.first_memory(1, height, width), torch.zeros((1, 1), dtype=torch.bool))
    return float(counter.get_total_flops())


@dataclass(frozen=True)
class Training:
    """What is trained, and how."""

    size: str
    rows_at_once: int
    compiled: bool = False
    told: bool = False  # whether it is shown all that takes searches

    @property
    def name(self) -> str:
        """As figures have it."""
        return "_".join([self.size, *(["told"] if self.told else []), *(["compiled"] if self.compiled else [])])

    @property
    def network(self) -> NetworkConfig:
        """The network that is trained."""
        return NetworkConfig.of(self.size, **(EVERYTHING if self.told else {}))


def measure_training(bench: Bench, training: Training) -> None:
    """Player-turns a second of whole iterations, and where the time goes."""
    scale, config, compiled = bench.scale, training.network, training.compiled
    torch.manual_seed(1)
    settings = FusedSettings(
        turns=scale.trained_turns, epochs=1, minibatches=4, rows_at_once=training.rows_at_once, compiled=compiled
    )
    policy = Policy(config).to(bench.device)
    network = torch.compile(policy) if compiled else policy
    batch = bench.batch(scale.trained_games, autoreset="next", shaping=Shaping())
    rollout = FusedRollout(
        Arena(batch), policy, settings.turns, network=network, bf16=settings.bf16, graph=settings.graph
    )
    learner = FusedPPO(policy, settings, 1, Clock(), network)
    learner.update(rollout.collect(), 0.0)

    def engine() -> None:
        for _ in range(settings.turns):
            rollout.arena.step()

    seconds = {"rollout": 0.0, "update": 0.0}
    for _ in range(scale.iterations):
        seconds["rollout"] += bench.seconds_of(rollout.collect)
        seconds["update"] += bench.seconds_of(lambda: learner.update(rollout.fragment, 0.0))
    of_engine = bench.seconds_of(engine) * scale.iterations
    total = sum(seconds.values())
    rate = scale.iterations * rollout.fragment.actions.numel() / total
    name = training.name
    operations = operations_of(config, batch.height, batch.width) * (1 + 3 * settings.epochs)
    bench.figures |= {
        f"{name}_player_turns_per_s": rate,
        f"{name}_share_engine": of_engine / total,
        f"{name}_share_inference": (seconds["rollout"] - of_engine) / total,
        f"{name}_share_update": seconds["update"] / total,
        f"{name}_parameters": parameters_of(policy),
        f"{name}_operations_per_player_turn": operations,
        f"{name}_flops_utilisation": rate * operations / PEAK,
    }


def fit_training(bench: Bench, training: Training) -> None:
    """`measure_training`, with half as many rows at once where memory is short."""
    while True:
        try:
            measure_training(bench, training)
            return
        except torch.OutOfMemoryError:
            if training.rows_at_once <= 16:
                raise
        training = replace(training, rows_at_once=training.rows_at_once // 2)
        torch.cuda.empty_cache()


def check_resuming(bench: Bench, folder: Path) -> None:
    """Whether runs with every switch go on from what they saved."""
    scale = bench.scale
    networks = (scale.sizes[-1], {}), (scale.sizes[0], {**EVERYTHING, "value_bins": 64})
    for number, (size, options) in enumerate(networks):
        plan = FusedPlan(
            name="resumed",
            seed=1,
            ruleset=RULESETS["generalsio"],
            board=scale.board,
            network=NetworkConfig.of(size, **options),
            settings=FusedSettings(turns=scale.trained_turns, rows_at_once=256, keep=0.5, ema=0.9),
            shaping=Shaping(),
            seconds=600.0,
            games=min(256, scale.trained_games),
            max_turns=LIMIT,
            near=2,
            exact=True,
            pool=0.25,
            bots=0.25,
            scatter=20,
            device=scale.device,
        )
        try:
            for sitting in (1, 2):
                training = FusedTraining(plan, folder / str(number))
                training.iterate()
                training.save()
                if (training.progress.sittings, training.progress.iterations) != (sitting, sitting):
                    raise AssertionError(f"{size} did not go on: {training.progress}")
        finally:
            torch.backends.cudnn.deterministic = False  # which exact runs set, and later parts are not to pay for
    bench.figures["runs_resumed"] = 2.0


def trainings_of(scale: Scale) -> list[Training]:
    """What is trained, the most wanted first."""
    first, *others = zip(scale.sizes, scale.rows_at_once, strict=True)
    kinds = (False, True) if scale.device == "cuda" else (False,)
    return [
        *(Training(*first, compiled) for compiled in kinds),
        Training(*first, told=True),
        *(Training(*size, compiled) for size in others for compiled in kinds),
    ]


def parts_of(bench: Bench, folder: Path, mine: list[str]) -> Iterator[tuple[str, Callable[[], None], float]]:
    """All parts, the most wanted first: name, what to do, and the seconds it needs. `mine` takes the games' digests."""
    scale = bench.scale
    yield "machine", lambda: measure_machine(bench), 5
    yield "games to compare", lambda: mine.extend(play_digests(scale, scale.device)), 30
    for games in scale.games:
        yield f"engine, {games:,} games", partial(measure_engine, bench, games), 15
    yield "maps", lambda: measure_maps(bench), 5
    yield "ways", lambda: measure_ways(bench), 90
    yield "neighbours", lambda: measure_neighbours(bench), 30
    yield "scout", lambda: measure_scout(bench), 20
    for training in trainings_of(scale):
        yield f"training, {training.name}", partial(fit_training, bench, training), 120 if training.compiled else 30
        if training.told:
            yield "resuming", lambda: check_resuming(bench, folder), 40


def measure(bench: Bench) -> None:
    """All parts, and whether the CPU's games are the same, as soon as they are over."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cpu = start_cpu_games(bench.scale, folder)
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
