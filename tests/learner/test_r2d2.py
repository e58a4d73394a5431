"""R2D2's parts against slow, independent ones, and a run that learns."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.batch import GameBatch
from engine.map_specs import MapSpec
from engine.rulesets import RULESETS
from learner.clock import Clock
from learner.network_config import NetworkConfig
from learner.players import BotPlayer
from learner.q_network import QNetwork
from learner.r2d2 import (
    R2D2,
    EpsilonGreedy,
    Sequence,
    Settings,
    epsilons,
    n_step,
    priorities_of,
    projected,
    rescaled,
    restored,
)
from learner.r2d2_run import Run, r2d2_plan
from learner.rollout import Table
from learner.snapshot import load_q_network
from services.tables import RateLimiter

BOARD = MapSpec.plain(4, 4, mountains=0.0, cities=0)
SMALL = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, halves=False)
SETTINGS = Settings(burn_in=3, turns=4, steps=2, batch=8, warm_up=8, samples_per_insert=1.0, atoms=1, capacity=512)


def flags(*marks):
    return torch.tensor([[mark == "x"] for mark in marks[0]])


def column(*numbers):
    return torch.tensor(numbers)[:, None]


def test_n_step_targets_are_those_reckoned_by_hand():
    """Turn 1 terminates, 2 shows its end; 5 is truncated, 6 shows where."""
    rewards = column(1.0, 2.0, 0.0, 4.0, 8.0, 16.0, 0.0, 32.0, 64.0)
    target = n_step(rewards, flags(".x......."), flags(".....x..."), 0.5, 3)
    assert target.returns[:, 0].tolist() == [1 + 1, 2, 0 + 2 + 2, 4 + 4 + 4, 8 + 8, 16]
    assert target.discounts[:, 0].tolist() == [0, 0, 0.125, 0.125, 0.25, 0.5]
    assert target.ahead[:, 0].tolist() == [2, 2, 5, 6, 6, 6]


def slow_target(rewards, terminated, truncated, values, t, gamma, steps):
    """The worth of a turn by the definition: rewards until n turns or the end, then what the values say."""
    total = 0.0
    for k in range(steps):
        total += gamma**k * rewards[t + k]
        if terminated[t + k]:
            return total
        if truncated[t + k]:
            break
    return total + gamma ** (k + 1) * values[t + k + 1]


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_n_step_targets_are_those_of_the_definition(steps):
    draw = np.random.default_rng(steps)
    turns, rows = 30, 8
    rewards, values = torch.from_numpy(draw.normal(size=(2, turns, rows)).astype(np.float32))
    terminated = torch.from_numpy(draw.random((turns, rows)) < 0.1)
    truncated = torch.from_numpy(draw.random((turns, rows)) < 0.1) & ~terminated
    target = n_step(rewards, terminated, truncated, 0.9, steps)
    found = target.returns + target.discounts * values.take_along_dim(target.ahead, 0)
    assert found.shape == (turns - steps, rows)
    for t in range(turns - steps):
        for b in range(rows):
            columns = (part[:, b].tolist() for part in (rewards, terminated, truncated, values))
            assert float(found[t, b]) == pytest.approx(slow_target(*columns, t, 0.9, steps), abs=1e-4)


def test_projection_is_that_of_the_papers_loop():
    """Algorithm 1 of Bellemare et al. 2017, atom by atom."""
    draw = np.random.default_rng(0)
    support = torch.linspace(-2.0, 1.0, 7)
    gap = 0.5
    probabilities = torch.from_numpy(draw.dirichlet(np.ones(7), 20).astype(np.float32))
    places = torch.from_numpy(draw.uniform(-3, 2, (20, 7)).astype(np.float32))
    places[0, :3] = support[:3]  # exactly on atoms
    expected = np.zeros((20, 7))
    for row in range(20):
        for j in range(7):
            b = (min(1.0, max(-2.0, float(places[row, j]))) + 2.0) / gap
            below, above = math.floor(b), math.ceil(b)
            if below == above:
                expected[row, below] += float(probabilities[row, j])
            else:
                expected[row, below] += float(probabilities[row, j]) * (above - b)
                expected[row, above] += float(probabilities[row, j]) * (b - below)
    found = projected(probabilities, places, support)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(-1).numpy(), 1.0, atol=1e-5)


def test_rescaling_shrinks_large_worths_and_can_be_undone():
    x = torch.tensor([-100.0, -1.0, -0.1, 0.0, 0.5, 3.0, 99.0])
    assert float(rescaled(x)[-1]) == pytest.approx(9.0 + 0.099)
    torch.testing.assert_close(restored(rescaled(x)), x, rtol=1e-3, atol=1e-3)


def test_the_ladder_of_exploration_is_that_of_ape_x():
    ladder = epsilons(8, 0.4, 7.0)
    assert ladder[0].item() == pytest.approx(0.4)
    assert ladder[-1].item() == pytest.approx(0.4**8)
    assert ladder[3].item() == pytest.approx(0.4 ** (1 + 7 * 3 / 7))
    assert epsilons(1, 0.4, 7.0).tolist() == pytest.approx([0.4])


def test_a_priority_is_mostly_the_largest_error_of_what_was_played():
    errors = torch.tensor([[1.0, -3.0], [9.0, 1.0], [-2.0, 2.0]])
    valid = torch.tensor([[True, True], [False, True], [True, True]])
    assert priorities_of(errors, valid, 0.9).tolist() == pytest.approx([0.9 * 2 + 0.1 * 1.5, 0.9 * 3 + 0.1 * 2])


def network(**options):
    torch.manual_seed(0)
    made = QNetwork(replace(SETTINGS, **options).network(SMALL, -2.0, 1.0))
    for parameter in made.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return made


def learner(**options):
    return R2D2(network(**options), replace(SETTINGS, **options), 0, Clock())


def games(seats=(0,), count=4, limit=9, opponent="expander"):
    ruleset = RULESETS["generalsio"].vary(turn_limit=limit)
    batch = GameBatch(ruleset, count, 3, board=BOARD, autoreset="next")
    return Table(batch, seats, BotPlayer(opponent) if len(seats) == 1 else None, -1.0)


def filled(fragments=10, **options):
    """A learner with a table of sequences, and the fragments that they were cut from."""
    r2d2 = learner(**options)
    play = EpsilonGreedy([games(), games((0, 1), 2)], r2d2.network, r2d2.settings, 0, Clock())
    kept = [play.collect(r2d2.settings.turns)[0] for _ in range(fragments)]
    for fragment in kept:
        r2d2.keep(fragment)
    return r2d2, kept


def drawn(r2d2, count):
    """Some of the table's sequences, however many were already drawn."""
    r2d2.table.limiter = RateLimiter()
    return r2d2.table.sample(count, timeout=0.0)


