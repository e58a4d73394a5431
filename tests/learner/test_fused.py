"""Training on the device, on a CPU's tensors: fragments, updates and their switches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.learner.fused_games import arena, fragment_of, policy
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from engine.advice import MARKS
from learner import advice, belief, ways
from learner.clock import Clock
from learner.fused import FusedPPO, FusedSettings, choose_rows, rows_to_keep
from learner.fused_rollout import FusedRollout
from learner.network import Policy, sample
from learner.network_config import NetworkConfig
from learner.ppo import PPO, Settings, advantages_of
from learner.precision import half_precision

ROOT = Path(__file__).parents[2]
ALL_TOLD = {**dict.fromkeys(("ways", "phases", "ordered", "belief"), True), "adviser": "seeker", "patch": 2}
EXACT = FusedSettings(turns=6, minibatches=2, epochs=1, bf16=False)


def test_a_fragment_played_again_by_the_network_gives_the_probabilities_it_was_drawn_with():
    play, fragment = fragment_of()
    assert fragment.resets.any()
    output = play.network(fragment.words, fragment.vector, fragment.memory, fragment.resets)
    again = output.logits.log_softmax(-1).gather(-1, fragment.actions[..., None])[..., 0]
    torch.testing.assert_close(again, fragment.log_probs, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(output.values, fragment.values[:-1], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(output.memory, play.memory, rtol=1e-3, atol=1e-4)


def test_a_fragment_of_one_game_holds_what_was_seen_before_each_step():
    play, again = FusedRollout(arena(games=1), policy(), 8), arena(games=1)
    fragment = play.collect()
    for turn in range(8):
        assert torch.equal(again.words.flatten(0, 1), fragment.words[turn])
        assert torch.equal(again.vector.flatten(0, 1), fragment.vector[turn])
        again.actions.copy_(fragment.actions[turn].view_as(again.actions))
        again.step()


def test_after_an_end_one_action_is_not_played_and_then_an_episode_begins():
    _, fragment = fragment_of()
    ended = fragment.terminated | fragment.truncated
    assert ended.sum() >= 8
    assert torch.equal(fragment.valid[1:], ~ended[:-1])
    assert torch.equal(fragment.resets[2:], ~fragment.valid[1:-1])
    assert (fragment.vector[..., 0][fragment.resets] == 0).all()


def test_the_actions_kept_are_those_played():
    """The engine, given the fragment's actions, earns the fragment's rewards."""
    play = FusedRollout(arena(), policy(), 20)
    fragment = play.collect()
    again = arena()
    for turn in range(20):
        assert torch.equal(again.words.flatten(0, 1), fragment.words[turn])
        again.actions.copy_(fragment.actions[turn].view_as(again.actions))
        again.step()
        assert torch.equal(again.reward.flatten(), fragment.rewards[turn])
    played = fragment.terminated[:, ::2] | fragment.truncated[:, ::2]
    outcomes = play.outcomes()
    assert outcomes.episodes == int(played.sum()) > 0
    assert outcomes.turns == 9 * outcomes.episodes
    assert play.outcomes().episodes == 0


class HostCopies(TorchFunctionMode):
    """Notes what would be copied from the host, single numbers aside: a CUDA graph refuses it, which captures a turn.

    Indexing by a list and torch.tensor do it unseen; other operations where one of their tensors lies there.
    """

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_function__(self, function, types, arguments=(), options=None):
        answer = function(*arguments, **(options or {}))
        inputs = [part for part in tree_leaves((arguments, options)) if isinstance(part, torch.Tensor)]
        outputs = [part for part in tree_leaves(answer) if isinstance(part, torch.Tensor)]
        if function in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            index = arguments[1] if isinstance(arguments[1], tuple) else (arguments[1],)
            copies = any(isinstance(part, list | np.ndarray) for part in index)
        else:
            copies = function in (torch.tensor, torch.as_tensor, torch.from_numpy)
        copies |= any(part.device.type == "cpu" and part.dim() for part in inputs)
        if copies and any(part.device.type == "meta" for part in outputs + inputs):
            self.found.append(getattr(function, "__name__", str(function)))
        return answer


@pytest.mark.parametrize(
    "options", [{}, {"value_bins": 8, "castles": True}, {"levels": 1, "level_blocks": 1}, ALL_TOLD]
)
def test_a_turn_copies_nothing_from_the_host(options, monkeypatch):
    """On torch's device without memory, where reading a number fails as well."""

    def found(board, count):
        return board.new_empty((len(board), *board.shape[2:], count)).permute(0, 3, 1, 2)

    def searched(board, armies, ordered, likely):
        maps = found(board, 12)
        return ways.Survey(*maps[:, :4].unbind(1), maps[:, 4:10:2], maps[:, 5:10:2], maps[:, 10:])

    monkeypatch.setattr(ways, "has_kernels", lambda board: True)
    monkeypatch.setattr(ways, "survey_compiled", searched)
    monkeypatch.setattr(belief, "believe_compiled", lambda board, told: belief.Whereabouts(*found(board, 2).unbind(1)))
    marks = {"dtype": torch.float32}
    monkeypatch.setattr(advice, "advise", lambda _, words, *__: words.new_empty((*words.shape, MARKS), **marks))
    network = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, **options)).to("meta")
    words, vector = (torch.zeros(1, 6, *shape, dtype=torch.int32, device="meta") for shape in ((5, 6), (7,)))
    resets = torch.zeros(1, 6, dtype=torch.bool, device="meta")
    with torch.no_grad(), HostCopies() as copies:
        answer = network(words, vector, network.first_memory(6, 5, 6), resets)
        sample(answer.logits[0].float()).to(torch.int32)
    assert copies.found == []


