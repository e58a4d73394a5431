"""Training on a GPU: player-turns a second of each size, where the time goes, and whether stopped runs go on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.rewards import Shaping
from engine.rulesets import RULESETS
from gpu_bench import LIMIT, Bench, Scale
from learner.arena import Arena
from learner.blocks import Block
from learner.clock import Clock
from learner.fused import FusedPPO, FusedSettings
from learner.fused_rollout import FusedRollout
from learner.fused_training import FusedPlan, FusedTraining
from learner.network import Policy, parameters_of
from learner.network_config import NetworkConfig

EVERYTHING: dict[str, Any] = {  # that a network may be told
    **dict.fromkeys(("ways", "phases", "ordered", "belief"), True),
    "adviser": "strategist",
}
PEAK = 989e12  # dense bf16 operations a second of an H100 or H200 by their datasheets


def neighbours_as_sums(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """What `learner.blocks.Neighbours` computes, by sums of shifted boards: x (N, C, H, W), weight (C, 3)."""
    p = torch.nn.functional.pad(x, (1, 1, 1, 1))
    up, middle, down = p[:, :, :-2], p[:, :, 1:-1], p[:, :, 2:]
    beside = up[..., 1:-1] + down[..., 1:-1] + middle[..., :-2] + middle[..., 2:]
    corners = up[..., :-2] + up[..., 2:] + down[..., :-2] + down[..., 2:]
    own, near, far = (each[None, :, None, None] for each in weight.to(x.dtype).unbind(1))
    return x * own + beside * near + corners * far


def block_by_sums(block: Block, x: torch.Tensor) -> torch.Tensor:
    """What `learner.blocks.Block` computes, its neighbours by sums."""
    return torch.relu(x + block.think(neighbours_as_sums(x, block.look.weight)))


def dense_block(block: Block, x: torch.Tensor) -> torch.Tensor:
    """The same by one whole 3x3 convolution, whose weights are the products of the two layers'."""
    weight = block.think.weight * block.look.weight[:, block.look.rings]
    return torch.relu(x + torch.nn.functional.conv2d(x, weight, block.think.bias, padding=1))


def measure_blocks(bench: Bench) -> None:
    """Boards a second through a block of "small", forward and backward: as it is, and by other ways to the same."""
    config, scale = NetworkConfig.of("small"), bench.scale
    block = Block(config.channels).to(bench.device)
    torch.nn.init.normal_(block.look.weight, std=0.3)
    board = torch.randn(
        (min(2048, scale.trained_games), config.channels, scale.board.board_height, scale.board.board_width),
        device=bench.device,
        dtype=torch.bfloat16,
    ).contiguous(memory_format=torch.channels_last)
    kinds: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "as_it_is": block,
        "by_sums": partial(block_by_sums, block),
        "dense": partial(dense_block, block),
    }
    if bench.device.type == "cuda":
        kinds |= {f"{name}_compiled": torch.compile(kinds[name]) for name in tuple(kinds)}
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
        bench.figures[f"block_{name}_boards_per_s"] = len(board) / seconds
    worst = max(float((answer.float() - answers["as_it_is"].float()).abs().max()) for answer in answers.values())
    if worst > 0.5:  # bfloat16 of numbers up to some 10
        raise AssertionError(f"the block's forms differ by {worst}")


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
    keep: float = 1.0  # part of the rows that is learned from, see `FusedSettings.keep`

    @property
    def name(self) -> str:
        """As figures have it."""
        kept = [f"keep_{self.keep:.0%}".rstrip("%")] if self.keep < 1.0 else []
        return "_".join([self.size, *(["told"] if self.told else []), *kept, *(["compiled"] if self.compiled else [])])

    @property
    def network(self) -> NetworkConfig:
        """The network that is trained."""
        return NetworkConfig.of(self.size, **(EVERYTHING if self.told else {}))


def measure_training(bench: Bench, training: Training) -> None:
    """Player-turns a second of whole iterations, and where the time goes."""
    scale, config, compiled = bench.scale, training.network, training.compiled
    torch.manual_seed(1)
    settings = FusedSettings(
        turns=scale.trained_turns,
        epochs=1,
        minibatches=max(1, round(4 * training.keep)),  # as large, whatever is left out
        rows_at_once=training.rows_at_once,
        compiled=compiled,
        keep=training.keep,
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
    operations = operations_of(config, batch.height, batch.width) * (1 + 3 * settings.epochs * settings.keep)
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
    sizes = list(zip(scale.sizes, scale.rows_at_once, strict=True))
    kinds = (False, True) if scale.device == "cuda" else (False,)
    trainings = [Training(*size, compiled) for compiled in kinds for size in sizes]
    return [*trainings, *(Training(*sizes[0], compiled, keep=0.25) for compiled in kinds)]


def told_training(scale: Scale) -> Training:
    """The first size's, shown all that takes searches."""
    return Training(scale.sizes[0], scale.rows_at_once[0], told=True)
