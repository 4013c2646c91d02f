"""The results of the audit of generation, in operations' table. They contain no prompt and nobody's data.

pk BIAS#<month>  sk <model>/<profession>/<attribute>/<value>/<seed>   request_id, outcome, gender, age
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from kit.dynamodb import from_item, to_item
from services.operations.bias.auditing import Face, Result
from services.operations.bias.plan import Sample

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEPT: Final = timedelta(days=400)
"""Long enough to compare a month with the same month of the year before."""


class BiasResults:
    """The results by month. Implements ``Results``."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def all(self, period: str) -> list[Result]:
        """Return the results of a month."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": _partition(period)}),
            ConsistentRead=True,
        )
        return [_result(from_item(item)) for page in pages for item in page["Items"]]

    def keep(self, period: str, result: Result, now: datetime) -> None:
        """Store a result in place of its last state."""
        sample = result.sample
        item: dict[str, Any] = {
            "pk": _partition(period),
            "sk": sample.id,
            "model": sample.model,
            "price_usd": str(sample.price_usd),
            "profession": sample.profession,
            "attribute": sample.attribute,
            "value": sample.value,
            "seed": sample.seed,
            "request_id": result.request_id,
            "expires_at": int((now + KEPT).timestamp()),
        }
        if result.outcome:
            item["outcome"] = result.outcome
        if result.face:
            item |= {"gender": result.face.gender, "age": result.face.age}
        self._client.put_item(TableName=self._table, Item=to_item(item))


def _partition(period: str) -> str:
    return f"BIAS#{period}"


def _result(item: Mapping[str, Any]) -> Result:
    sample = Sample(
        model=item["model"],
        price_usd=Decimal(item["price_usd"]),
        profession=item["profession"],
        attribute=item["attribute"],
        value=item["value"],
        seed=int(item["seed"]),
    )
    face = Face(item["gender"], int(item["age"])) if "gender" in item else None
    return Result(sample, item["request_id"], item.get("outcome"), face)
