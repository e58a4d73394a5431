"""What a run leaves for people: `learning_curve.png` and `report.html`, which needs no other file."""

import base64
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

from learner.rating import Interval, Rating

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

SMOOTHING = 12  # iterations a smoothed curve looks back
INK, GRID = "#30343b", "#dcdcdc"
PALETTE = ("#2471a3", "#c0392b", "#1e8449", "#b9770e", "#7d3c98")


@dataclass(frozen=True)
class Picture:
    """A board of the report."""

    title: str
    boards: tuple[tuple[str, str], ...]  # caption and SVG of each


@dataclass(frozen=True)
class Ablation:
    """The policy with its memory, and with its memory emptied every turn, against the same opponents."""

    remembering: Mapping[str, Interval]  # by opponent
    forgetful: Mapping[str, Interval]
    direct: Interval  # wins of the remembering one over the forgetful one
    direct_losses: Interval

    @property
    def verdict(self) -> str:
        """One plain sentence: whether the memory helps."""
        if self.direct.low > self.direct_losses.high:
            return (
                "With its memory emptied every turn the policy does worse: of their games with each other it wins "
                f"{_percent(self.direct_losses)}, the remembering one {_percent(self.direct)}."
            )
        worse = [name for name, rate in self.forgetful.items() if rate.high < self.remembering[name].low]
        if worse:
            listed = ", ".join(
                f"{name} ({_percent(self.forgetful[name])} instead of {_percent(self.remembering[name])})"
                for name in worse
            )
            return f"With its memory emptied every turn the policy does worse, against {listed}."
        return (
            "With its memory emptied every turn the policy does not do worse, as far as these games can tell: of their games "
            f"with each other the forgetful one wins {_percent(self.direct_losses)}, the remembering one {_percent(self.direct)}."
        )


@dataclass(frozen=True)
class Results:
    """All that the report tells."""

    title: str
    facts: Mapping[str, str]  # what was run, in order
    win_rates: Mapping[str, Interval]  # of the last snapshot, by opponent
    drawn: Mapping[str, float]  # part of those games
    ratings: Sequence[Rating]
    anchor: str
    ablation: Ablation
    pictures: Sequence[Picture]
    notes: Sequence[str]  # how to read it, what was done to get there


