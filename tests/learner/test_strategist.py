"""Learning to choose among options: advantages between decisions, whole runs in little, and what is written."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from engine.bots import find_bot
from engine.bots.options import OPTIONS
from engine.bots.situation import FACT_COUNT
from engine.rewards import Shaping
from learner.option_games import FIRST_BOT, SEEKER, OptionFragment, OptionGames
from learner.strategist import Chooser, Settings, StrategistRun, advantages_of
from learner.strategist_export import SCALE, weights_module
from stratagem.cli import main

TINY = Settings(seed=3, games=8, turns=80, snapshot_every=1, snapshots=6)


@pytest.fixture
def quick(monkeypatch):
    """Little is imitated."""
    monkeypatch.setattr("learner.strategist.IMITATED", 1)
    monkeypatch.setattr("learner.strategist.IMITATION_STEPS", 5)
    monkeypatch.setattr("learner.strategist.CRITIC_WARM_UP", 1)


def test_advantages_are_the_sums_over_decisions_by_hand():
    reward = np.array([0.0, 0.5, 0.0, 1.0, 0.25], np.float32)[:, None, None] * np.ones((1, 1, 2), np.float32)
    done = np.array([[False], [False], [False], [True], [False]])
    decided = np.array([True, False, True, True, True])[:, None, None] & np.ones((1, 1, 2), np.bool_)
    values = np.array([0.1, 9.0, 0.3, 0.4, 0.5, 0.6], np.float32)[:, None, None] * np.ones((1, 1, 2), np.float32)
    fragment = OptionFragment(np.zeros(0), np.zeros(0), reward, done, np.zeros(0))
    advantages, targets = advantages_of(fragment, values, decided, gamma=0.9, lam=0.8)
    last = 0.25 + 0.9 * 0.6 - 0.5
    fourth = 1.0 - 0.4  # the game ends: nothing after it counts
    third = 0.0 + 0.9 * 0.4 - 0.3 + 0.9 * 0.8 * fourth
    first = 0.0 + 0.9 * 0.5 + 0.81 * 0.3 - 0.1 + 0.81 * 0.8 * third
    np.testing.assert_allclose(advantages[:, 0, 0], [first, 0.0, third, fourth, last], rtol=1e-5)
    np.testing.assert_allclose(targets[:, 0, 1], [first + 0.1, 0.0, third + 0.3, 0.6 + 0.4, last + 0.5], rtol=1e-5)


def test_games_tell_what_was_chosen_and_go_on_by_themselves():
    games = OptionGames("generalsio", "small", 6, 40, 1, 60, Shaping())
    games.players[:, 1] = FIRST_BOT - find_bot("hunter")
    chosen = set()
    ends = 0
    for _ in range(4):
        fragment = games.collect(Chooser().weights())
        assert (fragment.options[..., 1] == -1).all()
        assert fragment.options.max() < len(OPTIONS)
        chosen |= set(fragment.options[..., 0].ravel().tolist())
        ends += int(fragment.done.sum())
        assert (fragment.facts[1:, :, :, 1] == 8).mean() > 0.9
    assert games.players[0, 0] == SEEKER
    assert {OPTIONS.index("march"), OPTIONS.index("gather 28")} <= chosen
    assert ends >= 12


def test_a_run_imitates_plays_others_and_counts_its_wins(quick):
    run = StrategistRun(TINY, 12.0)
    seen = []
    run.train(seen.append)
    assert seen
    assert run.decisions > 0
    assert all(np.isfinite([s.divergence, s.entropy, s.explained]).all() for s in seen)
    assert all(0.0 <= rate <= 1.0 for s in seen for rate in s.win_rates.values())


def test_imitation_makes_the_seeker(monkeypatch):
    monkeypatch.setattr("learner.strategist.IMITATED", 3)
    monkeypatch.setattr("learner.strategist.IMITATION_STEPS", 300)
    run = StrategistRun(Settings(games=64, turns=64), 0.0)
    run.train()
    games = OptionGames("generalsio", "site", 8, 60, 5, 1000, Shaping())
    fragment = games.collect(run.chooser.weights())
    decided = fragment.options >= 0
    with torch.no_grad():
        best = run.chooser(torch.from_numpy(fragment.facts[:-1][decided]).float()).argmax(1).numpy()
    assert (best == fragment.options[decided]).mean() > 0.9


def test_what_was_saved_goes_on_and_another_file_is_refused(quick, tmp_path):
    run = StrategistRun(TINY, 0.0)
    run.save(tmp_path / "it.safetensors")
    other = StrategistRun(Settings(seed=9, games=8, turns=80), 0.0)
    other.start_from(tmp_path / "it.safetensors")
    facts = torch.randint(0, 40, (5, FACT_COUNT)).float()
    assert torch.equal(run.chooser(facts), other.chooser(facts))
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"bad\.safetensors holds no strategist"):
        other.start_from(tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match=r"none\.safetensors holds no strategist"):
        other.start_from(tmp_path / "none.safetensors")


def test_written_weights_are_the_chooser_in_whole_numbers():
    torch.manual_seed(4)
    chooser = Chooser()
    told = {}
    exec(weights_module(chooser, 0.5, "of a test"), told)
    facts = torch.randint(-40, 80, (20, FACT_COUNT)).float()
    facts[:, 0] = torch.arange(20)
    x = facts.numpy() / 16
    hidden = np.maximum(0.0, told["PHASES"][:20] / SCALE + x[:, 1:] @ (told["INPUTS"][1:] / SCALE))
    halvings = told["BIASES"] / SCALE + hidden @ (told["OUTPUTS"] / SCALE)
    with torch.no_grad():
        logits = chooser(facts).numpy()
    np.testing.assert_allclose(halvings * np.log(2) * 0.5, logits, atol=0.02)
    with torch.no_grad():
        chooser.judge.bias.fill_(40.0)
    with pytest.raises(ValueError, match=r"BIASES reach 57\.7; accepted: below 32\.0"):
        weights_module(chooser, 1.0, "of a test")


def test_the_command_writes_its_folder_and_refuses_a_start_that_is_none(quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["strategist", "--minutes", "0.1", "--games", "8", "--name", "it"])
    assert result.exit_code == 0, result.output
    names = {path.name for path in (tmp_path / "runs" / "it").iterdir()}
    assert names == {"strategist.safetensors", "strategist_weights.py", "metrics.jsonl", "learning_curve.png"}
    result = CliRunner().invoke(main, ["strategist", "--start", "nowhere.safetensors"])
    assert result.exit_code == 2
    assert "nowhere.safetensors holds no strategist" in result.output
