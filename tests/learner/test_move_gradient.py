"""Gradients by hand are those that torch finds."""

import copy

import numpy as np
import pytest
import torch

from engine.rewards import Shaping
from learner.decisions import joined, pick
from learner.move_games import MoveGames
from learner.move_gradient import DIVERGENCE, ENTROPY, SURPRISE, log_probabilities
from learner.strategist import Slopes
from learner.strategist_network import Chooser

CLIP, BONUS = 0.1, 0.02


@pytest.fixture(scope="module")
def learned():
    """A chooser, decisions that the seeker made, and advantages drawn at random."""
    torch.manual_seed(1)
    chooser = Chooser()
    torch.nn.init.normal_(chooser.outputs, std=0.3)
    games = MoveGames("competition", "competition", 4, 90, 3, 1000, Shaping())
    fragment = games.collect(chooser.weights())
    decided = (fragment.chosen >= 0) & (np.arange(90) % 9 == 8)[:, None, None]
    gain = np.random.default_rng(2).normal(size=decided.sum()).astype(np.float32)
    decisions = joined([pick(fragment, fragment.facts, decided, gain, np.zeros_like(gain))])
    assert len(decisions.chosen) > 30
    return chooser, decisions


def scores_of(chooser, decisions, d):
    own = decisions.features[decisions.first[d] : decisions.first[d] + decisions.among[d]]
    return chooser(torch.from_numpy(decisions.facts[d]).float(), torch.from_numpy(own).float()).log_softmax(0)


def before_of(chooser, decisions):
    before = np.zeros(len(decisions.chosen), np.float32)
    log_probabilities(decisions.facts, *decisions[1:5], chooser.network(), before, 3)
    return before


def test_log_probabilities_are_torchs(learned):
    chooser, decisions = learned
    with torch.no_grad():
        wanted = [float(scores_of(chooser, decisions, d)[c]) for d, c in enumerate(decisions.chosen)]
    np.testing.assert_allclose(before_of(chooser, decisions), wanted, rtol=1e-4, atol=1e-4)


def test_what_scores_have_in_common_is_not_pulled_at(learned):
    chooser, decisions = copy.deepcopy(learned[0]), learned[1]
    with torch.no_grad():
        chooser.phases.fill_(60.0)  # every unit is on for every move, so phases and facts are common to all
        chooser.outputs.mul_(8.0)  # and many moves are so improbable that they are left out
    slopes, everything = Slopes(chooser), np.arange(len(decisions.chosen))
    slopes.find(everything, decisions, before_of(chooser, decisions), CLIP, BONUS, imitate=False)
    assert chooser.moves.grad.abs().max() > 1e-2
    for common in (chooser.phases.grad, chooser.inputs.grad):
        assert common.abs().max() < 1e-6


@pytest.mark.parametrize("imitate", [False, True])
def test_gradients_are_torchs(learned, imitate):
    chooser, decisions = learned
    noise = np.random.default_rng(3).normal(0.0, 0.15, len(decisions.chosen)).astype(np.float32)
    before = before_of(chooser, decisions) + noise  # so that some are clipped
    picked = np.random.default_rng(4).permutation(len(decisions.chosen))[:25]
    losses, sums = [], np.zeros(3)
    for d in picked:
        logs = scores_of(chooser, decisions, d)
        log = logs[decisions.chosen[d]] - float(before[d])
        ratio, gain = log.exp(), float(decisions.gain[d])
        entropy = -(logs.exp() * logs).sum()
        clipped = torch.minimum(ratio * gain, ratio.clamp(1 - CLIP, 1 + CLIP) * gain)
        losses.append(-logs[decisions.chosen[d]] if imitate else -clipped - BONUS * entropy)
        told = {DIVERGENCE: ratio - 1 - log, ENTROPY: entropy, SURPRISE: -logs[decisions.chosen[d]]}
        sums += [float(told[kind].detach()) for kind in range(3)]
    wanted = torch.autograd.grad(torch.stack(losses).mean(), list(chooser.parameters()))
    bonus = 0.0 if imitate else BONUS
    means = Slopes(chooser).find(picked, decisions, before, CLIP, bonus, imitate)
    np.testing.assert_allclose(means, sums / len(picked), rtol=1e-3, atol=1e-4)
    for parameter, gradient in zip(chooser.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=2e-5)
        assert gradient.abs().max() > 1e-3
