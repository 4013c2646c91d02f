"""DynamoDB items as plain dictionaries, for the low-level client. A boto3 resource would slow down cold starts."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_serializer: Final = TypeSerializer()
_deserializer: Final = TypeDeserializer()
BATCH: Final = 25
"""Items per BatchWriteItem."""
PAUSE_SECONDS: Final = 0.1
"""Pause before the first repetition of a batch of which DynamoDB left items out; the next ones are longer."""


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` in DynamoDB's wire format, without keys whose value is None.

    Numbers are ``int`` or ``Decimal``; ``float`` raises ``TypeError``.
    """
    return {key: _wire(value) for key, value in values.items() if value is not None}


def _wire(value: Any) -> Any:
    """Return one value. The common types are matched directly, because boto3 tries eight types in turn."""
    match value:
        case str():
            return {"S": value}
        case dict():
            return {"M": {key: _wire(inner) for key, inner in value.items()}}
        case list():
            return {"L": [_wire(inner) for inner in value]}
        case _:
            return _serializer.serialize(value)


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a DynamoDB item as plain values; numbers are ``Decimal``."""
    return {key: _deserializer.deserialize(value) for key, value in item.items()}


def time_text(at: datetime) -> str:
    """Return ``at`` as text that sorts by time: in UTC and always of the same length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def short_folder(folder: str, request_id: str) -> str:
    """Return the stored form of a folder of a request's files, in which ``*`` stands for the request's id."""
    return folder.replace(request_id, "*", 1)


def full_folder(stored: str, request_id: str) -> str:
    """Return the folder of which ``stored`` is the stored form."""
    return stored.replace("*", request_id, 1)


def partition_keys(client: "DynamoDBClient", table: str, partition: str) -> Iterator[Sequence[Any]]:
    """Yield the keys of a partition's items, at most ``BATCH`` at once, for tables with the keys ``pk`` and ``sk``."""
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ProjectionExpression="pk, sk",
        ExpressionAttributeValues=to_item({":pk": partition}),
        ConsistentRead=True,
        PaginationConfig={"PageSize": BATCH},
    )
    for page in pages:
        if page["Items"]:
            yield page["Items"]


def delete_items(client: "DynamoDBClient", table: str, keys: Sequence[Any]) -> int:
    """Delete items by their keys, in wire format, and return how many. Missing ones are no error.

    DynamoDB leaves items out when it throttles; they are repeated until the function's own timeout.
    """
    for start in range(0, len(keys), BATCH):
        wanted: Any = {table: [{"DeleteRequest": {"Key": key}} for key in keys[start : start + BATCH]]}
        pause = PAUSE_SECONDS
        while wanted := client.batch_write_item(RequestItems=wanted).get("UnprocessedItems"):
            time.sleep(pause)
            pause *= 2
    return len(keys)


def delete_partition(client: "DynamoDBClient", table: str, partition: str) -> int:
    """Delete all items of a partition, and return how many."""
    return sum(delete_items(client, table, keys) for keys in partition_keys(client, table, partition))
