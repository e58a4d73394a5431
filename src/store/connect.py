"""Connections to S3 and DynamoDB: AWS's, or by one setting whatever stands at an endpoint."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from store.names import TABLES, Names, TableSchema

# A request is given up after 60 s at most, repeats included: `store.ratings` counts on that.
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 10, 4
LOCAL_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


@dataclass(frozen=True)
class Connection:
    """Clients for a deployment; safe to share between threads."""

    names: Names

    def _client(self, service: str) -> Any:
        names = self.names
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            max_pool_connections=64,
            **({"s3": {"addressing_style": "path"}} if service == "s3" else {}),
        )
        own = LOCAL_CREDENTIALS if names.endpoint else {}
        return boto3.session.Session(region_name=names.region).client(
            service, endpoint_url=names.endpoint, config=config, **own
        )

    @cached_property
    def s3(self) -> Any:
        """The S3 client."""
        return self._client("s3")

    @cached_property
    def dynamodb(self) -> Any:
        """The DynamoDB client, the low-level one: items are attribute maps, see `store.items`."""
        return self._client("dynamodb")


def error_code(error: ClientError) -> str:
    """The code of an AWS error, "ConditionalCheckFailedException" say."""
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


def create_all(connection: Connection) -> None:
    """Make the tables and buckets that are missing: what CDK does on AWS, for a local store and for tests."""
    create_tables(connection)
    for bucket in (connection.names.models_bucket, connection.names.lake_bucket):
        _ignoring("BucketAlreadyOwnedByYou", connection.s3.create_bucket, Bucket=bucket)


def is_complete(connection: Connection) -> bool:
    """Whether the store answers and has all that `create_all` makes: it makes the lake's bucket last."""
    try:
        connection.s3.head_bucket(Bucket=connection.names.lake_bucket)
    except (ClientError, BotoCoreError):
        return False
    return True


def create_tables(connection: Connection) -> None:
    """Make the tables that are missing."""
    names = connection.names
    present = set()
    for page in connection.dynamodb.get_paginator("list_tables").paginate():
        present.update(page["TableNames"])
    for schema in TABLES:
        if names.table(schema) not in present:
            _ignoring("ResourceInUseException", connection.dynamodb.create_table, **table_request(names, schema))


def table_request(names: Names, schema: TableSchema) -> dict[str, Any]:
    """The arguments of DynamoDB's CreateTable for a table."""
    keys = [schema.partition, schema.sort]
    kinds = {key.name: key.kind for key in keys}
    for index in schema.indexes:
        kinds |= {key.name: key.kind for key in (index.partition, index.sort)}
    request: dict[str, Any] = {
        "TableName": names.table(schema),
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind.value} for name, kind in kinds.items()],
        "KeySchema": _key_schema(schema.partition.name, schema.sort.name),
    }
    if schema.indexes:
        request["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _key_schema(index.partition.name, index.sort.name),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in schema.indexes
        ]
    return request


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _ignoring(code: str, call: Any, **arguments: Any) -> None:
    try:
        call(**arguments)
    except ClientError as error:
        if error_code(error) != code:
            raise
