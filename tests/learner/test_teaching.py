"""Learning from a bot: who plays which seat, what is told of it, and that it is learned."""

import json
import signal

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from engine.batch import GameBatch
from engine.board import TURN
from engine.map_specs import MapSpec
from learner import teaching
from learner.cloning import CloneSettings, Cloning
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.snapshot import load_policy
from learner.teaching import Lessons
from stratagem.cli import main

NETWORK = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8)
BOARD = MapSpec.plain(6, 6, mountains=0.1, cities=0)


def games(count=4, seed=1):
    return GameBatch("generalsio", count, seed, board=BOARD, autoreset="next", max_turns=60)


@pytest.fixture
def in_step(monkeypatch):
    """All games begin at once."""
    monkeypatch.setattr(teaching, "SCATTER", 1)


def test_games_are_scattered_and_stand_where_the_teacher_led_them(monkeypatch):
    monkeypatch.setattr(teaching, "SCATTER", 30)
    batch, alike = games(8), games(8)
    Lessons(Policy(NETWORK), batch, "expander", 1, lambda: 1.0)
    turns = batch.rows[:, TURN]
    assert len(set(turns.tolist())) > 4
    alike.reset()
    for turn in range(30):
        at = turns == turn
        assert np.array_equal(alike.rows[at], batch.rows[at])
        alike.step(alike.bot_actions("expander"))


def test_a_seat_of_the_teacher_is_played_as_labelled(in_step):
    batch, alike = games(), games()
    lessons = Lessons(Policy(NETWORK), batch, "expander", 1, lambda: 1.0)
    fragment = lessons.fragment(20)
    alike.reset()
    for turn in range(20):
        seen = alike.observe()
        assert np.array_equal(fragment.words[turn].numpy(), seen.words.reshape(8, 6, 6))
        actions = alike.bot_actions("expander")
        assert np.array_equal(fragment.actions[turn].numpy(), actions.reshape(-1))
        alike.step(actions)
    assert fragment.playing.all()
    assert not fragment.resets[1:].any()


def test_a_learner_plays_for_itself_and_is_told_all_the_same(in_step):
    batch = games()
    lessons = Lessons(Policy(NETWORK), batch, "expander", 1, lambda: 0.0)
    fragment = lessons.fragment(30)
    moves = fragment.actions[fragment.actions > 0]
    assert len(moves) > 50
    alike = games()
    alike.reset()
    differs = False
    for turn in range(30):
        differs |= not np.array_equal(fragment.words[turn].numpy(), alike.observe().words.reshape(8, 6, 6))
        alike.step(fragment.actions[turn].numpy().astype(np.int32).reshape(4, 2))
    assert differs


def test_some_games_are_played_against_a_weaker_bot(in_step):
    batch = games(64)
    lessons = Lessons(Policy(NETWORK), batch, "hunter", 1, lambda: 1.0, weaker=0.5)
    played = []
    step = batch.step
    batch.step = lambda actions: played.append(actions.copy()) or step(actions)
    alike = games(64)
    alike.reset()
    lessons.fragment(12)
    met = {"random": 0, "expander": 0, "hunter": 0}
    same = {name: np.ones((64, 2), np.bool_) for name in met}
    for actions in played:
        for name, whole in same.items():
            whole &= actions == alike.bot_actions(name)
        alike.step(actions)
    weaker = (same["random"] | same["expander"]) & ~same["hunter"]
    assert 16 <= weaker.sum() <= 48
    assert (weaker.sum(1) <= 1).all()
    assert not same["hunter"][weaker[:, ::-1]].any()  # whom they meet is the learner
    assert (same["hunter"].all(1) | weaker.any(1)).mean() > 0.9


def test_games_end_and_begin_anew_and_tell_what_they_were_worth():
    lessons = Lessons(Policy(NETWORK), games(16), "hunter", 1, lambda: 0.5)
    fragment = lessons.fragment(200)
    assert fragment.resets[1:].any()
    assert (~fragment.playing).any()
    assert torch.equal(fragment.playing[:-1] | fragment.resets[1:], torch.ones_like(fragment.resets[1:]))
    assert fragment.outcomes.max() == 1.0
    assert fragment.outcomes.min() == -1.0


