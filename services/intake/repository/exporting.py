"""Reads the items of an owner's requests for an export. `items.py` describes them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from events.catalog.image_requested import ImageRequested
from kit.dynamodb import to_item
from services.intake.models import Appeal, RequestState
from services.intake.repository.items import appeal_from, request_from, state_from

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class ExportTable:
    """Implements ``exporting.ExportStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def request_ids_after(self, owner: str, after: str | None, limit: int) -> tuple[Sequence[str], str | None]:
        """Return ids of an owner's requests with one query; see ``ExportStore.request_ids_after``."""
        later = " AND request_id > :after" if after else ""
        found = self._client.query(
            TableName=self._name,
            IndexName="by-owner",
            KeyConditionExpression=f"#owner = :owner{later}",
            ProjectionExpression="request_id",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=to_item({":owner": owner, ":after": after}),
            Limit=limit,
        )
        ids = [item["request_id"]["S"] for item in found["Items"]]
        return ids, ids[-1] if "LastEvaluatedKey" in found else None

    def read_all(self, request_id: str) -> tuple[ImageRequested, RequestState, Appeal | None]:
        """Return a request, its state and its appeal with one consistent read; see ``ExportStore.read_all``."""
        found = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": f"REQUEST#{request_id}"}),
            ConsistentRead=True,
        )
        parts = {item["sk"]["S"]: item for item in found["Items"]}
        if not {"REQUEST", "STATE"} <= parts.keys():
            raise KeyError(request_id)
        appeal = appeal_from(parts["APPEAL"]) if "APPEAL" in parts else None
        return request_from(parts["REQUEST"]), state_from(parts["STATE"]), appeal
