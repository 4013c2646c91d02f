"""Where the attributes of CloudEvents 1.0 are in our events."""

from typing import Final

SCHEMA_ID: Final = "$id"
MAPPING: Final[dict[str, tuple[str, str]]] = {
    "specversion": ('"1.0"', ""),
    "id": ("detail.metadata.event_id", "The same if the event is published again, unlike EventBridge's own `id`."),
    "source": ("source", "`source` and `id` together are unique."),
    "type": ("detail-type", ""),
    "time": ("detail.metadata.occurred_at", "EventBridge's own `time` is that of the publication."),
    "subject": ("detail.metadata.request_id", ""),
    "datacontenttype": ('"application/json"', ""),
    "dataschema": (SCHEMA_ID, "It contains the name and the version of the event."),
    "traceparent": ("detail.metadata.traceparent", "The extension for distributed tracing."),
    "data": ("detail", "`metadata` and `data`, as the schema describes them."),
}
"""Attribute → where it is in an event as EventBridge delivers it, and a remark. A text in quotes is a constant."""


def cloud_events_table() -> list[str]:
    """Return the table in Markdown."""
    rows = [f"| `{name}` | {_shown(place)} | {remark} |" for name, (place, remark) in MAPPING.items()]
    return ["| attribute | where it is | |", "| --- | --- | --- |", *rows]


def _shown(place: str) -> str:
    if place == SCHEMA_ID:
        return "`$id` of the JSON Schema"
    return f"always `{place}`" if place.startswith('"') else f"`{place}`"
