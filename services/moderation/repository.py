"""Moderation's table.

pk                          attributes
<event id>                  the verdict about that event
checks#<key id>#<window>    checks: how many prompts an API key has checked in that window
                            blocked: how many of them were blocked
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic

from kit.dynamodb import from_item, to_item
from services.moderation.models import CheckRefusedError, VerdictT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

RETENTION: Final = timedelta(days=60)
"""How long a verdict is kept: longer than any message can be redelivered or replayed."""


class VerdictTable(Generic[VerdictT]):
    """Verdicts of one type. Implements ``VerdictRepository``."""

    def __init__(self, client: "DynamoDBClient", table: str, verdict_type: type[VerdictT]) -> None:
        self._client = client
        self._table = table
        self._verdict_type: type[VerdictT] = verdict_type

    def find(self, event_id: str) -> VerdictT | None:
        """Return the recorded verdict, or None."""
        response = self._client.get_item(TableName=self._table, Key=to_item({"pk": event_id}), ConsistentRead=True)
        item = response.get("Item")
        return self._verdict(item) if item else None

    def record(self, event_id: str, verdict: VerdictT) -> VerdictT:
        """Record ``verdict`` unless the event has one. Return the recorded verdict."""
        expires_at = int((verdict.decided_at + RETENTION).timestamp())
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_item({"pk": event_id, **verdict.model_dump(mode="json"), "expires_at": expires_at}),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            return self._verdict(dict(error.response)["Item"])
        return verdict

    def _verdict(self, item: Any) -> VerdictT:
        return self._verdict_type.model_validate(from_item(item))


class VerdictErasureTable:
    """Deletes verdicts of both types. Implements ``VerdictErasure``."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def delete(self, event_ids: Sequence[str]) -> int:
        """Delete the verdicts about events. Return how many there were."""
        deleted = 0
        for event_id in event_ids:
            old = self._client.delete_item(TableName=self._table, Key=to_item({"pk": event_id}), ReturnValues="ALL_OLD")
            deleted += "Attributes" in old
        return deleted


class CheckCountTable:
    """The number of checks per API key and window. Implements ``CheckCounts``."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def add(self, key_id: str, window: str, limit: int, max_blocked: int, expires_at: int) -> int:
        """Count a check with one conditional write; see ``CheckCounts.add``."""
        try:
            response = self._client.update_item(
                TableName=self._table,
                Key=_check_key(key_id, window),
                UpdateExpression="SET expires_at = :at ADD checks :one",
                ConditionExpression="(attribute_not_exists(checks) OR checks < :limit)"
                " AND (attribute_not_exists(blocked) OR blocked < :max_blocked)",
                ExpressionAttributeValues=to_item(
                    {":at": expires_at, ":one": 1, ":limit": limit, ":max_blocked": max_blocked}
                ),
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item: Any = error.response.get("Item", {})
            counts = from_item(item)
            raise CheckRefusedError("rate_limited" if counts["checks"] >= limit else "too_many_blocked") from error
        return int(from_item(response["Attributes"])["checks"])

    def add_blocked(self, key_id: str, window: str) -> None:
        """Count a check that was counted before as blocked."""
        self._client.update_item(
            TableName=self._table,
            Key=_check_key(key_id, window),
            UpdateExpression="ADD blocked :one",
            ExpressionAttributeValues=to_item({":one": 1}),
        )


def _check_key(key_id: str, window: str) -> dict[str, Any]:
    return to_item({"pk": f"checks#{key_id}#{window}"})
