"""The minutely line: what it tells is what was counted since the last."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.pulse import STALENESS, TURNS, WAITING, Pulse


def test_a_pulse_tells_what_was_counted_since_the_last() -> None:
    registry = CollectorRegistry()
    waiting = Gauge(WAITING, "samples", ("table",), registry=registry)
    staleness = Histogram(STALENESS, "versions", registry=registry)
    turns = Counter(TURNS.removesuffix("_total"), "turns", ("table",), registry=registry)
    pulse = Pulse(registry)
    assert pulse.fields() == {"hunger": 0.0, "staleness": 0.0, "turns": 0.0}
    waiting.labels("fifo").set(3)
    waiting.labels("prioritised").set(7)
    turns.labels("fifo").inc(100)
    turns.labels("prioritised").inc(50)
    for lag in (2, 4):
        staleness.observe(lag)
    assert pulse.fields() == {"hunger": 7.0, "staleness": 3.0, "turns": 150.0}
    turns.labels("fifo").inc(1)
    assert pulse.fields() == {"hunger": 7.0, "staleness": 0.0, "turns": 1.0}


def test_the_servers_count_what_the_pulse_reads() -> None:
    metrics = pytest.importorskip("services.metrics")
    text = Path(metrics.__file__).read_text()
    for name in (WAITING, STALENESS, TURNS.removesuffix("_total")):
        assert f'"{name.removeprefix("stratagem_")}"' in text