@pytest.mark.parametrize("rivals", [0, 2])
def test_what_was_searched_is_kept_for_the_update(rivals, monkeypatch):
    torch.manual_seed(0)
    network = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, **ALL_TOLD))
    rival = Policy(network.config) if rivals else None
    play = FusedRollout(arena(), network, 6, rival=rival, rival_games=rivals)
    fragment = play.collect()
    words, vector = fragment.words.flatten(0, 1), fragment.vector.flatten(0, 1)
    assert torch.equal(fragment.searched.flatten(0, 1), network.search(network.sight(words), vector, words))
    arguments = fragment.words, fragment.vector, fragment.memory, fragment.resets
    expected = network(*arguments).logits
    monkeypatch.setattr(Policy, "search", None)  # from here on nobody searches
    torch.testing.assert_close(network(*arguments, fragment.searched).logits, expected)
    FusedPPO(network, EXACT, 1, Clock()).update(choose_rows(fragment, play.learning), 0.0)


def test_moments_are_kept_as_their_weights_lie():
    """Which the fused optimizer of a GPU asks for."""
    torch.manual_seed(0)
    network = Policy(NetworkConfig(channels=8, blocks=1, memory=4, hidden=8, levels=1, level_blocks=1))
    learner = FusedPPO(network, EXACT, 1, Clock())
    kept = {name: tensor.contiguous() for name, tensor in learner.tensors().items()}
    learner.load_tensors(kept)  # of a run that was stopped before it learned
    assert all(not state for state in learner.optimizer.state.values())
    rollout = FusedRollout(arena(), network, 6)
    learner.update(rollout.collect(), 0.0)
    kept = {name: tensor.contiguous() for name, tensor in learner.tensors().items()}
    assert not all(tensor.is_contiguous() for tensor in learner.tensors().values())
    learner.load_tensors(kept)
    for parameter, state in learner.optimizer.state.items():
        assert state["exp_avg"].stride() == state["exp_avg_sq"].stride() == parameter.stride()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in learner.tensors().items())


def test_values_are_not_rounded_to_bfloat16():
    network = policy()
    fragment = FusedRollout(arena(), network, 4).collect()
    with half_precision(torch.device("cpu"), True):
        values = network(fragment.words, fragment.vector, fragment.memory, fragment.resets).values
    assert values.dtype == torch.float32
    assert (values != values.to(torch.bfloat16)).any()


def test_one_step_is_that_of_ppo():
    _, fragment = fragment_of()
    ways = []
    for kind, settings in ((PPO, Settings(turns=6, minibatches=2, epochs=1)), (FusedPPO, EXACT)):
        learner = kind(policy(), settings, 0, Clock())
        notes = learner.update(fragment, 0.0)
        ways.append((notes, [weight.detach().clone() for weight in learner.policy.parameters()]))
    (notes, weights), (fused_notes, fused_weights) = ways
    assert fused_notes == pytest.approx(notes, rel=1e-3, abs=1e-5)
    for weight, fused in zip(weights, fused_weights, strict=True):
        torch.testing.assert_close(weight, fused, rtol=1e-3, atol=1e-5)