def test_moves_that_the_hunter_likes_as_well_are_handed_on(in_step):
    batch, alike = games(), games()
    fragment = Lessons(Policy(NETWORK), batch, "hunter", 1, lambda: 1.0).fragment(40)
    alike.reset()
    for turn in range(40):
        actions, moves = alike.hunter_equals()
        assert np.array_equal(fragment.actions[turn].numpy(), actions.reshape(-1))
        assert np.array_equal(fragment.equals[turn].numpy(), moves.reshape(8, 6, 6))
        alike.step(actions)
    assert fragment.equals.any()


def test_it_learns_what_its_teacher_does():
    told = []
    cloning = Cloning(NETWORK, CloneSettings(fragments=40, turns=8, minibatches=1, learning_rate=1e-2, passes=1.0))
    lessons = Lessons(cloning.policy, games(16), "expander", 1, lambda: 0.5)
    cloning.learn(lessons, lambda progress, losses: told.append(float(losses.choice)))
    assert np.mean(told[-5:]) < 0.8 * np.mean(told[:5])
    assert lessons.agreement > 0.2


def test_the_first_fragments_count_alike_in_the_agreement(monkeypatch):
    lessons = Lessons(Policy(NETWORK), games(), "expander", 1, lambda: 1.0)
    told = []
    for right in (True, False, False, True):
        monkeypatch.setattr(
            teaching, "accepted", lambda turns, actions, right=right: torch.full((1, 8, actions), right)
        )
        lessons.fragment(4)
        told.append(lessons.agreement)
    assert told == pytest.approx([1.0, 1 / 2, 1 / 3, 1 / 2])


TOLD = ("--ways", "--phases", "--ordered", "--belief")


def test_the_command_writes_a_policy_and_goes_on_from_it(tmp_path):
    def run(*more):
        arguments = ["clone", "--teacher", "hunter", "--board", "small", "--games", "4", "--minutes", "0.03", *more]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        return result.output

    assert "agrees with hunter on" in run("--out", str(tmp_path / "first"), "--no-halves", *TOLD)
    about = load_policy(tmp_path / "first").about
    assert (about["taught_by"], about["ruleset"]) == ("hunter", "generalsio")
    rows = [json.loads(line) for line in (tmp_path / "first.metrics.jsonl").read_text().splitlines()]
    assert rows[0]["progress"] == 0.0
    assert all(row["choice"] >= 0.0 and 0.0 <= row["agrees"] <= 1.0 for row in rows)
    assert (tmp_path / "first.png").read_bytes().startswith(b"\x89PNG")
    run("--out", str(tmp_path / "second"), "--start", str(tmp_path / "first"))
    arguments = ["clone", "--teacher", "hunter", "--ruleset", "competition", "--start", str(tmp_path / "first")]
    result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "third")])
    assert result.exit_code == 2
    assert "without castles" in result.output
    config = load_policy(tmp_path / "second").policy.config
    assert (config.halves, config.ways, config.phases, config.ordered, config.belief) == (False, True, True, True, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_training_and_keeps_what_was_learned(number, tmp_path, monkeypatch):
    calls, fragment = [], Lessons.fragment

    def interrupted(self, turns):
        calls.append(turns)
        if len(calls) == 3:
            signal.raise_signal(number)
        return fragment(self, turns)

    monkeypatch.setattr(Lessons, "fragment", interrupted)
    arguments = ["clone", "--teacher", "hunter", "--board", "small", "--games", "4", "--minutes", "5"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it for what runs behind them
    try:
        result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "cut")])
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.exit_code == 0, result.output
    assert "what was learned is kept" in result.output
    about = load_policy(tmp_path / "cut").about
    assert 0 < about["player_turns"] <= 2 * 4 * 2 * 16
    assert about["seconds"] < 60
    assert (tmp_path / "cut.png").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give recorded games, or --teacher"),
        (["a.gior", "--teacher", "hunter"], "give recorded games, or --teacher"),
        (["a.gior", "--board", "site"], "--board and --ruleset go with --teacher"),
        (["--teacher", "nobody"], "'nobody' is not one of"),
        (["--teacher", "hunter", "--board", "moon"], 'map "moon" is unknown'),
        (["--teacher", "hunter", "--size", "huge"], 'size "huge" is unknown'),
        (
            ["--teacher", "hunter", "--ordered"],
            "network ordered is True without ways; accepted: False, or ways as well",
        ),
        (["--teacher", "hunter", "--belief"], "network belief is True without ways; accepted: False"),
        (["--teacher", "hunter", "--start", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_is_refused(arguments, complaint, tmp_path):
    result = CliRunner().invoke(main, ["clone", *arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert complaint in result.output