def draw_curve(metrics: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The learning curve as a PNG, from the lines of metrics.jsonl."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 6.4), sharex=True, layout="constrained")
    minutes = [row["seconds"] / 60 for row in metrics]
    opponents = sorted({name for row in metrics for name in row["win_rate"] if name != "itself"})
    _panel(
        axes[0, 0],
        "wins in training",
        "part of games",
        [(name, [_number(row["win_rate"].get(name)) for row in metrics]) for name in opponents],
        minutes,
        limits=(0.0, 1.0),
    )
    _panel(axes[0, 1], "episode", "turns", [("length", [_number(row["episode_turns"]) for row in metrics])], minutes)
    _panel(axes[1, 0], "entropy", "nats", [("entropy", [_number(row["entropy"]) for row in metrics])], minutes)
    _panel(
        axes[1, 1],
        "losses",
        "",
        [
            ("value", [_number(row["value"]) for row in metrics]),
            ("policy", [_number(row["policy"]) for row in metrics]),
        ],
        minutes,
    )
    for axis in axes[1]:
        axis.set_xlabel("minutes of training")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_lessons(rows: Sequence[Mapping[str, float]], minutes: float, path: Path) -> None:
    """The learning curve of `stratagem clone` as a PNG, from the lines of its metrics and the time it took."""
    named = (("choice", "cross-entropy of moves", "nats"), ("agrees", "first choice is the teacher's move", "part"))
    shown = [panel for panel in named if panel[0] in rows[0]]
    figure, axes = plt.subplots(1, len(shown), figsize=(5.5 * len(shown), 3.6), layout="constrained", squeeze=False)
    times = [row["progress"] * minutes for row in rows]
    for axis, (key, title, unit) in zip(axes[0], shown, strict=True):
        _panel(axis, title, unit, [(title, [row[key] for row in rows])], times)
        axis.set_xlabel("minutes of training")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_options(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The learning curve of `stratagem strategist` as a PNG, from the lines of its metrics."""
    figure, axes = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
    minutes = [row["seconds"] / 60 for row in rows]
    for axis, ruleset in zip(axes, ("generalsio", "competition"), strict=False):
        names = sorted({name for row in rows for name in row["win_rates"] if name.startswith(ruleset)})
        curves = [(name.split()[1], [_number(row["win_rates"].get(name)) for row in rows]) for name in names]
        _panel(axis, f"wins in training, {ruleset}", "part of games", curves, minutes, limits=(0.3, 1.0))
    _panel(axes[2], "entropy", "nats", [("entropy", [row["entropy"] for row in rows])], minutes)
    for axis in axes:
        axis.set_xlabel("minutes of training")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_guesses(
    minutes: Sequence[float], nats: Sequence[float], held: Mapping[str, tuple[float, float]], path: Path
) -> None:
    """The learning curve of `stratagem scout` as a PNG: a running mean of its loss.

    held: by the kind of games the nats in those held out, the scout's in the end and those of the seeker's tables.
    """
    figure, axis = plt.subplots(figsize=(7, 3.8), layout="constrained")
    _panel(axis, "how little the general's place is foretold", "nats", [("scout, games learned from", nats)], minutes)
    for kind, levels in held.items():
        for name, level in zip(("scout, in the end", "the seeker's tables"), levels, strict=True):
            axis.axhline(level, color=INK, linewidth=1, linestyle="--")
            told = f"{name}, {kind} held out: {level:.2f}"
            axis.annotate(told, (1.0, level), (0, 4), ("axes fraction", "data"), "offset points", ha="right")
    axis.set_xlabel("minutes of training")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _panel(
    axis: Axes,
    title: str,
    unit: str,
    curves: Sequence[tuple[str, Sequence[float]]],
    minutes: Sequence[float],
    limits: tuple[float, float] | None = None,
) -> None:
    for (name, values), colour in zip(curves, PALETTE, strict=False):
        axis.plot(minutes, values, color=colour, alpha=0.25, linewidth=1)
        axis.plot(minutes, smooth(values), color=colour, linewidth=2, label=name)
    axis.set_title(title, color=INK, loc="left", fontweight="bold")
    axis.set_ylabel(unit, color=INK)
    axis.grid(color=GRID, linewidth=0.8)
    axis.spines[["top", "right"]].set_visible(False)
    if limits is not None:
        axis.set_ylim(*limits)
    if len(curves) > 1 or (curves and curves[0][0] not in (title, "length")):
        axis.legend(frameon=False)


def smooth(values: Sequence[float]) -> list[float]:
    """Means over the latest finite values; NaN where there are none yet."""
    means = []
    for i in range(len(values)):
        window = [value for value in values[max(0, i + 1 - SMOOTHING) : i + 1] if math.isfinite(value)]
        means.append(sum(window) / len(window) if window else math.nan)
    return means


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def write_report(results: Results, curve: Path, path: Path) -> None:
    """Write the report as one HTML file with the curve inside."""
    image = base64.b64encode(curve.read_bytes()).decode()
    sections = (
        _facts(results.facts),
        f'<section><h2>Learning</h2><img alt="learning curve" src="data:image/png;base64,{image}"></section>',
        _wins(results),
        _ratings(results),
        _ablation(results.ablation),
        *(_picture(picture) for picture in results.pictures),
        "<section><h2>How to read this</h2><ul>"
        + "".join(f"<li>{_escape(note)}</li>" for note in results.notes)
        + "</ul></section>",
    )
    title = _escape(results.title)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>{''.join(sections)}</main></body></html>\n"
    )
    path.write_text(page, encoding="utf-8")


def _facts(facts: Mapping[str, str]) -> str:
    cells = "".join(f"<div><dt>{_escape(name)}</dt><dd>{_escape(value)}</dd></div>" for name, value in facts.items())
    return f'<section><dl class="facts">{cells}</dl></section>'


def _wins(results: Results) -> str:
    rows = "".join(
        f"<tr><td>{_escape(name)}</td><td>{rate.mean:.1%}</td><td>{_span(rate)}</td>"
        f'<td class="wide">{_bar(rate.low, rate.mean, rate.high)}</td><td>{results.drawn[name]:.1%}</td><td>{rate.games}</td></tr>'
        for name, rate in results.win_rates.items()
    )
    heads = ("against", "wins", "95 %", "", "drawn", "games")
    return f"<section><h2>Wins of the last snapshot</h2>{_table(heads, rows)}</section>"


def _ratings(results: Results) -> str:
    low = min(rating.low for rating in results.ratings)
    span = max(1.0, max(rating.high for rating in results.ratings) - low)
    rows = "".join(
        f"<tr><td>{_escape(rating.name)}</td><td>{rating.elo:+.0f}</td><td>{rating.low:+.0f} … {rating.high:+.0f}</td>"
        f'<td class="wide">{_bar((rating.low - low) / span, (rating.elo - low) / span, (rating.high - low) / span)}</td>'
        f"<td>{rating.score:.1%}</td><td>{rating.games}</td></tr>"
        for rating in results.ratings
    )
    heads = ("player", "Elo", "95 %", "", "points", "games")
    told = f"<p>Bradley–Terry over mirrored pairs; {_escape(results.anchor)} is 0.</p>"
    return f"<section><h2>Elo</h2>{told}{_table(heads, rows)}</section>"


def _ablation(ablation: Ablation) -> str:
    rows = "".join(
        f"<tr><td>{_escape(name)}</td><td>{rate.mean:.1%}</td><td>{_span(rate)}</td>"
        f"<td>{ablation.forgetful[name].mean:.1%}</td><td>{_span(ablation.forgetful[name])}</td></tr>"
        for name, rate in ablation.remembering.items()
    )
    heads = ("against", "wins with memory", "95 %", "wins without", "95 %")
    return (
        f"<section><h2>What the memory is worth</h2><p>{_escape(ablation.verdict)}</p>{_table(heads, rows)}</section>"
    )


def _table(heads: Sequence[str], rows: str) -> str:
    """A table that scrolls by itself where the page is narrower."""
    head = "".join(f"<th>{text}</th>" for text in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _picture(picture: Picture) -> str:
    boards = "".join(
        f"<figure>{svg}<figcaption>{_escape(caption)}</figcaption></figure>" for caption, svg in picture.boards
    )
    return f'<section><h2>{_escape(picture.title)}</h2><div class="boards">{boards}</div></section>'


def _bar(low: float, mean: float, high: float) -> str:
    """An interval on a scale from 0 to 1."""
    return (
        f'<div class="bar"><i style="left:{100 * low:.1f}%;width:{100 * max(high - low, 0.004):.1f}%"></i>'
        f'<b style="left:{100 * mean:.1f}%"></b></div>'
    )


def _span(rate: Interval) -> str:
    return f"{rate.low:.1%} … {rate.high:.1%}"


def _percent(rate: Interval) -> str:
    return f"{rate.mean:.1%} [{rate.low:.1%}, {rate.high:.1%}]"


def _escape(text: str) -> str:
    return html.escape(text)


STYLE = """
:root { color-scheme: light; --ink: #30343b; --dim: #777c85; --line: #e3e1db; --accent: #2471a3; }
body { margin: 0; background: #f6f5f1; color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 40px 20px 80px; }
h1 { font-size: 30px; margin: 0 0 20px; }
h2 { font-size: 19px; margin: 0 0 12px; }
h1, p, li, figcaption { overflow-wrap: anywhere; }
section { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 20px 24px; margin: 0 0 18px; }
img { width: 100%; height: auto; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 12px 24px; margin: 0; }
.facts dt { color: var(--dim); font-size: 13px; }
.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--dim); font-weight: 500; font-size: 13px; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
.wide { width: 34%; }
.scroll { overflow-x: auto; }
.bar { position: relative; height: 12px; border-radius: 6px; background: #eeece6; }
.bar i { position: absolute; top: 0; bottom: 0; border-radius: 6px; background: var(--accent); opacity: .35; }
.bar b { position: absolute; top: -2px; bottom: -2px; width: 3px; margin-left: -1px; border-radius: 2px; background: var(--accent); }
.boards { display: flex; flex-wrap: wrap; gap: 20px; }
figure { margin: 0; }
figcaption { color: var(--dim); font-size: 13px; margin-top: 4px; }
.board { font-family: system-ui, sans-serif; font-weight: 600; max-width: 100%; height: auto; }
"""
