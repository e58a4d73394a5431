"""Replay files: what is read, what is written, and how everything else is refused."""

import gzip
import json
import os
import random
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.small_replay import named, small

from engine.lzstring import compress
from engine.replay_checks import MAX_TEXT, load_json
from engine.replay_files import read_replay, read_replays
from engine.replays import MODIFIERS, Replay, ReplayError, decode_gior, encode_gior, parse_replay


def write(path, content):
    """Write bytes, gz where the name says so."""
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def text(value):
    return json.dumps(value).encode()


# --- reading and writing ---


def test_fields_of_a_replay():
    replay = parse_replay(small())
    assert (replay.version, replay.id, replay.width, replay.height, replay.players) == (13, "small-_1", 3, 3, 2)
    assert replay.usernames == ("Ann", "Bö\nb")
    assert replay.stars == (70, None)
    assert replay.moves.dtype == np.int32
    assert replay.moves.tolist() == [[0, 0, 1, 0, 2], [1, 8, 7, 1, 4], [0, 0, 3, 0, 6]]
    assert replay.afks.tolist() == [[1, 9]]
    assert replay.teams is None
    assert replay.neutral_armies.tolist() == [7]
    assert replay.settings[0] == 1
    assert replay.later == ({"0": 4, "1": 1}, [])


def test_a_short_old_replay_has_empty_later_fields():
    replay = parse_replay(small(version=3)[:12])
    assert replay.teams is None
    assert replay.swamps.shape == (0,)
    assert replay.later == ()


def test_null_stands_for_an_empty_list_and_for_a_player_who_never_came():
    replay = parse_replay(small(cities=None, city_armies=None, afks=None, generals=[0, None], stars=None))
    assert replay.cities.shape == (0,)
    assert replay.afks.shape == (0, 2)
    assert replay.generals.tolist() == [0, -1]


def test_an_object_with_named_keys_is_the_same_replay():
    assert parse_replay(named()) == parse_replay(small())


@pytest.mark.parametrize(
    "length", [length for length in range(12, 28) if length != 15]
)  # 15 parts neutrals from their armies
def test_gior_round_trip(length):
    replay = parse_replay(small()[:length])
    again = decode_gior(encode_gior(replay))
    assert again == replay
    assert encode_gior(again) == encode_gior(replay)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("id", "x" * 101, "id has 101 characters; at most 100"),
        ("city_armies", np.array([1_000_001], np.int32), r"cityArmies\[0\] is 1000001"),
        ("teams", (0, 1001), r"teams\[1\] is 1001"),
    ],
)
def test_what_could_not_be_read_is_not_written(field, value, message):
    with pytest.raises(ReplayError, match=message):
        encode_gior(replace(parse_replay(small()), **{field: value}))


def test_equality_sees_every_field():
    replay = parse_replay(small())
    for name, value in (("id", "other"), ("teams", [1, 1]), ("deserts", []), ("afks", []), ("pings", [[0, 1, 2]])):
        assert parse_replay(small(**{name: value})) != replay
    assert replay != "small"


@pytest.mark.parametrize("packing", ["", ".gz"])
def test_all_kinds_of_file(tmp_path, packing):
    replay = parse_replay(small())
    contents = {
        "a.gior": encode_gior(replay),
        "a.gioreplay": text(named()),
        "a.json": text(small()),
        "A.JSON": text(named()),
        "a.jsonl": text(small()) + b"\n\n" + text(named()) + b"\n",
    }
    for name, content in contents.items():
        found = list(read_replays(write(tmp_path / (name + packing), content)))
        assert found == [replay] * (2 if name.endswith("l") else 1)


def test_gz_is_known_by_its_content_and_may_have_several_members(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(text(small()) + b"\n") + gzip.compress(text(named())))
    assert len(list(read_replays(path))) == 2


def test_progress_is_told_in_bytes_of_the_file(tmp_path):
    path = write(tmp_path / "a.jsonl", text(small()) + b"\n")
    seen = []
    assert len(list(read_replays(path, seen.append))) == 1
    assert seen == [path.stat().st_size]


def test_the_site_s_gior_is_written_byte_for_byte(replays):
    content = (replays / "ffa_v5.gior").read_bytes()
    replay = decode_gior(content)
    assert (replay.version, replay.players, len(replay.moves)) == (5, 8, 1676)
    assert encode_gior(replay) == content


