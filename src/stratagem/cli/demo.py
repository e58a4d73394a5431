"""`stratagem demo`: train a policy on this machine, rate it, write a report.

torch is imported inside the command, after `prepare_host` has told its threads how to wait.
"""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from stratagem.cli.device import device_option
from stratagem.cli.run_folder import own_run
from stratagem.cli.values import Number, RunName

if TYPE_CHECKING:
    from learner.live import View
    from learner.training import Plan, Training

INTERRUPTED = 130
REFUSED = 2


class BoardSize(click.ParamType[tuple[int, int]]):
    """HEIGHTxWIDTH."""

    name = "HxW"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Read "8x8" as (8, 8)."""
        if isinstance(value, tuple):
            return value
        from engine.sides import sides_of

        sides = sides_of(value)
        if sides is None or not 4 <= min(sides) <= max(sides) <= 40:
            self.fail(f'board is "{value}"; accepted: HEIGHTxWIDTH with sides of 4 to 40, as in 8x8', param, ctx)
        return sides


@click.command()
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Of maps, weights and moves.")
@click.option("--minutes", type=Number(min=0.01), default=4.0, show_default=True, help="Of training; rating follows.")
@click.option("--board", type=BoardSize(), default="6x6", show_default=True, help="Size of the maps.")
@click.option("--name", type=RunName(), default="demo", show_default=True, help="The run: writes runs/NAME/.")
@click.option("--size", default="tiny", show_default=True, help="Of the network: tiny, small, medium, base, large.")
@device_option
@click.option("--quiet", is_flag=True, help="Print results alone.")
@click.option("--fresh", is_flag=True, help="Start over, even if the run could go on.")
def demo(
    seed: int, minutes: float, board: tuple[int, int], name: str, size: str, device: str, quiet: bool, fresh: bool
) -> None:
    """Train a policy by self-play and against a bot, rate it, write a report.

    Ctrl-C ends it at any time and keeps what was learned; the same command then goes on from there. A run with other
    settings, or --fresh, starts anew and moves the old one aside.
    """
    try:
        from learner.host import prepare_host

        prepare_host()
        from learner.demo import demo_plan
        from learner.network_config import SIZES

        if size not in SIZES:
            raise click.BadParameter(f'size is "{size}"; known: {", ".join(SIZES)}', param_hint="--size")
        plan = demo_plan(name, seed, minutes, *board, size=size, device=device)
        _run(plan, own_run(name), quiet, fresh)
    except KeyboardInterrupt:
        click.echo("\nstopped; run the same command again to go on")
        sys.exit(INTERRUPTED)


def _run(plan: "Plan", folder: Path, quiet: bool, fresh: bool) -> None:
    """Train, rate, report; a run that is finished is only told of."""
    from learner.demo import rate, write_results
    from learner.live import choose_view
    from learner.training import open_run

    view = choose_view(f"stratagem · {folder} · seed {plan.seed}", quiet=quiet)
    training = open_run(plan, folder, fresh, view)
    summary = folder / "summary.json"
    if training.finished and summary.exists():
        view.say(f"{folder} is trained and rated; --fresh starts over, more --minutes go on from here")
    else:
        if not training.finished:
            view.say("preparing the engine; its first run compiles it, for some minutes")
            training.prepare()
            _train(training, view)
        view.say("rating over mirrored pairs of games")
        write_results(training, rate(training, view))
    for line in told(json.loads(summary.read_text(encoding="utf-8")), folder):
        view.say(line)


def _train(training: "Training", view: "View") -> None:
    """Train; raises KeyboardInterrupt, with everything saved, if that was asked for on the way."""
    with gentle_stop() as stopped:
        try:
            training.run(view, stopped)
        finally:
            view.close()
        if stopped():
            view.say(f"kept in {training.folder}: the policy after {training.counters.seconds:.0f} s of training")
            raise KeyboardInterrupt


@contextmanager
def gentle_stop() -> Iterator[Callable[[], bool]]:
    """Within, Ctrl-C and SIGTERM only note that a stop is wanted; a second Ctrl-C stops at once."""
    wanted = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal wanted
        if wanted:
            raise KeyboardInterrupt
        wanted = True

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: wanted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def told(summary: dict[str, Any], folder: Path) -> Iterator[str]:
    """A summary in lines."""
    speed = f"{summary['steps_per_second']:,.0f}/s"
    yield f"trained {summary['seconds'] / 60:.1f} minutes: {summary['env_steps']:,} steps at {speed}"
    for opponent, rate in summary["win_rate"].items():
        span = f"95 %: {rate['low']:.1%} to {rate['high']:.1%}"
        yield f"  wins {rate['mean']:6.1%} of {rate['games']} games against {opponent.replace('_', ' ')} ({span})"
    for name, rating in summary["elo"].items():
        yield f"  Elo {rating['elo']:+6.0f} ({rating['low']:+.0f} to {rating['high']:+.0f})  {name}"
    yield f"  {summary['without_memory']['verdict']}"
    yield f"see {folder}/report.html"
