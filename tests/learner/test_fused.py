"""Training on the device, on a CPU's tensors: fragments, updates and their switches."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from engine.batch import GameBatch
from engine.map_specs import MapSpec
from engine.rewards import Shaping
from engine.rulesets import RULESETS
from learner.arena import Arena
from learner.clock import Clock
from learner.fused import FusedPPO, FusedSettings, choose_rows, rows_to_keep
from learner.fused_rollout import FusedRollout, half_precision
from learner.fused_training import FusedPlan, FusedTraining
from learner.network import NetworkConfig, Policy
from learner.ppo import PPO, Settings, advantages_of
from learner.snapshot import SnapshotError, load_checkpoint, load_policy, save_policy
from stratagem.cli import main

ROOT = Path(__file__).parents[2]
BOARD = MapSpec.plain(4, 4, mountains=0.0, cities=0)
NETWORK = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8)
EXACT = FusedSettings(turns=6, minibatches=2, epochs=1, bf16=False)


def arena(games=5, limit=9, seed=3):
    ruleset = RULESETS["generalsio"].vary(turn_limit=limit)
    return Arena(GameBatch(ruleset, games, seed, board=BOARD, autoreset="next", shaping=Shaping()))


def policy(**options):
    torch.manual_seed(0)
    return Policy(NetworkConfig(**{**NETWORK.__dict__, **options}))


def fragment_of(turns=20, **options):
    play = FusedRollout(arena(**options), policy(), turns)
    play.collect()
    return play, play.collect()


def test_a_fragment_played_again_by_the_network_gives_the_probabilities_it_was_drawn_with():
    play, fragment = fragment_of()
    assert fragment.resets.any()
    output = play.network(fragment.words, fragment.vector, fragment.memory, fragment.resets)
    again = output.logits.log_softmax(-1).gather(-1, fragment.actions[..., None])[..., 0]
    torch.testing.assert_close(again, fragment.log_probs, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(output.values, fragment.values[:-1], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(output.memory, play.memory, rtol=1e-3, atol=1e-4)


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


def plan(seconds=1e9, **options):
    settings = FusedSettings(turns=4, minibatches=2, ema=0.9, bf16=False)
    return FusedPlan(
        "test",
        1,
        RULESETS["generalsio"],
        BOARD,
        NETWORK,
        settings,
        Shaping(),
        seconds,
        games=4,
        device="cpu",
        **options,
    )


def test_a_run_goes_on_where_it_stopped(tmp_path):
    lines = []
    first = FusedTraining(plan(near=2), tmp_path)
    assert first.maps.apart_most == 2
    first.run(lambda: len(lines) >= 2, lines.append)
    assert [line["iteration"] for line in lines] == [1, 2]
    assert lines[1]["env_steps"] == 2 * 4 * 4
    again = FusedTraining(plan(near=2), tmp_path)
    assert again.progress.iterations == 2
    assert again.progress.sittings == 2
    for name, weight in first.ppo.best.state_dict().items():
        assert torch.equal(weight, again.ppo.best.state_dict()[name])
    assert torch.equal(first.policy.value.weight, again.policy.value.weight)
    published = load_policy(tmp_path / "policy").policy
    assert torch.equal(published.value.weight, first.ppo.best.value.weight)
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2
    with pytest.raises(SnapshotError, match="other settings"):
        FusedTraining(plan(near=3), tmp_path)


def test_a_run_begins_from_a_policy_and_goes_on_from_its_own(tmp_path):
    start = policy()
    save_policy(start, tmp_path / "start", {})
    begun = plan(start=str(tmp_path / "start"))
    run = FusedTraining(begun, tmp_path / "run")
    for network in (run.policy, run.ppo.best):
        for name, weight in start.state_dict().items():
            assert torch.equal(weight, network.state_dict()[name])
    run.run(lambda: run.progress.iterations >= 1, lambda line: None)
    assert not torch.equal(run.policy.value.weight, start.value.weight)
    assert torch.equal(FusedTraining(begun, tmp_path / "run").policy.value.weight, run.policy.value.weight)
    save_policy(policy(channels=4), tmp_path / "other", {})
    with pytest.raises(ValueError, match="accepted: NetworkConfig"):
        FusedTraining(plan(start=str(tmp_path / "other")), tmp_path / "another")


def test_the_command_begins_from_a_policy_that_is_shown_ways(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_policy(policy(ways=True), tmp_path / "start", {})
    arguments = ["train", "--device", "cpu", "--board", "small", "--games", "2", "--turns", "4", "--float32"]
    meeting = ["--bots", "0.5", "--bot", "expander", "--scatter", "20", "--rate", "3e-4", "--gamma", "0.997"]
    result = CliRunner().invoke(main, [*arguments, *meeting, "--minutes", "0.01", "--start", "start"])
    assert result.exit_code == 0, result.output
    assert "beat the bot 0 of 0" in result.output
    assert load_policy(tmp_path / "runs" / "train" / "policy").policy.config == replace(NETWORK, ways=True)
    for wrong, message in (
        (["--start", "nowhere"], "nowhere"),
        (["--start", "start", "--ruleset", "competition", "--name", "b"], "start is of rules without castles"),
        (["--bots", "2", "--name", "b"], "bots is 2.0; accepted: 0 to 1"),
        (["--rate", "1", "--name", "b"], "learning_rate is 1.0"),
    ):
        result = CliRunner().invoke(main, [*arguments, *wrong])
        assert result.exit_code == 1
        assert message in result.output


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


def test_a_run_meets_its_older_snapshots_and_goes_on(tmp_path):
    lines = []
    first = FusedTraining(plan(pool=0.5), tmp_path)
    first.run(lambda: len(lines) >= 3, lines.append)
    assert [member.steps for member in first.pool.members] == [0, lines[-1]["env_steps"]]
    assert all(0.0 <= line["rival_wins"] <= 1.0 for line in lines)
    torch.testing.assert_close(first.rollout.rival.state_dict(), first.pool.members[0].policy.state_dict())
    again = FusedTraining(plan(pool=0.5), tmp_path)
    assert len(again.pool.members) == 2
    with pytest.raises(ValueError, match=r"pool is 1.5; accepted: 0 to 1"):
        plan(pool=1.5)


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


def test_a_run_meets_a_bot_and_learns_from_its_own_seats(tmp_path):
    lines = []
    run = FusedTraining(plan(bots=0.5, pool=0.5, bot="random"), tmp_path)
    learned = []
    update = run.ppo.update
    run.ppo.update = lambda fragment, done: learned.append(fragment) or update(fragment, done)
    run.run(lambda: len(lines) >= 3, lines.append)
    assert all(fragment.words.shape[1] == 4 for fragment in learned)
    assert all(fragment.valid.any(0).all() for fragment in learned)
    assert all(0 <= line["bot_wins"] <= line["bot_episodes"] for line in lines)
    assert run.progress.player_turns == 3 * 4 * 4
    assert lines[-1]["env_steps"] == 3 * 4 * 4
    assert "bots" not in plan().identity()
    with pytest.raises(SnapshotError, match="other settings"):
        FusedTraining(plan(bots=0.25, pool=0.5, bot="random"), tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bots": 1.5}, r"bots is 1.5; accepted: 0 to 1,"),
        ({"bots": 0.6, "pool": 0.5}, r"bots is 0.6; accepted: 0 to 0.5,"),
        ({"bot": "nobody"}, "nobody"),
    ],
)
def test_bots_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        plan(**wrong)


def test_scattered_games_stand_at_many_turns(tmp_path):
    """Each has been played for another while by the hunter; those that ended meanwhile begin anew."""
    play = FusedTraining(plan(scatter=40), tmp_path).rollout
    turns = play.arena.vector[:, 0, 0]
    assert len(set(turns.tolist())) > 2
    assert (turns < 40).all()
    land = play.arena.vector[:, :, 1]
    assert (land > 1).any()
    play.collect()
    assert play.fragment.valid.any(0).all()


@pytest.fixture
def ticking(monkeypatch):
    """Every look at the clock is half a second later, so that all runs take the same time."""
    now = [0.0]

    def tick():
        now[0] += 0.5
        return now[0]

    monkeypatch.setattr("learner.fused_training.time.perf_counter", tick)


def test_a_run_goes_on_bit_for_bit_where_games_are_kept(tmp_path, ticking):
    def run(folder, iterations):
        training = FusedTraining(plan(exact=True, pool=0.5, near=2), tmp_path / folder)
        lines = []
        training.run(lambda: len(lines) >= iterations, lines.append)
        return training, lines

    whole, lines = run("whole", 6)
    run("parts", 2)
    _, later = run("parts", 1)
    parts, last = run("parts", 3)
    assert parts.progress.sittings == 3
    for line, again in zip(lines[2:], later + last, strict=True):
        del line["player_turns_per_second"], again["player_turns_per_second"]
        assert line == again
    tensors = whole.ppo.tensors()
    for name, tensor in parts.ppo.tensors().items():
        assert torch.equal(tensor, tensors[name]), name
    assert torch.equal(whole.rollout.arena.games, parts.rollout.arena.games)


def test_games_of_another_moment_are_not_taken_up(tmp_path):
    def run():
        lines = []
        training = FusedTraining(plan(exact=True), tmp_path)
        games = training.rollout.arena.games.clone()
        training.run(lambda: len(lines) >= 1, lines.append)
        return games

    run()
    older = (tmp_path / "play-0.safetensors").read_bytes()
    kept = load_checkpoint(tmp_path / "play-0.safetensors")[0]["games"]
    assert torch.equal(run(), kept)
    (tmp_path / "play-0.safetensors").write_bytes(older)
    assert not torch.equal(run(), kept)
    (tmp_path / "play-0.safetensors").write_bytes(b"damaged")
    run()


def test_a_run_past_its_curriculum_draws_the_boards_own_maps(tmp_path):
    run = FusedTraining(plan(seconds=10.0, near=2), tmp_path)
    run.progress.seconds = 6.0
    run.iterate()
    assert run.maps == run.rollout.arena.batch.map_spec == BOARD


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
