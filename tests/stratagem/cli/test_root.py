"""The root of the command line."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from stratagem import __version__
from stratagem.cli import COMMANDS, main


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"stratagem, version {__version__}\n")


def test_help_lists_every_command_without_loading_one() -> None:
    asked = "from stratagem.cli import main\nmain(['--help'], standalone_mode=False)\nimport sys\nprint(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    help_text, modules = printed.rstrip("\n").rsplit("\n", 1)
    for name, place in COMMANDS.items():
        assert f"  {name} " in help_text
        assert place.module not in modules.split()


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_loads_and_explains_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {name} ")


def test_serve_has_another_server_behind_a_switch() -> None:
    for arguments in (["serve", "--socketio", "--help"], ["serve", "--port", "1", "--socketio", "--help"]):
        told = CliRunner().invoke(main, arguments)
        assert told.exit_code == 0
        assert "--turn-seconds" in told.output
    assert "--turn-seconds" not in CliRunner().invoke(main, ["serve", "--help"]).output
    for arguments, complaint in (
        (["--bot", "nobody"], 'bot "nobody" is unknown'),
        (["--bot", "none", "--policy", "pupil"], "either --policy PATH or --bot NAME"),
        (["--policy", "nobody"], "nobody.json"),
        (["--weights", "w.safetensors"], "--weights goes with --bot scout"),
        (["--bot", "none", "--weights", "w.safetensors"], "--weights goes with --bot scout"),
    ):
        wrong = CliRunner().invoke(main, ["serve", "--socketio", *arguments])
        assert wrong.exit_code == 2
        assert complaint in wrong.output


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    monkeypatch.delitem(sys.modules, "stratagem.cli.serve", raising=False)
    monkeypatch.delitem(sys.modules, "botocore.exceptions", raising=False)
    result = CliRunner().invoke(main, ["serve", "--help"])
    assert result.exit_code == 1
    assert "serve needs botocore" in result.output
    assert "Traceback" not in result.output


def test_a_library_that_only_the_run_misses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socketio", None)
    monkeypatch.delitem(sys.modules, "actors.live", raising=False)
    result = CliRunner().invoke(main, ["live", "--url", "http://127.0.0.1:9", "--user-id", "u", "--bot", "hunter"])
    assert result.exit_code == 1
    assert "live needs socketio, which is not installed; `make install-services`" in result.output
    assert "Traceback" not in result.output


def test_an_unknown_command_is_one_line_and_exit_2() -> None:
    result = CliRunner().invoke(main, ["reply"])
    assert result.exit_code == 2
    assert "No such command 'reply'" in result.output
