"""Reads a model's request body field by field and complains the way Bedrock does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local.bedrock.errors import malformed


class Fields:
    """One JSON object of a body. Each reader takes a key; `done` rejects whatever nobody asked for."""

    def __init__(self, value: object, path: str = "#") -> None:
        if not isinstance(value, dict):
            raise malformed(f"{path}: expected type: JSONObject, found: {_kind(value)}")
        self._left: dict[str, Any] = dict(value)
        self._path = path

    def section(self, key: str, *, required: bool = False) -> Fields:
        """A nested object, empty when absent and not required."""
        return Fields(self._take(key, required=required, default={}), f"{self._path}/{key}")

    def items(self, key: str) -> list[Fields]:
        """A required, non-empty list of objects."""
        value = self._take(key, required=True)
        if not isinstance(value, list) or not value:
            raise malformed(f"{self._path}/{key}: expected minimum item count: 1, found: 0")
        return [Fields(item, f"{self._path}/{key}/{index}") for index, item in enumerate(value)]

    def text(self, key: str, *, shortest: int = 0, longest: int, required: bool = False) -> str:
        """A string within its length limits; an absent optional one reads as empty."""
        value = self._take(key, required=required)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(key, f"expected type: String, found: {_kind(value)}")
        if len(value) < shortest:
            raise self._wrong(key, f"expected minLength: {shortest}, actual: {len(value)}")
        if len(value) > longest:
            raise self._wrong(key, f"expected maxLength: {longest}, actual: {len(value)}")
        return value

    def integer(self, key: str, low: int, high: int, default: int) -> int:
        """A whole number within inclusive limits."""
        value = self._take(key, default=default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, f"expected type: Integer, found: {_kind(value)}")
        self._within(key, value, low, high)
        return value

    def number(self, key: str, low: float, high: float, default: float) -> float:
        """Any number within inclusive limits."""
        value = self._take(key, default=default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, f"expected type: Number, found: {_kind(value)}")
        self._within(key, value, low, high)
        return float(value)

    def choice(self, key: str, options: Sequence[str], default: str = "") -> str:
        """One of a fixed set of strings."""
        value = self._take(key, default=default)
        if value != default and value not in options:
            raise self._wrong(key, f"{value} is not a valid enum value")
        return str(value)

    def ignore(self, key: str) -> None:
        """A field the real model reads and this stand-in has no use for."""
        self._left.pop(key, None)

    def has(self, key: str) -> bool:
        """Whether the caller sent this field and nobody has read it yet."""
        return key in self._left

    def done(self) -> None:
        """Every key must have been read by now."""
        if self._left:
            raise malformed(f"{self._path}: extraneous key [{next(iter(self._left))}] is not permitted")

    def _take(self, key: str, *, required: bool = False, default: Any = None) -> Any:
        if key not in self._left and required:
            raise malformed(f"{self._path}: required key [{key}] not found")
        value = self._left.pop(key, None)
        return default if value is None and not required else value

    def _within(self, key: str, value: float, low: float, high: float) -> None:
        if value < low:
            raise self._wrong(key, f"{value} is not greater or equal to {low}")
        if value > high:
            raise self._wrong(key, f"{value} is not less or equal to {high}")

    def _wrong(self, key: str, detail: str) -> Exception:
        return malformed(f"{self._path}/{key}: {detail}")


def _kind(value: object) -> str:
    names = {
        str: "String",
        bool: "Boolean",
        int: "Integer",
        float: "Number",
        list: "JSONArray",
        dict: "JSONObject",
    }
    return "Null" if value is None else names.get(type(value), "Unknown")