def test_gradients_gathered_in_parts_are_those_of_the_whole():
    _, fragment = fragment_of()
    gradients = []
    for rows_at_once in (3, 512):
        settings = FusedSettings(turns=6, minibatches=1, epochs=1, bf16=False, rows_at_once=rows_at_once)
        learner = FusedPPO(policy(), settings, 0, Clock())
        everything = torch.arange(fragment.words.shape[1])
        learner._step(fragment, everything, fragment.rewards, fragment.rewards, 0.01)
        gradients.append([weight.grad.clone() for weight in learner.policy.parameters()])
    for part, whole in zip(*gradients, strict=True):
        torch.testing.assert_close(part, whole, rtol=1e-3, atol=1e-6)


def test_top_advantage_filtering_keeps_the_rows_where_most_was_unexpected():
    advantages = torch.tensor([[0.1, -3.0, 0.0, 9.0], [0.1, 1.0, 0.5, 9.0]])
    valid = torch.tensor([[True, True, True, False], [True, True, True, False]])
    assert sorted(rows_to_keep(advantages, valid, 0.5).tolist()) == [1, 2]
    assert rows_to_keep(advantages, valid, 0.01).tolist() == [1]


def test_chosen_rows_are_the_fragments_own():
    _, fragment = fragment_of()
    rows = torch.tensor([7, 2])
    part = choose_rows(fragment, rows)
    assert part.memory.shape[0] == part.words.shape[1] == part.values.shape[1] == 2
    assert torch.equal(part.words[:, 0], fragment.words[:, 7])
    assert torch.equal(part.memory[1], fragment.memory[2])


def test_with_filtering_only_the_kept_rows_are_learned_from(monkeypatch):
    _, fragment = fragment_of()
    learner = FusedPPO(policy(), FusedSettings(turns=6, minibatches=1, epochs=1, bf16=False, keep=0.3), 0, Clock())
    seen = []
    step = learner._step
    monkeypatch.setattr(learner, "_step", lambda part, rows, *rest: seen.append(part) or step(part, rows, *rest))
    learner.update(fragment, 0.0)
    advantages = advantages_of(
        fragment.rewards, fragment.values, fragment.terminated, fragment.truncated, EXACT.gamma, EXACT.lam
    )
    (part,) = seen
    assert torch.equal(part.words, fragment.words[:, rows_to_keep(advantages, fragment.valid, 0.3)])
    assert part.words.shape[1] == 3  # of ten rows


def test_the_average_of_the_weights_follows_them_slowly():
    _, fragment = fragment_of()
    learner = FusedPPO(policy(), FusedSettings(turns=6, minibatches=2, epochs=1, bf16=False, ema=0.9), 0, Clock())
    expected = None
    weights = []
    learner.optimizer.register_step_post_hook(lambda *_: weights.append(learner.policy.value.weight.detach().clone()))
    learner.update(fragment, 0.0)
    learner.update(fragment, 0.0)
    for weight in weights:  # the first step is taken as it is
        expected = weight if expected is None else 0.9 * expected + 0.1 * weight
    assert len(weights) == 4
    torch.testing.assert_close(learner.best.value.weight, expected)
    assert not torch.equal(learner.best.value.weight, learner.policy.value.weight)
    assert FusedPPO(policy(), EXACT, 0, Clock()).best.value.weight.shape == expected.shape


def test_histograms_of_values_learn_what_they_are_told():
    _, fragment = fragment_of()
    fragment = fragment._replace(rewards=torch.zeros_like(fragment.rewards), values=torch.zeros_like(fragment.values))
    fragment.rewards[-1] = 0.8
    learner = FusedPPO(policy(value_bins=32), FusedSettings(turns=6, bf16=False, lam=1.0, gamma=1.0), 0, Clock())
    first = learner.update(fragment, 0.0)["value"]
    for _ in range(7):
        last = learner.update(fragment, 0.0)["value"]
    assert last < 0.8 * first


