"""The last report of each segment, in operations' table.

pk AUDIT  sk SEGMENT#<number>#<of how many>   the report as JSON; expires after a week
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEPT: Final = timedelta(days=7)
FINDINGS_KEPT: Final = 50
"""Per sort and segment. The counts include all."""


class ReportTable:
    """The reports."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def keep(self, segment: int, report: Mapping[str, Any], at: datetime) -> None:
        """Store the report of a segment, replacing its last one."""
        item = {
            "pk": "AUDIT",
            "sk": f"SEGMENT#{segment}#{report['segments']}",
            "report": json.dumps(report),
            "expires_at": int((at + KEPT).timestamp()),
        }
        self._client.put_item(TableName=self._name, Item=to_item(item))

    def all(self) -> list[dict[str, Any]]:
        """Return the last report of every segment."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": "AUDIT"}),
        )
        return [json.loads(item["report"]["S"]) for page in pages for item in page["Items"]]
