"""The data of an installation that outlives its stack: tables, buckets and secrets.

They are found by the prefix of their names. No other installation's names start with it, because environments have no
hyphen.
"""

from dataclasses import dataclass
from typing import Any

from cli.connection import Connection
from cli.stack import find_stack

OBJECTS_PER_CALL = 1000


class StackExistsError(ValueError):
    """The stack still uses the data, or retains it."""


@dataclass(frozen=True)
class Data:
    """Names of what holds data."""

    tables: list[str]
    buckets: list[str]
    secrets: list[str]

    def __bool__(self) -> bool:
        return bool(self.tables or self.buckets or self.secrets)


def find(connection: Connection) -> Data:
    """Return what exists of the installation."""
    start = f"{connection.target.prefix}-"
    end = f"-{connection.bucket_suffix()}"
    tables = connection.client("dynamodb").get_paginator("list_tables").paginate()
    secrets = connection.client("secretsmanager").get_paginator("list_secrets").paginate()
    buckets = connection.client("s3").list_buckets()["Buckets"]
    return Data(
        tables=sorted(name for page in tables for name in page["TableNames"] if name.startswith(start)),
        buckets=sorted(
            each["Name"] for each in buckets if each["Name"].startswith(start) and each["Name"].endswith(end)
        ),
        secrets=sorted(
            each["Name"] for page in secrets for each in page["SecretList"] if each["Name"].startswith(start)
        ),
    )


def retention(connection: Connection, stack: str) -> str | None:
    """Return the stack's parameter ``DataRetention``, or None if there is no such stack."""
    found = find_stack(connection.client("cloudformation"), stack)
    return None if found is None else found.parameters.get("DataRetention", "Retain")


def require_removable(connection: Connection, stack: str) -> None:
    """Raise ``StackExistsError`` if the stack retains its data."""
    if retention(connection, stack) == "Retain":
        raise StackExistsError(
            f"{stack} is deployed with DataRetention=Retain. Delete the stack first, or deploy it with "
            "DataRetention=Delete. Nothing was deleted."
        )


def require_no_stack(connection: Connection, stack: str) -> None:
    """Raise ``StackExistsError`` if the stack exists."""
    if retention(connection, stack) is not None:
        raise StackExistsError(f"{stack} still exists and uses the data. Delete the stack first. Nothing was deleted.")


def empty_bucket(s3: Any, bucket: str) -> int:
    """Delete all objects of a bucket with all their versions; return how many."""
    deleted = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        for at in range(0, len(keys), OBJECTS_PER_CALL):
            answer = s3.delete_objects(
                Bucket=bucket, Delete={"Objects": keys[at : at + OBJECTS_PER_CALL], "Quiet": True}
            )
            if errors := answer.get("Errors"):
                raise ValueError(f"{bucket}/{errors[0]['Key']}: {errors[0]['Code']}")
        deleted += len(keys)
    return deleted


def delete(connection: Connection, data: Data) -> None:
    """Delete ``data``. Secrets are deleted at once, so that their names are free for the next deployment."""
    s3 = connection.client("s3")
    for bucket in data.buckets:
        empty_bucket(s3, bucket)
        s3.delete_bucket(Bucket=bucket)
    dynamodb = connection.client("dynamodb")
    for table in data.tables:
        if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            dynamodb.get_waiter("table_exists").wait(TableName=table)
        dynamodb.delete_table(TableName=table)
    for table in data.tables:
        dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    secrets = connection.client("secretsmanager")
    for secret in data.secrets:
        secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
