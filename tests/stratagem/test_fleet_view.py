"""What `stratagem up` shows on a terminal: what there is, as plain text whatever it is called."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from services.stubs import common_pb2, elo_pb2, model_pb2, replay_pb2
from stratagem.fleet import FleetView, Places
from stratagem.supervisor import Child, Fleet

PLACES = Places(store=1, server=1, replay=1)  # where nobody answers


def shown(view: FleetView) -> str:
    console = Console(file=io.StringIO(), width=150, markup=False, emoji=False)
    console.print(view._draw())
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    return Fleet([Child("learner", command, tmp_path / "learner.log", {})])


def test_all_that_the_services_tell_is_shown(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    view = FleetView(fleet, "mine", PLACES)
    player = common_pb2.Player(name="human:[bold]ann", version=0)
    told = (
        [model_pb2.PolicyInfo(name="mine", version=12, size=43_210, aliases=["champion"])],
        [elo_pb2.Rating(player=player, elo=1234.4, games=56)],
        [replay_pb2.TableStats(table="ppo", size=7, transitions_inserted=65_432, transitions_sampled=54_321)],
    )
    monkeypatch.setattr(view, "_ask", lambda: told)
    text = shown(view)
    for word in ("mine", "12", "43,210", "champion", "human:[bold]ann", "1,234", "56", "ppo", "65,432", "54,321"):
        assert word in text, word
    assert view.line().startswith(
        "0/1 processes; version 12 of mine; 65,432 transitions (0/s); best: human:[bold]ann 1234"
    )


def test_where_nobody_answers_the_processes_are_shown(fleet: Fleet) -> None:
    (child,) = fleet.children
    child.start()
    assert child.process is not None
    child.process.wait(60)
    text = shown(FleetView(fleet, "mine", PLACES))
    assert "learner" in text
    assert "ended (3)" in text
    assert "0 transitions a second; Ctrl-C stops" in text
