"""Business metrics: what a batch added to the counters, so that each event is included once.

Most counters are a metric of their own. A family by model, style, category, reason or step has that as its dimension.
Latencies stay in the counters, because a histogram is not a metric.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from kit.metrics import MetricName
from kit.telemetry import measure

TOTALS: Final[Mapping[str, MetricName]] = {
    "status#accepted": "requests_accepted",
    "status#succeeded": "requests_succeeded",
    "status#rejected": "requests_rejected",
    "status#failed": "requests_failed",
    "status#cancelled": "requests_cancelled",
    "status#expired": "requests_expired",
    "images#requested": "images_requested",
    "images#generated": "images_generated",
    "images#filtered": "images_filtered",
    "images#failed": "images_failed",
    "images#stored": "images_stored",
    "images#deleted": "images_deleted",
    "cost_usd": "cost_usd",
}
"""Counter → metric."""
FAMILIES: Final[Mapping[tuple[str, str], tuple[str, MetricName]]] = {
    ("model", "images"): ("model", "model_images"),
    ("model", "cost_usd"): ("model", "model_cost_usd"),
    ("style", ""): ("style", "style_requests"),
    ("rejection", ""): ("category", "rejections"),
    ("failure", ""): ("reason", "failures"),
    ("step", "stalled"): ("step", "stalls"),
    ("step", "replayed"): ("step", "replays"),
}
"""First and third part of a counter's name → dimension, whose value is the second part, and metric."""


def emit(amounts: Mapping[str, int | Decimal]) -> None:
    """Emit one line for the totals, and one for each value of a dimension with counters."""
    lines: defaultdict[tuple[str, str], dict[MetricName, float]] = defaultdict(dict)
    for counter, amount in amounts.items():
        if metric := TOTALS.get(counter):
            lines["", ""][metric] = float(amount)
            continue
        kind, _, rest = counter.partition("#")
        label, _, part = rest.partition("#")
        if found := FAMILIES.get((kind, part)):
            dimension, family_metric = found
            lines[dimension, label][family_metric] = float(amount)
    for (dimension, label), values in lines.items():
        measure("counted", values, {dimension: label} if dimension else {})