def batch_of(r2d2, count=6):
    items = [each.item for each in drawn(r2d2, count)]
    columns = zip(Sequence._fields, zip(*items, strict=True), strict=True)
    return Sequence(**{name: torch.stack(parts, dim=int(name != "memory")) for name, parts in columns})


def test_sequences_are_windows_of_play_with_the_memory_at_their_start():
    r2d2, kept = filled(fragments=5)
    length = r2d2.settings.length  # 9 turns: three fragments of four
    assert len(r2d2.table) == 3 * 8
    words = torch.cat([fragment.words for fragment in kept])
    actions = torch.cat([fragment.actions for fragment in kept])
    for each in drawn(r2d2, 40):
        number, row = divmod(each.key // r2d2.table.capacity, 8)
        assert torch.equal(each.item.words, words[4 * number : 4 * number + length, row])
        assert torch.equal(each.item.actions, actions[4 * number : 4 * number + length, row])
        torch.testing.assert_close(each.item.memory, kept[number].memory[row])


def test_every_action_taken_is_legal():
    r2d2, kept = filled(fragments=6, epsilon=1.0, ladder=0.0)
    for fragment in kept:
        legal = r2d2.network(fragment.words, fragment.vector, fragment.memory, fragment.resets).logits > -1e8
        assert legal.gather(-1, fragment.actions[..., None]).all()


def test_no_gradient_flows_into_the_burn_in_or_the_stored_memory():
    r2d2, _ = filled()
    batch = batch_of(r2d2)
    seen, real = [], r2d2.network.perceive

    def watched(words, vector, memory, *rest):
        told = real(words, vector, memory, *rest)
        seen.append((len(words), torch.is_grad_enabled(), memory.requires_grad, told[0].requires_grad))
        return told

    r2d2.network.perceive = watched
    batch.memory.requires_grad_()
    losses, _ = r2d2.losses_of(batch, torch.ones(6))
    losses.loss.backward()
    assert seen == [(3, False, True, False), (6, True, False, True)]
    assert batch.memory.grad is None
    assert all(parameter.grad is None for parameter in r2d2.target.parameters())


def test_what_was_seen_in_the_burn_in_counts():
    r2d2, _ = filled()
    batch = batch_of(r2d2)
    other = batch._replace(vector=batch.vector.clone())
    other.vector[:2] += 7
    resets = batch.resets.clone()
    resets[:] = False
    before, _ = r2d2.losses_of(batch._replace(resets=resets), torch.ones(6))
    after, _ = r2d2.losses_of(other._replace(resets=resets), torch.ones(6))
    assert not torch.equal(before.loss, after.loss)


@pytest.mark.parametrize("double", [True, False])
def test_the_loss_is_that_of_the_definition(double):
    """Turn by turn: the network or the target chooses the next action, the target says what it is worth."""
    r2d2, _ = filled(double=double)
    s = r2d2.settings
    for parameter in r2d2.target.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    batch, weights = batch_of(r2d2), torch.linspace(0.5, 1.0, 6)
    losses, priorities = r2d2.losses_of(batch, weights)
    rest = (batch.words, batch.vector, batch.memory, batch.resets)
    with torch.no_grad():
        own, theirs = r2d2.network(*rest).logits, r2d2.target(*rest).logits
    total, errors = 0.0, torch.zeros(s.turns, 6)
    chosen_apart = 0
    for b in range(6):
        mine, played = 0.0, 0
        for t in range(s.burn_in, s.burn_in + s.turns):
            judge = (own if double else theirs)[:, b]
            values = [float(theirs[u, b, judge[u].argmax()]) for u in range(s.length)]
            chosen_apart += int(own[t, b].argmax() != theirs[t, b].argmax())
            columns = [part[:, b].tolist() for part in (batch.rewards, batch.terminated, batch.truncated)]
            wanted = slow_target(*columns, values, t, s.gamma, s.steps)
            error = float(own[t, b, batch.actions[t, b]]) - wanted
            if batch.valid[t, b]:
                errors[t - s.burn_in, b] = error
                mine += 0.5 * error**2
                played += 1
        total += float(weights[b]) * mine / played
    assert chosen_apart > 0
    assert float(losses.loss) == pytest.approx(total, rel=1e-3)
    valid = batch.valid[s.burn_in : s.burn_in + s.turns]
    torch.testing.assert_close(priorities, priorities_of(errors, valid, s.peak), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("rescale", [False, True])
def test_with_atoms_the_target_moves_every_atom_and_keeps_the_mean(rescale):
    r2d2 = learner(atoms=31, rescale=rescale)
    target = n_step(torch.full((4, 5), 0.2), torch.zeros(4, 5) > 0, torch.zeros(4, 5) > 0, 0.9, 2)
    atoms = 3 * torch.randn(2, 5, 31)
    found = r2d2._wanted(atoms, target)
    assert found.sum(-1).flatten().tolist() == pytest.approx([1.0] * 10)
    if not rescale:
        there = 0.2 + 0.9 * 0.2 + 0.81 * r2d2.network.support.clamp(max=(1 - 0.38) / 0.81)
        torch.testing.assert_close(found @ r2d2.network.support, atoms.softmax(-1) @ there, rtol=1e-4, atol=1e-4)


def test_what_was_not_played_teaches_nothing():
    r2d2, _ = filled(fragments=12)
    batch = batch_of(r2d2, 32)
    learned = batch.valid[3:7]
    assert not learned.all()
    before, _ = r2d2.losses_of(batch, torch.ones(32))
    actions = torch.where(batch.valid, batch.actions, 0)
    after, _ = r2d2.losses_of(batch._replace(actions=actions), torch.ones(32))
    assert not torch.equal(actions, batch.actions)
    assert float(before.loss) == pytest.approx(float(after.loss))


@pytest.mark.parametrize("options", [{}, {"atoms": 11}, {"noisy": True, "atoms": 11}, {"rescale": True}])
def test_a_gradient_step_lowers_the_loss_and_changes_priorities(options):
    r2d2, _ = filled(learning_rate=1e-2, target_every=10**6, **options)
    batch, weights = batch_of(r2d2, 8), torch.ones(8)
    notes = [r2d2.step(batch, weights)[0] for _ in range(30)]
    assert all(math.isfinite(value) for note in notes for value in note.values())
    assert notes[-1]["loss"] < notes[0]["loss"]


def test_what_was_learned_from_is_drawn_again_by_how_wrong_it_was():
    r2d2, _ = filled(fragments=10)
    assert len(r2d2.learn()) == (64 - r2d2.settings.warm_up) // r2d2.settings.batch
    assert r2d2.learn() == []  # the table gives no more than was put in
    chances = {each.key: each.probability for each in drawn(r2d2, 400)}
    assert len(set(chances.values())) > 20
    assert max(chances.values()) > 2 * min(chances.values())


def test_the_target_follows_when_it_should():
    r2d2, _ = filled(target_every=3)
    batch = batch_of(r2d2, 8)
    start = r2d2.target.value.weight.clone()
    for step in (1, 2, 3):
        r2d2.step(batch, torch.ones(8))
        assert torch.equal(r2d2.target.value.weight, start) == (step < 3)
    assert torch.equal(r2d2.target.value.weight, r2d2.network.value.weight)


@pytest.mark.parametrize(("options", "named"), [({"turns": 0}, "turns is 0"), ({"gamma": 1.5}, "gamma is 1.5")])
def test_settings_that_cannot_be_are_refused(options, named):
    with pytest.raises(ValueError, match=named):
        Settings(**options)


def test_it_learns_to_pass_where_passing_alone_is_rewarded():
    """Every move costs 1 and nothing else counts: after some hundred steps the best action is a pass."""
    r2d2, kept = filled(fragments=12, learning_rate=3e-3, target_every=20, gamma=0.5, steps=1)
    batch = batch_of(r2d2, 24)
    passing = torch.rand(batch.actions.shape) < 0.5
    batch = batch._replace(actions=torch.where(passing, 0, batch.actions))
    batch = batch._replace(rewards=-(batch.actions != 0).float())
    for _ in range(100):
        r2d2.step(batch, torch.ones(24))
    fragment = kept[-1]
    output = r2d2.network(fragment.words, fragment.vector, fragment.memory, fragment.resets)
    assert (output.logits.argmax(-1) == 0).float().mean() > 0.9


def test_a_run_leaves_a_network_metrics_and_a_summary(tmp_path):
    plan = r2d2_plan("tiny", 1, 10.0, 4, 4, "tiny", turns=4, burn_in=2, steps=2, batch=8, warm_up=16, atoms=11)
    plan = replace(plan, size=SMALL, self_games=2, bot_games={"random": 4})
    run, told = Run(plan, tmp_path / "tiny"), []
    run.train(told.append, lambda: len(told) >= 6)
    matches = run.rate(("random",), pairs=2)
    summary = run.summarise(matches)
    assert json.loads((tmp_path / "tiny" / "summary.json").read_text()) == summary
    assert summary["win_rate"]["random"]["games"] == 4
    assert summary["env_steps"] == 6 * 4 * 6
    assert summary["decisions"] == 6 * 4 * 8
    assert summary["gradient_steps"] > 0
    lines = [json.loads(line) for line in (tmp_path / "tiny" / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert math.isfinite(lines[-1]["loss"])
    assert "gradient steps" in told[-1]
    saved = load_q_network(tmp_path / "tiny" / "policy")
    assert saved.about["steps"] == 144
    for name, tensor in run.network.state_dict().items():
        torch.testing.assert_close(saved.policy.state_dict()[name], tensor, rtol=0, atol=0)
