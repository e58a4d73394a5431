"""From a learned chooser to whole numbers, as `engine.bots.strategist` reads them, and to a Python file of these.

So every machine that runs the engine has them, and compiled kernels are made anew when they change.
"""

import math

import numpy as np

from engine.stored import assignment
from learner.move_games import Weights
from learner.move_gradient import Network

SCALE = 1024  # a weight's unit is a 1024th
LOG2_E = math.log2(math.e)

HEAD = '''"""What the strategist learned: int16, in 1024ths, as `engine.bots.strategist` reads them.

Written by `stratagem strategist`; {told}.
"""

from engine.stored import unpack

'''


def quantised(network: Network, temperature: float) -> Weights:
    """A network's weights, K = 1, whose scores are in halvings.

    Below a temperature of 1 likely moves are drawn more often than the chooser would. Raises ValueError for weights too
    large to store.
    """
    inputs = network.inputs.copy()
    inputs[0] = 0.0  # the phase, which is read apart
    halvings = LOG2_E / temperature
    scaled = network._replace(inputs=inputs, outputs=network.outputs * halvings, skips=network.skips * halvings)
    whole = []
    for name, array in zip(Weights._fields, scaled, strict=True):
        units = np.rint(array * SCALE)
        most = float(np.abs(units).max())
        if not most <= np.iinfo(np.int16).max:  # as NaN is not
            raise ValueError(f"{name} reach {most / SCALE:.1f}; accepted: below {np.iinfo(np.int16).max / SCALE:.1f}")
        whole.append(units.astype(np.int16)[None])
    return Weights(*whole)


def weights_module(weights: Weights, told: str) -> str:
    """The source of `engine.bots.strategist_weights`. told: half a sentence on where the weights come from."""
    parts = [HEAD.format(told=told)]
    for name, array in zip(Weights._fields, weights, strict=True):
        parts.append(assignment(name.upper(), array[0]))
    return "".join(parts)
