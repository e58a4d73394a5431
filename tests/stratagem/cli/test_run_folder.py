"""A folder of a run belongs to one command at a time."""

import errno
import subprocess
import sys

import pytest
from click.testing import CliRunner

from stratagem.cli import main
from stratagem.cli.run_folder import own_folder

HOLD = """
import sys, click
from pathlib import Path
from stratagem.cli.run_folder import own_folder

@click.command()
@click.argument("folder", type=Path)
def hold(folder):
    own_folder(folder, "")
    print("held", flush=True)
    sys.stdin.read()

hold()
"""

COMMANDS = [
    (("demo", "--name", "mine", "--minutes", "0.01", "--board", "4x4"), "runs/mine", "--name"),
    (("train", "--name", "mine", "--device", "cpu"), "runs/mine", "--name"),
    (("r2d2", "--name", "mine", "--board", "4x4"), "runs/mine", "--name"),
    (("strategist", "--name", "mine"), "runs/mine", "--name"),
    (("learn", "--name", "mine", "--data", "runs"), "runs/mine", "--data"),
]


@pytest.fixture
def holder(tmp_path, monkeypatch):
    """Another process that has runs/mine, until it is told to end."""
    monkeypatch.chdir(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "runs/mine")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("command", "folder", "option"), COMMANDS, ids=[command[0] for command, *_ in COMMANDS])
def test_a_second_command_in_it_is_refused_and_changes_nothing(holder, tmp_path, command, folder, option):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "metrics.jsonl").write_text("of the first\n")
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1, result.output
    assert f"Error: {folder} is in use by another process; stop that one, or " in result.output
    assert option in result.output
    assert [path.name for path in tmp_path.joinpath("runs").iterdir() if path.name[0] != "."] == ["mine"]
    assert (tmp_path / folder / "metrics.jsonl").read_text() == "of the first\n"


def test_where_there_are_no_locks_nothing_is_refused(tmp_path, monkeypatch):
    def unknown(path):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("store.lock.lock_file", unknown)
    with main.make_context("stratagem", ["demo"]):
        assert own_folder(tmp_path / "runs/mine", "") == tmp_path / "runs/mine"


def test_a_process_that_was_killed_has_it_no_longer(holder, tmp_path):
    holder.kill()
    holder.wait()
    with main.make_context("stratagem", ["demo"]):
        assert own_folder(tmp_path / "runs/mine", "") == tmp_path / "runs/mine"
