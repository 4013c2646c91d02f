"""The JSON Schemas and the samples of the events."""

import json
from importlib.resources import files
from typing import Any

from .contract.catalog import CATALOG, event_type
from .contract.envelope import Event


def schema(detail_type: str, version: int | None = None) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event's ``detail``. Default: the newest version.

    Raises ``KeyError`` if this package does not know the event.
    """
    return _read("schemas", _kind(detail_type, version))


def sample(detail_type: str, version: int | None = None) -> dict[str, Any]:
    """Return a sample event as EventBridge delivers it, for tests of a subscriber. Default: the newest version.

    Raises ``KeyError`` if this package does not know the event.
    """
    kind = _kind(detail_type, version)
    detail = _read("samples", kind)
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": detail_type,
        "source": kind.source,
        "account": "123456789012",
        "time": detail["metadata"]["occurred_at"],
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }


def _kind(detail_type: str, version: int | None) -> type[Event]:
    newest = max((number for name, number in CATALOG if name == detail_type), default=0)
    kind = event_type(detail_type, newest if version is None else version)
    if kind is None:
        raise KeyError(detail_type if version is None else f"{detail_type} version {version}")
    return kind


def _read(folder: str, kind: type[Event]) -> dict[str, Any]:
    path = files(__package__) / "contract" / folder / f"{kind.detail_type}.v{kind.version}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
