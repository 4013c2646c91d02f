"""Erases an owner's items. `connections.py` and `webhooks.py` describe them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from kit.dynamodb import delete_items, delete_partition, partition_keys
from services.notifications.repository.webhooks import SubscriberTable, WebhookTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class SubscriberErasureTable(SubscriberTable):
    """Implements ``SubscriberErasure``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        super().__init__(client, name)
        self.disable = WebhookTable(client, name).disable

    def erase_deliveries(self, webhook_id: str, go_on: Callable[[], bool]) -> tuple[int, bool]:
        """Delete the deliveries of a webhook while ``go_on``; see ``SubscriberErasure``."""
        deleted = 0
        for keys in partition_keys(self._client, self._name, f"DELIVERIES#{webhook_id}"):
            deleted += delete_items(self._client, self._name, keys)
            if not go_on():
                return deleted, False
        return deleted, True

    def erase_owner(self, owner: str) -> int:
        """Delete webhooks, the listener, and the counters of pings and resends of an owner."""
        partitions = (f"OWNER#{owner}", f"SENDS#{owner}")
        return sum(delete_partition(self._client, self._name, partition) for partition in partitions)
