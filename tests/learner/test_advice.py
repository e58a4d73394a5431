"""A network that is advised begins by following, and can learn to stray."""

from itertools import pairwise

import pytest
import torch

from engine.advice import ADVISERS, BUILDING, PASSING, SPAN
from engine.batch import GameBatch
from learner.advice import TRUST, Advice, advise
from learner.export_onnx import ExportError, export_onnx
from learner.growth import grown
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.snapshot import load_policy, save_policy


@pytest.fixture(params=[("generalsio", "small", False), ("competition", "competition", True)], ids=["site", "castles"])
def positions(request):
    """Words, vectors and whether castles are built, of both seats in games of hunters."""
    ruleset, board, castles = request.param
    batch = GameBatch(ruleset, 6, 3, board=board)
    batch.reset()
    words, vectors = [], []
    for turn in range(160):
        seen, *_ = batch.step(batch.bot_actions("hunter"))
        if turn % 16 == 15:
            words.append(torch.from_numpy(seen.words.reshape(12, *seen.words.shape[2:]).copy()))
            vectors.append(torch.from_numpy(seen.vector.reshape(12, -1).copy()))
    return torch.stack(words), torch.stack(vectors), castles


def answer(policy, words, vectors, searched=None):
    memory = policy.first_memory(words.shape[1], *words.shape[2:])
    with torch.no_grad():
        return policy(words, vectors, memory, torch.zeros(words.shape[:2], dtype=torch.bool), searched)


def by_action(marks, castles):
    """Marks (N, H, W, MARKS) by action code, (N, A)."""
    moves = torch.zeros(*marks.shape[:3], 4, 2)
    moves[..., 0] = marks[..., :PASSING]
    built = [marks[..., BUILDING].flatten(1)] if castles else []
    return torch.cat([marks[:, :1, 0, PASSING], moves.flatten(1), *built], 1)


@pytest.mark.parametrize("halves", [False, True])
def test_it_begins_by_following_the_seeker(positions, halves):
    words, vectors, castles = positions
    torch.manual_seed(1)
    policy = Policy(NetworkConfig.of("tiny", castles=castles, halves=halves, adviser="seeker"))
    wanted = by_action(advise("seeker", words.flatten(0, 1), vectors.flatten(0, 1), castles), castles).argmax(1)
    logits = answer(policy, words, vectors).logits.flatten(0, 1)
    assert (logits.argmax(1) == wanted).all()
    assert (wanted > 0).sum() > 60
    chance = logits.softmax(1).gather(1, wanted[:, None])
    assert chance.mean() > 0.8
    policy.temper(0.5)
    assert policy.trust.item() == pytest.approx(TRUST["seeker"] / 0.5)


def test_it_begins_as_the_strategist(positions):
    words, vectors, castles = positions
    torch.manual_seed(1)
    policy = Policy(NetworkConfig.of("tiny", castles=castles, adviser="strategist"))
    marks = by_action(advise("strategist", words.flatten(0, 1), vectors.flatten(0, 1), castles), castles)
    odds = torch.where(marks > 0, 2.0 ** ((marks - 1.0) * SPAN / 64), 0.0)
    chances = answer(policy, words, vectors).logits.flatten(0, 1).softmax(1)
    apart = (chances - odds / odds.sum(1, keepdim=True)).abs().sum(1) / 2
    assert ((odds > 0.1).sum(1) > 1).sum() > 8  # of these it chooses among several
    assert apart.mean() < 0.1


@pytest.mark.parametrize("adviser", ADVISERS)
def test_where_it_does_not_trust_nothing_is_advised(positions, adviser):
    words, vectors, castles = positions
    torch.manual_seed(1)
    policy = Policy(NetworkConfig.of("tiny", castles=castles, adviser=adviser))
    with torch.no_grad():
        policy.trust.zero_()
        policy.first.weight[:, policy.sight.count :] = 0.0  # nor is it shown
    before = answer(policy, words, vectors).logits
    policy.advice = None
    policy.first.weight.data = policy.first.weight.data[:, : policy.sight.count].contiguous()
    torch.testing.assert_close(answer(policy, words, vectors).logits, before, rtol=1e-4, atol=1e-4)


def test_what_was_searched_is_not_searched_again(positions, monkeypatch):
    words, vectors, castles = positions
    policy = Policy(NetworkConfig.of("tiny", castles=castles, ways=True, belief=True, adviser="strategist"))
    flat, told = words.flatten(0, 1), vectors.flatten(0, 1)
    found = policy.search(policy.sight(flat), told, flat)
    assert found.shape[1] == policy.searches
    now = answer(policy, words, vectors)
    monkeypatch.setattr(Advice, "forward", None)
    kept = answer(policy, words, vectors, found.unflatten(0, words.shape[:2]))
    assert torch.equal(now.logits, kept.logits)


@pytest.mark.parametrize("adviser", ADVISERS)
def test_it_learns_whom_to_trust(positions, adviser):
    words, vectors, castles = positions
    policy = Policy(NetworkConfig.of("tiny", castles=castles, adviser=adviser))
    memory = policy.first_memory(words.shape[1], *words.shape[2:])
    output = policy(words, vectors, memory, torch.zeros(words.shape[:2], dtype=torch.bool))
    output.logits.softmax(-1)[..., 0].sum().backward()
    assert policy.trust.grad.abs() > 1e-4
    assert policy.first.weight.grad[:, policy.sight.count :].abs().max() > 0


def test_it_is_kept_and_grown_and_has_no_onnx_form(tmp_path):
    torch.manual_seed(2)
    plain = Policy(NetworkConfig.of("tiny", ways=True))
    larger = grown(plain, told=("belief",), adviser="strategist")
    assert larger.config.adviser == "strategist"
    assert larger.trust.item() == pytest.approx(TRUST["strategist"])
    save_policy(larger, tmp_path / "it", {})
    again = load_policy(tmp_path / "it").policy
    assert all(torch.equal(one, other) for one, other in zip(larger.parameters(), again.parameters(), strict=True))
    for name, behind in pairwise(("ordered", "belief", "adviser")):
        there = grown(plain, adviser="seeker") if behind == "adviser" else grown(plain, told=(behind,))
        with pytest.raises(ValueError, match=f"the network has {behind}; {name} comes before it"):
            grown(there, told=(name,))
    with pytest.raises(ValueError, match="the network has adviser already"):
        grown(larger, adviser="seeker")
    with pytest.raises(ExportError, match="advised by the strategist"):
        export_onnx(larger)
    with pytest.raises(ValueError, match="network adviser is seeker with seats 1"):
        NetworkConfig.of("tiny", seats=1, adviser="seeker")
    with pytest.raises(ValueError, match='network adviser is "hunter"; accepted: "", seeker, strategist'):
        NetworkConfig.of("tiny", adviser="hunter")
