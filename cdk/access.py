"""What a role may do with the store: the very actions that `store` calls, on the very tables, indexes and prefixes.

CDK's own grants allow whole families of actions (Scan, GetRecords ...) and every index by a wildcard.
"""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk.acknowledge import acknowledge
from store.names import TableSchema

READS = ("dynamodb:GetItem", "dynamodb:Query")
WRITES = ("dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
BATCHES = ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")


def allow_table(role: iam.IRole, table: dynamodb.ITable, schema: TableSchema, *, write: bool) -> None:
    """Let a role read a table and query its indexes; with `write` change its items as well, each by a request."""
    add(role, READS + WRITES if write else READS, [table.table_arn])
    if schema.indexes:
        add(role, ["dynamodb:Query"], [f"{table.table_arn}/index/{index.name}" for index in schema.indexes])


def allow_batches(role: iam.IRole, table: dynamodb.ITable) -> None:
    """Let a role read and put many items of a table by one request."""
    add(role, BATCHES, [table.table_arn])


def allow_objects(role: iam.IRole, bucket: s3.IBucket, prefixes: Sequence[str], actions: Sequence[str]) -> None:
    """Let a role of another stack do something with the objects of a bucket whose keys begin in given ways."""
    resources = [bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes]
    add(role, actions, resources)
    home = Stack.of(bucket)
    place = home.resolve(home.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    for prefix in prefixes:
        acknowledge(
            role,
            "IAM5",
            f"objects under {prefix} are named by their content or their run, so no key is known beforehand",
            f"Resource::{place}/{prefix}*",
        )


def allow_listing(role: iam.IRole, bucket: s3.IBucket) -> None:
    """Let a role list a bucket's keys.

    Without it S3 answers 403 to whoever reads what is not there, and `store` could not tell that from a ban. A
    condition on the prefix would not hold for such a read, so there is none.
    """
    add(role, ("s3:ListBucket",), [bucket.bucket_arn])


def add(role: iam.IRole, actions: Sequence[str], resources: Sequence[str]) -> None:
    """Let a role do some actions on some resources."""
    role.add_to_principal_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))
