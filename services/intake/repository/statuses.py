"""Reads only the status of a request. Kept apart so that the function `wait` imports nothing else of the repository."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class StatusTable:
    """The statuses in the request table."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def read(self, request_id: str) -> str:
        """Return the status of a request, read consistently. Raise ``KeyError`` if the request is unknown."""
        response = self._client.get_item(
            TableName=self._name,
            Key={"pk": {"S": f"REQUEST#{request_id}"}, "sk": {"S": "STATE"}},
            ProjectionExpression="#status",
            ExpressionAttributeNames={"#status": "status"},
            ConsistentRead=True,
        )
        if "Item" not in response:
            raise KeyError(request_id)
        return response["Item"]["status"]["S"]
