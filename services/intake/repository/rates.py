"""The counters of rate limits in the request table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import from_item, to_item
from services.intake.models import Window
from services.intake.quota import RateStore, WindowCounts
from services.intake.settings import TableSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

MAX_REFUNDS: Final = 1000
"""Refunds per window. Each is remembered in the item and makes every write of that window more expensive."""
SUFFIX: Final = 12
"""The last characters of a request id. They are random and identify it within a window."""
RETENTION_SECONDS: Final = 3600
"""From the moment at which a window is no longer relevant."""


def rate_store(client: "DynamoDBClient", settings: TableSettings) -> RateStore:
    """Return the counters: in the cache if there is one."""
    table = RateTable(client, settings.table_name)
    if not settings.cache_address:
        return table
    from kit.cache import connected  # noqa: PLC0415 - only if there is a cache
    from services.intake.repository.cached import CachedRates  # noqa: PLC0415

    return CachedRates(connected(settings.cache_address, settings.cache_name), table)


class RateTable:
    """The counters. Implements ``RateStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def increment(self, window: Window, images: int, max_count: int, max_blocked: int) -> tuple[bool, WindowCounts]:
        """Count images with one conditional write; see ``RateStore.increment``."""
        try:
            response = self._client.update_item(
                TableName=self._name,
                Key=_key(window),
                UpdateExpression="SET expires_at = :expires ADD #count :images",
                ConditionExpression="attribute_not_exists(closed)"
                f" AND {_below('#count', ':max_count', max_count)}"
                f" AND {_below('blocked', ':max_blocked', max_blocked)}",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues=to_item(
                    {
                        ":images": images,
                        ":max_count": max_count,
                        ":max_blocked": max_blocked,
                        ":expires": _expires_at(window),
                    }
                ),
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item: Any = error.response.get("Item", {})
            return False, _counts(item)
        return True, _counts(response["Attributes"])

    def close(self, window: Window) -> WindowCounts:
        """Close a window and return its final counts."""
        response = self._client.update_item(
            TableName=self._name,
            Key=_key(window),
            UpdateExpression="SET closed = :yes, expires_at = :expires",
            ExpressionAttributeValues=to_item({":yes": True, ":expires": _expires_at(window)}),
            ReturnValues="ALL_NEW",
        )
        return _counts(response["Attributes"])

    def refund(self, window: Window, request_id: str, images: int, *, blocked: bool) -> None:
        """Subtract the images of a request from the count, once per request. ``blocked``: count it as blocked."""
        suffix = request_id[-SUFFIX:]
        values: dict[str, Any] = {
            ":minus": -images,
            ":least": images,
            ":id": suffix,
            ":ids": {suffix},
            ":max": MAX_REFUNDS,
        }
        expression = "ADD #count :minus, refunded :ids"
        if blocked:
            expression += ", blocked :one"
            values[":one"] = 1
        try:
            self._client.update_item(
                TableName=self._name,
                Key=_key(window),
                UpdateExpression=expression,
                ConditionExpression="#count >= :least AND (attribute_not_exists(refunded)"
                " OR (NOT contains(refunded, :id) AND size(refunded) < :max))",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues=to_item(values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # refunded already, or the counters expired


def _key(window: Window) -> dict[str, Any]:
    return to_item({"pk": f"RATE#{window.key_id}#{window.start}", "sk": "WINDOW"})


def _expires_at(window: Window) -> int:
    return window.start + 2 * window.seconds + RETENTION_SECONDS


def _counts(item: Mapping[str, Any]) -> WindowCounts:
    values = from_item(item)
    return WindowCounts(int(values.get("count", 0)), int(values.get("blocked", 0)), bool(values.get("closed")))


def _below(name: str, value: str, maximum: int) -> str:
    """Return the condition that a counter, which does not exist before its first increment, is below ``maximum``."""
    return f"(attribute_not_exists({name}) OR {name} < {value})" if maximum > 0 else f"{name} < {value}"
