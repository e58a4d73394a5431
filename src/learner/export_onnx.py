"""Policies as ONNX: one turn of one seat on a board of any size, for places without torch.

    planes (1, P, H, W) float32, vector (1, V) int32, memory (1, M, H, W) float32
        -> logits (1, A) float32, value (1,) float32, next_memory (1, M, H, W) float32

Planes are those of `engine.observation`. The mask is left to the player: its bits are integers' work, which numpy does
and ONNX's older operators cannot. What a player has to know beside the graph stands in the model's metadata under
`METADATA_KEY`: the network's options. Every export is compared with torch over the turns of some games, memory
included, before it is handed out.
"""

import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name the field knows it by)

from engine.actions import expand_mask
from engine.batch import GameBatch
from engine.map_specs import MapSpec
from engine.observation import PLANES, planes
from learner.network import ILLEGAL, Policy

OPSET = 17
METADATA_KEY = "stratagem"
TOLERANCE = 1e-4
CHECK_TURNS = 24
CHECK_SIDES = ((8, 8), (13, 10))  # a graph with a frozen size would fail on one of them


class ExportError(ValueError):
    """A policy whose ONNX form does not answer as torch does."""


class OneTurn(nn.Module):
    """`Policy.forward` for a single turn, from planes on and without the mask."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, board: Tensor, vector: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the module's docstring."""
        policy = self.policy
        facts = policy.facts(vector, board.shape[2] * board.shape[3])
        board = torch.cat([board, torch.ones_like(board[:, :1])], dim=1)  # the plane that shows the board's edge
        board = policy.survey(board, vector, None)
        x, tiles = policy.encode(board, facts)
        resets = torch.zeros((1, 1), dtype=torch.bool)
        states, memory = policy.remember(x[None], memory, resets)
        x = policy.aim(F.relu(x + policy.mix(states[0])))
        hidden = F.relu(policy.overview(torch.cat([x.mean((2, 3)), x.amax((2, 3)), facts], dim=1)))
        return (
            policy._logits(policy.tiles(x, tiles, board, facts), hidden, board),
            policy.value_of(policy.value(hidden)),
            memory,
        )


def export_onnx(policy: Policy) -> bytes:
    """The ONNX file of a policy. Raises ExportError where it does not agree with torch within `TOLERANCE`."""
    policy = policy.to("cpu").eval()
    config = policy.config
    if config.adviser:
        raise ExportError(
            f"the policy is advised by the {config.adviser}, which has no ONNX form; accepted: one without"
        )
    example = (
        torch.zeros((1, len(PLANES), 7, 9)),
        torch.zeros((1, 1 + 3 * config.seats), dtype=torch.int32),
        torch.zeros((1, config.memory, 7, 9)),
    )
    sides = {2: "height", 3: "width"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        file = Path(folder) / "policy.onnx"
        warnings.simplefilter("ignore")  # the tracing exporter says that it is old; the other needs more packages
        torch.onnx.export(
            OneTurn(policy),
            example,
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=["planes", "vector", "memory"],
            output_names=["logits", "value", "next_memory"],
            dynamic_axes={
                "planes": sides,
                "memory": sides,
                "logits": {1: "actions"},
                "next_memory": sides,
            },
        )
        model = onnx.load(file)
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(config.as_dict())})
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    worst = largest_difference(policy, data)
    if worst > TOLERANCE:
        raise ExportError(f"ONNX differs from torch by {worst:.2e}; accepted: up to {TOLERANCE:.0e}")
    return data


def largest_difference(policy: Policy, data: bytes) -> float:
    """How far an ONNX file strays from torch: logits, value and memory, over games in which each keeps its own.

    Relative for numbers above 1: float32 itself is no more exact, and a tempered policy's logits are large.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # boards are so small that threads would only wait for each other
    try:
        with torch.no_grad():
            return _largest_difference(policy, data)
    finally:
        torch.set_num_threads(threads)


def _largest_difference(policy: Policy, data: bytes) -> float:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options)
    config = policy.config
    worst = 0.0
    for sides in CHECK_SIDES:
        ruleset = "competition" if config.castles else "generalsio"
        batch = GameBatch(ruleset, 1, 1, board=MapSpec.plain(*sides), seats=config.seats, autoreset="off")
        batch.reset()
        memories = [policy.first_memory(1, *sides)] * config.seats
        kept = [memory.numpy() for memory in memories]
        for turn in range(CHECK_TURNS):
            seen = batch.observe()
            for seat in range(config.seats):
                row = (slice(0, 1), seat)
                words, vector = seen.words[row].copy(), seen.vector[row].copy()
                resets = torch.zeros((1, 1), dtype=torch.bool)
                output = policy(torch.from_numpy(words)[None], torch.from_numpy(vector)[None], memories[seat], resets)
                board = planes(seen.flags[row], seen.army[row])
                answer = session.run(None, {"planes": board, "vector": vector, "memory": kept[seat]})
                memories[seat], kept[seat] = output.memory, answer[2]
                legal = expand_mask(seen.mask[row].reshape(1, -1), config.castles)
                masked = np.where(legal, answer[0], ILLEGAL)
                pairs = ((masked, output.logits[0]), (answer[1], output.values[0]), (answer[2], output.memory))
                worst = max(worst, *(_difference(found, expected.numpy()) for found, expected in pairs))
            batch.step(batch.bot_actions("expander" if turn % 2 else "random"))
    return worst


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    return float((np.abs(found - expected) / np.maximum(1.0, np.abs(expected))).max())
