"""The pyramid, and networks that have one."""

import json

import pytest
import torch

from learner.network import Policy, parameters_of
from learner.network_config import NetworkConfig
from learner.pyramid import Pyramid
from learner.snapshot import SnapshotError, load_policy, save_policy


@pytest.mark.parametrize("shape", [(24, 24), (21, 18), (5, 4), (1, 3)])
def test_a_board_of_any_size_keeps_its_shape(shape):
    torch.manual_seed(0)
    x = torch.randn(2, 4, *shape)
    assert Pyramid(4, 3, 1)(x).shape == x.shape


def test_with_three_halvings_a_corner_sees_the_opposite_one():
    torch.manual_seed(0)
    x = torch.randn(1, 4, 24, 24, requires_grad=True)
    reach = []
    for levels in (1, 3):
        (gradient,) = torch.autograd.grad(Pyramid(4, levels, 2)(x)[0, :, 0, 0].sum(), x)
        reach.append(bool((gradient[0, :, -4:, -4:] != 0).any()))
    assert reach == [False, True]


def test_large_has_about_fifteen_million_weights():
    assert parameters_of(Policy(NetworkConfig.of("large"))) == pytest.approx(15e6, rel=0.05)


@pytest.mark.parametrize("patch", [1, 2])
def test_a_policy_with_a_pyramid_is_kept_and_read_again(patch, tmp_path):
    torch.manual_seed(0)
    policy = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, levels=2, level_blocks=1, patch=patch))
    save_policy(policy, tmp_path / "one", {})
    again = load_policy(tmp_path / "one").policy
    words = torch.randint(0, 127, (1, 2, 5, 6), dtype=torch.int32)
    arguments = (words, torch.zeros(1, 2, 7, dtype=torch.int32), policy.first_memory(2, 5, 6), torch.zeros(1, 2) > 0)
    torch.testing.assert_close(again(*arguments).logits, policy(*arguments).logits)
    text = (tmp_path / "one.json").read_text()
    description = json.loads(text)
    description["network"] |= {"levels": 6, "channels": 4096, "level_blocks": 64}
    (tmp_path / "one.json").write_text(json.dumps(description))
    with pytest.raises(SnapshotError, match="accepted: 1 GiB"):
        load_policy(tmp_path / "one")