def test_the_site_s_json_is_written_value_for_value(replays):
    paths = sorted(replays.glob("ffa_*.json.gz"))
    assert len(paths) == 8
    for path in paths:
        replay = read_replay(path)
        assert replay.positional() == json.loads(gzip.decompress(path.read_bytes()))
        assert decode_gior(encode_gior(replay)) == replay


# --- refusals ---

BAD_FIELDS = [
    ({"version": 19}, "replay version 19 is unknown; known: 3 to 18"),
    ({"version": 2}, "replay version 2 is unknown"),
    ({"version": True}, "replay version True is unknown"),
    ({"version": "13"}, "replay version '13' is unknown"),
    ({"version": 13.0}, "replay version 13.0 is unknown"),
    ({"id": 7}, "id is 7; accepted: a string"),
    ({"id": "x" * 101}, "id has 101 characters"),
    ({"width": 0}, "width is 0; accepted: an integer from 1 to 32767"),
    ({"width": -3}, "width is -3"),
    ({"width": True}, "width is True"),
    ({"width": 3.0}, "width is 3.0"),
    ({"width": "3"}, "width is '3'"),
    ({"width": 10**30}, "width is 1000"),
    ({"height": None}, "height is None"),
    ({"width": 200, "height": 200}, "board 200x200 has 40000 tiles; at most 32767"),
    ({"usernames": ["a"]}, "replay has 2 generals and 1 usernames"),
    ({"usernames": ["a", 1]}, "username is 1"),
    ({"stars": [1, 2, 3]}, "replay has 2 generals and 3 stars"),
    ({"stars": ["x", 1]}, "stars[0] is 'x'"),
    ({"cities": [9]}, "cities[0] is 9; accepted: an integer from 0 to 8"),
    ({"cities": [-1]}, "cities[0] is -1"),
    ({"cities": {}}, "cities is {}; accepted: a list"),
    ({"cities": [True]}, "cities[0] is True"),
    ({"cities": [5, 2]}, "replay has 2 cities and 1 armies"),
    ({"city_armies": [10**7]}, "cityArmies[0] is 10000000"),
    ({"generals": []}, "replay has 0 generals; accepted: 1 to 16"),
    ({"generals": list(range(9)) * 2}, "replay has 18 generals"),
    ({"generals": [0, 0]}, "general twice"),
    ({"generals": [0, 5]}, "tile 5 is a city and a general"),
    ({"generals": [0, 4]}, "tile 4 is a mountain and a general"),
    ({"mountains": [5]}, "tile 5 is a mountain and a city"),
    ({"swamps": [6]}, "tile 6 is a swamp and a desert"),
    ({"neutrals": [4]}, "neutral army stands on tile 4, a mountain"),
    ({"neutrals": [1, 2]}, "replay has 2 neutrals and 1 armies"),
    ({"moves": 5}, "moves is 5; accepted: a list"),
    ({"moves": [5]}, "moves[0] is 5; accepted: a list of index, start, end, is50, turn"),
    ({"moves": [[0, 0, 1, 0]]}, "moves[0] is [0, 0, 1, 0]"),
    ({"moves": [[0, 0, 1, 0, 2], [2, 0, 1, 0, 2]]}, "moves[1] has index 2; accepted: 0 to 1"),
    ({"moves": [[0, 9, 1, 0, 2]]}, "moves[0] has start 9; accepted: 0 to 8"),
    ({"moves": [[0, 0, -1, 0, 2]]}, "moves[0] has end -1"),
    ({"moves": [[0, 0, 1, 2, 2]]}, "moves[0] has is50 2; accepted: 0 to 1"),
    ({"moves": [[0, 0, 1, 0, -2]]}, "moves[0] has turn -2"),
    ({"moves": [[0, 0, 1, 0, 10**9]]}, "moves[0] has turn 1000000000"),
    ({"moves": [[0, 0, 1, 0, 10**40]]}, "moves[0] has turn 10"),
    ({"moves": [[0, 0, 1, 0, 2.0]]}, "moves[0] has turn 2.0; accepted: an integer"),
    ({"moves": [[True, 0, 1, 0, 2]]}, "moves[0] has index True; accepted: an integer"),
    ({"moves": [[0, "0", 1, 0, 2]]}, "moves[0] has start '0'"),
    ({"moves": [[0, [0], 1, 0, 2]]}, "moves[0] has start [0]"),
    ({"moves": [{"index": 0, "start": 0, "end": 1, "turn": 2}]}, "one of moves lacks 'is50'"),
    ({"moves": [{}, []]}, "moves[0] is {}"),
    ({"afks": [[2, 1]]}, "afks[0] has index 2"),
    ({"afks": [[0, 1, 2]]}, "afks[0] is [0, 1, 2]"),
    ({"teams": [1]}, "replay has 2 generals and 1 teams"),
    ({"teams": [1, -1]}, "teams[1] is -1"),
    ({"map_title": 5}, "map title is 5"),
    ({"chat": "hello"}, "chat is 'hello'; accepted: a list"),
    ({"colours": [0]}, "replay has 2 generals and 1 playerColors"),
    ({"settings": [True]}, "settings[0] is True; accepted: a finite number or null"),
    ({"modifiers": [7]}, "replay has modifier 7 (Torus), which is not supported"),
    ({"modifiers": [77]}, "replay has modifier 77 (unknown), which is not supported"),
    ({"lookouts": [8]}, "tile 8 is a general and a lookout"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_FIELDS, ids=[message for _, message in BAD_FIELDS])
def test_a_bad_field_is_named_with_its_value(changes, message):
    with pytest.raises(ReplayError, match=re.escape(message)) as caught:
        parse_replay(small(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "not None"),
        (7, "not 7"),
        ([], "replay is an empty array"),
        ([13], "replay has 1 fields; at least 12 are needed"),
        ({}, 'replay lacks "version"'),
        ({"version": 13}, 'replay lacks "id"'),
        ([*small(), None, [], [], None, None], None),
        ([*small(), None, [3], [10]], "replay has tunnels, which are not supported"),
        ([*small(), None, [], [], None, 0.5, 1, 2, [3], [9]], "replay has strongholds, which are not supported"),
    ],
)
def test_other_shapes(value, message):
    if message is None:
        assert parse_replay(value).later[-1] is None
        return
    with pytest.raises(ReplayError, match=re.escape(message)):
        parse_replay(value)


