"""Dealing rows out to threads changes nothing but who works."""

import pytest
import torch
from tests.learner.test_rollout import batch

from learner.clock import Clock
from learner.crew import Crew
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.players import answer
from learner.ppo import PPO, Settings, advantages_of
from learner.rollout import Rollout, Table


@pytest.fixture
def crew():
    crew = Crew(torch.device("cpu"))
    if crew.size == 1:
        pytest.skip("torch has one thread here")
    return crew


def policy():
    torch.manual_seed(4)
    return Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8))


def test_it_gives_each_part_its_result_in_order(crew):
    assert crew.map(lambda part: part * part, range(7)) == [part * part for part in range(7)]


def test_an_error_of_a_part_is_raised(crew):
    with pytest.raises(ZeroDivisionError):
        crew.map(lambda part: 1 // part, [1, 0])


def test_each_thread_computes_in_bfloat16_where_that_is_asked_for(crew):
    play = Rollout([Table(batch(games=16), (0, 1))], policy(), 1, Clock())
    words, vector, resets, _ = play._look()
    exact, rounded = (
        answer(crew, play.policy, words, vector, play.memory, resets, in_half).memory.float()
        for in_half in (False, True)
    )
    differences = (exact - rounded).abs().flatten(1).amax(1)
    assert crew.parts(len(words)) > 1
    assert (differences > 0.0).all()
    assert differences.max() < 0.05


def test_few_rows_stay_together(crew):
    assert crew.parts(1) == crew.parts(15) == 1
    assert crew.parts(16) == 2


def test_answers_are_those_of_the_policy_alone(crew):
    play = Rollout([Table(batch(12), (0, 1))], policy(), 0, Clock())
    fragment, _ = play.collect(3)
    asked = (fragment.words[2], fragment.vector[2], fragment.memory, fragment.resets[2])
    assert crew.parts(len(asked[0])) > 1
    found = answer(crew, play.policy, *asked)
    with torch.no_grad():
        alone = play.policy(*(part[None] for part in asked[:2]), asked[2], asked[3][None])
    for one, other in zip(found, alone, strict=True):
        torch.testing.assert_close(one, other)


def test_a_minibatch_in_parts_has_the_gradients_and_losses_of_the_whole(crew):
    net = policy()
    play = Rollout([Table(batch(16, limit=6), (0, 1))], net, 0, Clock())
    fragment, _ = play.collect(10)
    assert not fragment.valid.all()
    ppo = PPO(net, Settings(), 0, Clock())
    advantages = advantages_of(
        fragment.rewards, fragment.values, fragment.terminated, fragment.truncated, gamma=0.9, lam=0.9
    )
    found = []
    for size in (1, crew.size):
        crew.size = size
        ppo.crew = crew
        losses = ppo._step(fragment, torch.arange(32), advantages, advantages + fragment.values[:-1], 0.01)
        found.append((list(losses), [parameter.grad.clone() for parameter in net.parameters()]))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-6)
