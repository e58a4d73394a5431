"""The scout's network as ONNX, for the page's matches: no torch is at hand there.

    relation, kind, army (1, H, W) int32; visible, discovered (1, H, W) bool: an observation's words taken apart
    vector (1, V) int32; first, last (1, H, W) int16; points (1, H, W) int32
        -> told (1, T) int32, points of all tiles

H x W is the board of `engine.bots.scout`. Every export is compared with torch over positions of some games before it is
handed out.
"""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from engine.bots.scout import Seen, take_apart
from learner.export_onnx import OPSET, ExportError
from learner.scout import Position, Scout, as_points, planes_of, told_points
from learner.scouting import Lessons, collect

CHECKED_GAMES = 2  # of each kind
TOLERANCE = 1  # points, 64ths of log-odds: rounding may fall to either side
INPUTS = (*Seen._fields, *Position._fields[1:])


class OneGuess(nn.Module):
    """`learner.scout.told_points` of one position, from words that were taken apart."""

    def __init__(self, network: Scout) -> None:
        super().__init__()
        self.network = network

    def forward(self, *fields: Tensor) -> Tensor:
        """See the module's docstring."""
        seen, rest = Seen(*fields[: len(Seen._fields)]), fields[len(Seen._fields) :]
        return as_points(self.network.odds(*planes_of(seen, *rest)))


def export_scout(network: Scout) -> bytes:
    """The ONNX file of a scout. Raises ExportError where it does not guess as torch does."""
    network = network.eval()
    lessons = collect(CHECKED_GAMES, 1)
    example, _ = lessons.positions(np.zeros(1, np.int64))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        file = Path(folder) / "scout.onnx"
        warnings.simplefilter("ignore")  # the tracing exporter says that it is old; the other needs more packages
        torch.onnx.export(
            OneGuess(network),
            (*take_apart(example.words), *example[1:]),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=["told"],
        )
        model = onnx.load(file)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    worst = largest_difference(network, data, lessons)
    if worst > TOLERANCE:
        raise ExportError(f"ONNX differs from torch by {worst} points; accepted: up to {TOLERANCE}")
    return data


def largest_difference(network: Scout, data: bytes, lessons: Lessons) -> int:
    """By how many points an ONNX file's guesses stray from torch's."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options)
    worst = 0
    for i in range(len(lessons.truth)):
        position, _ = lessons.positions(np.array([i]))
        fields = (*take_apart(position.words), *position[1:])
        (told,) = session.run(None, {name: field.numpy() for name, field in zip(INPUTS, fields, strict=True)})
        worst = max(worst, int(np.abs(told - told_points(network, position)).max()))
    return worst
