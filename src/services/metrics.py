"""The metrics of all processes, under Prometheus' naming rules: code, dashboards and tests read the names here."""

from prometheus_client import Counter, Gauge, Histogram

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
