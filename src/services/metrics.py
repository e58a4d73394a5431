"""The metrics of all processes, under Prometheus' naming rules: code, dashboards and tests read the names here."""

from collections.abc import Iterator
from contextlib import contextmanager
from wsgiref.simple_server import WSGIServer

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from services.settings import split_address

PREFIX = "stratagem_"
LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

# Every server.
RPCS = Counter(PREFIX + "rpcs", "Calls that have ended.", ("method", "code"))
RPC_SECONDS = Histogram(PREFIX + "rpc_seconds", "How long unary calls took.", ("method",), buckets=LATENCY_BUCKETS)
STREAMS = Gauge(PREFIX + "streams", "Streaming calls that are open.", ("method",))

# The game server.
GAMES = Gauge(PREFIX + "games", "Games that are open or running.")
GAMES_FINISHED = Counter(PREFIX + "games_finished", "Games that have ended.", ("ruleset",))
TURNS = Counter(PREFIX + "turns", "Turns played.")
TURN_LATENESS = Histogram(
    PREFIX + "turn_lateness_seconds", "How much later than due a turn was played.", buckets=LATENCY_BUCKETS
)
UNDELIVERED = Gauge(PREFIX + "games_undelivered", "Finished games that nobody has taken in yet.")
LOG_BYTES = Gauge(PREFIX + "game_log_bytes", "Size of the game server's log.")

# The matchmaker.
TICKETS = Gauge(PREFIX + "tickets", "Players who wait for an opponent.")
MATCHES = Counter(PREFIX + "matches", "Games that the matchmaker has made.")
WAIT_SECONDS = Histogram(
    PREFIX + "match_wait_seconds", "How long players waited.", buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)
)

# The replay service, a label a table.
FRAGMENTS = Gauge(PREFIX + "replay_fragments", "Fragments held.", ("table",))
FRAGMENT_BYTES = Gauge(PREFIX + "replay_bytes", "Bytes of the fragments held.", ("table",))
FRAGMENTS_INSERTED = Counter(PREFIX + "replay_inserted", "Fragments inserted.", ("table",))
FRAGMENTS_SAMPLED = Counter(PREFIX + "replay_sampled", "Fragments sampled.", ("table",))
FRAGMENTS_REPEATED = Counter(PREFIX + "replay_duplicates", "Fragments that had come before.", ("table",))
TRANSITIONS_INSERTED = Counter(PREFIX + "replay_transitions_inserted", "Turns of learning seats inserted.", ("table",))
TRANSITIONS_SAMPLED = Counter(PREFIX + "replay_transitions_sampled", "Turns of learning seats sampled.", ("table",))
SAMPLES_WAITING = Gauge(PREFIX + "replay_samples_waiting", "Samples that wait for an insert.", ("table",))
INSERTS_WAITING = Gauge(PREFIX + "replay_inserts_waiting", "Fragments that wait to be inserted.", ("table",))
SAMPLE_AGE = Histogram(
    PREFIX + "replay_sample_age_seconds",
    "How long ago sampled fragments were inserted.",
    ("table",),
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600),
)
SAMPLE_STALENESS = Histogram(
    PREFIX + "replay_sample_staleness_versions",
    "How many policy versions sampled fragments were behind the newest in their table.",
    ("table",),
    buckets=(0, 1, 2, 3, 5, 8, 13, 21, 50, 100, 1000),
)

# An actor.
ACTOR_TRANSITIONS = Counter(PREFIX + "actor_transitions", "Turns of learning seats played.")
ACTOR_GAMES = Counter(PREFIX + "actor_games", "Games that have ended.")
ACTOR_VERSION = Gauge(PREFIX + "actor_policy_version", "Version of the policy that plays.")
ACTOR_UNSENT = Gauge(PREFIX + "actor_unsent", "What waits to be acknowledged: fragments and outcomes.", ("kind",))

# A learner.
LEARNER_UPDATES = Counter(PREFIX + "learner_updates", "Updates of the policy.")
LEARNER_TRANSITIONS = Counter(PREFIX + "learner_transitions", "Turns of learning seats learned from.")
LEARNER_VERSION = Gauge(PREFIX + "learner_policy_version", "The latest version that was published.")
LEARNER_STALENESS = Gauge(PREFIX + "learner_staleness_versions", "How far behind the last update's experience was.")
UPDATE_SECONDS = Histogram(
    PREFIX + "learner_update_seconds", "How long updates took.", buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
)


def start_exporter(address: str) -> WSGIServer:
    """Let Prometheus ask this process at HOST:PORT, until the server that is returned is shut down.

    Raises ValueError for what is no address, OSError where it is taken.
    """
    host, port = split_address("metrics", address)
    try:
        server, _ = start_http_server(port, host)
    except OSError as error:
        # A connection to elsewhere may have had it, where the port is from the range that systems give such.
        hint = "another program has the port, or had it within the last minute"
        raise OSError(f"metrics {address}: {error.strerror}: {hint}") from None
    return server


@contextmanager
def metrics_at(address: str) -> Iterator[int]:
    """Within, Prometheus may ask this process at HOST:PORT; the port, or 0 where the address is empty: nowhere.

    Raises ValueError for what is no address, OSError where it is taken.
    """
    if not address:
        yield 0
        return
    server = start_exporter(address)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
