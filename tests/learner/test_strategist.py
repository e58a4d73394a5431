"""Learning to choose among moves: advantages between decisions, whole runs in little, and what is written."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from engine.board import ENEMY, RELATION_SHIFT, VISIBLE
from engine.bots import find_bot, strategist_weights
from engine.bots.moves import FEATURES, SEEKERS, YES, most_moves
from engine.bots.situation import FACT_COUNT
from engine.bots.told import NEVER
from engine.bots.whereabouts import CERTAIN
from engine.rewards import Shaping
from learner import move_games
from learner.decisions import advantages_of
from learner.move_games import AWAITING, FIRST_BOT, GUESSED, LEARNER, NONE, SEEKER, UNTOLD, MoveFragment, MoveGames
from learner.scout import Scout, save_scout
from learner.strategist import LEAST_BONUS, MOST_BONUS, Settings, StrategistRun
from learner.strategist_export import SCALE, quantised, weights_module
from learner.strategist_network import Chooser
from stratagem.cli import main

SURE = FACT_COUNT - 8  # the fact of how sure the goal is
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
    nothing = [np.zeros(0)] * 6
    fragment = MoveFragment(*nothing, reward, done, np.zeros(0))
    advantages, targets = advantages_of(fragment, values, decided, gamma=0.9, lam=0.8)
    last = 0.25 + 0.9 * 0.6 - 0.5
    fourth = 1.0 - 0.4  # the game ends: nothing after it counts
    third = 0.0 + 0.9 * 0.4 - 0.3 + 0.9 * 0.8 * fourth
    first = 0.0 + 0.9 * 0.5 + 0.81 * 0.3 - 0.1 + 0.81 * 0.8 * third
    np.testing.assert_allclose(advantages[:, 0, 0], [first, 0.0, third, fourth, last], rtol=1e-5)
    np.testing.assert_allclose(targets[:, 0, 1], [first + 0.1, 0.0, third + 0.3, 0.6 + 0.4, last + 0.5], rtol=1e-5)


def test_games_tell_what_was_chosen_among_and_go_on_by_themselves():
    games = MoveGames("generalsio", "small", 6, 40, 1, 60, Shaping())
    games.players[:, 1] = FIRST_BOT - find_bot("hunter")
    ends = 0
    for round_ in range(4):
        games.players[:3, 0] = 0 if round_ == 3 else SEEKER
        fragment = games.collect(Chooser().weights())
        decided = fragment.chosen[..., 0] != NONE
        assert (fragment.chosen[..., 1] == NONE).all()
        assert decided.sum() > 20
        assert (fragment.chosen < np.maximum(fragment.among, 1)).all()
        own = fragment.features[fragment.first[..., 0][decided] + fragment.seekers[..., 0][decided]]
        assert ((own[:, SEEKERS] == YES) | (own[:, 0] == YES)).all()
        assert len(fragment.features) == fragment.among.sum()
        is_seekers = fragment.chosen[..., 0] == fragment.seekers[..., 0]
        assert is_seekers[:, 3:].all()
        assert is_seekers.all() == (round_ < 3)  # the network that has learned nothing chooses otherwise
        ends += int(fragment.done.sum())
        assert (fragment.facts[1:, :, :, 1] == 8).mean() > 0.9
    assert ends >= 12


def test_seats_that_are_told_go_by_guesses_and_by_what_they_have_noted(monkeypatch):
    monkeypatch.setattr("learner.move_games.GUESS_EVERY", 8)
    asked = []

    def guess(words, vector, first, last, points):
        now = vector[:, :1, None]
        enemy = (words & VISIBLE != 0) & ((words >> RELATION_SHIFT) & 3 == ENEMY)
        assert (last[enemy] == np.broadcast_to(now, last.shape)[enemy]).all()
        assert ((first > 0) == (last > 0)).all()
        assert (first <= last).all()
        assert (last <= now).all()
        found = points.reshape(len(points), -1).copy()
        maybe = np.argmax(found, 1)
        found[:] = NEVER
        found[np.arange(len(found)), maybe] = 0  # sure of one place, as tables never are
        asked.append((len(found), int((last > 0).sum()), int((last[~enemy] > 0).sum())))
        return found

    games = MoveGames("generalsio", "site", 24, 32, 1, 90, Shaping(), guess)
    games.players[:] = SEEKER
    games.players[:, 0] = LEARNER
    games.told[::2, 0] = AWAITING
    weights = Chooser().weights()
    ends = certain = 0
    for _ in range(6):
        fragment = games.collect(weights)
        ends += int(fragment.done.sum())
        sure = fragment.facts[..., SURE]
        assert (sure[:, ::2, 1] < CERTAIN).mean() > 0.8
        assert (games.told[:, 1] == UNTOLD).all()
        assert (games.told[1::2] == UNTOLD).all()
        if ends == 0 and (games.told[::2, 0] == GUESSED).all():
            met = fragment.facts[-1, ::2, 0]
            assert (met[:, SURE] == CERTAIN).mean() > 0.7  # unless the place has come into sight since
            assert (fragment.facts[-1, 1::2, 0, SURE] == CERTAIN).mean() < 0.5
            certain += 1
    assert ends >= 24
    assert certain > 0
    calls, seen, in_fog = (sum(column) for column in zip(*asked, strict=True))
    assert calls > 50
    assert seen > in_fog > 0


def test_without_room_a_move_is_played_and_not_kept(monkeypatch):
    monkeypatch.setattr("learner.move_games.MOVES_KEPT", 0)
    games = MoveGames("generalsio", "small", 64, 60, 1, 200, Shaping())
    fragment = games.collect(Chooser().weights())
    assert fragment.among.max() > 10
    room = most_moves(games.batch.tiles)
    assert len(fragment.features) <= 32 * room
    assert (fragment.chosen == NONE).mean() > 0.3
    assert fragment.facts[-1, :, :, 5].mean() > 16  # land grows as it does elsewhere


def test_a_run_imitates_plays_others_and_counts_its_wins(quick):
    run = StrategistRun(TINY, 12.0)
    seen = []
    run.train(seen.append)
    assert seen
    assert run.decisions > 0
    assert all(np.isfinite([s.divergence, s.entropy, s.explained]).all() for s in seen)
    assert all(0.0 <= rate <= 1.0 for s in seen for rate in s.win_rates.values())


def test_what_is_learned_is_the_mean_of_the_latest_weights(quick, monkeypatch):
    monkeypatch.setattr("learner.strategist.WINDOW", 2)
    run = StrategistRun(TINY, 0.0)
    run.train()  # imitates alone
    begun = run.chooser.moves.detach().clone()
    assert torch.equal(run.learned.moves, begun)
    means = []
    for _ in range(4):
        with torch.no_grad():
            run.chooser.moves.add_(4.0)
        run._average()
        means.append(float((run.learned.moves.detach() - begun).mean()))
    assert means == pytest.approx([4.0, 6.0, 9.0, 12.5], rel=1e-5)  # from the third on half the mean, half the latest


def test_the_bonus_follows_the_entropy_that_is_wanted():
    run = StrategistRun(TINY, 0.0)
    for entropy, bound in ((0.0, MOST_BONUS), (9.0, LEAST_BONUS)):
        for _ in range(200):
            run._adapt(1e-3, 0.002, entropy, 0.5)
        assert run._bonus == pytest.approx(bound)
    wanted = (TINY.entropy + TINY.last_entropy) / 2
    run._adapt(1e-3, 0.002, wanted - 0.01, 0.5)
    assert run._bonus > LEAST_BONUS


def test_the_command_lets_half_of_the_seats_learn_by_the_scouts_guesses(tmp_path, monkeypatch):
    told = []

    def stop(run, tell):
        run._pool.append(run.chooser.weights())
        for games in run._games:
            run._seat(games, np.ones(len(games.players), np.bool_))
        told.append(np.mean([games.told != UNTOLD for games in run._games]))
        told.append(all(games._guesser is not None for games in run._games))
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("learner.strategist.StrategistRun.train", stop)
    for more in ([], ["--scout"]):
        assert CliRunner().invoke(main, ["strategist", "--games", "400", *more]).exit_code == 130
    untold, _, half, are_guessing = told
    assert untold == 0
    assert 0.4 < half < 0.6
    assert are_guessing


def test_the_command_learns_as_it_is_told(tmp_path, monkeypatch):
    seen = []

    def stop(run, tell):
        seen.append(run.settings)
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("learner.strategist.StrategistRun.train", stop)
    told = ["--seed", "4", "--games", "8", "--turns", "64", "--lam", "0.98", "--rate", "3e-4"]
    for arguments in ([], told):
        assert CliRunner().invoke(main, ["strategist", *arguments]).exit_code == 130
    assert seen == [Settings(), Settings(seed=4, games=8, turns=64, lam=0.98, rate=3e-4)]


def test_the_command_guesses_by_a_scout_that_was_taught_here(tmp_path, monkeypatch):
    asked = []

    def stop(run, tell):
        guesser = run._games[0]._guesser
        words, notes = np.zeros((1, 8, 8), np.int32), np.zeros((1, 8, 8), np.int16)
        asked.append(guesser(words, np.array([[60, 9, 20, 0, 9, 20, 0]], np.int32), notes, notes, words))
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("learner.strategist.StrategistRun.train", stop)
    silent = Scout()
    save_scout(silent, tmp_path / "mine.safetensors")
    for more in (["--weights", "mine.safetensors"], []):
        assert CliRunner().invoke(main, ["strategist", "--games", "8", "--scout", *more]).exit_code == 130
    mine, box = asked
    assert np.ptp(mine) == 0  # the one that has learned nothing says nothing
    assert np.ptp(box) > 0
    for arguments, told in (
        (["--weights", "mine.safetensors"], "--weights goes with --scout"),
        (["--scout", "--weights", "none.safetensors"], "none.safetensors"),
    ):
        refused = CliRunner().invoke(main, ["strategist", "--name", "refused", *arguments])
        assert refused.exit_code == 2
        assert told in refused.output
    assert not (tmp_path / "runs" / "refused").exists()


def test_imitation_makes_the_seeker(monkeypatch):
    monkeypatch.setattr("learner.strategist.IMITATED", 4)
    monkeypatch.setattr("learner.strategist.IMITATION_STEPS", 400)
    run = StrategistRun(Settings(games=64, turns=64), 0.0)
    run.train()
    games = MoveGames("generalsio", "site", 16, 90, 5, 1000, Shaping())
    games.players[:] = 0
    fragment = games.collect(run.chooser.weights())
    decided = fragment.chosen != NONE
    agreed = (fragment.chosen == fragment.seekers)[decided].mean()
    assert 0.7 < agreed < 1.0
    with torch.no_grad():  # as they are drawn, so are they scored
        most = []
        for t, g, s in zip(*np.nonzero(decided), strict=True):
            first, among = fragment.first[t, g, s], fragment.among[t, g, s]
            own = torch.from_numpy(fragment.features[first : first + among]).float()
            scores = run.chooser(torch.from_numpy(fragment.facts[t, g, s]).float(), own)
            most.append(float(torch.softmax(scores, 0)[fragment.seekers[t, g, s]]))
    assert np.mean(most) == pytest.approx(agreed, abs=0.05)


def test_what_was_saved_goes_on_and_another_file_is_refused(quick, tmp_path):
    run = StrategistRun(TINY, 0.0)
    run.save(tmp_path / "it.safetensors")
    other = StrategistRun(Settings(seed=9, games=8, turns=80), 0.0)
    other.start_from(tmp_path / "it.safetensors")
    facts, features = torch.randint(0, 40, (FACT_COUNT,)).float(), torch.randint(0, 40, (5, FEATURES)).float()
    assert torch.equal(run.chooser(facts, features), other.chooser(facts, features))
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"bad\.safetensors holds no strategist"):
        other.start_from(tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match=r"none\.safetensors holds no strategist"):
        other.start_from(tmp_path / "none.safetensors")


def test_written_weights_are_the_chooser_in_whole_numbers():
    torch.manual_seed(4)
    chooser = Chooser()
    nn.init.normal_(chooser.skips)
    told = {}
    exec(weights_module(quantised(chooser.network(), 0.5), "of a test"), told)
    weights = {name: told[name] / SCALE for name in ("PHASES", "INPUTS", "MOVES", "OUTPUTS", "SKIPS")}
    for phase in range(20):
        facts, features = torch.randint(-40, 80, (FACT_COUNT,)).float(), torch.randint(-40, 80, (9, FEATURES)).float()
        facts[0] = phase
        x, y = facts.numpy() / 16, features.numpy() / 16
        hidden = np.maximum(0.0, weights["PHASES"][phase] + x[1:] @ weights["INPUTS"][1:] + y @ weights["MOVES"])
        halvings = y @ weights["SKIPS"] + hidden @ weights["OUTPUTS"]
        with torch.no_grad():
            scores = chooser(facts, features).numpy()
        np.testing.assert_allclose(halvings * np.log(2) * 0.5, scores, atol=0.05)


@pytest.mark.parametrize(("weight", "complaint"), [(40.0, r"57\.7"), (np.nan, "nan")])
def test_weights_that_cannot_be_stored_are_refused(weight, complaint):
    network = Chooser().network()
    with pytest.raises(ValueError, match=rf"outputs reach {complaint}; accepted: below 32\.0"):
        quantised(network._replace(outputs=np.full_like(network.outputs, weight)), 1.0)


def test_the_command_writes_the_mean_of_runs(quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = []
    for seed in (3, 4):
        run = StrategistRun(Settings(seed=seed), 1.0)
        run.save(tmp_path / f"{seed}.safetensors")
        kept.append(run.learned.outputs.detach())
    starts = ["--start", "3.safetensors", "--start", "4.safetensors"]
    result = CliRunner().invoke(main, ["strategist", "--minutes", "0", *starts, "--name", "mean"])
    assert result.exit_code == 0, result.output
    mean = StrategistRun(Settings(), 1.0)
    mean.start_from(tmp_path / "runs" / "mean" / "strategist.safetensors")
    torch.testing.assert_close(mean.chooser.outputs.detach(), (kept[0] + kept[1]) / 2)
    assert not torch.equal(kept[0], kept[1])
    assert "from 3.safetensors and 4.safetensors" in (tmp_path / "runs/mean/strategist_weights.py").read_text()
    nothing = CliRunner().invoke(main, ["strategist", "--minutes", "0"])
    assert nothing.exit_code == 2
    assert "nothing to write" in nothing.output


def test_the_command_writes_its_folder_and_refuses_a_start_that_is_none(quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["strategist", "--minutes", "0.1", "--games", "8", "--name", "it"])
    assert result.exit_code == 0, result.output
    names = {path.name for path in (tmp_path / "runs" / "it").iterdir()}
    assert names == {"strategist.safetensors", "strategist_weights.py", "metrics.jsonl", "learning_curve.png"}
    kept = (tmp_path / "runs/it/metrics.jsonl").read_text()
    assert kept
    monkeypatch.setattr("learner.strategist.StrategistRun.train", lambda run, tell: signal.raise_signal(signal.SIGTERM))
    result = CliRunner().invoke(main, ["strategist", "--games", "8", "--name", "it"])
    assert result.exit_code == 130
    assert (tmp_path / "runs/it.1/metrics.jsonl").read_text() == kept
    assert f"the old run is kept in {Path('runs/it.1')}" in result.output
    for wrong, told in (
        (["--start", "nowhere.safetensors"], "nowhere.safetensors holds no strategist"),
        (["--name", "../elsewhere"], 'name is "../elsewhere"; accepted: letters, digits'),
    ):
        result = CliRunner().invoke(main, ["strategist", *wrong])
        assert result.exit_code == 2
        assert told in " ".join(result.output.split())


def test_the_bot_plays_by_what_the_saved_run_writes_as_it_is_written():
    run = StrategistRun(Settings(games=8), 0.0)
    run.start_from(Path(move_games.__file__).with_name("strategist.safetensors"))
    source = weights_module(quantised(run.learned.network(), 0.75), "of a test")
    in_the_box = Path(strategist_weights.__file__).read_text(encoding="utf-8")
    without_words = [text.split('"""')[2] for text in (source, in_the_box)]
    assert without_words[0] == without_words[1]
