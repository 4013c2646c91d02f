"""Erases an owner's items. `connections.py` and `webhooks.py` describe them."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import to_item
from services.notifications.repository.webhooks import SubscriberTable, WebhookTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

BATCH: Final = 25
"""Items per BatchWriteItem."""


class SubscriberErasureTable(SubscriberTable):
    """Implements ``SubscriberErasure``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        super().__init__(client, name)
        self.disable = WebhookTable(client, name).disable

    def erase_deliveries(self, webhook_id: str, go_on: Callable[[], bool]) -> tuple[int, bool]:
        """Delete the deliveries of a webhook while ``go_on``; see ``SubscriberErasure``."""
        deleted = 0
        for page in self._pages(f"DELIVERIES#{webhook_id}"):
            self._delete(page)
            deleted += len(page)
            if not go_on():
                return deleted, False
        return deleted, True

    def erase_owner(self, owner: str) -> int:
        """Delete webhooks, the listener, and the counters of pings and resends of an owner."""
        deleted = 0
        for partition in (f"OWNER#{owner}", f"SENDS#{owner}"):
            for page in self._pages(partition):
                self._delete(page)
                deleted += len(page)
        return deleted

    def _pages(self, partition: str) -> Iterator[Sequence[Any]]:
        """Yield the keys of a partition's items."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ProjectionExpression="pk, sk",
            ExpressionAttributeValues=to_item({":pk": partition}),
            ConsistentRead=True,
            PaginationConfig={"PageSize": BATCH},
        )
        for page in pages:
            if page["Items"]:
                yield page["Items"]

    def _delete(self, keys: Sequence[Any]) -> None:
        wanted: Any = {self._name: [{"DeleteRequest": {"Key": key}} for key in keys]}
        while wanted.get(self._name):
            wanted = self._client.batch_write_item(RequestItems=wanted).get("UnprocessedItems", {})
