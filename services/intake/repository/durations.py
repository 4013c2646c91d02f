"""The average durations of requests in the request table."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from kit.dynamodb import from_item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class DurationTable:
    """The averages. Implements ``DurationStore``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._key = to_item({"pk": "FIGURES", "sk": "DURATIONS"})

    def read(self) -> dict[str, float]:
        """Return the average seconds of each model."""
        values = from_item(self._client.get_item(TableName=self._name, Key=self._key).get("Item", {}))
        return {model: float(seconds) for model, seconds in values.items() if model not in ("pk", "sk")}

    def write(self, averages: Mapping[str, float]) -> None:
        """Write averages; those of other models stay."""
        models = dict(enumerate(averages))
        self._client.update_item(
            TableName=self._name,
            Key=self._key,
            UpdateExpression="SET " + ", ".join(f"#m{number} = :m{number}" for number in models),
            ExpressionAttributeNames={f"#m{number}": model for number, model in models.items()},
            ExpressionAttributeValues=to_item(
                {f":m{number}": Decimal(f"{averages[model]:.3f}") for number, model in models.items()}
            ),
        )
