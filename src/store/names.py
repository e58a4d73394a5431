"""Names, keys and schemas of everything that is stored: the code, the CDK app, dashboards and tests read them here.

A deployment has a prefix. Tables and buckets are called `PREFIX-...`; on AWS, where bucket names are the world's, the
stacks hand the real ones over in the environment variables of `Names.from_environment`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

PREFIX = "stratagem"
REGION = "us-east-1"

LOCAL_PORT = 5055  # of the local store that `stratagem up` and `stratagem store` start
LOCAL_ENDPOINT = f"http://127.0.0.1:{LOCAL_PORT}"

ENDPOINT_VARIABLE = "STRATAGEM_ENDPOINT"
PREFIX_VARIABLE = "STRATAGEM_PREFIX"
MODELS_BUCKET_VARIABLE = "STRATAGEM_MODELS_BUCKET"
LAKE_BUCKET_VARIABLE = "STRATAGEM_LAKE_BUCKET"

# Variables that the services and their callers read beside those, see `services.settings`.
SERVER_VARIABLE = "STRATAGEM_SERVER"  # HOST:PORT of the services, for actors
TOKEN_VARIABLE = "STRATAGEM_TOKEN"  # the bearer token of the services
CALLER_HEADER_VARIABLE = "STRATAGEM_CALLER_HEADER"  # the header by which a proxy tells the API who calls
CALLER_HEADER = "x-stratagem-caller"  # ADDRESS:PORT, on AWS set by CloudFront


class Kind(StrEnum):
    """DynamoDB's attribute types that keys have here."""

    TEXT = "S"
    NUMBER = "N"


@dataclass(frozen=True)
class Key:
    """An attribute of a key."""

    name: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True)
class Index:
    """A global secondary index; it projects all attributes."""

    name: str
    partition: Key
    sort: Key


@dataclass(frozen=True)
class TableSchema:
    """A DynamoDB table, billed by request. `expiry` is the attribute that its time to live reads, Unix seconds."""

    name: str  # without the prefix
    partition: Key
    sort: Key
    indexes: tuple[Index, ...] = ()
    expiry: str | None = None


POLICIES = TableSchema(
    "policies",
    Key("policy"),  # the policy's name
    Key("item"),  # "version#0000000001", "alias#latest", "upload#SHA256"
)
RATINGS = TableSchema(
    "ratings",
    Key("ladder"),  # the ruleset, or RULESET-BOARD; "#ladders" for the list of all
    Key("item"),  # "player#NAME@VERSION", "game#ID", "batch#ID"; a ladder's name in the list
    # Only players have `millielo`, only batches that are not yet applied have `pending`: the indexes hold just those.
    indexes=(
        Index("by-elo", Key("ladder"), Key("millielo", Kind.NUMBER)),
        Index("by-pending", Key("ladder"), Key("pending", Kind.NUMBER)),
    ),
)
HISTORY = TableSchema(
    "history",
    Key("player"),  # "LADDER#NAME@VERSION"
    Key("item"),  # "MILLISECONDS#BATCH"
)
MATCHES = TableSchema(
    "matches",
    Key("match"),  # the match's id; "rate#WHO" for a caller's allowance
    Key("item"),  # "state", "log#000001"
    indexes=(Index("by-state", Key("state"), Key("created_ms", Kind.NUMBER)),),
    expiry="expires",
)
GAMES = TableSchema(
    "games",
    Key("game"),  # the game's id; "#writer" for what the lake's writer notes down
    Key("item"),  # "lake": it lies in a part of the lake; "note"
)
TABLES = (POLICIES, RATINGS, HISTORY, MATCHES, GAMES)

# Objects of the models bucket.
POLICY_PREFIX = "policies/"  # policies/SHA256.safetensors, content-addressed
EXPORT_PREFIX = "exports/"  # exports/SHA256.onnx: what a Lambda plays with
CHECKPOINT_PREFIX = "checkpoints/"  # checkpoints/RUN/: what a training job goes on from
JOB_PREFIX = "jobs/"  # jobs/JOB/output/: what SageMaker packs of a finished job

# Objects of the lake's bucket.
LAKE_PREFIX = "lake/"  # lake/ruleset=R/date=YYYY-MM-DD/part-SHA256.parquet
RECORD_PREFIX = (
    "records/"  # records/GAME: a game that was handed in where nothing can write Parquet, see `store.handed`
)
WAITING_PREFIX = "waiting/"  # waiting/ruleset=R/SHA256.parquet: finished games that no part holds yet


@dataclass(frozen=True)
class Column:
    """A column of the lake. `type` is Glue's and Athena's word for it."""

    name: str
    type: str
    about: str


LAKE_COLUMNS = (
    Column("game_id", "string", "the game's id"),
    Column("finished_ms", "bigint", "Unix time of its end, ms"),
    Column("players", "array<string>", 'names by seat: "policy:NAME", "bot:NAME", "human:NAME"'),
    Column("versions", "array<bigint>", "versions of the policies by seat, 0 for others"),
    Column("winner", "int", "seat, -1: drawn or unfinished"),
    Column("ended", "string", "capture, surrender, afk, draw or unfinished"),
    Column("turns", "int", "turn at the end"),
    Column("moves", "int", "events of the log"),
    Column("height", "int", "tiles"),
    Column("width", "int", "tiles"),
    Column("source", "string", "where it was played: fleet, server, api, import"),
    Column("record", "binary", "the event log, zstd of `engine.record`'s bytes"),
)
LAKE_PARTITIONS = (
    Column("ruleset", "string", "its rules"),
    Column("date", "string", "day of its end, UTC, YYYY-MM-DD"),
)