def test_every_modifier_is_refused_by_name():
    assert MODIFIERS[2] == "Misty Veil"
    for modifier, name in enumerate(MODIFIERS):
        with pytest.raises(ReplayError, match=re.escape(f"modifier {modifier} ({name})")):
            parse_replay(small(modifiers=[modifier]))


BAD_TEXTS = [
    (b"", "text is not JSON"),
    (b"[13,", "text is not JSON: expecting value at character 4 of 4"),
    (b"\xff\xfe", "text is not UTF-8: byte 0 is 0xff"),
    (b"[NaN]", "NaN is no JSON number"),
    (b"[1e999]", "replay version inf is unknown"),
    (b"[-Infinity]", "-Infinity is no JSON number"),
    (b"[" * 100_000, "nests too deep"),
    (b'{"a":' * 100_000, "nests too deep"),
    (b"[" + b"1" * 5000 + b"]", "thousands of digits"),
    (b"[" + b"[]," * 400_000 + b"[]]", "values; at most 700000"),
    (b" " * (MAX_TEXT + 1), f"at most {MAX_TEXT}"),
]


@pytest.mark.parametrize(("content", "message"), BAD_TEXTS, ids=range(len(BAD_TEXTS)))
def test_bad_text_is_refused_soon(content, message):
    begin = time.perf_counter()
    with pytest.raises(ReplayError, match=re.escape(message)):
        parse_replay(load_json(content))
    assert time.perf_counter() - begin < 2


