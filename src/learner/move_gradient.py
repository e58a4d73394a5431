"""Gradients of the strategist's network, by hand: moves are few or many, and their features mostly zeros.

What torch would do with ragged rows takes some three times as long; here a decision's moves go forward and back while
they are in the cache, zeros are skipped, and so are moves that hardly pull. What pulls the scores of a decision sums
to 0, for a softmax does not see what they have in common; what skipped moves would add is dealt out to the others, or
Adam, to which the smallest steady pull is a pull, would lower all scores for ever (docs/log.md, 2026-11-30). Letters: D
decisions, R moves in all, F facts, M features, H hidden units, P parts that decisions are dealt out in.
"""

from typing import NamedTuple

import numpy as np

from engine.arrays import Float32, Int8, Int16, Int32, Int64
from engine.compile import kernel, loop, prange

UNIT = 1.0 / 16.0  # what facts and features are multiplied with
MOST_MOVES = 4096  # of a decision
LEAST_PULL = 1e-5  # of a decision's weight: what pulls a score less is left out
DIVERGENCE, ENTROPY, SURPRISE = range(3)  # sums over decisions


class Network(NamedTuple):
    """A network's weights, float32, or gradients, with P before all sizes."""

    phases: Float32  # (50, H)
    inputs: Float32  # (F, H), row 0 unused
    moves: Float32  # (M, H)
    outputs: Float32  # (H,)
    skips: Float32  # (M,)


@kernel
def forward(facts: Int16, features: Int8, network: Network, common: Float32, hidden: Float32, logs: Float32) -> None:
    """Log-probabilities (N,) of a decision's moves, features (N, M); hidden (N, H): before it is cut at 0."""
    count, width = features.shape[0], len(common)
    unit = np.float32(UNIT)
    phase = int(facts[0])
    for j in range(width):
        common[j] = network.phases[phase, j]
    for i in range(1, len(facts)):
        if facts[i] != 0:
            fact = np.float32(facts[i]) * unit
            for j in range(width):
                common[j] += fact * network.inputs[i, j]
    most = np.float32(-1e30)
    for k in range(count):
        for j in range(width):
            hidden[k, j] = common[j]
        score = np.float32(0.0)
        for i in range(features.shape[1]):
            if features[k, i] != 0:
                feature = np.float32(features[k, i]) * unit
                score += feature * network.skips[i]
                for j in range(width):
                    hidden[k, j] += feature * network.moves[i, j]
        for j in range(width):
            score += max(hidden[k, j], np.float32(0.0)) * network.outputs[j]
        logs[k] = score
        most = max(most, score)
    total = np.float32(0.0)
    for k in range(count):
        total += np.exp(logs[k] - most)
    total = most + np.log(total)
    for k in range(count):
        logs[k] -= total


