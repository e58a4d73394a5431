"""The Q network's heads: dueling, atoms, noise, and players that use them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.batch import GameBatch
from engine.map_specs import MapSpec
from learner.network import ILLEGAL, parameters_of
from learner.players import QPlayer
from learner.q_network import NoisyLinear, QConfig, QNetwork, explore
from learner.sight import legal_actions
from learner.snapshot import SnapshotError, load_policy, load_q_network, save_policy

CONFIG = QConfig(channels=8, blocks=1, memory=4, hidden=8, atoms=5, low=-2.0, high=1.0)
CONFIGS = [
    CONFIG,
    replace(CONFIG, halves=False),
    replace(CONFIG, halves=False, castles=True, atoms=1),
    replace(CONFIG, dueling=False, noisy=True),
]


def seen(network, turns=3, rows=2, height=4, width=5):
    draw = np.random.default_rng(0)
    words = draw.integers(0, 2**15, (turns, rows, height, width)).astype(np.int32) & ~0b01000000
    vector = torch.randint(0, 60, (turns, rows, 7), dtype=torch.int32)
    return torch.from_numpy(words), vector, network.first_memory(rows, height, width), torch.zeros(turns, rows) > 0


def made(config, seed=0):
    torch.manual_seed(seed)
    network = QNetwork(config)
    for parameter in network.parameters():  # away from the calm start, so that actions differ
        parameter.data += 0.1 * torch.randn_like(parameter)
    return network


@pytest.mark.parametrize("config", CONFIGS)
def test_an_answer_has_a_worth_for_every_legal_code_and_no_other(config):
    network = made(config)
    words, *others = seen(network)
    output = network(words, *others)
    legal = legal_actions(words.flatten(0, 1), config.halves, config.castles).unflatten(0, (3, 2))
    assert torch.equal(output.logits > ILLEGAL, legal)
    torch.testing.assert_close(output.values, output.logits.amax(-1))


@pytest.mark.parametrize("config", CONFIGS)
def test_the_worth_of_an_action_is_that_of_its_code(config):
    network = made(config)
    words, *others = seen(network)
    with torch.no_grad():
        told, output = network.worth(words, *others), network(words, *others)
    legal = output.logits > ILLEGAL
    for t, b, code in legal.nonzero()[::7].tolist():
        index = network.index_of(torch.full((3, 2), code), 20)
        assert bool(told.legal[t, b, index[t, b]])
        assert float(network.mean(told.of(index))[t, b]) == pytest.approx(float(output.logits[t, b, code]), abs=1e-5)


def test_dueling_advantages_of_the_legal_actions_have_the_mean_0():
    network = made(replace(CONFIG, atoms=1))
    words, *others = seen(network)
    told = network.worth(words, *others)
    worths = network.means(told)
    _, hidden, *_ = network.perceive(words, *others)
    value = network.value(hidden).view(3, 2)
    mean = torch.where(told.legal, worths, 0.0).sum(-1) / told.legal.sum(-1)
    torch.testing.assert_close(mean, value, rtol=1e-4, atol=1e-5)


def test_the_worth_of_a_distribution_is_its_mean():
    network = made(CONFIG)
    atoms = torch.full((5,), -50.0)
    atoms[1] = atoms[4] = 1.0
    assert float(network.mean(atoms)) == pytest.approx((-1.25 + 1.0) / 2)


def test_without_draws_and_in_evaluation_a_noisy_layer_is_a_plain_one():
    layer = NoisyLinear(6, 3)
    x = torch.randn(2, 6)
    plain = torch.nn.functional.linear(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), plain)
    layer.draw(torch.Generator().manual_seed(0))
    assert (layer(x) - plain).abs().min() > 1e-4
    torch.testing.assert_close(layer.eval()(x), plain)


def test_the_noise_has_the_moments_of_the_paper():
    """f(x) = sign(x) sqrt|x| of normal x has mean 0 and variance E|x| = sqrt(2 / pi); a weight's is their product."""
    layer, generator = NoisyLinear(16, 4), torch.Generator().manual_seed(1)
    x = torch.eye(16)
    weights, biases = [], []
    plain = layer.eval()(x).detach()
    layer.train()
    for _ in range(4000):
        layer.draw(generator)
        biases.append((layer(torch.zeros(1, 16)) - layer.bias)[0].detach())
        weights.append((layer(x) - plain).detach() - biases[-1])
    sigma = 0.5 / 4
    for noise, variance in ((torch.stack(weights), 2 / np.pi), (torch.stack(biases), (2 / np.pi) ** 0.5)):
        assert float(noise.mean()) == pytest.approx(0.0, abs=0.01 * sigma + 0.002)
        assert float(noise.var() / sigma**2) == pytest.approx(variance, rel=0.1)


def test_noise_is_learned():
    layer = NoisyLinear(3, 2)
    layer.draw(torch.Generator().manual_seed(0))
    layer(torch.ones(1, 3)).sum().backward()
    assert layer.weight_sigma.grad.abs().min() > 0
    assert layer.bias_sigma.grad.abs().min() > 0


def test_exploring_takes_legal_actions_alone_and_as_often_as_it_should():
    worth = torch.tensor([[0.1, ILLEGAL, 0.3, 0.2]]).repeat(30_000, 1)
    epsilons = torch.tensor([0.0, 0.3, 1.0]).repeat_interleave(10_000)
    taken = explore(worth, epsilons, torch.Generator().manual_seed(0)).view(3, -1)
    assert not (taken == 1).any()
    shares = [(taken[i] == 2).float().mean().item() for i in range(3)]
    assert shares == pytest.approx([1.0, 0.7 + 0.1, 1 / 3], abs=0.02)


def test_a_q_player_takes_the_best_legal_action_and_remembers():
    network = made(replace(CONFIG, halves=False)).eval()
    games = GameBatch("generalsio", 6, 3, board=MapSpec.plain(4, 4, mountains=0.0, cities=0), autoreset="off")
    games.reset()
    player = QPlayer("q", network)
    player.begin(games, 1)
    observed = games.observe().copy()
    memory = network.first_memory(6, 4, 4)
    output = network(
        torch.from_numpy(observed.words[:, 1])[None],
        torch.from_numpy(observed.vector[:, 1])[None],
        memory,
        torch.ones(1, 6) > 0,
    )
    assert player.act(np.ones(6, np.bool_)).tolist() == output.logits[0].argmax(-1).tolist()
    torch.testing.assert_close(player._memory, output.memory)


def test_a_q_network_comes_back_from_disk_and_is_no_policy(tmp_path):
    network = made(replace(CONFIG, noisy=True))
    save_policy(network, tmp_path / "policy", {"steps": 3})
    back = load_q_network(tmp_path / "policy")
    assert back.policy.config == network.config
    assert back.about == {"steps": 3}
    assert parameters_of(back.policy) == parameters_of(network)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(back.policy.state_dict()[name], tensor, rtol=0, atol=0)
    with pytest.raises(SnapshotError, match=r"stratagem-q-network.*accepted: \"stratagem-policy\""):
        load_policy(tmp_path / "policy")


@pytest.mark.parametrize(("options", "named"), [({"atoms": 0}, "atoms is 0"), ({"low": 2.0}, "from 2.0 to 1.0")])
def test_shapes_that_cannot_be_are_refused(options, named):
    with pytest.raises(ValueError, match=named):
        replace(CONFIG, **options)