BAD_FILES = [
    ("a.txt", b"x", "unknown kind of file; accepted: .gior, .gioreplay, .json, .jsonl, each also .gz"),
    ("a.gior", b"", "LZString stream is empty"),
    ("a.gior", encode_gior(parse_replay(small()))[:-5], "LZString stream is cut short"),
    ("a.gior", b"x" * (5 << 20), "file holds more than 4194304 bytes"),
    ("a.gior", compress("[" * 7_000_000), "values; at most"),
    ("a.gior", compress(" " * 9_000_000), "expands to more than"),
    ("a.json", b"[" + b" " * MAX_TEXT, "file holds more than"),
    ("a.json.gz", gzip.compress(b" " * 200_000_000, 9), "file holds more than"),
    ("a.gior.gz", gzip.compress(bytes(50_000_000), 9), "file holds more than"),
    ("a.json.gz", gzip.compress(text(small()))[:-9], "gz data is cut short"),
    ("a.json.gz", gzip.compress(text(small()))[:-8] + b"damaged!", "gz data is damaged"),
    ("a.json.gz", gzip.compress(text(small())) + b"rest", "gz data is damaged"),
    ("a.jsonl", b"\n\n", "file holds no game"),
    ("a.jsonl", text(small()) + b"\n[13]\n", "a.jsonl:2: replay has 1 fields"),
    ("a.jsonl", b" " * (MAX_TEXT + 1), "line 1 is longer than"),
    ("a.jsonl.gz", gzip.compress(b"\n" * 200_000_000, 9), "file has more than 1000 blank lines"),
    (
        "a.jsonl.gz",
        gzip.compress((text(small()) + b" " * 1_000_000 + b"\n") * 100, 9),
        "gz data expands more than 200 times",
    ),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES, ids=[message for *_, message in BAD_FILES])
def test_a_bad_file_is_refused_in_one_line_that_begins_with_its_name(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ReplayError, match=re.escape(message)) as caught:
        list(read_replays(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_what_is_no_regular_file_is_refused(tmp_path):
    with pytest.raises(ReplayError, match="no such file or directory"):
        read_replay(tmp_path / "none.gior")
    (tmp_path / "folder.gior").mkdir()
    with pytest.raises(ReplayError, match="not a regular file"):
        read_replay(tmp_path / "folder.gior")
    os.mkfifo(tmp_path / "pipe.gior")
    with pytest.raises(ReplayError, match="not a regular file"):
        read_replay(tmp_path / "pipe.gior")


def is_read_or_refused(content, path):
    """Whether the file of that content is a replay; anything but a replay or a one-line ReplayError fails."""
    path.write_bytes(content)
    return is_parsed_or_refused(read_replay, path)


def is_parsed_or_refused(read, source):
    """Whether a replay is read; anything but a replay or a one-line ReplayError fails."""
    try:
        replay = read(source)
    except ReplayError as error:
        message = str(error)
    else:
        assert isinstance(replay, Replay)
        assert replay.moves.shape[1] == 5
        return True
    assert message
    assert "\n" not in message
    return False


@pytest.mark.parametrize("name", ["a.gior", "a.json", "a.json.gz", "a.gior.gz"])
def test_a_file_cut_at_any_byte_is_refused(tmp_path, name):
    replay = parse_replay(small())
    content = encode_gior(replay) if ".gior" in name else text(small())
    content = gzip.compress(content, mtime=0) if name.endswith(".gz") else content
    path = tmp_path / name
    assert is_read_or_refused(content, path)
    whole = [length for length in range(len(content)) if is_read_or_refused(content[:length], path)]
    assert all(length >= len(content) - 1 for length in whole)  # LZString pads its end with up to two bytes


@pytest.mark.parametrize("name", ["a.gior", "a.json", "a.json.gz"])
def test_a_file_with_flipped_bytes_is_read_or_refused(tmp_path, name):
    content = encode_gior(parse_replay(small())) if name == "a.gior" else text(small())
    content = gzip.compress(content, mtime=0) if name.endswith(".gz") else content
    rng = random.Random(20)
    begin = time.perf_counter()
    refused = 0
    for _ in range(600):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        refused += not is_read_or_refused(bytes(damaged), tmp_path / name)
    assert refused > 300
    assert time.perf_counter() - begin < 20


def test_the_site_s_file_cut_or_flipped_is_read_or_refused(replays, tmp_path):
    content = (replays / "ffa_v5.gior").read_bytes()
    rng = random.Random(21)
    for length in range(0, len(content) - 2, 97):
        assert not is_read_or_refused(content[:length], tmp_path / "a.gior")
    for _ in range(60):
        damaged = bytearray(content)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        is_read_or_refused(bytes(damaged), tmp_path / "a.gior")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@given(index=st.integers(0, 26), value=json_values)
def test_any_json_value_in_any_field_is_read_or_refused(index, value):
    fields = small()
    fields[index] = value
    is_parsed_or_refused(parse_replay, fields)
