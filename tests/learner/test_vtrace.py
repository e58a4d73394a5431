"""V-trace against the paper's sum, against GAE and against torchrl's function."""

import math

import numpy as np
import pytest
import torch

from engine.batch import GameBatch
from engine.map_specs import MapSpec
from engine.rulesets import RULESETS
from learner.clock import Clock
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.players import BotPlayer
from learner.ppo import PPO, Settings, advantages_of
from learner.rollout import Rollout, Table
from learner.vtrace import vtrace


def fragment(seed, turns=19, rows=6, ends=0.1):
    draw = np.random.default_rng(seed)
    ratios = np.exp(draw.normal(size=(turns, rows))).astype(np.float32)
    rewards = draw.normal(size=(turns, rows)).astype(np.float32)
    values = draw.normal(size=(turns + 1, rows)).astype(np.float32)
    terminated = draw.random((turns, rows)) < ends
    truncated = ~terminated & (draw.random((turns, rows)) < ends)
    return tuple(map(torch.from_numpy, (ratios, rewards, values, terminated, truncated)))


def paper_target(ratios, rewards, values, terminated, truncated, s, gamma, lam, rho_bar, c_bar):
    """v_s of one row as formula (1) of the paper has it: a sum over t of products over i, up to the episode's end."""
    v = values[s]
    for t in range(s, len(rewards)):
        product = math.prod(lam * min(c_bar, ratios[i]) for i in range(s, t))
        following = 0.0 if terminated[t] else values[t + 1]
        surprise = min(rho_bar, ratios[t]) * (rewards[t] + gamma * following - values[t])
        v += gamma ** (t - s) * product * surprise
        if terminated[t] or truncated[t]:
            break
    return v


def paper_advantage(ratios, rewards, values, terminated, truncated, s, gamma, lam, rho_bar, c_bar):
    """The policy gradient's weight of one row: rho_s (r_s + gamma q - V(x_s)), with q from v of the turn after."""
    columns = (ratios, rewards, values, terminated, truncated)
    if terminated[s]:
        q = 0.0
    elif truncated[s] or s + 1 == len(rewards):
        q = values[s + 1]
    else:
        q = lam * paper_target(*columns, s + 1, gamma, lam, rho_bar, c_bar) + (1 - lam) * values[s + 1]
    return min(rho_bar, ratios[s]) * (rewards[s] + gamma * q - values[s])


