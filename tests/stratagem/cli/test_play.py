"""`stratagem play` and `watch`: typed moves, keys, boards of what may be seen, refusals in one line."""

import io
import os
import re
import select
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from tests.services.game_server import local_server, small
from tests.services.test_fog import begun, play_random

from actors.foreign_view import ForeignView
from services.client import GameClient, Sight
from services.game_view import Eye
from services.local_games import LocalGames
from stratagem.cli import main
from stratagem.cli.board import draw_board
from stratagem.cli.moves import step, typed_move
from stratagem.cli.play import _Hand
from stratagem.cli.screen import picture, scene_of

SOURCES = Path(__file__).resolve().parents[3] / "src"


def run(*arguments: object, keys: str = "") -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=keys)


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with local_server(tmp_path_factory.mktemp("played")) as pair:
        yield pair


def test_a_game_is_played_by_typed_moves(games: tuple[LocalGames, GameClient]) -> None:
    result = run(
        "play", "--server", games[0].address, "--size", "6x6", "--name", "anna", keys="\n9 9 up\nnonsense\n\nq\n"
    )
    assert result.exit_code == 0, result.output
    assert "turn 2" in result.output
    assert "tile 9 9 is off the board; accepted: 0 0 to 5 5" in result.output
    assert '"nonsense" is not understood' in result.output
    assert re.search(r"human:anna .*bot:hunter .*you lost after 3 turns", result.output, re.DOTALL)


