"""A line a minute in which a server tells how it is: on AWS filters make metrics of it, see `store.names.PULSE`.

The numbers are read from the process's own Prometheus registry, so they are counted in one place.
"""

import asyncio

import structlog
from prometheus_client import REGISTRY, CollectorRegistry

from store.names import PULSE, PULSE_FIELDS

SECONDS = 60.0
WAITING = "stratagem_replay_samples_waiting"
STALENESS = "stratagem_replay_sample_staleness_versions"
TURNS = "stratagem_replay_transitions_inserted_total"


class Pulse:
    """What changed since the last line."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._registry = registry
        self._before: dict[str, float] = {}

    def fields(self) -> dict[str, float]:
        """The numbers of `PULSE_FIELDS`, since the last call where they count something."""
        samples = self._changed(f"{STALENESS}_count")
        versions = self._changed(f"{STALENESS}_sum")
        told = {
            "hunger": max(self._values(WAITING), default=0.0),
            "staleness": versions / samples if samples else 0.0,
            "turns": self._changed(TURNS),
        }
        assert told.keys() == PULSE_FIELDS.keys()
        return told

    def _values(self, name: str) -> list[float]:
        """A metric's values under all of its labels."""
        return [sample.value for metric in self._registry.collect() for sample in metric.samples if sample.name == name]

    def _changed(self, name: str) -> float:
        """How much a counter has grown since it was last asked for."""
        now = sum(self._values(name))
        grown = now - self._before.get(name, 0.0)
        self._before[name] = now
        return grown


async def tell(seconds: float = SECONDS) -> None:
    """Log a line every minute until it is cancelled."""
    pulse, log = Pulse(), structlog.get_logger()
    while True:
        await asyncio.sleep(seconds)
        log.info(PULSE, **pulse.fields())
