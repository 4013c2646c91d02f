"""Erases items of the request table. `items.py` describes them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import delete_partition, to_item
from services.intake.repository.items import erased_key, request_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

RETENTION: Final = timedelta(days=60)
"""How long markers are kept by default: longer than any message can be redelivered or replayed."""


class ErasureTable:
    """Implements ``erasure.ErasureStore``."""

    def __init__(self, client: "DynamoDBClient", name: str, retention: timedelta = RETENTION) -> None:
        """``retention`` is how long markers are kept."""
        self._client = client
        self._name = name
        self._retention = retention

    def request_ids(self, owner: str) -> Iterator[str]:
        """Yield the ids of an owner's requests, oldest first. The index may lag; a later sweep finds the rest."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            IndexName="by-owner",
            KeyConditionExpression="#owner = :owner",
            ProjectionExpression="request_id",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=to_item({":owner": owner}),
        )
        for page in pages:
            for item in page["Items"]:
                yield item["request_id"]["S"]

    def erase_of_owner(self, owner: str) -> int:
        """Delete the idempotency records and the waiting calls of an owner."""
        partitions = (f"IDEMPOTENCY#{owner}", f"WAITS#{owner}")
        return sum(delete_partition(self._client, self._name, partition) for partition in partitions)

    def erase(self, request_id: str, owner: str, at: datetime) -> bool:
        """Replace a request and its appeal with a marker in one transaction; see ``ErasureStore.erase``."""
        marker = erased_key(request_id) | to_item({"expires_at": int((at + self._retention).timestamp())})
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Delete": {
                            "TableName": self._name,
                            "Key": request_key(request_id, "STATE"),
                            "ConditionExpression": "#owner = :owner",
                            "ExpressionAttributeNames": {"#owner": "owner"},
                            "ExpressionAttributeValues": to_item({":owner": owner}),
                        }
                    },
                    {"Delete": {"TableName": self._name, "Key": request_key(request_id, "REQUEST")}},
                    {"Delete": {"TableName": self._name, "Key": request_key(request_id, "APPEAL")}},
                    {"Put": {"TableName": self._name, "Item": marker}},
                ]
            )
        except self._client.exceptions.TransactionCanceledException as error:
            first: Any = error.response["CancellationReasons"][0]
            if first.get("Code") != "ConditionalCheckFailed":
                raise
            return False
        return True
