"""Sizes of the items that many images share."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from events.model_catalog import model_catalog
from events.pipeline import STEPS, TERMINAL
from kit.dynamodb import to_item
from services.analytics.counters import LATENCY_BOUNDS_MS
from tools.benchmarks.units import item_size

POLICY: Final = Path(__file__).parents[2] / "services/moderation/policies/default.json"
COUNT: Final = 1_234_567
"""A counter of a busy day."""


@cache
def full_day_bytes() -> int:
    """Return the size of a day's item in which every counter of the catalogs is set. Failure reasons are left out."""
    steps = [step.name for step in STEPS]
    names = [
        *(f"status#{status}" for status in ("accepted", "stalled", "replayed", *TERMINAL)),
        *(f"images#{state}" for state in ("requested", "generated", "filtered", "failed", "stored", "deleted")),
        *(f"model#{model.key}#{kind}" for model in model_catalog() for kind in ("requests", "images", "cost_usd")),
        *(f"style#{style}" for style in {"none", *(style for model in model_catalog() for style in model.styles)}),
        *(f"rejection#{category}" for category in json.loads(POLICY.read_text())["categories"]),
        *(f"step#{step}#{state}" for step in steps for state in ("stalled", "replayed")),
        *(
            f"latency#{step}#{part}"
            for step in (*steps, "request")
            for part in ("count", "sum_ms", "le_inf", *(f"le_{bound}" for bound in LATENCY_BOUNDS_MS))
        ),
        "cost_usd",
    ]
    key = {"pk": "COUNTS#g1#0", "sk": "2026-11-28"}
    return item_size(to_item({**key, **dict.fromkeys(names, COUNT)}))
