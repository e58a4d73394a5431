"""`stratagem web` as a process: what it finds in its folder, and who else may use that."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from lambdas.match_logic import Wish
from lambdas.playing import Playing, Wanted
from learner.network import Policy
from learner.network_config import NetworkConfig
from learner.snapshot import save_policy
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


def process(data: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PAGE, "web", "--port", "0", "--data", str(data), *arguments]
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


@pytest.fixture
def policies(tmp_path: Path) -> None:
    """Policies that cannot be offered, and a good one whose folder's name is none of the store's."""
    network = NetworkConfig(channels=8, blocks=1, memory=4, hidden=8)
    for name, config in (("demo", network), ("advised", replace(network, adviser="seeker")), ("My Policy", network)):
        save_policy(Policy(config), tmp_path / "runs" / name / "policy", {})
    weights = tmp_path / "runs" / "demo" / "policy.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--store", "http://127.0.0.1:1"), "Could not connect"),
        (("--policy", "runs/demo/policy"), "its sha256 is not the one"),
        (("--policy", "runs/advised/policy"), "has no ONNX form"),
        (("--policy", "runs/My Policy/policy"), "policy name 'my policy' is not accepted"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    arguments: tuple[str, ...], complaint: str, tmp_path: Path, policies: None
) -> None:
    with process(tmp_path / "web", *arguments) as web:
        told = web.communicate(timeout=PATIENCE)[1]
    assert (web.returncode, told.count("\n")) == (2, 1), told
    assert told.startswith("stratagem: ")
    assert complaint in told


def test_the_page_does_without_a_trained_policy_that_is_damaged(tmp_path: Path, policies: None) -> None:
    with process(tmp_path / "web") as web:
        assert web.stdout is not None
        assert web.stderr is not None
        assert "the page is at http" in web.stdout.readline()
        web.kill()
        told = web.stderr.read()
    assert (told.count("\n"), "its sha256 is not the one" in told) == (1, True), told
    assert told.endswith("; the page does without\n")


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
