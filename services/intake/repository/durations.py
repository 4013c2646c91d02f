"""The average durations of requests in the request table."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from kit.dynamodb import from_item, to_item
from services.intake.durations import DurationStore
from services.intake.settings import TableSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


def duration_store(client: "DynamoDBClient", settings: TableSettings) -> DurationStore:
    """Return the averages, with a copy in the cache if there is one."""
    table = DurationTable(client, settings.table_name)
    if not settings.cache_address:
        return table
    from kit.cache import connected  # noqa: PLC0415 - only if there is a cache
    from services.intake.repository.cached import CachedDurations  # noqa: PLC0415

    return CachedDurations(connected(settings.cache_address, settings.cache_name), table)


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
