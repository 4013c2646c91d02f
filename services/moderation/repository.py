"""Moderation's table.

pk                          attributes
<event id>                  the verdict about that event. If the shadow policy would change it: shadow_day, its day,
                            which with decided_at is the key of the sparse index `by-shadow-day`
checks#<key id>#<window>    checks: how many prompts an API key has checked in that window
                            blocked: how many of them were blocked
"""

import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic

from kit.dynamodb import from_item, to_item
from kit.errors import TransientError
from services.moderation.models import CheckRefusedError, ShadowVerdict, VerdictT
from services.moderation.shadow import ShadowChange

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

RETENTION: Final = timedelta(days=60)
"""How long a verdict is kept by default: longer than any message can be redelivered or replayed."""

FIND_MAX: Final = 100
"""Verdicts that are read together, a quota of BatchGetItem."""
FIND_ATTEMPTS: Final = 6


class VerdictTable(Generic[VerdictT]):
    """Verdicts of one type. Implements ``VerdictRepository``."""

    def __init__(
        self, client: "DynamoDBClient", table: str, verdict_type: type[VerdictT], retention: timedelta = RETENTION
    ) -> None:
        self._client = client
        self._table = table
        self._verdict_type: type[VerdictT] = verdict_type
        self._retention = retention

    def find(self, event_id: str) -> VerdictT | None:
        """Return the recorded verdict, or None."""
        response = self._client.get_item(TableName=self._table, Key=to_item({"pk": event_id}), ConsistentRead=True)
        item = response.get("Item")
        return self._verdict(item) if item else None

    def find_all(self, event_ids: Sequence[str]) -> dict[str, VerdictT]:
        """Return the recorded verdicts about at most ``FIND_MAX`` events, by their ids."""
        found: dict[str, VerdictT] = {}
        left: Any = [to_item({"pk": event_id}) for event_id in event_ids]
        for attempt in range(FIND_ATTEMPTS):
            if not left:
                break
            if attempt:
                time.sleep(0.05 * 2**attempt)
            answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": left}})
            for item in answer["Responses"].get(self._table, []):
                found[item["pk"]["S"]] = self._verdict(item)
            unread: Any = answer.get("UnprocessedKeys", {})
            left = unread.get(self._table, {}).get("Keys")
        if left:
            raise TransientError(f"{self._table}: reading verdicts was throttled")
        return found

    def record(self, event_id: str, verdict: VerdictT) -> VerdictT:
        """Record ``verdict`` unless the event has one. Return the recorded verdict."""
        item = {"pk": event_id, **verdict.model_dump(mode="json", exclude_none=True)}
        item["expires_at"] = int((verdict.decided_at + self._retention).timestamp())
        if verdict.shadow is not None and verdict.shadow.change:
            item["shadow_day"] = verdict.decided_at.date().isoformat()
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_item(item),
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


class ShadowChanges:
    """The recorded verdicts that the shadow policy would change."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def latest(self, last: date, days: int, limit: int) -> list[ShadowChange]:
        """Return at most ``limit`` changes of ``days`` days up to ``last``, newest first."""
        return list(islice((each for back in range(days) for each in self._of_day(last - timedelta(back))), limit))

    def _of_day(self, day: date) -> Iterator[ShadowChange]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by-shadow-day",
            KeyConditionExpression="shadow_day = :day",
            ExpressionAttributeValues=to_item({":day": day.isoformat()}),
            ScanIndexForward=False,
        )
        for page in pages:
            for values in map(from_item, page["Items"]):
                shadow = ShadowVerdict.model_validate(values["shadow"])
                subject = "prompt" if "keywords" in values["layers"] else "images"
                yield ShadowChange(subject, values["policy_version"], shadow)


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
