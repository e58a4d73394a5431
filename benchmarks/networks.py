"""What the sizes of networks cost: `make bench-networks`.

Weights, operations of an answer, bytes that an answer and an update move, and processor time on one core of this
machine, each for one player-turn on a 24x24 board; searches are left out. Bytes are counted operation by operation
under bfloat16 as torch runs them one by one, each reading its inputs and writing its outputs in memory; what a cache or
a fused kernel saves is left out. So no GPU trains faster than its memory's bandwidth over their sum, unless kernels are
fused.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

import torch  # noqa: E402 (the path comes first)
from torch import Tensor  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from learner.network import Policy, parameters_of, sample  # noqa: E402
from learner.network_config import SIZES, NetworkConfig  # noqa: E402
from learner.ppo import losses_of  # noqa: E402
from machine import describe_machine, write_result  # noqa: E402

SIDE, TURNS, ROWS = 24, 16, 16
ROUNDS = 3
RESHAPES = ("view", "_unsafe_view", "detach", "alias", "empty", "new_empty", "empty_like", "empty_strided")
TOLD = dict.fromkeys(("ways", "phases", "ordered", "belief"), True)


class Traffic(TorchDispatchMode):
    """Counts the bytes of all inputs and outputs; an expanded tensor's once."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):  # type: ignore[no-untyped-def]
        answer = operation(*arguments, **(options or {}))
        if not operation.is_view and operation._schema.name.split("::")[1] not in RESHAPES:
            self.bytes += sum(size_of(part) for part in tree_leaves((arguments, options, answer)))
        return answer


def size_of(part: object) -> int:
    """Bytes of a tensor in memory, 0 of anything else."""
    if not isinstance(part, Tensor):
        return 0
    places = [size for size, stride in zip(part.shape, part.stride(), strict=True) if stride]
    return part.element_size() * int(torch.tensor(places).prod()) if places else part.element_size()


def work_of(policy: Policy, turns: int, rows: int) -> Callable[[], None]:
    """An answer to some rows without gradients, for one turn; else what an update of PPO does with them."""
    words = torch.zeros((turns, rows, SIDE, SIDE), dtype=torch.int32)
    vector = torch.zeros((turns, rows, 7), dtype=torch.int32)
    resets, actions = torch.zeros((turns, rows), dtype=torch.bool), torch.zeros((turns, rows), dtype=torch.int64)
    memory, zeros = policy.first_memory(rows, SIDE, SIDE), torch.zeros((turns, rows))
    with torch.no_grad():
        flat = words.flatten(0, 1)
        found = policy.search(policy.sight(flat), vector.flatten(0, 1), flat)
    searched = None if found is None else found.unflatten(0, (turns, rows))

    def answer() -> None:
        with torch.no_grad():
            logits = policy(words, vector, memory, resets, searched).logits[0].float()
            logits.log_softmax(-1).gather(-1, sample(logits)[:, None])

    def learn() -> None:
        policy.zero_grad()
        output = policy(words, vector, memory, resets, searched)
        losses = losses_of(
            output.logits.float(), output.values.float(), actions, zeros, zeros, zeros, ~resets, 0.2, torch.tensor(1.0)
        )
        (losses.policy + losses.value + losses.entropy).backward()

    return answer if turns == 1 else learn


def measure(config: NetworkConfig) -> dict[str, float]:
    """The figures of a network, each for a player-turn."""
    torch.manual_seed(0)
    policy = Policy(config)
    operations = FlopCounterMode(display=False)
    with operations:
        work_of(policy, 1, 1)()
    found = {"weights": float(parameters_of(policy)), "operations": float(operations.get_total_flops())}
    for name, turns, rows in (("answer", 1, TURNS * ROWS), ("update", TURNS, ROWS)):
        work = work_of(policy, turns, rows)
        work()
        spent = []
        for _ in range(ROUNDS):
            begin = time.process_time()
            work()
            spent.append(time.process_time() - begin)
        with Traffic() as traffic, torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            work()
        found |= {f"{name}_ms": 1000 * min(spent) / turns / rows, f"{name}_bytes": traffic.bytes / turns / rows}
    return found


def main() -> None:
    """Measure, print, write."""
    torch.set_num_threads(1)
    figures: dict[str, float] = {}
    heads = ("M operations", 14), ("MB answer", 11), ("update", 8), ("ms answer", 11), ("update", 8)
    print(f"{'network':16}{'weights':>12}" + "".join(f"{head:>{width}}" for head, width in heads))
    for name, options in ((name, options) for options in ({}, TOLD) for name in SIZES):
        if options and name not in ("tiny", "small"):
            continue
        found = measure(NetworkConfig.of(name, **options))
        title = f"{name}, told" if options else name
        figures |= {f"{title.replace(', ', '_')}_{key}": value for key, value in found.items()}
        print(
            f"{title:16}{found['weights']:12,.0f}{found['operations'] / 1e6:14.1f}{found['answer_bytes'] / 1e6:11.2f}"
            f"{found['update_bytes'] / 1e6:8.2f}{found['answer_ms']:11.2f}{found['update_ms']:8.2f}",
            flush=True,
        )
    print(" · ".join(describe_machine().values()))
    print(f"written: {write_result('networks', figures)}")


if __name__ == "__main__":
    main()
