"""The scout: what it notes, what its network reads and learns, and that it plays alike wherever it sits."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from actors.foreign_view import ForeignView
from actors.scout_mind import ScoutMind
from engine.batch import GameBatch
from engine.board import ENEMY, RELATION_SHIFT, VISIBLE, WINNER
from engine.bots.told import NEVER
from engine.rulesets import RULESETS
from learner import scouting
from learner.scout import Notes, Position, Scout, load_scout, must_guess, planes_of, save_scout, told_points
from learner.scout_player import ScoutPlayer
from learner.scouting import collect, surprise, train, turned
from learner.snapshot import SnapshotError
from stratagem.cli import main

FOE = VISIBLE | ENEMY << RELATION_SHIFT


@pytest.fixture(scope="module")
def lessons():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scouting, "PLAYERS", (("seeker", "hunter"),))
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
    assert len(chosen) > 300
    assert must_guess(lessons.words, lessons.vector[:, 0]).all()
    assert (lessons.points.reshape(len(chosen), -1)[chosen, lessons.truth] > NEVER).all()
    assert (lessons.last >= lessons.first).all()
    assert ((lessons.first > 0) == (lessons.last > 0)).all()
    assert (lessons.last <= np.maximum(lessons.vector[:, 0], 1)[:, None, None]).all()
    assert 24 < len(np.unique(lessons.game)) <= 48


def test_untrained_it_says_what_the_tables_say(lessons):
    network, tables = surprise(Scout().eval(), lessons)
    assert network == pytest.approx(tables, abs=1e-4)
    position, _ = lessons.positions(np.arange(9))
    told, points = told_points(Scout().eval(), position), lessons.points[:9].reshape(9, -1)
    assert ((told == NEVER) == (points == NEVER)).all()
    assert np.ptp((told - points)[points > NEVER]) <= 1  # round-off


def test_training_learns_the_lessons_it_is_given(lessons, monkeypatch):
    for name, value in (("REPORT", 0.0), ("BATCH", 16), ("WARM_UP", 5)):
        monkeypatch.setattr(scouting, name, value)
    some = np.flatnonzero(~lessons.is_held)[::40][:16]
    few = lessons._replace(**{name: getattr(lessons, name)[some] for name in lessons._fields})
    reports = []
    network = train(few, 0.3, 1, reports.append)
    assert len(reports) > 10
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
    before, _ = planes_of(position)
    after, _ = planes_of(position._replace(**maps))
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
    monkeypatch.setattr(scouting, "PLAYERS", (("seeker", "hunter"),))
    out = tmp_path / "scout.safetensors"
    result = CliRunner().invoke(main, ["scout", str(out), "--games", "12", "--minutes", "0.05"])
    assert result.exit_code == 0, result.output
    assert "nats in games held out" in result.output
    load_scout(out)
    result = CliRunner().invoke(main, ["scout", str(out), "--start", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "--start" in result.output
