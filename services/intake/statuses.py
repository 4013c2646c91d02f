"""The status of a request and nothing else of it: whoever only waits is spared the import of everything else."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class StatusTable:
    """The request-state table, of which a poll reads as little as it can."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def status(self, request_id: str) -> str:
        """Return a request's status, read consistently. Raises ``KeyError`` for an unknown one."""
        answer = self._client.get_item(
            TableName=self._name,
            Key={"pk": {"S": f"REQUEST#{request_id}"}, "sk": {"S": "STATE"}},
            ProjectionExpression="#status",
            ExpressionAttributeNames={"#status": "status"},
            ConsistentRead=True,
        )
        if "Item" not in answer:
            raise KeyError(request_id)
        return answer["Item"]["status"]["S"]
