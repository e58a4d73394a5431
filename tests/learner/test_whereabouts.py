"""Learning where generals hide: what is recorded, that points are learned from it, and what is written."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from engine.bots.whereabouts import ENTRIES, SIZES
from engine.stored import pack, unpack
from learner import whereabouts
from learner.whereabouts import TABLES, Positions, collect, fit, surprise, table_module
from stratagem.cli import main


@pytest.fixture(scope="module")
def positions():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whereabouts, "PLAYERS", (("seeker", "hunter"),))
        return collect(12, 4)


def test_every_place_has_an_entry_in_each_table(positions):
    begins = np.array([sum(SIZES[:i]) for i in range(len(SIZES) + 1)])
    tables = np.searchsorted(begins, positions.entries, side="right") - 1
    assert len(SIZES) == TABLES
    assert (np.sort(tables, axis=1) == np.arange(TABLES)).all()
    assert len(positions.begin) > 100
    assert (np.diff(positions.begin) >= 1).all()
    assert 12 < len(np.unique(positions.game)) <= 24


def test_points_are_learned_that_foretell_games_not_learned_from(positions, monkeypatch):
    monkeypatch.setattr(whereabouts, "HELD_OUT", 4)
    points, nats, alike = fit(positions, 2, 1)
    assert points.shape == (ENTRIES,)
    assert nats < alike - 0.15
    monkeypatch.setattr(whereabouts, "HELD_OUT", 1)
    with pytest.raises(ValueError, match="0 positions to learn from"):
        fit(positions, 1, 1)


def test_surprise_is_the_softmax_over_a_positions_places():
    entries = np.zeros((5, TABLES), np.int16)
    entries[:, 0] = [1, 2, 3, 1, 2]
    points = torch.zeros(ENTRIES)
    points[1], points[2], points[3] = 1.0, 0.5, -0.5
    both = np.array([0, 1])
    rest = points[0] * (TABLES - 1)
    first = -np.log(np.exp(1.0) / np.exp([1.0, 0.5, -0.5]).sum())
    second = -np.log(np.exp(1.0) / np.exp([1.0, 0.5]).sum())
    found = surprise(points, Positions(entries, np.array([0, 3]), both), both)
    assert float(rest) == 0.0
    assert float(found) == pytest.approx((first + second) / 2, abs=1e-5)


def test_numbers_survive_being_stored():
    numbers = np.arange(-600, 600, dtype=np.int16).reshape(30, 40)
    assert (unpack(pack(numbers), 30, 40) == numbers).all()
    told = {}
    exec(table_module(np.arange(ENTRIES, dtype=np.int16), "of a test"), told)
    assert (told["POINTS"] == np.arange(ENTRIES)).all()


def test_the_command_writes_a_table(tmp_path, monkeypatch):
    monkeypatch.setattr(whereabouts, "PLAYERS", (("seeker", "hunter"),))
    result = CliRunner().invoke(main, ["whereabouts", str(tmp_path / "table.py"), "--games", "3", "--epochs", "1"])
    assert result.exit_code == 0, result.output
    assert "POINTS = unpack(" in (tmp_path / "table.py").read_text(encoding="utf-8")
