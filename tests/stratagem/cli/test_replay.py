"""`stratagem replay`: verdicts, boards, pictures, and refusals in one line."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.engine.small_replay import named, small
from tests.engine.test_record import random_game

from engine.playback import SURRENDER
from engine.record import Record
from engine.replay_files import read_replay
from engine.replays import encode_gior, parse_replay
from stratagem.cli import main
from stratagem.cli.board import draw_board, short

MEGABYTE = 1 << 20


def run(*arguments):
    """Run the command in this process: exit status, standard output, standard error."""
    result = CliRunner().invoke(main, ["replay", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


# The peak is read from /proc, as what getrusage tells of a process begins with its parent's.
APART = """
import atexit, sys
from pathlib import Path
status = Path("/proc/self/status")
atexit.register(lambda: print(status.read_text().split("VmHWM:")[1].split()[0], "torch" in sys.modules))
from stratagem.cli import main
main(prog_name="stratagem")
"""


def run_apart(*arguments):
    """Run the command as its own process: exit status, standard output, standard error, most memory in bytes, torch?"""
    command = [sys.executable, "-c", APART, "replay", *map(str, arguments)]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "src")}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=400)
    told = re.fullmatch(r"(.*?)(\d+) (True|False)\n", done.stdout, re.DOTALL)
    assert told, done.stderr
    out, peak, torch = told.groups()
    return done.returncode, out, done.stderr, int(peak) * 1024, torch == "True"


def write(path, *values):
    """Write replays as the name of the file says."""
    if ".gior" in path.suffixes and ".gioreplay" not in path.suffixes:
        content = b"".join(encode_gior(parse_replay(value)) for value in values)
    else:
        content = b"\n".join(json.dumps(value).encode() for value in values)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


# --- verify ---


def test_a_line_a_game_and_a_summary(tmp_path):
    files = [
        write(tmp_path / "a.gior", small(id="abc-_1")),
        write(tmp_path / "b.gioreplay.gz", named(id="of two words\n\x1b[31m")),
        write(tmp_path / "c.jsonl", small(id=""), small(afks=[], teams=[1, 2])),
    ]
    status, out, err = run("verify", *files)
    assert out.splitlines() == [
        "abc-_1 version 13 players 2 turns 10 moves 3 invalid 0 ended surrender winner 0",
        "of?two?words??[31m version 13 players 2 turns 10 moves 3 invalid 0 ended surrender winner 0",
        "- version 13 players 2 turns 10 moves 3 invalid 0 ended surrender winner 0",
        "small-_1 version 13 players 2 turns 7 moves 3 invalid 0 ended unfinished winner none",
        "4 games, 12 moves, 0 invalid; ended by 3 surrender, 1 unfinished",
    ]
    assert (status, err) == (0, "")


def test_a_record_is_verified_and_drawn_like_a_replay(tmp_path):
    record = replace(random_game(8, "competition")[0], names=())
    (tmp_path / "a.json").write_text(record.to_json())
    result, moves = record.result(), int((record.events[:, 2] != SURRENDER).sum())
    status, out, err = run("verify", tmp_path / "a.json")
    assert (status, err) == (1, "")
    assert out.splitlines()[0] == (
        f"game?8 ruleset competition players 2 turns {result.turns} moves {moves} invalid {result.invalid} "
        f"ended {result.ended} winner {result.winner}"
    )
    status, out, err = run("show", tmp_path / "a.json", "--turn", "9", "--seat", "1")
    assert (status, err) == (0, "")
    assert out.startswith("game?8  turn 9  as seat B sees it")
    assert run("show", tmp_path / "a.json", "--seat", "2")[0] == 2


def test_a_record_that_tells_another_winner_is_refused(tmp_path):
    told = json.loads(random_game(8, "competition")[0].to_json())
    (tmp_path / "a.json").write_text(json.dumps(told | {"winner": 0}))
    for command in ("verify", "show"):
        status, _, err = run(command, tmp_path / "a.json")
        assert status == 2
        assert err.startswith(f"stratagem: {tmp_path / 'a.json'}: record tells of turn {told['turns']} and winner 0")


def test_an_invalid_move_makes_the_exit_status_1(tmp_path):
    status, out, err = run("verify", write(tmp_path / "a.json", small(moves=[[0, 0, 1, 0, 0], [0, 0, 8, 0, 5]])))
    assert (status, err) == (1, "")
    assert out.splitlines()[0].endswith("moves 2 invalid 2 ended afk winner 0")


def test_a_refused_file_is_told_and_the_others_are_verified(tmp_path):
    good = write(tmp_path / "good.json", small())
    bad = write(tmp_path / "bad.jsonl", small(), small(modifiers=[2]))
    status, out, err = run("verify", bad, tmp_path / "none.gior", good)
    assert status == 2
    assert err.splitlines() == [
        f"stratagem: {bad}:2: replay has modifier 2 (Misty Veil), which is not supported; accepted: no modifiers",
        f"stratagem: {tmp_path / 'none.gior'}: no such file or directory",
    ]
    assert out.splitlines()[-1].startswith("2 games")


def test_boards_of_one_game(tmp_path):
    path = write(tmp_path / "a.json", small())
    status, _, _ = run("verify", path, "--boards", tmp_path / "out.npz")
    assert status == 0
    with np.load(tmp_path / "out.npz") as boards:
        assert sorted(boards.files) == ["army", "owner"]
        owners, armies = boards["owner"], boards["army"]
    assert (owners.dtype, owners.shape) == (np.int8, (11, 9))
    assert (armies.dtype, armies.shape) == (np.int32, (11, 9))
    assert owners[0].tolist() == [0, -1, -1, -1, -2, -1, -1, -1, 1]
    assert armies[0].tolist() == [1, 0, 7, 0, 0, 40, 0, 0, 1]
    assert owners[3].tolist() == [0, 0, -1, -1, -2, -1, -1, -1, 1]
    wanted = Record.from_replay(read_replay(path)).boards()
    np.testing.assert_array_equal(owners, wanted[0])
    np.testing.assert_array_equal(armies, wanted[1])


def test_boards_of_several_games_are_numbered(tmp_path):
    games = write(tmp_path / "a.jsonl", small(), small(afks=[]), small(moves=[]))
    assert run("verify", games, "--boards", tmp_path / "out.npz")[0] == 0
    with np.load(tmp_path / "out.npz") as boards:
        assert sorted(boards.files) == ["army_0", "army_1", "army_2", "owner_0", "owner_1", "owner_2"]
        assert [len(boards[f"owner_{game}"]) for game in range(3)] == [11, 8, 11]


def test_boards_that_cannot_be_written_are_told_and_leave_nothing(tmp_path):
    game = write(tmp_path / "a.json", small())
    status, _, err = run("verify", game, "--boards", tmp_path / "none" / "out.npz")
    assert status == 2
    assert "no such file or directory" in err
    large = write(
        tmp_path / "b.json", small(width=180, height=180, generals=[0, 9], afks=[], moves=[[0, 0, 1, 0, 20_000]])
    )
    status, _, err = run("verify", large, "--boards", tmp_path / "out.npz")
    assert status == 2
    assert "boards of 20002 turns with 32400 tiles take more than 2147483648 bytes" in err


# --- show ---


def test_show_draws_the_whole_board_without_colour(tmp_path):
    path = write(tmp_path / "a.json", small(usernames=["Ann", "[red]Bob\x1b"], colours=[]))
    status, out, _ = run("show", path, "--turn", "8")
    assert status == 0
    assert [line.rstrip() for line in out.splitlines()] == [
        "small-_1  turn 8  whole board",
        "      0    1    2",
        "0 ★A  2 A  1    7",
        "1  A  2  ▲  ■  40",
        "2 ∴    ≈    ★B  4",
        "▲ mountain   ■ city   ★ general   ≈ swamp   ∴ desert",
        "seat   name       land  army",
        "0  A   Ann           3     5",
        "1  B   [red]Bob?     1     4",
    ]


def test_show_draws_what_a_seat_sees(tmp_path):
    path = write(tmp_path / "a.json", small(colours=[]))
    lines = [line.rstrip() for line in run("show", path, "--turn", "0", "--seat", "1")[1].splitlines()]
    assert lines[0] == "small-_1  turn 0  as seat B sees it"
    assert lines[2:5] == [
        "0   ░    ░    ░",
        "1   ░    ▲  ■  40",
        "2   ░  ≈    ★B  1",
    ]
    assert lines[5].endswith("░ fog")


def test_show_of_the_last_turn_names_the_winner_and_who_gave_up(tmp_path):
    lines = run("show", write(tmp_path / "a.json", small()))[1].splitlines()
    assert lines[0] == "small-_1  turn 10  whole board"
    assert lines[-2].rstrip().endswith("winner")
    assert lines[-1].rstrip().endswith("surrendered")


def test_show_with_colours_paints_the_seats_and_without_unicode_uses_ascii():
    record = Record.from_replay(parse_replay(small()))
    painted = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80)
    draw_board(painted, record.at(8), colours=(0, 1))
    assert "\x1b[1;38;2;255;255;255;48;2;198;40;40m★  2" in painted.file.getvalue()
    plain = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=80)
    draw_board(plain, record.at(8), 1)
    plain.file.seek(0)
    assert "*B  4" in plain.file.read()


def test_show_picks_a_game_of_a_file_of_lines(tmp_path):
    games = write(tmp_path / "a.jsonl", small(id="one"), small(id="two"))
    assert run("show", games, "--game", "2", "--turn", "0")[1].startswith("two  turn 0")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--turn", "11"), "turn is 11; the game lasts from 0 to 10"),
        (("--turn", "-1"), "turn is -1; the game lasts from 0 to 10"),
        (("--seat", "2"), "seat is 2; the game's seats are 0 to 1"),
        (("--game", "2"), "game 2 is not there; the file holds fewer"),
    ],
)
def test_show_refuses_what_is_not_there(tmp_path, options, message):
    path = write(tmp_path / "a.json", small())
    assert run("show", path, *options) == (2, "", f"stratagem: {path}: {message}\n")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (-7, "-7"), (999, "999"), (1000, "1k"), (-12_345, "-12k"), (3_200_000, "3M")]
)
def test_short_numbers(number, text):
    assert short(number) == text


# --- hostile files ---


def hostile_files(folder):
    """Files that are damaged, cut short or made to exhaust whoever reads them; each with what is said of it."""
    whole = encode_gior(parse_replay(small()))
    many = [[0, 0, 1, 0, turn] for turn in range(100_000)]
    files = {
        "cut.gior": (whole[:-6], "LZString stream is cut short"),
        "empty.gior": (b"", "LZString stream is empty"),
        "noise.gior": (bytes(range(256)) * 9, "text is not JSON"),
        "text.gior": (b"x" * 20_000_000, "file holds more than"),
        "bomb.gior": (encode_gior_text("[" + "[[[[],[]]]]," * 600_000), "values; at most"),
        "spaces.gior": (encode_gior_text(" " * 9_000_000), "expands to more than"),
        "deep.json": (b"[" * 500_000, "nests too deep"),
        "objects.json": (
            b"[" + b'{"":0},' * 340_000 + b"{}]",
            "replay version {'': 0} is unknown",
        ),
        "lists.json": (b"[13," + b"[[]]," * 230_000 + b"[]]", "id is"),
        "strings.json": (b'[13,"' + "é".encode() * 3_000_000 + b'\xf0\x9f\x98\x80"]', "at least 12 are needed"),
        "moves.json": (json.dumps(small(moves=[*many, [0, 0, 1, 0, "x"]])).encode(), "moves[100000] has turn 'x'"),
        "bomb.json.gz": (gzip.compress(b" " * 30_000_000), "file holds more than"),
        "bomb.jsonl.gz": (gzip.compress((b" " * 5_000_000 + b"\n") * 8), "gz data expands more than 200 times"),
        "line.jsonl": (b"[" + b"1," * 5_000_000, "longer than"),
        "version.json": (json.dumps(small(version=19)).encode(), "replay version 19 is unknown; known: 3 to 18"),
        "latin.json": ('[13,"é"'.encode("latin-1"), "text is not UTF-8"),
        "huge.json": (json.dumps(small(width=10**20)).encode(), "width is 100000000000000000000"),
        "nan.json": (b"[NaN]", "NaN"),
        "long.json": (json.dumps(small(moves=[[0, 0, 1, 0, 10**9]])).encode(), "turn 1000000000"),
    }
    for name, (content, message) in files.items():
        (folder / name).write_bytes(content)
        yield folder / name, message


def encode_gior_text(text):
    """A .gior of any text."""
    from engine.lzstring import compress

    return compress(text)


def test_hostile_files_get_one_line_and_exit_status_2_within_256_megabytes(tmp_path):
    files = list(hostile_files(tmp_path))
    status, out, err, peak, _ = run_apart("verify", *(path for path, _ in files))
    assert status == 2
    assert out == "0 games, 0 moves, 0 invalid\n"
    lines = err.splitlines()
    assert len(lines) == len(files), err
    for line, (path, message) in zip(lines, files, strict=True):
        assert line.startswith(f"stratagem: {path}:")
        assert message in line
        assert len(line) < 400
    assert peak < 256 * MEGABYTE
    for path, _ in files[:3]:
        status, out, err = run("show", path, "--turn", "0")
        assert (status, out, len(err.splitlines())) == (2, "", 1)


def test_many_real_games_stay_within_256_megabytes_and_need_no_torch(replays):
    run_apart("verify", replays / "ffa_v5.gior")  # compiles the kernels where nobody has, which takes more
    status, out, err, peak, torch = run_apart("verify", replays / "human_1v1_v13.jsonl.gz")
    lines = out.splitlines()
    assert (status, err, len(lines)) == (0, "", 3849)
    assert lines[-1] == "3848 games, 2313293 moves, 0 invalid; ended by 2813 capture, 964 surrender, 71 afk"
    pattern = r"[\w-]{9} version 13 players 2 turns \d+ moves \d+ invalid 0 ended (capture|surrender|afk) winner [01]"
    assert all(re.fullmatch(pattern, line) for line in lines[:-1])
    assert peak < 256 * MEGABYTE
    assert not torch


def test_real_free_for_alls_and_their_boards(replays, tmp_path):
    files = sorted(replays.glob("ffa_*_a.json.gz"))
    status, out, _ = run("verify", *files, "--boards", tmp_path / "out.npz")
    assert status == 0
    assert out.splitlines()[-1] == "8 games, 20458 moves, 0 invalid; ended by 4 capture, 4 surrender"
    with np.load(tmp_path / "out.npz") as boards:
        for number, file in enumerate(files):
            with np.load(str(file).replace(".json.gz", ".expected.npz")) as expected:
                np.testing.assert_array_equal(boards[f"owner_{number}"][expected["turns"]], expected["owner"])
                np.testing.assert_array_equal(boards[f"army_{number}"][expected["turns"]], expected["army"])
