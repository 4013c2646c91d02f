"""The sentinel's I/O: Bedrock's control plane, and the last known lifecycles in the table of operations.

pk MODELS  sk <key>   status, ends_at, sequence, since, published
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kit.dynamodb import from_item, to_item
from kit.errors import error_code
from services.operations.lifecycle.sentinel import Remembered, Standing, Watched

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

GONE = frozenset({"ResourceNotFoundException", "ValidationException"})
"""Errors of Bedrock for an unknown model id."""
PARTITION = "MODELS"


class BedrockRegistry:
    """GetFoundationModel in the region in which the model is used. Implements ``Registry``."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._make = client
        self._clients: dict[str, Any] = {}

    def standing(self, watched: Watched, now: datetime) -> Standing:
        """Return the lifecycle of a model. Bedrock reports an ended one as LEGACY; its date decides."""
        if watched.region not in self._clients:
            self._clients[watched.region] = self._make(watched.region)
        try:
            answer = self._clients[watched.region].get_foundation_model(modelIdentifier=watched.model_id)
        except ClientError as error:
            if error_code(error) in GONE:
                return Standing("ended")
            raise
        lifecycle = answer["modelDetails"].get("modelLifecycle", {})
        ends_at: datetime | None = lifecycle.get("endOfLifeTime")
        if ends_at is not None and ends_at <= now:
            return Standing("ended", ends_at)
        return Standing("active" if lifecycle.get("status", "ACTIVE") == "ACTIVE" else "legacy", ends_at)


class SentinelMemory:
    """The table of operations. Implements ``Memory``."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def recall(self) -> Mapping[str, Remembered]:
        """Return the last known lifecycle of every model by key, in one query."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": PARTITION}),
            ConsistentRead=True,
        )
        found = [_remembered(from_item(item)) for page in pages for item in page["Items"]]
        return {one.key: one for one in found}

    def remember(self, standing: Remembered) -> None:
        """Store the lifecycle of a model, unless another run has stored a later change."""
        item = {
            "pk": PARTITION,
            "sk": standing.key,
            "status": standing.standing.status,
            "ends_at": standing.standing.ends_at and standing.standing.ends_at.isoformat(),
            "sequence": standing.sequence,
            "since": standing.since.isoformat(),
            "published": standing.published,
        }
        self._client.put_item(
            TableName=self._table,
            Item=to_item(item),
            ConditionExpression="attribute_not_exists(pk) OR #sequence <= :sequence",
            ExpressionAttributeNames={"#sequence": "sequence"},
            ExpressionAttributeValues=to_item({":sequence": standing.sequence}),
        )


def _remembered(values: Mapping[str, Any]) -> Remembered:
    ends_at = values.get("ends_at")
    standing = Standing(values["status"], datetime.fromisoformat(ends_at) if ends_at else None)
    since = datetime.fromisoformat(values["since"])
    return Remembered(values["sk"], standing, int(values["sequence"]), since, bool(values["published"]))