def test_in_bfloat16_the_network_answers_much_the_same_and_learns():
    play, fragment = fragment_of()
    arguments = (fragment.words, fragment.vector, fragment.memory, fragment.resets)
    exact = play.network(*arguments)
    with half_precision(torch.device("cpu"), True):
        rough = play.network(*arguments)
    assert rough.memory.dtype == torch.float32
    torch.testing.assert_close(rough.values.float(), exact.values, atol=0.05, rtol=0.1)
    notes = FusedPPO(policy(), FusedSettings(turns=6), 0, Clock()).update(fragment, 0.0)
    assert all(np.isfinite(value) for value in notes.values())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"keep": 0.0}, "keep is 0.0"),
        ({"ema": 1.0}, "ema is 1.0"),
        ({"rows_at_once": 0}, "rows_at_once is 0"),
        ({"learning_rate": 0.1}, "learning_rate is 0.1; accepted: 0 to 0.005"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"entropy": -0.1}, "entropy is -0.1"),
        ({"entropy": float("nan")}, "entropy is nan"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        FusedSettings(**wrong)


def test_a_rival_plays_its_seats_and_nothing_is_learned_from_them():
    """A rival that always passes: its seats' games stand still, and their rows are not valid."""
    rival = policy()
    with torch.no_grad():
        rival.rest.bias += 100.0
    play = FusedRollout(arena(games=6, limit=30), policy(), 25, rival=rival, rival_games=4)
    fragment = play.collect()
    assert play.rival_rows.tolist() == [4, 7, 8, 11]
    assert not fragment.valid[:, play.rival_rows].any()
    others = [row for row in range(12) if row not in play.rival_rows]
    assert fragment.valid[:, others].all()
    seen = fragment.vector[-1].view(12, -1)
    land = seen[:, 1]  # of the row's own seat
    assert (land[play.rival_rows] == 1).all()
    assert (land[others] > 1).any()


def test_a_rival_of_the_same_weights_is_told_what_the_learner_would_be():
    """With the learner's weights a rival answers from a memory of its own as the learner would from its."""
    play = FusedRollout(arena(), policy(), 20, rival=policy(), rival_games=5)
    play.collect()
    torch.testing.assert_close(play.rival_memory, play.memory[play.rival_rows], rtol=1e-3, atol=1e-4)
    outcomes = play.outcomes()
    assert outcomes.rival_episodes == outcomes.episodes > 0
    play.seat_rival(policy(value_bins=0).state_dict())
    assert not play.rival_memory.any()


def test_a_bot_plays_its_seats_and_nothing_is_learned_from_them():
    """The bot's actions are those it would have chosen; a rival beside it has games of its own."""
    play = FusedRollout(
        arena(games=6, limit=30), policy(), 5, rival=policy(), rival_games=2, bot="expander", bot_games=3
    )
    assert play.learning.tolist() == [1, 2, 5, 6, 7, 9, 10]  # all but the bot's 0, 3, 4 and the rival's 8, 11
    for _ in range(20):
        wanted = play.arena.batch.bot_actions("expander").reshape(-1)
        play.slot.zero_()
        play._turn()
        assert play.arena.actions.flatten()[[0, 3, 4]].tolist() == wanted[[0, 3, 4]].tolist()
    valid = play.fragment.valid[0]
    assert valid[play.learning].all()
    assert valid.sum() == len(play.learning)


def test_games_against_a_bot_are_counted():
    play = FusedRollout(arena(games=8, limit=200), policy(), 4, bot="random", bot_games=6)
    episodes = wins = losses = 0
    for _ in range(400):
        play.slot.zero_()
        play._turn()
        for game in range(6):
            if play.arena.terminated[game]:
                wins += int(play.arena.winner[game]) == 1 - game % 2
                losses += int(play.arena.winner[game]) == game % 2
            episodes += bool(play.arena.terminated[game] | play.arena.truncated[game])
    outcomes = play.outcomes()
    assert (outcomes.bot_episodes, outcomes.bot_wins) == (episodes, wins)
    assert wins > 0
    assert losses > 0


def test_on_the_simulated_gpu_a_fragment_is_the_cpus():
    """The arena shares the CUDA batch's memory, in numba's simulator."""
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    switches = {
        "STRATAGEM_PLAIN": "",
        "NUMBA_ENABLE_CUDASIM": "1",
        "NUMBA_DISABLE_JIT": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.learner.fused_simulated"],
        cwd=ROOT,
        env=os.environ | switches,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == {"resident": True, "same": True, "episodes": found["episodes"]}
    assert found["episodes"] >= 3