WEB_PREFIX = "web/"


# Where the processes answer.
SERVICE_PORT = 50051  # gRPC, of `stratagem serve`
METRICS_PORT = 9464  # Prometheus, of every process
API_PATH = "/v1"  # the HTTP API's routes begin so, locally and behind CloudFront

# Metrics on AWS. Once a minute `stratagem serve` logs a line whose event is `PULSE`; filters on its log make metrics of
# these fields in the namespace of the deployment's prefix.
PULSE = "pulse"
PULSE_FIELDS = {
    "hunger": "samples that wait for an insert, the largest of all tables",
    "staleness": "policy versions that samples lagged behind, on average in the last minute",
    "turns": "turns of learning seats that actors sent in the last minute",
}


IMAGES = ("server", "actor", "learner", "lambda")  # docker/NAME.Dockerfile; the registry is PREFIX/NAME

# What a training job logs, one "NAME=NUMBER" a metric: SageMaker reads them by these names and plots them.
TRAINING_METRICS = (
    "episode_reward",
    "episode_turns",
    "win_rate",  # over all opponents but itself
    "steps_per_second",
    "env_steps",
    "policy_loss",
    "value_loss",
    "entropy",
    "progress",  # environment steps since the line before, logged once a minute whatever training does
)
EVALUATION_METRICS = ("score", "score_low", "score_high")

# Outputs of the stacks, by which the deployed things are found.
MODELS_OUTPUT = "ModelsBucketName"
LAKE_OUTPUT = "LakeBucketName"
WEB_OUTPUT = "WebBucketName"
DISTRIBUTION_OUTPUT = "DistributionId"
PAGE_OUTPUT = "PageAddress"
API_OUTPUT = "ApiAddress"
SERVICE_OUTPUT = "ServiceAddress"
CLUSTER_OUTPUT = "ClusterName"
FLEET_OUTPUT = "ActorFleetName"
MACHINE_OUTPUT = "TrainingMachineArn"
TOPIC_OUTPUT = "NewsTopicArn"


def policy_key(sha256: str) -> str:
    """Where a policy's weights lie in the models bucket."""
    return f"{POLICY_PREFIX}{sha256}.safetensors"


def export_key(sha256: str) -> str:
    """Where the ONNX form of the policy with these weights lies in the models bucket."""
    return f"{EXPORT_PREFIX}{sha256}.onnx"


def version_item(version: int) -> str:
    """A version's sort key in POLICIES: zero-padded, so that text order is number order."""
    return f"version#{version:010d}"


def alias_item(alias: str) -> str:
    """An alias's sort key in POLICIES."""
    return f"alias#{alias}"


def lake_folder(ruleset: str, date: str) -> str:
    """The folder of a partition of the lake, Hive's way; `date` is YYYY-MM-DD."""
    return f"{LAKE_PREFIX}ruleset={ruleset}/date={date}/"


@dataclass(frozen=True)
class Names:
    """The real names of a deployment's tables and buckets, and where its services answer."""

    prefix: str = PREFIX
    models_bucket: str = f"{PREFIX}-models"
    lake_bucket: str = f"{PREFIX}-lake"
    endpoint: str | None = None  # of an S3 and DynamoDB that are not AWS's, "http://127.0.0.1:5000" say
    region: str = field(default=REGION)

    @classmethod
    def of(cls, prefix: str, endpoint: str | None = None) -> "Names":
        """The names that go with a prefix."""
        return cls(prefix, f"{prefix}-models", f"{prefix}-lake", endpoint)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Names":
        """What STRATAGEM_PREFIX, _ENDPOINT, _MODELS_BUCKET, _LAKE_BUCKET and AWS_REGION say."""
        prefix = environment.get(PREFIX_VARIABLE, PREFIX)
        return cls(
            prefix=prefix,
            models_bucket=environment.get(MODELS_BUCKET_VARIABLE, f"{prefix}-models"),
            lake_bucket=environment.get(LAKE_BUCKET_VARIABLE, f"{prefix}-lake"),
            endpoint=environment.get(ENDPOINT_VARIABLE) or None,
            region=environment.get("AWS_REGION", environment.get("AWS_DEFAULT_REGION", REGION)),
        )

    def environment(self) -> dict[str, str]:
        """The variables from which another process reads the same names."""
        variables = {
            PREFIX_VARIABLE: self.prefix,
            MODELS_BUCKET_VARIABLE: self.models_bucket,
            LAKE_BUCKET_VARIABLE: self.lake_bucket,
            "AWS_REGION": self.region,
        }
        return variables | ({ENDPOINT_VARIABLE: self.endpoint} if self.endpoint else {})

    def table(self, schema: TableSchema) -> str:
        """A table's real name."""
        return f"{self.prefix}-{schema.name}"
