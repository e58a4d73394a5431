"""`stratagem web` as a process: what it finds in its folder, and who else may use that."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from lambdas.match_logic import Wish
from lambdas.playing import Playing, Wanted
from store.connect import Connection, create_all
from store.errors import BusyError
from store.local import LocalStore
from store.names import PREFIX_VARIABLE, Names
from store.ratings import LEASE_MS, Outcome, Player, Ratings

# Without the policies in the box: making their ONNX form takes torch.
PAGE = "import sys, stratagem.policies as p; p.boxed = list; from stratagem.cli import main; main(sys.argv[1:])"
PREFIX = f"t{uuid.uuid4().hex[:12]}"  # all stores of a process hold their tables together
PATIENCE = 60.0  # seconds; a busy machine is slow, not wrong
ANNA, HUNTER = Player("human:anna"), Player("bot:hunter")


def process(data: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PAGE, "web", "--port", "0", "--data", str(data)]
    environment = {**os.environ, PREFIX_VARIABLE: PREFIX}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=data.parent, env=environment)


@contextmanager
def page(data: Path) -> Iterator[str]:
    """Where the page answers; in the end its process is killed."""
    with process(data) as web:
        try:
            assert web.stdout is not None
            line = web.stdout.readline()
            assert "the page is at http" in line, web.communicate(timeout=PATIENCE)
            yield line.split()[-1]
        finally:
            web.kill()


def leave_half_done(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in which one process died counting a game, and another before it handed a match in."""
    local = LocalStore(journal=data / "store.jsonl")
    local.start()
    connection = Connection(Names.of(PREFIX, local.endpoint))
    create_all(connection)

    def die(*_: object) -> None:
        raise BusyError("the ladder is away")

    with monkeypatch.context() as patched:
        patched.setattr(Ratings, "_plan", die)
        past = time.time_ns() // 1_000_000 - 2 * LEASE_MS
        with pytest.raises(BusyError):
            Ratings(connection, lambda: past).report([Outcome("g", (ANNA, HUNTER), 0, 9, "generalsio-5x5", past)])
        playing = Playing(connection)
        match, _ = playing.begin(Wanted("generalsio", "6x6", ("human", "bot:random"), "turns", 1.0, "anna"))
        patched.setattr(playing.matches, "deliver", die)
        playing.wish(match.id, Wish(surrender=True))
    local.stop()


def games(url: str, ladder: str) -> list[tuple[str, int]]:
    places = httpx.get(f"{url}v1/ladders/{ladder}").json()["places"]
    return [(place["player"], place["games"]) for place in places]


def test_the_page_counts_what_was_left_half_done_and_keeps_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "web"
    leave_half_done(data, monkeypatch)
    with page(data) as url:
        limit = time.monotonic() + PATIENCE
        while not (games(url, "generalsio-5x5") and games(url, "generalsio-6x6")):
            assert time.monotonic() < limit, "not counted"
            time.sleep(0.1)
        assert games(url, "generalsio-5x5") == [("human:anna@0", 1), ("bot:hunter@0", 1)]
        assert games(url, "generalsio-6x6") == [("bot:random@0", 1), ("human:anna@0", 1)]
        with process(data) as second:
            told = second.communicate(timeout=PATIENCE)[1]
        assert (second.returncode, told.count("\n")) == (2, 1)
        assert told.startswith(f"stratagem: folder {data} is in use by another process; stop that one, or name another")
    with page(data) as url:  # the first was killed: its folder is free again
        assert games(url, "generalsio-5x5") == [("human:anna@0", 1), ("bot:hunter@0", 1)]
