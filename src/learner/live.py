"""A training run as one watches it: a live board where there is a terminal, a line now and then where there is none."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

PLAIN_SECONDS = 10.0  # between two lines of the plain view
HISTORY = 48  # width of the small curves, in characters
BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Status:
    """How training stands after an iteration."""

    seconds: float  # trained so far, of `budget`
    budget: float
    iteration: int
    env_steps: int
    steps_per_second: float
    snapshots: int
    episode_turns: float
    episode_reward: float
    losses: Mapping[str, float]  # policy, value, entropy, divergence, clipped, grad_norm, explained, learning_rate
    win_rates: Mapping[str, float]  # by opponent, over its latest games; NaN before the first
    shares: Mapping[str, float]  # where time goes, 0 to 1
    handicap: tuple[str, float] | None = None  # a bot, and the part of its turns that it skips

    def title_of(self, opponent: str) -> str:
        """An opponent's name, with its handicap."""
        if self.handicap is None or self.handicap[0] != opponent or self.handicap[1] == 0.0:
            return opponent
        return f"{opponent} (skips {self.handicap[1]:.0%})"


class View(Protocol):
    """Shows a run."""

    def say(self, text: str) -> None:
        """Tell something that stays."""

    def update(self, status: Status) -> None:
        """Show how training stands."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class QuietView:
    """Shows nothing but what is said."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def update(self, status: Status) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class PlainView(QuietView):
    """A line every ten seconds: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._next = 0.0

    def update(self, status: Status) -> None:
        """Print a line if it is time for one."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PLAIN_SECONDS
        won = "  ".join(f"{status.title_of(name)} {_known(rate, '.0%')}" for name, rate in status.win_rates.items())
        self.say(
            f"{_minutes(status.seconds)} of {_minutes(status.budget)}  {_count(status.env_steps)} steps at "
            f"{status.steps_per_second:,.0f}/s  episode {_known(status.episode_turns, '.0f')} turns, "
            f"reward {_known(status.episode_reward, '+.2f')}  "
            f"loss {status.losses['policy']:+.3f} value {status.losses['value']:.3f} "
            f"entropy {status.losses['entropy']:.2f}  wins: {won}"
        )


class LiveView(QuietView):
    """A board that is drawn anew after every iteration."""

    def __init__(self, console: Console, title: str) -> None:
        super().__init__(console)
        self._title = title
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._started = False
        self._history: dict[str, list[float]] = {}

    def update(self, status: Status) -> None:
        """Draw the board."""
        if not self._started:
            self._live.start()
            self._started = True
        for name, value in (("speed", status.steps_per_second), ("entropy", status.losses["entropy"])):
            self._remember(name, value)
        for name, rate in status.win_rates.items():
            self._remember(f"won {name}", rate)
        self._live.update(self._draw(status), refresh=True)

    def close(self) -> None:
        """Leave the last board on the screen."""
        if self._started:
            self._live.stop()
            self._started = False

    def _remember(self, name: str, value: float) -> None:
        self._history.setdefault(name, []).append(value)

    def _draw(self, status: Status) -> RenderableType:
        left = max(0.0, status.budget - status.seconds)
        head = Table.grid(expand=True, padding=(0, 2))
        head.add_column(ratio=1)
        head.add_column(justify="right")
        head.add_row(
            bar(status.seconds / status.budget, 40, "green"),
            Text.assemble((_minutes(left), "bold green"), " left of ", _minutes(status.budget)),
        )
        body = Table.grid(expand=True, padding=(0, 2))
        body.add_column(ratio=1)
        body.add_column(ratio=1)
        body.add_row(self._figures(status), self._losses(status))
        body.add_row(self._wins(status), self._time(status))
        return Panel(Group(head, Text(), body), title=Text(self._title, "bold"), border_style="blue", padding=(1, 2))

    def _figures(self, status: Status) -> RenderableType:
        table = _section("play")
        table.add_row("environment steps", _count(status.env_steps), "")
        table.add_row("steps a second", f"{status.steps_per_second:,.0f}", curve(self._history["speed"], 16))
        table.add_row("episode length", f"{_known(status.episode_turns, '.0f')} turns", "")
        table.add_row("episode reward", _known(status.episode_reward, "+.2f"), "")
        table.add_row("snapshots", str(status.snapshots), "")
        return table

    def _losses(self, status: Status) -> RenderableType:
        table = _section("learning")
        losses = status.losses
        table.add_row("policy loss", f"{losses['policy']:+.4f}", "")
        table.add_row("value loss", f"{losses['value']:.4f}", f"explains {_known(losses['explained'], '.0%')}")
        table.add_row("entropy", f"{losses['entropy']:.2f} nats", curve(self._history["entropy"], 16))
        table.add_row("moved (KL)", f"{losses['divergence']:.4f}", f"clipped {_known(losses['clipped'], '.0%')}")
        table.add_row("learning rate", f"{losses['learning_rate']:.1e}", f"gradient {losses['grad_norm']:.2f}")
        return table

    def _wins(self, status: Status) -> RenderableType:
        table = _section("wins against")
        for name, rate in status.win_rates.items():
            table.add_row(status.title_of(name), _known(rate, ".0%"), curve(self._history[f"won {name}"], 16, top=1.0))
        return table

    def _time(self, status: Status) -> RenderableType:
        table = _section("where time goes")
        for name, share in sorted(status.shares.items(), key=lambda item: -item[1]):
            table.add_row(name, _known(share, ".0%"), bar(share, 16, "cyan"))
        return table


def choose_view(title: str, *, quiet: bool, console: Console | None = None) -> View:
    """The live board on a terminal, lines elsewhere, and only what is said if `quiet`."""
    console = console or Console(markup=False, emoji=False)
    if quiet:
        return QuietView(console)
    return LiveView(console, title) if console.is_terminal else PlainView(console)


def bar(share: float, width: int, colour: str) -> Text:
    """A horizontal bar, filled to a share between 0 and 1."""
    filled = round(min(1.0, max(0.0, share)) * width)
    return Text.assemble(("█" * filled, colour), ("░" * (width - filled), "dim"))


def curve(values: Sequence[float], width: int, top: float | None = None) -> str:
    """The latest values as a row of blocks, scaled to `top` or to the largest."""
    shown = [value for value in values if math.isfinite(value)][-HISTORY:]
    if not shown:
        return ""
    buckets = [
        shown[len(shown) * i // width : max(len(shown) * i // width + 1, len(shown) * (i + 1) // width)]
        for i in range(width)
    ]
    means = [sum(bucket) / len(bucket) for bucket in buckets] if len(shown) >= width else shown
    scale = top or max(means) or 1.0
    return "".join(BLOCKS[round(min(1.0, max(0.0, mean / scale)) * (len(BLOCKS) - 1))] for mean in means)


def _section(title: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold blue", show_header=False, box=None, padding=(0, 1)
    )
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(style="cyan")
    return table


def _known(number: float, form: str) -> str:
    return format(number, form) if math.isfinite(number) else "–"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _count(number: int) -> str:
    return (
        f"{number / 1e6:.2f} M" if number >= 1_000_000 else f"{number / 1e3:.0f} k" if number >= 10_000 else str(number)
    )