@pytest.mark.parametrize("bars", [(1.0, 1.0), (2.0, 0.7), (1e9, 1e9)])
@pytest.mark.parametrize("lam", [1.0, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_targets_and_advantages_are_the_papers_sums(seed, lam, bars):
    tensors = fragment(seed)
    found = vtrace(*tensors, 0.97, lam, *bars)
    turns, rows = tensors[0].shape
    for row in range(rows):
        columns = [tensor[:, row].tolist() for tensor in tensors]
        for t in range(turns):
            target = paper_target(*columns, t, 0.97, lam, *bars)
            advantage = paper_advantage(*columns, t, 0.97, lam, *bars)
            assert float(found.targets[t, row]) == pytest.approx(target, rel=1e-3, abs=1e-4)
            assert float(found.advantages[t, row]) == pytest.approx(advantage, rel=1e-3, abs=1e-4)


def test_on_policy_with_lambda_1_a_target_is_the_sum_of_rewards_and_the_last_value():
    rewards = torch.tensor([[1.0], [0.0], [2.0]])
    values = torch.tensor([[0.5], [-0.5], [0.3], [4.0]])
    never = torch.zeros(3, 1, dtype=torch.bool)
    found = vtrace(torch.ones(3, 1), rewards, values, never, never, 0.5)
    assert found.targets[:, 0].tolist() == pytest.approx([1 + 0.25 * 2 + 0.125 * 4, 0.5 * 2 + 0.25 * 4, 2 + 0.5 * 4])


@pytest.mark.parametrize("lam", [0.0, 0.8, 1.0])
def test_on_policy_it_is_generalised_advantage_estimation(lam):
    ratios, rewards, values, terminated, truncated = fragment(5, ends=0.15)
    found = vtrace(torch.ones_like(ratios), rewards, values, terminated, truncated, 0.97, lam)
    expected = advantages_of(rewards, values, terminated, truncated, 0.97, lam)
    torch.testing.assert_close(found.advantages, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.targets, expected + values[:-1], rtol=1e-4, atol=1e-5)


def test_an_action_that_the_policy_no_longer_takes_teaches_nothing_and_hides_what_came_after():
    ratios, rewards, values, terminated, truncated = fragment(6, ends=0.0)
    ratios[7] = 0.0
    found = vtrace(ratios, rewards, values, terminated, truncated, 0.97)
    assert (found.advantages[7] == 0).all()
    torch.testing.assert_close(found.targets[7], values[7])
    rewards[8:] += 100.0
    again = vtrace(ratios, rewards, values, terminated, truncated, 0.97)
    torch.testing.assert_close(again.targets[:8], found.targets[:8], rtol=0, atol=0)


def test_it_agrees_with_torchrl():
    functional = pytest.importorskip("torchrl.objectives.value.functional")
    ratios, rewards, values, terminated, truncated = fragment(7)
    log_mu = torch.randn_like(ratios)
    after = torch.where(terminated, 0.0, values[1:])
    columns = (values[:-1], after, rewards, terminated | truncated, terminated)
    advantages, targets = functional.vtrace_advantage_estimate(
        0.97,
        *((log_mu + ratios.log())[None, ..., None], log_mu[None, ..., None]),
        *(column[None, ..., None] for column in columns),
        rho_thresh=1.3,
        c_thresh=0.9,
        time_dim=1,
    )
    found = vtrace(ratios, rewards, values, terminated, truncated, 0.97, 1.0, 1.3, 0.9)
    torch.testing.assert_close(found.targets, targets[0, ..., 0], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found.advantages, advantages[0, ..., 0], rtol=1e-3, atol=1e-4)


def played(lag):
    """A fragment, and a learner whose weights moved by `lag` since it was played."""
    torch.manual_seed(3)
    policy = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8))
    games = GameBatch(
        RULESETS["generalsio"].vary(turn_limit=9), 12, 3, board=MapSpec.plain(4, 4, cities=0), autoreset="next"
    )
    rollout = Rollout([Table(games, (0,), BotPlayer("expander"), -1.0)], policy, 0, Clock())
    rollout.collect(5)
    found, _ = rollout.collect(20)
    for parameter in policy.parameters():
        parameter.data += lag * torch.randn_like(parameter)
    return policy, found


def test_ppo_with_vtrace_learns_what_ppo_learns_where_actors_do_not_lag():
    weights = []
    for correct in (False, True):
        policy, found = played(lag=0.0)
        settings = Settings(turns=20, minibatches=2, learning_rate=1e-4, vtrace=correct)
        PPO(policy, settings, 0, Clock()).update(found, 0.0)
        weights.append(torch.cat([parameter.detach().flatten() for parameter in policy.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=2e-4)


def test_ppo_with_vtrace_takes_ratios_to_the_policy_it_starts_from_and_corrects_by_the_actors():
    policy, found = played(lag=0.05)
    ppo = PPO(policy, Settings(turns=20, epochs=1, minibatches=1, learning_rate=0.0, vtrace=True), 0, Clock())
    now, corrected = ppo._corrected(found)
    output = policy(found.words, found.vector, found.memory, found.resets)
    log_probs = output.logits.log_softmax(-1).gather(-1, found.actions[..., None])[..., 0]
    torch.testing.assert_close(now.log_probs, log_probs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(now.values[:-1], output.values, rtol=1e-4, atol=1e-5)
    ratios = (log_probs - found.log_probs).exp()
    assert ((ratios - 1).abs() > 0.01).float().mean() > 0.5
    columns = (ratios, found.rewards, now.values, found.terminated, found.truncated)
    for row in range(3):
        tensors = [column[:, row].tolist() for column in columns]
        for t in range(20):
            target = paper_target(*tensors, t, 0.99, 0.95, 1.0, 1.0)
            assert float(corrected.targets[t, row]) == pytest.approx(target, rel=1e-3, abs=1e-4)
    notes = ppo.update(found, 0.0)
    assert abs(notes["divergence"]) < 1e-5
    assert notes["clipped"] == 0.0
