"""Reads single requests in intake's table, for traces and the audit for bias: an operator's privilege (ADR 5)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kit.dynamodb import from_item, to_item
from services.operations.timeline import ATTRIBUTES, Request, request_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class RequestReader:
    """Reads the state of single requests. Implements ``tracing.trace.Requests``."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def requests(self, ids: Iterable[str]) -> dict[str, Request]:
        """Return requests by id, with consistent reads."""
        names = {f"#{name}": name for name in ATTRIBUTES}
        found = {}
        for request_id in ids:
            answer = self._client.get_item(
                TableName=self._table,
                Key=to_item({"pk": f"REQUEST#{request_id}", "sk": "STATE"}),
                ProjectionExpression=", ".join(names),
                ExpressionAttributeNames=names,
                ConsistentRead=True,
            )
            if "Item" in answer:
                found[request_id] = request_of(from_item(answer["Item"]))
        return found
