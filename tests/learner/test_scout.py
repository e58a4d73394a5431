"""The scout: what it notes, what its network reads and learns, and that it plays alike wherever it sits."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tests.learner.recorded_games import played

from actors.foreign_view import ForeignView
from actors.scout_mind import ScoutMind
from engine.batch import GameBatch
from engine.board import ENEMY, RELATION_SHIFT, VISIBLE, WINNER
from engine.bots.scout import Notes, must_guess, take_apart
from engine.bots.told import NEVER
from engine.record_replay import replay_of
from engine.replays import encode_gior
from engine.rulesets import RULESETS
from learner import scouting
from learner.recorded import load_games, recorded_game
from learner.scout import POINT, Position, Scout, load_scout, planes_of, save_scout, told_points
from learner.scout_player import ScoutPlayer
from learner.scouting import collect, collect_recorded, joined, surprise, train, turned
from learner.snapshot import SnapshotError
from learner.whereabouts import RULESETS as RULESETS_PLAYED
from stratagem.cli import main

WITHOUT_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
FOE = VISIBLE | ENEMY << RELATION_SHIFT


@pytest.fixture(scope="module")
def lessons():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scouting, "PAIRS", (("seeker", "hunter"),))
        return collect(24, 4)


def loud(seed=1):
    """A scout that says something."""
    torch.manual_seed(seed)
    network = Scout()
    with torch.no_grad():
        network.say.weight.normal_(0.0, 20.0)
    return network.eval()


def test_notes_tell_when_an_enemy_was_first_and_last_seen():
    notes, both = Notes(2, 1, 3), np.array([0, 1], np.int32)
    for turn, row in ((5, [FOE, 0, 0]), (9, [FOE, FOE, 0]), (12, [0, ENEMY << RELATION_SHIFT, 0])):
        words = np.array([[row], [[0, 0, FOE]]], np.int32)
        notes.take(words, np.full(2, turn, np.int32), both)
    assert notes.first.tolist() == [[[5, 9, 0]], [[0, 0, 5]]]
    assert notes.last.tolist() == [[[9, 9, 0]], [[0, 0, 12]]]
    notes.forget(both[:1])
    assert notes.first.tolist() == [[[0, 0, 0]], [[0, 0, 5]]]


def test_lessons_are_of_seats_that_must_guess_and_hold_the_truth(lessons):
    chosen = np.arange(len(lessons.truth))
    assert len(chosen) > 150
    assert must_guess(lessons.words, lessons.vector[:, 0]).all()
    assert (lessons.points.reshape(len(chosen), -1)[chosen, lessons.truth] > NEVER).all()
    assert (lessons.last >= lessons.first).all()
    assert ((lessons.first > 0) == (lessons.last > 0)).all()
    assert (lessons.last <= np.maximum(lessons.vector[:, 0], 1)[:, None, None]).all()
    assert 24 < len(np.unique(lessons.game)) <= 48


def test_lessons_of_recorded_games_are_what_the_players_saw_and_noted(monkeypatch):
    monkeypatch.setattr(scouting, "EVERY", 5)
    recorded = [played(seed, 120) for seed in (1, 2, 3)]
    lessons = collect_recorded([recorded_game(record) for record, *_ in recorded], at_once=2)
    assert sorted(set(lessons.game.tolist())) == [0, 1, 2]
    assert len(lessons.truth) > 60
    for i in range(len(lessons.truth)):
        record, words, vectors, _ = recorded[lessons.game[i]]
        turn = int(lessons.vector[i, 0])
        seat = int(not np.array_equal(words[turn, 0], lessons.words[i]))
        assert np.array_equal(words[turn, seat], lessons.words[i])
        assert np.array_equal(vectors[turn, seat], lessons.vector[i])
        notes = Notes(1, *words.shape[2:])
        for now in range(turn + 1):
            notes.take(words[now, seat][None], np.array([now], np.int32), np.zeros(1, np.int32))
        assert np.array_equal(notes.first[0], lessons.first[i])
        assert np.array_equal(notes.last[0], lessons.last[i])
        tile = record.layout.generals[1 - seat]
        assert divmod(int(lessons.truth[i]), words.shape[3]) == divmod(tile, record.layout.width)


def test_a_recorded_game_is_over_where_its_record_ends():
    record, *_ = played(1, 120)
    game = recorded_game(record)
    early = replace(game, actions=game.actions[:70])
    whole, part = collect_recorded([game]), collect_recorded([early])
    assert 0 < len(part.truth) < len(whole.truth)
    assert part.vector[:, 0].max() < 70
    both = joined([whole, part])
    assert len(both.truth) == len(whole.truth) + len(part.truth)


def test_untrained_it_says_what_the_tables_say(lessons):
    network, tables = surprise(Scout().eval(), lessons)
    assert network == pytest.approx(tables, abs=1e-4)
    position, _ = lessons.positions(np.arange(9))
    told, points = told_points(Scout().eval(), position), lessons.points[:9].reshape(9, -1)
    assert ((told == NEVER) == (points == NEVER)).all()
    assert np.ptp((told - points)[points > NEVER]) <= 1  # round-off


def test_training_learns_the_lessons_it_is_given(lessons, monkeypatch):
    monkeypatch.setattr(scouting, "REPORT", 0.0)
    monkeypatch.setattr(scouting, "WARM_UP", 5)
    some = np.flatnonzero(~lessons.is_held)[::20][:16]
    few = lessons._replace(**{name: getattr(lessons, name)[some] for name in lessons._fields})
    reports = []

    def tell(report):
        reports.append(report)
        if report.steps == 150:
            raise KeyboardInterrupt

    network = train(few, 1000.0, 1, tell, batch=16)
    assert [report.steps for report in reports] == list(range(1, 151))
    position, truth = few.positions(np.arange(len(some)))
    with torch.no_grad():
        nats = [float(torch.nn.functional.cross_entropy(n(position).flatten(1), truth)) for n in (network, Scout())]
    assert nats[0] < nats[1] - 0.3


def test_an_interrupt_keeps_what_was_learned(lessons, monkeypatch):
    monkeypatch.setattr(scouting, "REPORT", 0.0)

    def stop(report):
        if report.steps == 3:
            raise KeyboardInterrupt

    network = train(lessons, 10.0, 1, stop)
    assert float(network.say.weight.detach().abs().sum()) > 0.0


def test_in_bfloat16_it_learns_and_says_much_the_same(lessons, monkeypatch):
    network, few, found = load_scout().train(), lessons.on(torch.device("cpu")), []
    for in_half in (False, True):
        monkeypatch.setattr(scouting, "half_pays", lambda device, now=in_half: now)
        loss, gradients = scouting.learn_from(network, few, 3, np.arange(64))
        found.append((float(loss), torch.cat([gradient.float().flatten() for gradient in gradients])))
    (exact, slopes), (rounded, rough) = found
    assert 0.0 < abs(rounded / exact - 1.0) < 0.01
    assert torch.cosine_similarity(slopes, rough, dim=0) > 0.9
    position, _ = lessons.positions(np.arange(64))
    told, roughly = (told_points(network, position, in_half) for in_half in (False, True))
    assert ((told == NEVER) == (roughly == NEVER)).all()
    differences = np.abs(told - roughly)[told > NEVER]
    assert 0 < differences.mean() < 0.1 * POINT


def test_lessons_are_learned_on_the_device_that_they_lie_on(lessons):
    """On torch's device without memory, where reading a number fails, and so does an operation with the CPU's."""
    device = torch.device("meta")
    network, few = Scout().to(device), lessons.on(device)
    loss, gradients = scouting.learn_from(network, few, 7, np.arange(16))
    assert {loss.device, *(gradient.device for gradient in gradients)} == {device}
    assert [gradient.shape for gradient in gradients] == [parameter.shape for parameter in network.parameters()]


@pytest.mark.parametrize("side", range(8))
def test_a_turned_map_keeps_the_general_where_it_is(side):
    tiles = torch.arange(2 * 16).view(2, 4, 4)
    truth = torch.tensor([3, 9])
    found, place = turned(tiles, truth, side)
    assert found.flatten(1).gather(1, place[:, None])[:, 0].tolist() == [3, 16 + 9]
    assert sorted(found.flatten().tolist()) == list(range(32))


def test_turning_turns_what_the_network_reads(lessons):
    position, truth = lessons.positions(np.arange(6))
    maps = {name: turned(getattr(position, name), truth, 5)[0] for name in ("words", "first", "last", "points")}
    before, _ = planes_of(take_apart(position.words), *position[1:])
    mapped = position._replace(**maps)
    after, _ = planes_of(take_apart(mapped.words), *mapped[1:])
    for plane in range(before.shape[1]):
        assert torch.allclose(turned(before[:, plane], truth, 5)[0], after[:, plane], atol=1e-5), plane


def test_boards_of_odd_sides_are_read_too():
    words = torch.zeros((1, 7, 5), dtype=torch.int32)
    notes = torch.zeros((1, 7, 5), dtype=torch.int16)
    vector = torch.tensor([[60, 9, 20, 0, 9, 20, 0]], dtype=torch.int32)
    odds = loud()(Position(words, vector, notes, notes, words))
    assert odds.shape == (1, 7, 5)
    assert torch.isfinite(odds).all()


def test_weights_survive_a_file_and_damaged_ones_are_refused(tmp_path):
    network = loud()
    save_scout(network, tmp_path / "a.safetensors")
    loaded = load_scout(tmp_path / "a.safetensors")
    for name, tensor in network.state_dict().items():
        assert torch.allclose(tensor, loaded.state_dict()[name], rtol=1e-3, atol=1e-3)
    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    with pytest.raises(SnapshotError, match="is no scout"):
        load_scout(tmp_path / "a.safetensors")
    with pytest.raises(SnapshotError, match="is no scout"):
        load_scout(tmp_path / "missing.safetensors")


def test_the_one_in_the_box_guesses_better_than_the_seeker(lessons):
    position, truth = lessons.positions(np.arange(len(lessons.truth)))
    with torch.no_grad():
        nats = [
            float(torch.nn.functional.cross_entropy(n(position).flatten(1), truth)) for n in (load_scout(), Scout())
        ]
    assert nats[0] < nats[1] - 0.1


def test_it_plays_elsewhere_as_it_plays_in_a_batch():
    batch = GameBatch("competition", 1, 8, board="competition", autoreset="off")
    batch.reset()
    network = loud()
    player, mind = ScoutPlayer(network), ScoutMind(network, seed=8)
    view = ForeignView(RULESETS["competition"], 1, 2, batch.height, batch.width)
    player.begin(batch, 1)
    mind.begin(view)
    other = 0
    for turn in range(200):
        view.row[:] = batch.rows[0]
        action = player.act(np.array([turn == 0]))
        assert mind.decide(view) == action[0]
        actions = batch.bot_actions(["hunter", "seeker"])
        other += actions[0, 1] != action[0]
        actions[0, 1] = action[0]
        batch.step(actions)
        if batch.rows[0, WINNER] >= -1:
            break
    assert other > 0  # the network was asked


def test_it_plays_games_of_two():
    batch = GameBatch("generalsio", 1, 8, board="small", seats=3, autoreset="off")
    batch.reset()
    with pytest.raises(ValueError, match="games of 2 seats; these have 3"):
        ScoutPlayer(Scout()).begin(batch, 0)
    with pytest.raises(ValueError, match="games of 2 seats; this one has 3"):
        ScoutMind(Scout()).begin(ForeignView(RULESETS["generalsio"], 0, 3, 9, 9))


def test_the_command_writes_weights(tmp_path, monkeypatch):
    kinds = len(RULESETS_PLAYED) * len(scouting.PAIRS)
    assert f"of each of {kinds} kinds" in " ".join(CliRunner().invoke(main, ["scout", "--help"]).output.split())
    monkeypatch.setattr(scouting, "PAIRS", (("seeker", "hunter"),))
    out = tmp_path / "scout.safetensors"
    result = CliRunner().invoke(main, ["scout", str(out), "--games", "24", "--minutes", "0.05"])
    assert result.exit_code == 0, result.output
    assert "nats in games of bots held out" in result.output
    load_scout(out)


def test_the_command_learns_from_recorded_games_and_can_rate_alone(tmp_path):
    files = []
    for seed in range(1, 22):  # the 1st and the 21st are held out
        files.append(tmp_path / f"{seed}.gior")
        files[-1].write_bytes(encode_gior(replay_of(played(seed, 80)[0])))
    out, same = tmp_path / "scout.safetensors", tmp_path / "same.safetensors"
    recorded = [str(out), *map(str, files), "--games", "0"]
    result = CliRunner().invoke(main, ["scout", *recorded, "--minutes", "0.02"])
    assert result.exit_code == 0, result.output
    told = [line for line in result.output.splitlines() if "nats in recorded games held out" in line]
    assert len(told) == 1
    assert "of bots" not in result.output
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    rated = CliRunner().invoke(main, ["scout", str(same), *recorded[1:], "--minutes", "0", "--start", str(out)])
    assert rated.exit_code == 0, rated.output
    for name, tensor in load_scout(out).state_dict().items():
        assert torch.equal(tensor, load_scout(same).state_dict()[name])
    assert not same.with_suffix(".png").exists()


def test_the_command_that_is_stopped_early_says_that_it_wrote_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(scouting, "collect", lambda *arguments: os.kill(os.getpid(), signal.SIGTERM))
    out = tmp_path / "scout.safetensors"
    result = CliRunner().invoke(main, ["scout", str(out)])
    assert result.exit_code == 130
    assert "nothing is written" in result.output
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--start", "none"], "--start"),
        (["--games", "0"], "nothing to learn from"),
        (["--games", "0", "none.gior"], "none.gior"),
        (["--device", "abacus"], "'cpu', 'cuda'"),
        pytest.param(["--device", "cuda"], "cuda needs an NVIDIA GPU", marks=WITHOUT_GPU),
    ],
)
def test_the_command_refuses_what_it_cannot_use(tmp_path, arguments, told):
    result = CliRunner().invoke(main, ["scout", str(tmp_path / "scout.safetensors"), *arguments])
    assert result.exit_code == 2
    assert told in result.output


@pytest.mark.parametrize("command", [["scout"], ["clone", "games.gior", "--out"]])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_learned(tmp_path, command):
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(main, [*command, str(tmp_path / "file" / "out.safetensors")])
    assert result.exit_code == 2
    assert "is no folder" in " ".join(result.output.split())


def test_the_command_does_not_write_over_a_recording(tmp_path):
    games = tmp_path / "games.jsonl"
    games.write_text("{}")
    result = CliRunner().invoke(main, ["scout", str(games), str(games), "--games", "0"])
    assert result.exit_code == 2
    assert "games.jsonl; accepted: a name that ends in .safetensors" in " ".join(result.output.split())
    assert games.read_text() == "{}"


def test_a_person_is_guessed_better_by_the_one_in_the_box(replays):
    games = load_games([replays / "human_1v1_v13.jsonl.gz"])[0][:60]
    lessons = collect_recorded(games)
    nats, tables = surprise(load_scout(), lessons._replace(game=np.zeros_like(lessons.game)))
    assert nats < tables - 0.1
