"""The daily budget, in the ledger's table. `ledger.py` lists all items."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from kit.clock import Clock
from kit.dynamodb import from_item, to_item
from services.generation.metrics import record_budget
from services.generation.models import BudgetExhaustedError, BudgetRefusal
from services.generation.repository.ledger import expiry, item_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

LIMIT_CACHE_SECONDS: Final = 10.0
"""How long a container uses the operator's limit before it reads it again (half a read unit each time)."""
LIMIT_KEY: Final[dict[str, Any]] = {"request_id": {"S": "budget"}, "item": {"S": "limit"}}


class DynamoBudget:
    """The amount reserved, one counter per day, in the ledger's table. Implements ``Budget``.

    A limit set by an operator overrides the deployed one. It is read at most every ``LIMIT_CACHE_SECONDS``.
    """

    def __init__(self, client: "DynamoDBClient", table: str, deployed_limit_usd: Decimal, clock: Clock) -> None:
        """``deployed_limit_usd`` of 0 means no limit. An operator's limit of 0 stops generation."""
        self._client = client
        self._table = table
        self._deployed_limit = deployed_limit_usd or None
        self._clock = clock
        self._limit: Decimal | None = None
        self._read_at = -inf
        self._lock = Lock()

    def reserve(self, day: date, amount_usd: Decimal) -> None:
        """Reserve an amount with one conditional write, so that concurrent calls never exceed the limit."""
        limit = self._current_limit()
        if limit is None:
            return
        room = limit - amount_usd if limit else Decimal(-1)  # a limit of 0 covers nothing, whatever the price
        first = "attribute_not_exists(spent) OR " if room >= 0 else ""
        try:
            response = self._client.update_item(
                TableName=self._table,
                Key=_budget_key(day),
                UpdateExpression="SET expires_at = :expires ADD spent :amount",
                ConditionExpression=f"{first}spent <= :room",
                ExpressionAttributeValues=to_item(
                    {
                        ":amount": amount_usd,
                        ":room": room,
                        ":expires": expiry(datetime.combine(day, time(), UTC)),
                    }
                ),
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item: Any = error.response.get("Item", {})
            spent = from_item(item).get("spent", Decimal(0))
            record_budget(limit, limit)  # an image was refused: the alarm of an exhausted budget
            raise BudgetExhaustedError(BudgetRefusal(limit, max(Decimal(0), limit - spent))) from error
        record_budget(from_item(response["Attributes"])["spent"], limit)

    def add(self, day: date, amount_usd: Decimal) -> None:
        """Add an amount that was paid, even if it exceeds the limit. Without a limit nothing is counted."""
        limit = self._current_limit()
        if limit is None:
            return
        response = self._client.update_item(
            TableName=self._table,
            Key=_budget_key(day),
            UpdateExpression="SET expires_at = :expires ADD spent :amount",
            ExpressionAttributeValues=to_item(
                {":amount": amount_usd, ":expires": expiry(datetime.combine(day, time(), UTC))}
            ),
            ReturnValues="UPDATED_NEW",
        )
        record_budget(from_item(response["Attributes"])["spent"], limit)

    def refund(self, day: date, amount_usd: Decimal) -> None:
        """Subtract an amount from the day's counter, if there is one."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_budget_key(day),
                UpdateExpression="ADD spent :amount",
                ConditionExpression="spent >= :least",
                ExpressionAttributeValues=to_item({":amount": -amount_usd, ":least": amount_usd}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # there was no limit when the price was reserved

    def _current_limit(self) -> Decimal | None:
        """Return the limit per day, at most a few seconds old; None if there is none."""
        with self._lock:
            if self._clock.monotonic() - self._read_at >= LIMIT_CACHE_SECONDS:
                item = self._client.get_item(TableName=self._table, Key=LIMIT_KEY).get("Item", {})
                self._limit = from_item(item).get("limit_usd", self._deployed_limit)
                self._read_at = self._clock.monotonic()
            return self._limit


def _budget_key(day: date) -> dict[str, Any]:
    return item_key(f"budget#{day.isoformat()}", "spent")
