"""From a learned chooser to `engine.bots.strategist_weights`: whole numbers in a Python file.

So every machine that runs the engine has them, and compiled kernels are made anew when they change.
"""

import math

import numpy as np

from engine.stored import assignment
from learner.strategist import Chooser

SCALE = 1024  # a weight's unit is a 1024th
LOG2_E = math.log2(math.e)

HEAD = '''"""What the strategist learned: int16, in 1024ths, as `engine.bots.strategist` reads them.

Written by `stratagem strategist`; {told}.
"""

from engine.stored import unpack

'''


def weights_module(chooser: Chooser, temperature: float, told: str) -> str:
    """The source of `engine.bots.strategist_weights`. told: half a sentence on where the weights come from.

    Below a temperature of 1 likely options are drawn more often than the chooser would. Raises ValueError for weights
    too large to store.
    """
    weights = chooser.weights()
    halvings = LOG2_E / temperature
    arrays = {
        "PHASES": weights.phases[0],
        "INPUTS": weights.inputs[0],
        "OUTPUTS": weights.outputs[0] * halvings,
        "BIASES": weights.biases[0] * halvings,
    }
    parts = [HEAD.format(told=told)]
    for name, array in arrays.items():
        units = np.rint(array * SCALE)
        most = float(np.abs(units).max())
        if most > np.iinfo(np.int16).max:
            raise ValueError(f"{name} reach {most / SCALE:.1f}; accepted: below {np.iinfo(np.int16).max / SCALE:.1f}")
        parts.append(assignment(name, units.astype(np.int16)))
    return "".join(parts)