@pytest.mark.parametrize(("options", "name"), [(["--bot", "scout"], "scout"), (["--policy", "pupil"], "pupil")])
def test_what_no_server_has_plays_from_here(
    games: tuple[LocalGames, GameClient], options: list[str], name: str
) -> None:
    passes = "\n" * 30
    result = run("play", "--server", games[0].address, *options, "--name", "anna", keys=f"{passes}q\n")
    assert result.exit_code == 0, result.output
    assert re.search(rf"human:anna .*policy:{name} .*you lost after 31 turns", result.output, re.DOTALL)
    land = [int(found) for found in re.findall(rf"policy:{name} +(\d+)", result.output)]
    assert land[0] == 1
    assert land[-1] > 1


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_opponent_from_here_may_think_when_the_game_is_left(
    games: tuple[LocalGames, GameClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    thinks, closes = threading.Event(), GameClient.__exit__

    class Slow:
        board = (24, 24)

        def begin(self, view: ForeignView) -> None: ...

        def decide(self, view: ForeignView) -> int:
            thinks.wait(10)
            return 0

    def close(client: GameClient, *error: Any) -> None:
        closes(client, *error)
        thinks.set()  # the guest's connection is the first that is closed

    monkeypatch.setattr(
        "stratagem.cli.play.bot_player", lambda bot: SimpleNamespace(name=bot, mind=lambda seed: Slow())
    )
    monkeypatch.setattr(GameClient, "__exit__", close)
    result = run("play", "--server", games[0].address, "--bot", "scout", keys="q\n")
    assert result.exit_code == 0, result.output
    assert "gives up" not in result.output


def test_a_policy_that_is_not_there_is_named() -> None:
    result = run("play", "--policy", "nobody")
    assert result.exit_code == 1
    assert "nobody.json" in result.output


def test_the_end_of_input_gives_up(games: tuple[LocalGames, GameClient]) -> None:
    result = run("play", "--server", games[0].address, "--bot", "random", "--size", "5x6")
    assert result.exit_code == 0
    assert "you lost after 1 turns" in result.output


def test_two_people_meet(games: tuple[LocalGames, GameClient]) -> None:
    game = games[1].create(board=small())
    games[1].join(game, "bert")
    result = run("play", "--server", games[0].address, "--join", game, "--name", "anna")
    assert result.exit_code == 0
    assert f"game {game}, seat 1" in result.output
    assert "human:bert" in result.output


def test_play_brings_its_own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATAGEM_TLS_AUTHORITY", "system")  # of other servers, not of this one
    result = run("play", "--size", "6x6", "--bot", "random", keys="\n")
    assert result.exit_code == 0, result.output
    assert "you lost" in result.output


def test_what_cannot_be_is_told_in_one_line(games: tuple[LocalGames, GameClient]) -> None:
    unknown = run("play", "--server", games[0].address, "--join", "nowhere")
    assert unknown.exit_code == 1
    assert 'game_id "nowhere" is unknown' in unknown.output
    assert "Traceback" not in unknown.output
    assert run("play", "--wait").exit_code == 2
    assert run("play", "--size", "3x3").exit_code == 2


def test_games_are_listed_and_watched(games: tuple[LocalGames, GameClient]) -> None:
    address, client = games[0].address, games[1]
    game = client.create(["bot:hunter", "bot:random"], board=small(), turn_ms=10, turn_limit=40)
    watched = run("watch", game, "--server", address)
    assert watched.exit_code == 0
    assert "whole board" in watched.output
    assert re.search(r"(seat \d won|drawn) after \d+ turns", watched.output)
    listed = run("watch", "--server", address)
    assert re.search(rf"{game}  over .*bot:hunter, bot:random", listed.output)


@pytest.mark.parametrize("asked", [(), ("some-game",)])
def test_a_server_that_does_not_answer_is_told_of_soon(asked: tuple[str, ...]) -> None:
    begun = time.monotonic()
    watched = run("watch", *asked, "--server", "127.0.0.1:1")
    assert watched.exit_code == 1
    assert "UNAVAILABLE" in watched.output
    assert time.monotonic() - begun < 60


def test_names_and_moves_are_shown_as_they_were_typed(games: tuple[LocalGames, GameClient]) -> None:
    address, client = games[0].address, games[1]
    game = client.create(["", "bot:random"], board=small())
    client.join(game, "human:[/x] [bold]ann :heart:").surrender()
    listed = run("watch", "--server", address)
    assert listed.exit_code == 0, listed.output
    assert "human:[/x] [bold]ann :heart:, bot:random" in " ".join(listed.output.split())
    typed = run("play", "--server", address, "--size", "6x6", keys="[/b]\n[bold] 1 2\nq\n")
    assert typed.exit_code == 0, typed.output
    assert '"[/b]" is not understood' in typed.output
    assert '"[bold] 1 2" is not understood' in typed.output


@pytest.mark.parametrize(
    ("typed", "code"),
    [("", 0), ("2 3 up", 1 + 19 * 8), ("2 3 right", 1 + 19 * 8 + 6), ("2 3 s half", 1 + 19 * 8 + 3), ("0 0 L h", 6)],
)
def test_typed_moves(typed: str, code: int) -> None:
    assert typed_move(typed, 6, 8) == code


@pytest.mark.parametrize("typed", ["1", "1 2", "a b up", "1 2 north", "1 2 up quarter", "-1 2 up", "6 0 up", "0 8 up"])
def test_what_is_no_move(typed: str) -> None:
    with pytest.raises(ValueError):
        typed_move(typed, 6, 8)


def test_steps_end_at_the_edge() -> None:
    assert [step(0, d, 2, 3) for d in range(4)] == [0, 3, 0, 1]
    assert [step(5, d, 2, 3) for d in range(4)] == [2, 5, 4, 5]


def test_keys_move_the_cursor_and_the_army(games: tuple[LocalGames, GameClient]) -> None:
    seat = games[1].join(games[1].create(["", "bot:random"], board=small(), seed=5), "anna")
    hand = _Hand(seat)
    stream = seat.sights()
    hand.look(next(stream))
    assert hand.sight is not None
    home = int(np.flatnonzero(hand.sight.observation.relation == 1)[0])
    assert hand.cursor == home
    hand.press("\x1b[A")
    hand.press("\x1b[B")
    assert hand.cursor == (home if home >= 6 else home + 6)
    hand.press(" ")
    hand.press(" ")  # the turn has been answered
    hand.look(next(stream))
    assert hand.sight.turn == 1
    hand.press("z")
    note = Console(file=io.StringIO(), width=200)
    note.print(picture(note, hand.sight, hand.names, hand.note))
    assert "[half]" in _text(note)
    key, direction = ("w", 0) if hand.cursor >= 6 else ("s", 1)
    before = hand.cursor
    hand.press(key)
    assert hand.cursor == step(before, direction, 6, 6)
    hand.look(next(stream))
    assert hand.sight.turn == 2
    hand.press("q")
    assert hand.over
    for sight in stream:
        hand.look(sight)
    assert hand.sight.finished


def test_a_seat_s_picture_is_the_engine_s() -> None:
    """Drawn from a message, a board looks as it does drawn from the game."""
    live = begun()
    play_random(live, 60, 4)
    drawn = []
    for seat in (0, 1):
        sight = Sight(Eye(live, seat).of_board(live.view, live.turn))
        for colour in (True, False):
            one, other = (_console(colour) for _ in range(2))
            one.print(picture(one, sight, ("x", "y")), soft_wrap=True)
            draw_board(other, live.game, seat, names=("x", "y"))
            drawn.append((_text(one), _text(other)))
        assert scene_of(sight).turn == live.turn
    assert all(mine == engine for mine, engine in drawn)


def _console(colour: bool) -> Console:
    # Always all colours: rich keeps how a style was first written, whichever console asks for it later.
    return Console(file=io.StringIO(), force_terminal=colour, color_system="truecolor" if colour else None, width=200)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def test_the_folder_of_an_own_server_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run("play", "--size", "6x6").exit_code == 0
    assert list(tmp_path.iterdir()) == []


# --- in a terminal ---


class Terminal:
    """`stratagem` with a terminal of its own, of 40 rows and 120 columns."""

    def __init__(self, *arguments: object) -> None:
        self.ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (40, 120))
        command = [sys.executable, "-m", "stratagem.cli", *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | TERMINAL)
        os.close(theirs)
        self.shown = ""

    def read(self, seconds: float) -> str:
        """What is shown within so long."""
        deadline, new = time.monotonic() + seconds, b""
        while (left := deadline - time.monotonic()) > 0 and select.select([self.ours], [], [], left)[0]:
            try:
                new += os.read(self.ours, 1 << 16)
            except OSError:  # the process has ended
                break
        self.shown += new.decode(errors="replace")
        return new.decode(errors="replace")

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + 60.0
        while words not in self.shown and time.monotonic() < deadline:
            self.read(0.1)
        assert words in self.shown, self.shown[-2000:]

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def end(self) -> int:
        """The exit status."""
        while self.process.poll() is None and self.read(60.0):
            pass
        self.read(0.1)
        os.close(self.ours)
        return self.process.wait(20)


TERMINAL = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", "PYTHONPATH": str(SOURCES)}


def test_keys_that_come_at_once_are_all_acted_on(games: tuple[LocalGames, GameClient]) -> None:
    terminal = Terminal("play", "--server", games[0].address, "--size", "6x6", "--name", "anna")
    terminal.wait_for("turn 0")
    terminal.press("   ")  # each answers a turn, the next waits for it
    terminal.wait_for("turn 3")
    terminal.read(1.0)  # the rest of that picture
    assert terminal.read(1.0) == "", "nothing is drawn anew while nothing happens"
    assert "turn 4" not in terminal.shown
    terminal.press("z\x1b[C\x1bOBq")
    assert terminal.end() == 0
    assert "[half]" in terminal.shown
    assert "given up" in terminal.shown


def test_who_closes_the_terminal_gives_up(games: tuple[LocalGames, GameClient]) -> None:
    terminal = Terminal("play", "--server", games[0].address, "--size", "6x6", "--wait")
    terminal.wait_for("waiting for an opponent; q ends")
    os.close(terminal.ours)
    assert terminal.process.wait(20) in (0, 1)
