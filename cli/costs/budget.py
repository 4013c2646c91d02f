"""The daily budget for generation, in generation's ledger, from which generation reads the limit.

request_id budget        item "limit"  limit_usd: the operator's limit, instead of the deployed one
request_id budget#<day>  item "spent"  spent: US dollars reserved on that UTC day
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from events.catalog.budget_changed import BudgetChanged, BudgetChangedData
from events.envelope import subject_id
from kit.dynamodb import from_item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

NO_OWNER: Final = "-"
LIMIT: Final = {"request_id": "budget", "item": "limit"}


@dataclass(frozen=True)
class Standing:
    """The budget of a day."""

    day: date
    spent_usd: Decimal
    """Reserved for images, with their moderation, and paid for checks. 0 without a limit: nothing is counted then."""
    override_usd: Decimal | None
    """The operator's limit; None if the deployed one applies."""

    def to_dict(self) -> dict[str, object]:
        """Return a JSON-serialisable representation."""
        limit = None if self.override_usd is None else str(self.override_usd)
        return {"day": self.day.isoformat(), "spent_usd": str(self.spent_usd), "override_usd": limit}


class BudgetTable:
    """The budget in generation's ledger."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def standing(self, day: date) -> Standing:
        """Return the budget of a UTC day."""
        spent = self._read({"request_id": f"budget#{day.isoformat()}", "item": "spent"}).get("spent", Decimal(0))
        return Standing(day, Decimal(spent), self._read(LIMIT).get("limit_usd"))

    def override(self, limit_usd: Decimal | None) -> None:
        """Set the operator's limit, or remove it with None."""
        if limit_usd is None:
            self._client.delete_item(TableName=self._name, Key=to_item(LIMIT))
        else:
            self._client.put_item(TableName=self._name, Item=to_item({**LIMIT, "limit_usd": limit_usd}))

    def _read(self, key: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.get_item(TableName=self._name, Key=to_item(key), ConsistentRead=True)
        return from_item(answer.get("Item", {}))


def changed(limit_usd: Decimal | None, now: datetime) -> BudgetChanged:
    """Return the event after which intake accepts requests again."""
    data = BudgetChangedData(limit_usd=limit_usd)
    number = int(now.astimezone(UTC).timestamp() * 1000)
    return BudgetChanged.first(subject_id("budget"), NO_OWNER, data, occurred_at=now, index=number)
