"""The report, the curve and the live view, from made-up figures."""

import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from engine.game import Game
from learner.boards import board_svg
from learner.live import LiveView, PlainView, QuietView, Status, bar, choose_view, curve
from learner.rating import Interval, Rating
from learner.report import Ablation, Picture, Results, draw_curve, smooth, write_report

HALF = Interval(0.5, 0.45, 0.55, 400)
MOST = Interval(0.9, 0.86, 0.93, 400)
FEW = Interval(0.1, 0.07, 0.14, 400)


def ablation(direct, losses, forgetful=HALF):
    return Ablation({"expander": HALF}, {"expander": forgetful}, direct, losses)


def metrics(count=30):
    return [
        {
            "seconds": 8.0 * i,
            "win_rate": {"expander": None if i < 3 else i / count, "pool": 0.5},
            "episode_turns": None if i < 2 else 150.0 - i,
            "entropy": 2.0 - i / count,
            "value": 0.1,
            "policy": -0.01,
        }
        for i in range(count)
    ]


def results(**changes):
    given = {
        "title": "Stratagem: <demo>",
        "facts": {"seed": "1"},
        "win_rates": {"random": MOST},
        "drawn": {"random": 0.02},
        "ratings": [Rating("last & best", 120.0, 90.0, 150.0, 0.7, 800), Rating("expander", 0.0, 0.0, 0.0, 0.4, 800)],
        "anchor": "expander",
        "ablation": ablation(MOST, FEW),
        "pictures": [Picture("a game", (("turn 3", "<svg></svg>"),))],
        "notes": ["Read this."],
    }
    return Results(**{**given, **changes})


def test_the_report_is_one_file_that_needs_no_other(tmp_path):
    draw_curve(metrics(), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    write_report(results(), tmp_path / "curve.png", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "http" not in page
    for told in ("Stratagem: &lt;demo&gt;", "last &amp; best", "+120", "86.0% … 93.0%", "Read this.", "<svg></svg>"):
        assert told in page


@pytest.mark.parametrize("count", [1, 2])
def test_a_curve_is_drawn_of_very_little(tmp_path, count):
    draw_curve(metrics(count), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (ablation(MOST, FEW), "does worse: of their games with each other it wins 10.0%"),
        (ablation(HALF, HALF, forgetful=FEW), r"does worse, against expander \(10.0%"),
        (ablation(HALF, HALF), "does not do worse"),
    ],
)
def test_the_verdict_on_memory_says_plainly_what_was_found(found, verdict):
    assert re.search(verdict, found.verdict)


def test_smoothed_values_are_means_of_what_was_seen_so_far():
    assert smooth([1.0, 3.0, float("nan"), 5.0]) == [1.0, 2.0, 2.0, 3.0]


def test_a_board_in_svg_hides_what_the_seat_does_not_see():
    game = Game.from_tiles("generalsio", np.array([[1, 0, 0, 0], [0, 0, -2, 0], [0, 0, 0, 2]]))
    whole, seen = board_svg(game), board_svg(game, seat=0)
    assert whole.count("★") == 2
    assert seen.count("★") == 1
    assert whole.count("<rect") == seen.count("<rect") == 12


STATUS = Status(
    seconds=61.0,
    budget=240.0,
    iteration=7,
    env_steps=123_456,
    steps_per_second=4321.0,
    snapshots=3,
    episode_turns=87.0,
    episode_reward=-0.25,
    losses={
        "policy": -0.01,
        "value": 0.2,
        "entropy": 1.5,
        "divergence": 0.01,
        "clipped": 0.1,
        "grad_norm": 0.4,
        "explained": 0.6,
        "learning_rate": 1e-3,
    },
    win_rates={"expander": 0.62, "pool": float("nan")},
    shares={"learn": 0.8, "act": 0.2},
)


def console(terminal):
    return Console(file=io.StringIO(), width=120, force_terminal=terminal)


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_not_known_yet_is_a_dash(terminal):
    screen = console(terminal)
    view = choose_view("demo", quiet=False, console=screen)
    view.update(replace(STATUS, episode_turns=math.nan, episode_reward=math.nan))
    view.close()
    shown = screen.file.getvalue()
    assert "– turns" in shown
    assert "nan" not in shown


@pytest.mark.parametrize(("terminal", "kind"), [(True, LiveView), (False, PlainView)])
def test_the_view_shows_all_that_a_watcher_wants(terminal, kind):
    screen = console(terminal)
    view = choose_view("demo", quiet=False, console=screen)
    assert type(view) is kind
    view.update(STATUS)
    view.close()
    shown = screen.file.getvalue()
    for part in ("123 k", "4,321", "87", "-0.25", "1.5", "expander", "62%"):
        assert part in shown
    if terminal:
        for part in ("2:59", "where time goes", "learn", "80%", "value loss"):
            assert part in shown


def test_quiet_shows_only_what_is_said():
    screen = console(True)
    view = choose_view("demo", quiet=True, console=screen)
    assert type(view) is QuietView
    view.update(STATUS)
    view.say("done")
    view.close()
    assert screen.file.getvalue() == "done\n"


def test_bars_and_curves_have_their_width():
    assert bar(0.5, 10, "red").plain == "█████░░░░░"
    assert bar(7.0, 4, "red").plain == "████"
    assert curve([0.0, 1.0, float("nan")], 16, top=1.0) == " █"
    assert len(curve(list(range(100)), 16)) == 16
    assert curve([], 16) == ""
