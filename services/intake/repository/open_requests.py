"""The open requests in the index `open` of the request table, for the sweeper and load shedding."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from kit.dynamodb import to_item
from kit.errors import TransientError, error_code
from services.intake.models import RequestState
from services.intake.repository.items import request_key, state_from
from services.intake.repository.requests import SHARDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

MAX_DUE: Final = 500
"""Requests per shard that one sweep checks."""
PER_SHARD: Final = 100
"""Requests per shard that load shedding reads: one BatchGetItem."""


class OpenRequestTable:
    """The open requests. Implements ``OpenRequests`` and ``Backlog``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def due(self, now: datetime) -> Iterable[str]:
        """Yield the ids of open requests whose next check is due, the most overdue of each shard first."""
        for shard in range(SHARDS):
            response = self._client.query(
                TableName=self._name,
                IndexName="open",
                KeyConditionExpression="open_shard = :shard AND next_check_at <= :now",
                ExpressionAttributeValues=to_item({":shard": str(shard), ":now": now.isoformat()}),
                Limit=MAX_DUE,
            )
            for item in response["Items"]:
                yield item["pk"]["S"].removeprefix("REQUEST#")

    def schedule_check(self, request_id: str, at: datetime) -> None:
        """Set the next check of an open request. A finished request stays as it is."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=request_key(request_id, "STATE"),
                UpdateExpression="SET next_check_at = :at",
                ConditionExpression="attribute_exists(open_shard)",
                ExpressionAttributeValues=to_item({":at": at.isoformat()}),
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def oldest(self) -> Iterator[RequestState]:
        """Yield the open requests that the sweeper checks next: the oldest, and some that it has checked before.

        Until its first check, a request has its place by its age. Reads are eventually consistent.
        """
        for shard in range(SHARDS):
            response = self._client.query(
                TableName=self._name,
                IndexName="open",
                KeyConditionExpression="open_shard = :shard",
                ExpressionAttributeValues=to_item({":shard": str(shard)}),
                Limit=PER_SHARD,
            )
            ids = [item["pk"]["S"].removeprefix("REQUEST#") for item in response["Items"]]
            yield from self._states(ids)

    def _states(self, ids: list[str]) -> Iterator[RequestState]:
        if not ids:
            return
        keys = [request_key(request_id, "STATE") for request_id in ids]
        response = self._client.batch_get_item(RequestItems={self._name: {"Keys": keys}})
        if response.get("UnprocessedKeys"):
            raise TransientError("request table: reading the open requests was throttled")
        yield from map(state_from, response["Responses"][self._name])
