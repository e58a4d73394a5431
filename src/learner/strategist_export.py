"""From a learned chooser to whole numbers, as `engine.bots.strategist` reads them, and to a Python file of these.

So every machine that runs the engine has them, and compiled kernels are made anew when they change.
"""

import math

import numpy as np

from engine.stored import assignment
from learner.move_games import Weights
from learner.move_gradient import Network

SCALE = 1024  # a weight's unit is a 1024th
MOST = np.iinfo(np.int16).max / SCALE  # of a weight,
EVEN = 30.0  # and what those of a hidden unit are evened out to beyond it
LOG2_E = math.log2(math.e)

HEAD = '''"""What the strategist learned: int16, in 1024ths, as `engine.bots.strategist` reads them.

Written by `stratagem strategist`; {told}.
"""

from engine.stored import unpack

'''


def quantised(network: Network, temperature: float) -> Weights:
    """A network's weights, K = 1, whose scores are in halvings.

    Below a temperature of 1 likely moves are drawn more often than the chooser would. Raises ValueError for weights too
    large to store, and too large for `evened` to help.
    """
    inputs = network.inputs.copy()
    inputs[0] = 0.0  # the phase, which is read apart
    halvings = LOG2_E / temperature
    scaled = network._replace(inputs=inputs, outputs=network.outputs * halvings, skips=network.skips * halvings)
    whole = []
    for name, array in zip(Weights._fields, evened(scaled), strict=True):
        most = float(np.abs(array).max())
        if not most <= MOST:
            raise ValueError(f"{name} reach {most:.1f}; accepted: below {MOST:.1f}")
        whole.append(np.rint(array * SCALE).astype(np.int16)[None])
    return Weights(*whole)


def evened(network: Network) -> Network:
    """The same network, where what leaves a hidden unit and what enters it are both at most EVEN if they can be.

    A unit that is fed `a` times as much and weighs an a-th says the same: it is linear wherever it is not 0. So a long
    run, whose weights have grown, can be stored for longer.
    """
    entering = np.concatenate([network.phases, network.inputs, network.moves])
    fed, said = np.abs(entering).max(0), np.abs(network.outputs)
    share = np.where(said > EVEN, said / EVEN, EVEN / np.maximum(fed, EVEN)).astype(np.float32)
    return Network(
        network.phases * share, network.inputs * share, network.moves * share, network.outputs / share, network.skips
    )


def weights_module(weights: Weights, told: str) -> str:
    """The source of `engine.bots.strategist_weights`. told: half a sentence on where the weights come from."""
    parts = [HEAD.format(told=told)]
    for name, array in zip(Weights._fields, weights, strict=True):
        parts.append(assignment(name.upper(), array[0]))
    return "".join(parts)
