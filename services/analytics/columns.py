"""The columns of a compacted day, in which Athena and `analytics query` find what they count.

Everything that is counted comes from ``amounts``, so that a query and the counters agree. ``line`` is the line of the
archive as it was: whatever reads events reads it, and a new column or rule needs only the lines.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from events.catalog import event_type
from services.analytics.counters import Amounts, amounts

MONEY: Final = "DECIMAL(18,6)"
COLUMNS: Final = {
    "event_id": "VARCHAR",
    "request_id": "VARCHAR",
    "owner": "VARCHAR",
    "source": "VARCHAR",
    "detail_type": "VARCHAR",
    "version": "INTEGER",
    "occurred_at": "TIMESTAMP",
    "caused_at": "TIMESTAMP",
    "status": "VARCHAR",
    "style": "VARCHAR",
    "requested_model": "VARCHAR",
    "rejection": "VARCHAR",
    "failure": "VARCHAR",
    "step": "VARCHAR",
    "step_ms": "BIGINT",
    "request_ms": "BIGINT",
    "requested": "INTEGER",
    "generated": "INTEGER",
    "filtered": "INTEGER",
    "failed": "INTEGER",
    "stored": "INTEGER",
    "deleted": "INTEGER",
    "cost_usd": MONEY,
    "models": "VARCHAR[]",
    "model_images": "INTEGER[]",
    "model_costs_usd": f"{MONEY}[]",
    "line": "VARCHAR",
}
"""Names and types, in the terms of DuckDB. Times are in UTC. The Glue table has the same; a test compares them.

``status`` is ``accepted``, a terminal status, ``stalled`` or ``replayed``. ``step`` has ended after ``step_ms``, or is
what stalled. ``requested`` to ``deleted`` are images. ``models``, ``model_images`` and ``model_costs_usd`` have one
element per model that generated images.
"""


def row_of(line: str) -> dict[str, Any]:
    """Return the row of a line of the archive. An event that the catalog no longer has counts nothing."""
    record = json.loads(line)
    detail = record["detail"]
    metadata = detail["metadata"]
    kind = event_type(record["detail-type"], metadata["version"])
    counted = amounts(kind.model_validate(detail)) if kind else {}
    return {
        "event_id": metadata["event_id"],
        "request_id": metadata["request_id"],
        "owner": metadata["owner"],
        "source": record["source"],
        "detail_type": record["detail-type"],
        "version": metadata["version"],
        "occurred_at": _utc(metadata["occurred_at"]),
        "caused_at": _utc(metadata["caused_at"]),
        **_counted(counted),
        "line": line,
    }


def _utc(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).replace(tzinfo=None).isoformat()


def _counted(counted: Amounts) -> dict[str, Any]:
    """Return counters as columns. A counter's name has its label between the family and the part."""
    row: dict[str, Any] = {}
    for name, amount in counted.items():
        match name.split("#"):
            case ["images", part]:
                row[part] = amount
            case ["status" | "style" | "rejection" | "failure" as family, label]:
                row[family] = label
            case ["step", label, _]:
                row["step"] = label
            case ["latency", "request", "sum_ms"]:
                row["request_ms"] = amount
            case ["latency", label, "sum_ms"]:
                row |= {"step": label, "step_ms": amount}
            case ["model", label, "requests"]:
                row["requested_model"] = label
            case ["cost_usd"]:
                row["cost_usd"] = str(amount)
    models = sorted(name.split("#")[1] for name in counted if name.startswith("model#") and name.endswith("#images"))
    if models:
        row |= {
            "models": models,
            "model_images": [counted[f"model#{model}#images"] for model in models],
            "model_costs_usd": [str(counted[f"model#{model}#cost_usd"]) for model in models],
        }
    return row
