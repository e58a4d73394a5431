"""What a bot would do, as planes: `engine.advice`, given to a network, which begins by following it.

A network that is told what a script would do has to learn only where to stray from it (Silver et al. 2018: residual
policy learning). What it is told are planes of marks: for each direction, for passing, and where castles are built one
more. The policy's head reads them as well: what a mark says, times how much the adviser is trusted, is added to the
logit of the action. The strategist marks every move by its odds: a network that has learned nothing plays as it does.
Torch's operations alone cannot say it, so a GPU needs numba-cuda, and there is no ONNX form.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from engine.advice import ADVISERS, MARKS, SPAN, advice_header, advice_words, advise_boards, adviser_words
from engine.board import VECTOR_SEAT
from engine.compile import COMPILED

# The logit of a full mark in the beginning. Of the seeker's move: a hundred others make one tenth. Of the strategist's:
# what a mark is behind is then what its odds are.
TRUST = {"seeker": 7.0, "strategist": SPAN / 64 * math.log(2.0)}


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch.compile leaves it as it is
def advise(adviser: str, words: Tensor, vector: Tensor, castles: bool) -> Tensor:
    """An adviser's marks, float32 (N, H, W, MARKS), for int32 words (N, H, W) and vector (N, 1 + 3S), on CPU or GPU."""
    count, height, width = words.shape
    seats = (vector.shape[1] - 1) // VECTOR_SEAT
    header = advice_header(castles, seats, height, width)
    out = torch.empty((count, height, width, MARKS), device=words.device)
    words, vector = words.contiguous(), vector.to(torch.int32).contiguous()
    if words.device.type == "cuda":
        from learner.ways_cuda import advise_on_gpu

        advise_on_gpu(adviser, words, vector, header, out)
    else:
        row = np.zeros(advice_words(seats, height * width), np.int32)
        desk = np.zeros(adviser_words(adviser, height * width), np.int32)
        scratch = (row, desk) if COMPILED else (row.tolist(), desk.tolist())  # which plain kernels read faster
        advise_boards(ADVISERS.index(adviser), words.numpy(), vector.numpy(), header, out.numpy(), *scratch)
    return out


class Advice(nn.Module):
    """The planes of advice; it has no weights.

    adviser: of `engine.advice.ADVISERS`. castles: whether castles are built in the games that are seen.
    """

    def __init__(self, adviser: str, castles: bool) -> None:
        super().__init__()
        self.adviser, self.castles = adviser, castles
        self.count = MARKS if castles else MARKS - 1  # planes that it makes

    def forward(self, words: Tensor, vector: Tensor) -> Tensor:
        """Words (N, H, W) and vector (N, 1 + 3S) int32 to planes (N, count, H, W) float32."""
        with torch.no_grad():
            planes: Tensor = advise(self.adviser, words, vector, self.castles)[..., : self.count].permute(0, 3, 1, 2)
            return planes
