"""The drills of recovery that `cli recovery drill` finished, and how long ago the last one was."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from kit.dynamodb import from_item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

DRILLS: Final = "DRILLS"
KEPT: Final = timedelta(days=400)


@dataclass(frozen=True)
class DrillRecord:
    """A finished drill."""

    drill_id: str
    finished_at: datetime
    rto_seconds: int
    """From its start until requests were accepted again."""
    rpo_seconds: int
    """Age of the oldest state from which a table was restored."""


class DrillTable:
    """The drills in the table of operations."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def keep(self, record: DrillRecord) -> None:
        """Store a finished drill. Repetition changes nothing."""
        item = {
            "pk": DRILLS,
            "sk": record.finished_at.astimezone(UTC).isoformat(timespec="seconds"),
            "drill_id": record.drill_id,
            "rto_seconds": record.rto_seconds,
            "rpo_seconds": record.rpo_seconds,
            "expires_at": int((record.finished_at + KEPT).timestamp()),
        }
        self._client.put_item(TableName=self._name, Item=to_item(item))

    def latest(self) -> DrillRecord | None:
        """Return the last drill, or None before the first one."""
        answer = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": DRILLS}),
            ScanIndexForward=False,
            Limit=1,
        )
        for item in answer["Items"]:
            values = from_item(item)
            at = datetime.fromisoformat(values["sk"])
            return DrillRecord(values["drill_id"], at, int(values["rto_seconds"]), int(values["rpo_seconds"]))
        return None

    def created_at(self) -> datetime:
        """Return when the table was created, from which the time until the first drill counts."""
        created: datetime = self._client.describe_table(TableName=self._name)["Table"]["CreationDateTime"]
        return created.astimezone(UTC)

    def age(self, now: datetime) -> timedelta:
        """Return the time since the last drill, or since the installation was created if there was none."""
        last = self.latest()
        return now - (last.finished_at if last else self.created_at())
