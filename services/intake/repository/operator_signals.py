"""The signals that operators change in the request table. The command line uses this module, no function does."""

from datetime import UTC
from typing import TYPE_CHECKING, Any

from kit.dynamodb import from_item, to_item
from services.intake.repository.signals import REGION, STOPPED
from services.intake.signals import StopSignal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class OperatorSignals:
    """Stopped writes (ADR 36) and the active region."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._now = to_item({"pk": "SIGNALS", "sk": "NOW"})

    def save_stop(self, signal: StopSignal | None) -> None:
        """Stop writes, or open them again (None)."""
        change: dict[str, Any] = {"UpdateExpression": "REMOVE #name"}
        if signal:
            values = {"reason": signal.reason, "since": signal.since.astimezone(UTC).isoformat(timespec="seconds")}
            change = {
                "UpdateExpression": "SET #name = :values",
                "ExpressionAttributeValues": to_item({":values": values}),
            }
        self._client.update_item(
            TableName=self._name, Key=self._now, ExpressionAttributeNames={"#name": STOPPED}, **change
        )

    def save_active_region(self, region: str) -> None:
        """Make ``region`` the active one."""
        self._client.put_item(
            TableName=self._name, Item=to_item({"pk": "SIGNALS", "sk": REGION, "active_region": region})
        )

    def active_region(self) -> str | None:
        """Return the active region as this region knows it, or None without a second region."""
        key = to_item({"pk": "SIGNALS", "sk": REGION})
        found = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        region: str | None = from_item(found.get("Item", {})).get("active_region")
        return region
