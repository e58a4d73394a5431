"""What the seeker would do, as planes: `engine.advice`, given to a network, which begins by following it.

A network that is told what a script would do has to learn only where to stray from it (Silver et al. 2018: residual
policy learning). What it is told is a plane for each direction, 1 where the army moves from, and where castles are
built one more; the policy's head reads them as well. Torch's operations alone cannot say it, so a GPU needs numba-cuda,
and there is no ONNX form.
"""

import numpy as np
import torch
from torch import Tensor, nn

from engine.advice import MARKS, advice_header, advice_words, advise_boards
from engine.board import VECTOR_SEAT
from engine.bots.desk import desk_words
from engine.compile import COMPILED

TRUST = 7.0  # of advice in the beginning: such a logit more than a hundred other moves makes nine tenths


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch.compile leaves it as it is
def advise(words: Tensor, vector: Tensor, castles: bool) -> Tensor:
    """Marks (N, H, W, MARKS) float32 for words (N, H, W) and vector (N, 1 + 3S) int32, on the CPU or a GPU."""
    count, height, width = words.shape
    seats = (vector.shape[1] - 1) // VECTOR_SEAT
    header = advice_header(castles, seats, height, width)
    out = torch.empty((count, height, width, MARKS), device=words.device)
    words, vector = words.contiguous(), vector.to(torch.int32).contiguous()
    if words.device.type == "cuda":
        from learner.ways_cuda import advise_on_gpu

        advise_on_gpu(words, vector, header, out)
    else:
        row = np.zeros(advice_words(seats, height * width), np.int32)
        desk = np.zeros(desk_words(height * width), np.int32)
        scratch = (row, desk) if COMPILED else (row.tolist(), desk.tolist())  # which plain kernels read faster
        advise_boards(words.numpy(), vector.numpy(), header, out.numpy(), *scratch)
    return out


class Advice(nn.Module):
    """The planes of advice; it has no weights.

    castles: whether castles are built in the games that are seen.
    """

    def __init__(self, castles: bool) -> None:
        super().__init__()
        self.castles = castles
        self.count = MARKS if castles else MARKS - 1  # planes that it makes

    def forward(self, words: Tensor, vector: Tensor) -> Tensor:
        """Words (N, H, W) and vector (N, 1 + 3S) int32 to planes (N, count, H, W) float32."""
        with torch.no_grad():
            planes: Tensor = advise(words, vector, self.castles)[..., : self.count].permute(0, 3, 1, 2)
            return planes
