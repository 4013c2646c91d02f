"""The open requests in the request table, for load shedding."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kit.dynamodb import to_item
from kit.errors import TransientError
from services.intake.models import RequestState
from services.intake.repository.items import request_key, state_from
from services.intake.repository.requests import SHARDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

PER_SHARD: Final = 100
"""Requests of each shard that are read: one BatchGetItem."""


class BacklogTable:
    """The open requests. Implements ``Backlog``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

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
