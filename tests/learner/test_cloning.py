"""Behaviour cloning: what the network is shown is what the players saw and did, and it learns it."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tests.engine.test_record import random_game
from tests.learner.recorded_games import played

from engine.record import Record
from engine.record_replay import replay_of
from engine.replays import ReplayError, encode_gior
from learner.cloning import (
    CloneSettings,
    Cloning,
    Fragment,
    Lanes,
    divide,
    losses_of,
    score,
)
from learner.network_config import NetworkConfig
from learner.recorded import RecordedGame, load_games, recorded_game
from learner.snapshot import load_policy
from learner.training import Training
from stratagem.cli import main

NETWORK = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8)


@pytest.fixture(scope="module")
def games():
    return [played(seed) for seed in (1, 2, 3)]


def test_a_recorded_game_is_seen_again_as_it_was_played(games):
    lanes = Lanes(iter([recorded_game(record) for record, *_ in games]), 2, torch.device("cpu"))
    fragment = lanes.fragment(50)
    for lane in range(2):
        _, words, vectors, actions = games[lane]
        for seat in range(2):
            row = 2 * lane + seat
            assert np.array_equal(fragment.words[:, row].numpy(), words[:50, seat])
            assert np.array_equal(fragment.vector[:, row].numpy(), vectors[:50, seat])
            assert np.array_equal(fragment.actions[:, row].numpy(), actions[:50, seat])
            assert fragment.resets[:, row].tolist() == [True] + [False] * 49


def test_a_lane_takes_the_next_game_and_then_rests(games):
    lanes = Lanes(iter([recorded_game(record) for record, *_ in games]), 2, torch.device("cpu"))
    fragment = lanes.fragment(110)
    assert int(fragment.playing.sum()) == 2 * sum(len(words) for _, words, *_ in games)
    length = len(games[0][1])
    second = 0 if length <= len(games[1][1]) else 2
    start = min(length, len(games[1][1]))
    assert fragment.resets[start, second]
    assert np.array_equal(fragment.words[start, second].numpy(), games[2][1][0, 0])
    assert not fragment.playing[-1].any()


def test_outcomes_tell_who_won(games):
    game = replace(recorded_game(games[0][0]), winner=1)
    fragment = Lanes(iter([game]), 1, torch.device("cpu")).fragment(5)
    assert fragment.outcomes[0].tolist() == [-1.0, 1.0]


def test_a_move_as_good_as_the_one_played_is_as_right():
    equals = torch.zeros((1, 1, 1, 2), dtype=torch.uint8)
    equals[..., 1] = 0b1010  # from the second tile down, and right
    none = torch.zeros(1, 1)
    fragment = Fragment(none, none, none > 0, torch.tensor([[1]]), none, none == 0, equals)
    chances = torch.full((1, 1, 17), 0.1 / 14)
    chances[..., [1, 11, 15]] = torch.tensor([0.2, 0.3, 0.4])  # 1: from the first tile up, as played
    for likes, expected in ((equals, 0.9), (torch.zeros_like(equals), 0.2)):
        losses = losses_of(chances.log(), none, fragment._replace(equals=likes), none + 1.0)
        assert float(torch.exp(-losses.choice)) == pytest.approx(expected)


def test_it_learns_the_games_it_is_shown(games):
    learned = [recorded_game(record) for record, *_ in games]
    losses = []
    cloning = Cloning(NETWORK, CloneSettings(fragments=30, games=3, turns=8, minibatches=1, learning_rate=1e-2))
    before = score(cloning.policy, learned)
    cloning.train(learned, lambda progress, loss: losses.append(float(loss.choice)))
    after = score(cloning.policy, learned)
    assert before.moves == after.moves > 100
    assert after.nats < before.nats - 0.2
    assert after.first > 2 * after.by_chance
    assert losses[-1] < losses[0]


def test_the_same_seed_takes_games_in_the_same_order(games):
    learned = [recorded_game(record) for record, *_ in games]
    orders = []
    for _ in range(2):
        endless = Cloning(NETWORK, CloneSettings(seed=4))._endless(learned)
        orders.append([id(next(endless)) for _ in range(9)])
    assert orders[0] == orders[1]
    assert len(set(orders[0][:3])) == 3


def test_every_tenth_game_is_kept_back():
    some = [RecordedGame(*(None,) * 5) for _ in range(25)]
    learned, kept = divide(some)
    assert [id(game) for game in kept] == [id(some[9]), id(some[19])]
    assert len(learned) == 23
    assert divide(some[:1]) == (some[:1], some[:1])


def test_records_are_learned_from_where_their_moves_are_the_networks(games, tmp_path):
    record = games[0][0]
    ours = replace(record, ruleset=record.ruleset.vary(turn_limit=500))
    late = Record.from_actions(record.ruleset, record.layout, np.zeros((3, 2), np.int32), start=7)
    with_castles = random_game(8, "competition")[0]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(each.to_json() for each in (ours, late, with_castles)))
    found, others = load_games([path])
    assert (len(found), others) == (1, 2)
    assert np.array_equal(found[0].actions, recorded_game(record).actions)
    assert np.array_equal(found[0].rules, ours.ruleset.integers())


def test_files_without_a_game_of_two_are_refused(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(ReplayError):
        load_games([tmp_path / "a.json"])


def test_the_command_writes_a_policy_that_training_can_begin_from(games, tmp_path):
    for number, (record, *_) in enumerate(games):
        (tmp_path / f"{number}.gior").write_bytes(encode_gior(replay_of(record)))
    files = [str(tmp_path / f"{number}.gior") for number in range(3)]
    result = CliRunner().invoke(main, ["clone", *files, "--out", str(tmp_path / "clone"), "--minutes", "0.02"])
    assert result.exit_code == 0, result.output
    assert "2 games to learn from, 1 kept back" in result.output
    snapshot = load_policy(tmp_path / "clone")
    assert snapshot.about["board"] == [24, 24]
    assert snapshot.about["held_out"]["moves"] > 0

    from learner.demo import demo_plan

    plan = replace(
        demo_plan("x", 1, 1.0, 6, 6, "tiny", "cpu"), network=snapshot.policy.config, start=str(tmp_path / "clone")
    )
    begun = Training(plan, tmp_path / "run").policy
    for name, tensor in snapshot.policy.state_dict().items():
        assert torch.equal(begun.state_dict()[name], tensor)
    with pytest.raises(ValueError, match="has the network"):
        Training(replace(plan, network=NETWORK), tmp_path / "other")


def test_the_command_keeps_what_it_learned_though_the_score_is_never_made(games, tmp_path, monkeypatch):
    for number, (record, *_) in enumerate(games):
        (tmp_path / f"{number}.gior").write_bytes(encode_gior(replay_of(record)))

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("learner.cloning.score", stop)
    command = ["clone", *(str(tmp_path / f"{number}.gior") for number in range(3)), "--out", str(tmp_path / "clone")]
    CliRunner().invoke(main, [*command, "--minutes", "0.02"])
    assert load_policy(tmp_path / "clone").about["player_turns"] > 0


def test_the_command_keeps_no_weights_that_are_no_numbers(games, tmp_path, monkeypatch):
    for number, (record, *_) in enumerate(games):
        (tmp_path / f"{number}.gior").write_bytes(encode_gior(replay_of(record)))
    train = Cloning.train

    def ruin(cloning, *arguments):
        train(cloning, *arguments)
        cloning.policy.value.weight.data.fill_(nan)

    monkeypatch.setattr(Cloning, "train", ruin)
    command = ["clone", *(str(tmp_path / f"{number}.gior") for number in range(3)), "--out", str(tmp_path / "clone")]
    result = CliRunner().invoke(main, [*command, "--minutes", "0.02", "--rate", "0.9"])
    assert result.exit_code == 1
    assert "no numbers any more, rate is 0.9" in result.output
    assert not (tmp_path / "clone.safetensors").exists()
    assert CliRunner().invoke(main, [*command, "--rate", "-1"]).exit_code == 2


def test_human_games_can_be_learned(replays):
    from itertools import islice

    from engine.replay_files import read_replays

    some = [recorded_game(Record.from_replay(r)) for r in islice(read_replays(replays / "human_1v1_v13.jsonl.gz"), 4)]
    cloning = Cloning(NETWORK, CloneSettings(fragments=2, games=4, turns=8))
    cloning.train(some, lambda progress, losses: None)
    result = score(cloning.policy, some)
    recorded = sum(int((game.actions > 0).sum()) for game in some)
    assert 0.98 * recorded <= result.moves <= recorded  # but for moves that were only legal in their turn's order
