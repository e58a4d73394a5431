"""Objects in S3.

Every upload carries its SHA-256, and S3 refuses what arrives otherwise; whoever knows the hash has reads checked.
"""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from store.connect import Connection, error_code
from store.errors import DamagedError, NotFoundError

CHUNK = 1 << 20  # bytes read at once


def put(connection: Connection, bucket: str, key: str, data: bytes, *, once: bool = False) -> bool:
    """Upload an object; with `once` only if there is none, and whether it was uploaded."""
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    condition = {"IfNoneMatch": "*"} if once else {}
    try:
        connection.s3.put_object(Bucket=bucket, Key=key, Body=data, ChecksumSHA256=digest, **condition)
    except ClientError as error:
        if once and error_code(error) in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
            return False
        raise
    return True


def get(connection: Connection, bucket: str, key: str, sha256: str | None = None) -> bytes:
    """An object's bytes. Raises NotFoundError, and DamagedError where they do not have the hash that is given."""
    data: bytes = _open(connection, bucket, key)["Body"].read()
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise DamagedError(f"s3://{bucket}/{key}: sha256 is {found}; expected {sha256}")
    return data


def stream(connection: Connection, bucket: str, key: str) -> Iterator[bytes]:
    """An object's bytes in chunks of `CHUNK`. Raises NotFoundError."""
    yield from _open(connection, bucket, key)["Body"].iter_chunks(CHUNK)


def keys(connection: Connection, bucket: str, prefix: str) -> Iterator[str]:
    """The keys that begin with a prefix, in order."""
    for page in connection.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            yield entry["Key"]


def delete(connection: Connection, bucket: str, doomed: list[str]) -> None:
    """Remove objects; those that are gone already are passed over."""
    for begin in range(0, len(doomed), 1000):
        batch = [{"Key": key} for key in doomed[begin : begin + 1000]]
        connection.s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})


def _open(connection: Connection, bucket: str, key: str) -> Any:
    try:
        return connection.s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in ("NoSuchKey", "404"):
            raise NotFoundError(f"s3://{bucket}/{key} is not stored") from None
        raise
