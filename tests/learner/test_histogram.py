"""Values as histograms."""

import math

import pytest
import torch

from learner.histogram import REACH, histogram_loss, mean_of, target_of
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.snapshot import load_policy, save_policy


def test_a_return_becomes_the_normal_distribution_around_it_bin_by_bin():
    bins, centre = 16, 0.3
    width = 2 * REACH / bins
    found = target_of(torch.tensor([centre]), bins)[0].tolist()
    for i, mass in enumerate(found):
        low, high = (-REACH + (i + k) * width - centre for k in range(2))
        slow = 0.5 * (math.erf(high / (0.75 * width * 2**0.5)) - math.erf(low / (0.75 * width * 2**0.5)))
        assert mass == pytest.approx(slow, abs=1e-5)


@pytest.mark.parametrize("value", [-1.7, -1.0, 0.0, 0.42, 1.0])
def test_the_mean_of_a_returns_histogram_is_the_return(value):
    logits = target_of(torch.tensor([value]), 64).clamp(min=1e-30).log()
    assert float(mean_of(logits)) == pytest.approx(value, abs=1e-3)


def test_the_loss_is_lowest_at_the_target():
    returns = torch.tensor([-0.5, 0.9])
    logits = torch.zeros(2, 32, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        histogram_loss(logits, returns).sum().backward()
        optimizer.step()
    torch.testing.assert_close(mean_of(logits), returns, atol=0.01, rtol=0)


def test_a_policy_with_bins_answers_their_mean_and_is_kept_with_them(tmp_path):
    torch.manual_seed(0)
    policy = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, value_bins=12))
    words = torch.randint(0, 127, (2, 3, 4, 5), dtype=torch.int32)
    arguments = (words, torch.zeros(2, 3, 7, dtype=torch.int32), policy.first_memory(3, 4, 5), torch.zeros(2, 3) > 0)
    output = policy(*arguments)
    assert output.bins.shape == (2, 3, 12)
    torch.testing.assert_close(output.values, mean_of(output.bins))
    save_policy(policy, tmp_path / "binned", {})
    again = load_policy(tmp_path / "binned").policy
    torch.testing.assert_close(again(*arguments).values, output.values)


def test_a_description_from_before_bins_is_still_read(tmp_path):
    policy = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8))
    save_policy(policy, tmp_path / "plain", {})
    assert "value_bins" not in (tmp_path / "plain.json").read_text()
    assert load_policy(tmp_path / "plain").policy.config.value_bins == 0
