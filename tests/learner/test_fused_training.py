"""Runs of training on the device, on a CPU's tensors: begun, stopped, gone on with."""

import json
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from tests.learner.fused_games import BOARD, NETWORK, policy

from engine.rewards import Shaping
from engine.rulesets import RULESETS
from learner.fused import FusedSettings
from learner.fused_training import FusedPlan, FusedTraining
from learner.snapshot import SnapshotError, load_checkpoint, load_policy, save_policy
from stratagem.cli import main


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
    with pytest.raises(SnapshotError, match=r"other settings: near is 2, now 3$"):
        FusedTraining(plan(near=3), tmp_path)


def test_iterations_after_the_checkpoint_are_told_once(tmp_path):
    killed = FusedTraining(plan(), tmp_path)
    killed.iterate()
    killed.save()
    killed.iterate()
    with killed.metrics.open("a") as file:
        file.write('{"iteration": 3, "sec')
    again = FusedTraining(plan(), tmp_path)
    again.iterate()
    assert [json.loads(line)["iteration"] for line in again.metrics.read_text().splitlines()] == [1, 2]


def test_a_network_is_compiled_before_time_counts(tmp_path, monkeypatch):
    compiled = []

    def by_graph(graph, inputs):
        compiled.append(graph)
        return graph.forward

    compile_network = torch.compile
    monkeypatch.setattr(torch, "compile", lambda policy: compile_network(policy, backend=by_graph))
    settings = replace(plan().settings, compiled=True)
    wanted = FusedTraining(plan(), tmp_path / "plain").iterate()
    run = FusedTraining(replace(plan(), settings=settings), tmp_path / "compiled")
    before = len(compiled)
    assert before
    assert run.progress.seconds == 0.0
    found = run.iterate()
    assert len(compiled) == before
    for name in ("policy", "value", "entropy", "explained", "grad_norm"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-4), name


def test_one_turn_of_one_game_may_have_nothing_to_learn_from(tmp_path):
    short = replace(plan().settings, turns=1)
    run = FusedTraining(replace(plan(max_turns=3), settings=short, games=1), tmp_path)
    lines = [run.iterate() for _ in range(8)]
    assert any(line["episodes"] for line in lines)
    assert all(torch.isfinite(weight).all() for weight in run.policy.parameters())


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