@loop
def log_probabilities(
    facts: Int16,
    features: Int8,
    first: Int64,
    among: Int32,
    chosen: Int32,
    network: Network,
    out: Float32,
    parts: int,
) -> None:
    """Of the move chosen in each decision, float32 (D,): facts (D, F), features (R, M), the others (D,)."""
    decisions = len(first)
    for part in prange(parts):
        common = np.zeros(network.phases.shape[1], np.float32)
        hidden = np.zeros((MOST_MOVES, len(common)), np.float32)
        logs = np.zeros(MOST_MOVES, np.float32)
        for d in range(decisions * part // parts, decisions * (part + 1) // parts):
            forward(facts[d], features[first[d] : first[d] + among[d]], network, common, hidden, logs)
            out[d] = logs[chosen[d]]


@kernel
def find_slopes(
    logs: Float32, chosen: int, pull: np.float32, bonus: float, scale: np.float32, slopes_out: Float32
) -> np.float32:
    """What lowers a decision's loss, for each of its moves' scores (N,); returns its entropy.

    pull: what the log-probability of the chosen move is raised by. scale: the decision's weight.
    """
    entropy = np.float32(0.0)
    for k in range(len(logs)):
        entropy -= np.exp(logs[k]) * logs[k]
    total, kept = np.float32(0.0), np.float32(0.0)
    for k in range(len(logs)):
        chance = np.exp(logs[k])
        raised = pull * ((1.0 if k == chosen else 0.0) - chance) - bonus * chance * (logs[k] + entropy)
        slopes_out[k] = np.float32(-raised) * scale
        if abs(slopes_out[k]) < scale * np.float32(LEAST_PULL):
            slopes_out[k] = 0.0
        else:
            total += slopes_out[k]
            kept += chance
    for k in range(len(logs)):
        if slopes_out[k] != 0.0:
            slopes_out[k] -= total * np.exp(logs[k]) / kept
    return entropy


@kernel
def backward(
    facts: Int16,
    features: Int8,
    slopes: Float32,
    network: Network,
    hidden: Float32,
    back: Float32,
    phases_out: Float32,
    inputs_out: Float32,
    moves_out: Float32,
    outputs_out: Float32,
    skips_out: Float32,
) -> None:
    """Add a decision's gradients to those of its part, by the slopes (N,) of its moves' scores; `forward` left hidden
    (N, H), which is overwritten, as is back (H,).
    """
    width, unit = len(back), np.float32(UNIT)
    for j in range(width):
        back[j] = 0.0
    for k in range(features.shape[0]):
        slope = slopes[k]
        if slope == 0.0:
            continue
        for j in range(width):
            if hidden[k, j] > 0.0:
                outputs_out[j] += slope * hidden[k, j]
                hidden[k, j] = slope * network.outputs[j]
            else:
                hidden[k, j] = 0.0
            back[j] += hidden[k, j]
        for i in range(features.shape[1]):
            if features[k, i] != 0:
                feature = np.float32(features[k, i]) * unit
                skips_out[i] += slope * feature
                for j in range(width):
                    moves_out[i, j] += feature * hidden[k, j]
    phase = int(facts[0])
    for j in range(width):
        phases_out[phase, j] += back[j]
    for i in range(1, len(facts)):
        if facts[i] != 0:
            fact = np.float32(facts[i]) * unit
            for j in range(width):
                inputs_out[i, j] += fact * back[j]


@loop
def gradients(
    picked: Int64,
    facts: Int16,
    features: Int8,
    first: Int64,
    among: Int32,
    chosen: Int32,
    before: Float32,
    gain: Float32,
    clip: float,
    bonus: float,
    imitate: bool,
    network: Network,
    phases_out: Float32,
    inputs_out: Float32,
    moves_out: Float32,
    outputs_out: Float32,
    skips_out: Float32,
    sums: Float32,
) -> None:
    """Gradients, each (P, ...), of the mean over picked decisions of what is to be lowered.

    That is PPO's clipped loss less `bonus` times the entropy (Schulman et al. 2017), or with `imitate` the
    cross-entropy of the chosen moves. before: log-probabilities of these before the update, (D,); gain: advantages
    (D,). sums (P, 3): of the divergence from the policy before, the entropy and the cross-entropy.
    """
    width = network.phases.shape[1]
    decisions, parts = len(picked), sums.shape[0]
    scale = np.float32(1.0 / decisions)
    for part in prange(parts):
        common, back = np.zeros(width, np.float32), np.zeros(width, np.float32)
        hidden = np.zeros((MOST_MOVES, width), np.float32)
        logs, slopes = np.zeros(MOST_MOVES, np.float32), np.zeros(MOST_MOVES, np.float32)
        phases_out[part] = 0.0
        inputs_out[part] = 0.0
        moves_out[part] = 0.0
        outputs_out[part] = 0.0
        skips_out[part] = 0.0
        sums[part] = 0.0
        for at in range(decisions * part // parts, decisions * (part + 1) // parts):
            d = picked[at]
            own = features[first[d] : first[d] + among[d]]
            forward(facts[d], own, network, common, hidden, logs)
            log = logs[chosen[d]] - before[d]
            ratio = np.exp(log)
            pull = np.float32(0.0)
            if imitate:
                pull = np.float32(1.0)
            elif not ((gain[d] > 0.0 and ratio > 1.0 + clip) or (gain[d] < 0.0 and ratio < 1.0 - clip)):
                pull = gain[d] * ratio
            entropy = find_slopes(logs[: among[d]], int(chosen[d]), pull, bonus, scale, slopes)
            sums[part, DIVERGENCE] += ratio - 1.0 - log
            sums[part, ENTROPY] += entropy
            sums[part, SURPRISE] -= logs[chosen[d]]
            backward(
                facts[d],
                own,
                slopes,
                network,
                hidden,
                back,
                phases_out[part],
                inputs_out[part],
                moves_out[part],
                outputs_out[part],
                skips_out[part],
            )
