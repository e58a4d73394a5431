"""What commands refuse before they begin: numbers, names, and places where nothing can be written."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from store.names import ENDPOINT_VARIABLE
from stratagem.cli import main
from stratagem.cli import store as store_command
from stratagem.cli.values import Number


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            yield from commands(inner, (*path, name))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a file FILE."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("kept")
    return tmp_path


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_no_command_takes_what_is_no_finite_number_in_a_range(value: str) -> None:
    ranged = [
        (path, parameter.type)
        for path, command in commands(main)
        for parameter in command.params
        if isinstance(parameter.type, click.FloatRange)
    ]
    assert len({path for path, _ in ranged}) >= 8
    assert [path for path, kind in ranged if takes(kind, value)] == []


def takes(kind: click.ParamType, value: str) -> bool:
    try:
        kind.convert(value, None, None)
    except click.BadParameter:
        return False
    return True


def test_a_number_is_read_as_click_reads_it() -> None:
    assert Number(min=0.5).convert("0.5", None, None) == 0.5


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("demo", "--minutes", "nan"), "nan is not finite"),
        (("socketio", "--turn-seconds", "nan"), "nan is not finite"),
        (("up", "--minutes", "-1"), "-1"),
        (("up", "--minutes", "nan"), "nan is not finite"),
        (("up", "--name", "bad name"), "policy name 'bad name' is not accepted"),
        (("store", "--port", "-5"), "0<=x<=65535"),
        (("store", "--port", "99999"), "0<=x<=65535"),
        (("web", "--store", "foo"), '"foo" is no address; accepted: http://HOST'),
        (("live", "--url", "foo", "--user-id", "me", "--bot", "hunter"), '"foo" is no address'),
        (("lake", "ls", "--endpoint", "foo"), '"foo" is no address'),
        (("lake", "ls", "--endpoint", "http://127.0.0.1:99999"), '"http://127.0.0.1:99999" is no address'),
        (("cloud", "cost", "--endpoint", "http://"), '"http://" is no address'),
        (("replay", "show", "FILE", "--game", "99999999999999999999999999"), "1<=x<="),
        (("whereabouts", "FILE/x.py"), "FILE is no folder"),
        (("policy", "rate", "pupil", "--json", "FILE/x/y"), "FILE is no folder"),
        (("policy", "temper", "pupil", "FILE/x", "0.5"), "FILE is no folder"),
        (("policy", "grow", "pupil", "FILE/x", "--levels", "1"), "FILE is no folder"),
        (("policy", "export", "pupil", "--onnx", "FILE/x.onnx"), "FILE is no folder"),
        (("policy", "export", "pupil", "FILE/x.zip", "--competition"), "FILE is no folder"),
        (("lake", "export", "--local", "--all", "--out", "FILE"), "FILE is no folder"),
        (("up", "--data", "FILE/x"), "FILE is no folder"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(arguments: tuple[str, ...], complaint: str, folder: Path) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert complaint in result.output
    assert [path.name for path in folder.iterdir()] == ["FILE"]


def test_an_endpoint_of_the_environment_that_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, "foo")
    result = run("lake", "ls")
    assert result.exit_code == 2
    assert '"foo" is no address' in result.output


@pytest.mark.parametrize("place", ["runs", "runs/mine"])
@pytest.mark.parametrize("command", ["demo", "train", "r2d2"])
def test_a_run_whose_folder_is_a_file_is_refused(command: str, place: str, folder: Path) -> None:
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text("kept")
    result = run(command, "--name", "mine")
    assert result.exit_code == 2
    assert f"{place} is no folder" in result.output
    assert (folder / place).read_text() == "kept"


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (PermissionError(13, "Permission denied", "a/b"), 2, "stratagem: a/b: Permission denied\n"),
        (KeyboardInterrupt(), 130, "stratagem: stopped\n"),
    ],
)
def test_what_ends_a_command_from_without_is_one_line(
    error: BaseException, status: int, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def fails() -> None:
        raise error

    monkeypatch.setattr(store_command, "store", fails)
    result = run("store")
    assert (result.exit_code, result.output) == (status, line)
