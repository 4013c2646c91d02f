"""The audit trail on DynamoDB.

pk ACTIONS#<year>-<month>  sk <time>#<action id>   one action; expires after a year
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import from_item, to_item
from services.operations.actions.trail import Action

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEPT: Final = timedelta(days=365)


class TrailTable:
    """Implements ``Trail``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def write(self, action: Action) -> None:
        """Store ``action``, replacing its earlier state."""
        item = {
            "pk": _month(action.at),
            "sk": f"{action.at.isoformat()}#{action.action_id}",
            "expires_at": int((action.at + KEPT).timestamp()),
            **action.to_dict(),
        }
        self._client.put_item(TableName=self._name, Item=to_item(item))

    def latest(self, limit: int) -> list[Action]:
        """Return up to ``limit`` actions, newest first, of the last year."""
        found: list[Action] = []
        for month in _months(datetime.now(UTC)):
            answer = self._client.query(
                TableName=self._name,
                KeyConditionExpression="pk = :month",
                ExpressionAttributeValues=to_item({":month": month}),
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=limit - len(found),
            )
            found += [_action(from_item(item)) for item in answer["Items"]]
            if len(found) >= limit:
                break
        return found


def _month(at: datetime) -> str:
    return f"ACTIONS#{at:%Y-%m}"


def _months(now: datetime) -> Iterator[str]:
    """Yield the keys of this month and the twelve before."""
    first = now.replace(day=1)
    for _ in range(13):
        yield _month(first)
        first = (first - timedelta(days=1)).replace(day=1)


def _action(values: dict[str, Any]) -> Action:
    outcome, finished = values.get("outcome"), values.get("finished_at")
    return Action(
        action_id=values["action_id"],
        at=datetime.fromisoformat(values["at"]),
        operator=values["operator"],
        verb=values["verb"],
        about=values["about"],
        count=int(values["count"]),
        event_ids=values["event_ids"],
        request_ids=values["request_ids"],
        outcome=None if outcome is None else {name: int(count) for name, count in outcome.items()},
        error=values.get("error"),
        finished_at=datetime.fromisoformat(finished) if finished else None,
    )
