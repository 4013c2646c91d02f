"""DynamoDB capacity, computed from the calls and the items in the tables.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

WRITE_BYTES: Final = 1024
READ_BYTES: Final = 4096
Item = Mapping[str, Any]


def item_size(item: Item) -> int:
    """Return the billed size of an item (in wire format) in bytes: names plus values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.lstrip("-").replace(".", "")) / 2) + 1
        case "B":
            return len(content) * 3 // 4
        case "M":
            return 3 + item_size(content) + len(content)
        case "L":
            return 3 + sum(_value_size(inner) for inner in content) + len(content)
        case "SS" | "NS" | "BS":
            return sum(len(inner) for inner in content)
        case _:
            return 1


class Capacity:
    """Counts units; ``client`` reads the items and the indexes of the tables."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._indexes: dict[str, list[Mapping[str, Any]]] = {}

    def units(self, operation: str, body: str) -> tuple[float, float]:
        """Return the write and read units of one call, given its body."""
        call = json.loads(body)
        match operation:
            case "PutItem" | "UpdateItem" | "DeleteItem":
                return self._written(call), 0
            case "TransactWriteItems":
                return sum(2 * self._written(next(iter(part.values()))) for part in call["TransactItems"]), 0
            case "GetItem":
                size = item_size(self._standing(call))
                return 0, max(1, math.ceil(size / READ_BYTES)) * (1 if call.get("ConsistentRead") else 0.5)
            case _:  # a query or a batch of a few small items
                return 0, 1

    def _written(self, call: Mapping[str, Any]) -> int:
        """Return the units of one write outside a transaction, indexes included."""
        item = call["Item"] if "Item" in call else self._standing(call)
        if "ConditionExpression" in call and not ("Item" in call or "UpdateExpression" in call):
            return 1  # a condition check
        units = max(1, math.ceil(item_size(item) / WRITE_BYTES))
        touched = call.get("UpdateExpression", "") + " ".join(call.get("ExpressionAttributeNames", {}).values())
        for index in self._indexes_of(call["TableName"]):
            keys = {part["AttributeName"] for part in index["KeySchema"]}
            projected = keys | set(index["Projection"].get("NonKeyAttributes", []))
            whole = index["Projection"]["ProjectionType"] == "ALL"
            if "Item" in call:
                units += keys <= item.keys()
            elif whole or any(name in touched for name in projected):
                units += 1
        return units

    def _standing(self, call: Mapping[str, Any]) -> Item:
        answer = self._client.get_item(TableName=call["TableName"], Key=call["Key"])
        item: Item = answer.get("Item", {})
        return item

    def _indexes_of(self, table: str) -> list[Mapping[str, Any]]:
        if table not in self._indexes:
            described = self._client.describe_table(TableName=table)["Table"]
            self._indexes[table] = described.get("GlobalSecondaryIndexes", [])
        return self._indexes[table]
