"""PPO's parts against slow, independent ones."""

import math

import numpy as np
import pytest
import torch

from learner.ppo import Settings, advantages_of, losses_of, normalised


def slow_advantage(rewards, values, terminated, truncated, gamma, lam, t):
    """GAE of one row as its definition has it: the sum over all horizons of lambda-weighted n-step errors."""
    total, weight, turn = 0.0, 1.0, t
    while turn < len(rewards):
        following = 0.0 if terminated[turn] else values[turn + 1]
        total += weight * (rewards[turn] + gamma * following - values[turn])
        if terminated[turn] or truncated[turn]:
            break
        weight *= gamma * lam
        turn += 1
    return total


@pytest.mark.parametrize("seed", range(5))
def test_advantages_are_those_of_the_definition(seed):
    draw = np.random.default_rng(seed)
    turns, rows, gamma, lam = 23, 7, 0.97, 0.9
    rewards = draw.normal(size=(turns, rows)).astype(np.float32)
    values = draw.normal(size=(turns + 1, rows)).astype(np.float32)
    terminated = draw.random((turns, rows)) < 0.1
    truncated = ~terminated & (draw.random((turns, rows)) < 0.1)
    found = advantages_of(*map(torch.from_numpy, (rewards, values, terminated, truncated)), gamma, lam)
    for t in range(turns):
        for row in range(rows):
            columns = (rewards[:, row], values[:, row], terminated[:, row], truncated[:, row])
            assert found[t, row] == pytest.approx(slow_advantage(*columns, gamma, lam, t), abs=1e-5)


def test_with_lambda_1_a_return_is_the_discounted_sum_of_rewards():
    rewards = torch.tensor([[0.0], [0.0], [1.0]])
    values = torch.tensor([[0.3], [0.1], [0.2], [9.0]])
    terminated = torch.tensor([[False], [False], [True]])
    advantages = advantages_of(rewards, values, terminated, torch.zeros(3, 1, dtype=torch.bool), 0.5, 1.0)
    returns = advantages + values[:-1]
    assert returns[:, 0].tolist() == pytest.approx([0.25, 0.5, 1.0])


def sample_batch(seed=0, turns=3, rows=4, actions=5):
    torch.manual_seed(seed)
    logits = torch.randn(turns, rows, actions)
    chosen = torch.randint(actions, (turns, rows))
    old = torch.randn(turns, rows, actions).log_softmax(-1).gather(-1, chosen[..., None])[..., 0]
    advantages, returns, values = torch.randn(3, turns, rows)
    valid = torch.rand(turns, rows) < 0.8
    return logits, values, chosen, old, advantages, returns, valid


def test_losses_are_the_means_of_the_formulas_sample_by_sample():
    logits, values, chosen, old, advantages, returns, valid = sample_batch()
    losses = losses_of(logits, values, chosen, old, advantages, returns, valid, clip=0.2)
    policy, value, entropy, clipped, count = 0.0, 0.0, 0.0, 0.0, 0
    for t, b in valid.nonzero().tolist():
        exps = [math.exp(x) for x in logits[t, b].tolist()]
        p = [x / sum(exps) for x in exps]
        ratio = p[chosen[t, b]] / math.exp(old[t, b])
        gain = float(advantages[t, b])
        policy -= min(ratio * gain, min(max(ratio, 0.8), 1.2) * gain)
        value += 0.5 * float(values[t, b] - returns[t, b]) ** 2
        entropy -= sum(x * math.log(x) for x in p)
        clipped += abs(ratio - 1) > 0.2
        count += 1
    expected = (policy / count, value / count, entropy / count, clipped / count)
    found = (losses.policy, losses.value, losses.entropy, losses.clipped)
    assert [float(x) for x in found] == pytest.approx(expected, rel=1e-4)


def test_what_is_not_valid_has_no_part_in_any_loss():
    logits, values, chosen, old, advantages, returns, valid = sample_batch()
    before = losses_of(logits, values, chosen, old, advantages, returns, valid, clip=0.2)
    for part in (logits, values, old, advantages, returns):
        part[~valid] = 50.0
    after = losses_of(logits, values, chosen, old, advantages, returns, valid, clip=0.2)
    assert [float(x) for x in after] == pytest.approx([float(x) for x in before])


def test_a_clipped_gain_has_no_gradient():
    logits = torch.zeros(1, 1, 2, requires_grad=True)
    old = torch.tensor([[math.log(0.25)]])  # the ratio is 2
    one = torch.ones(1, 1)
    arguments = (torch.zeros(1, 1), torch.zeros(1, 1, dtype=torch.int64), old)
    valid = torch.ones(1, 1, dtype=torch.bool)
    losses_of(logits, *arguments, one, one, valid, clip=0.2).policy.backward()
    assert logits.grad.abs().max() == 0.0
    logits.grad = None
    losses_of(logits, *arguments, -one, one, valid, clip=0.2).policy.backward()
    assert logits.grad.abs().max() > 0.1


def test_normalised_advantages_have_mean_0_and_deviation_1_where_valid():
    advantages = torch.tensor([[1.0, 2.0, 99.0], [3.0, 4.0, 99.0]])
    valid = advantages < 50
    chosen = normalised(advantages, valid)[valid]
    assert float(chosen.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(chosen.std(correction=0)) == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize(("options", "named"), [({"turns": 0}, "turns is 0"), ({"gamma": 1.5}, "gamma is 1.5")])
def test_settings_that_cannot_be_are_refused(options, named):
    with pytest.raises(ValueError, match=named):
        Settings(**options)
