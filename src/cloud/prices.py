"""What a deployment costs, reckoned from one table of prices.

The table holds AWS's published list prices of us-east-1 in US dollars as known in mid-2025, written down by hand and
not fetched: check them at https://aws.amazon.com/pricing before relying on a sum. No free tier, no discount.
"""

from dataclasses import dataclass

from store.names import PULSE_FIELDS

REGION, AS_OF = "us-east-1", "mid-2025"
HOURS = 730  # of a month

PRICES = {
    "fargate virtual core, hour": 0.04048,
    "fargate GB of memory, hour": 0.004445,
    "fargate spot virtual core, hour": 0.0121,
    "fargate spot GB of memory, hour": 0.0013,
    "public IPv4 address, hour": 0.005,
    "interface endpoint in a zone, hour": 0.01,
    "load balancer, hour": 0.0225,
    "custom metric, month": 0.30,
    "alarm, month": 0.10,
    "private DNS zone, month": 0.50,
    "secret, month": 0.40,
    "GB of images, month": 0.10,
    "GB in S3, month": 0.023,
    "million writes of DynamoDB": 0.625,
    "million reads of DynamoDB": 0.125,
    "million requests of the HTTP API": 1.00,
    "million calls of a Lambda": 0.20,
    "GB second of a Lambda": 0.0000166667,
    "million requests of CloudFront": 1.00,
    "thousand puts of S3": 0.005,
}
INSTANCES = {  # SageMaker training, an hour on demand
    "ml.g4dn.xlarge": 0.736,
    "ml.g5.xlarge": 1.408,
    "ml.g5.12xlarge": 7.09,
    "ml.p4d.24xlarge": 37.69,
}

# What is assumed beside prices. Each is said where a sum is shown.
SPOT_SHARE = 0.4  # of the on-demand price that a managed Spot training costs; it moves with the market
INSIGHT_METRICS = 24  # that Container Insights keeps of a cluster with two services
ALARMS = 11
IMAGE_GB = 8.0  # of all images that are kept
FLEET_SHARE = 0.5  # of the largest fleet that stands on average while a learner runs
TURNS_PER_CORE = 1_500  # a second, of an actor's virtual core that asks a small policy for every move
MATCH_REQUESTS = 600  # of a human match of 300 turns: a poll or a move every half second
MATCH_WRITES = 2  # of DynamoDB a request
MATCH_READS = 3
MATCH_SECONDS = 0.05  # of a Lambda a request
MATCH_MEMORY = 1769 / 1024  # GB


@dataclass(frozen=True)
class Shape:
    """What of a profile costs."""

    server: tuple[int, int]  # units of a virtual core (1024) and MiB
    actors: tuple[int, int]
    most: int
    instance: str
    private: bool
    listener: bool


@dataclass(frozen=True)
class Line:
    """An item of a sum."""

    what: str
    dollars: float


def idle(shape: Shape) -> list[Line]:
    """A month in which nothing is trained or played."""
    cores, memory = shape.server[0] / 1024, shape.server[1] / 1024
    task = cores * PRICES["fargate virtual core, hour"] + memory * PRICES["fargate GB of memory, hour"]
    lines = [Line(f"server task, {cores:g} cores, {memory:g} GB", HOURS * task)]
    if shape.private:
        endpoints = 2 * (4 + shape.listener)
        hour = endpoints * PRICES["interface endpoint in a zone, hour"]
        lines.append(Line(f"{endpoints} interface endpoints", HOURS * hour))
    else:
        lines.append(Line("its public address", HOURS * PRICES["public IPv4 address, hour"]))
    if shape.listener:
        lines.append(Line("TLS listener", HOURS * PRICES["load balancer, hour"]))
        lines.append(Line("token", PRICES["secret, month"]))
    metrics = INSIGHT_METRICS + len(PULSE_FIELDS)
    lines += [
        Line(f"{metrics} metrics", metrics * PRICES["custom metric, month"]),
        Line(f"{ALARMS} alarms", ALARMS * PRICES["alarm, month"]),
        Line("private DNS zone", PRICES["private DNS zone, month"]),
        Line(f"{IMAGE_GB:g} GB of images", IMAGE_GB * PRICES["GB of images, month"]),
    ]
    return lines


def actor_hour(shape: Shape) -> float:
    """An hour of one actor: four fifths of them on Spot."""
    cores, memory = shape.actors[0] / 1024, shape.actors[1] / 1024
    spot = cores * PRICES["fargate spot virtual core, hour"] + memory * PRICES["fargate spot GB of memory, hour"]
    full = cores * PRICES["fargate virtual core, hour"] + memory * PRICES["fargate GB of memory, hour"]
    address = 0.0 if shape.private else PRICES["public IPv4 address, hour"]
    return 0.8 * spot + 0.2 * full + address


def training_hour(shape: Shape) -> list[Line]:
    """An hour in which a policy is trained."""
    if shape.instance not in INSTANCES:
        raise ValueError(f'instance "{shape.instance}" has no price here; known: {", ".join(INSTANCES)}')
    actors = FLEET_SHARE * shape.most
    return [
        Line(f"{shape.instance} on Spot, at {SPOT_SHARE:.0%} of its price", SPOT_SHARE * INSTANCES[shape.instance]),
        Line(f"{actors:g} actors, where a fleet is asked for", actors * actor_hour(shape)),
    ]


def billion_turns(shape: Shape) -> list[Line]:
    """A billion turns of games, played by actors."""
    hours = 1e9 / (TURNS_PER_CORE * shape.actors[0] / 1024) / 3600
    return [Line(f"{hours:,.0f} actor hours at {TURNS_PER_CORE:,} turns a second and core", hours * actor_hour(shape))]


def thousand_matches() -> list[Line]:
    """A thousand matches of people against bots."""
    requests = 1000 * MATCH_REQUESTS
    millions = requests / 1e6
    return [
        Line(f"{requests:,} requests of the page", millions * PRICES["million requests of CloudFront"]),
        Line("the HTTP API", millions * PRICES["million requests of the HTTP API"]),
        Line(
            f"Lambda, {MATCH_SECONDS * 1000:g} ms each",
            millions * PRICES["million calls of a Lambda"]
            + requests * MATCH_SECONDS * MATCH_MEMORY * PRICES["GB second of a Lambda"],
        ),
        Line(
            "DynamoDB",
            millions * MATCH_WRITES * PRICES["million writes of DynamoDB"]
            + millions * MATCH_READS * PRICES["million reads of DynamoDB"],
        ),
        Line("records in S3", PRICES["thousand puts of S3"]),
    ]
