"""Records in files, beside the site's replays: what no replay tells is read again as well."""

import gzip
import json

import pytest
from tests.engine.small_replay import small
from tests.engine.test_record import random_game

from engine.record import Record
from engine.record_replay import checked_record
from engine.replay_files import read_games, read_replay
from engine.replays import ReplayError, parse_replay


@pytest.fixture(scope="module")
def record():
    """A game by the competition's rules."""
    return random_game(8, "competition")[0]


@pytest.mark.parametrize("name", ["a.json", "a.gioreplay", "a.jsonl", "a.json.gz"])
def test_a_record_is_read_as_it_was_written(tmp_path, record, name):
    content = record.to_json().encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert list(read_games(tmp_path / name)) == [record]
    assert checked_record(record, name) is record


def test_lines_may_be_records_and_replays(tmp_path, record):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([json.dumps(small()), record.to_json(), ""]))
    replay = parse_replay(small())
    assert list(read_games(path)) == [replay, record]
    assert checked_record(replay, path) == Record.from_replay(replay)


def test_where_a_replay_is_wanted_a_record_is_refused(tmp_path, record):
    (tmp_path / "a.json").write_text(record.to_json())
    with pytest.raises(ReplayError, match=r"a.json: game '.*' is a record; accepted: the site's replays"):
        read_replay(tmp_path / "a.json")


@pytest.mark.parametrize("key", ["winner", "turns"])
def test_a_record_that_tells_another_end_is_refused(tmp_path, record, key):
    told = json.loads(record.to_json())
    assert (told["winner"], record.result().turns) == (1, told["turns"])
    told[key] -= 1
    (tmp_path / "a.json").write_text(json.dumps(told))
    with pytest.raises(ReplayError, match=r"a.json: record tells of turn \d+ and winner \d at its end; its events"):
        checked_record(next(read_games(tmp_path / "a.json")), "a.json")
