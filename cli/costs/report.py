"""Costs of generation by day and model, at list prices, with estimates of checks and AWS.

Computed from analytics' counters of each day: `cost_usd`, `model#<model>#cost_usd`, `model#<model>#images`, and
the numbers of checked prompts and images. Duplicate events are counted once.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

PRICES: Final[dict[str, Decimal]] = {
    name: Decimal(price)
    for name, price in json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))["usd"].items()
}
"""US dollars per check or image. `prices.json` contains the sources."""


@dataclass(frozen=True)
class Cost:
    """Costs of a day, of a model, or of all."""

    images: int = 0
    models_usd: Decimal = Decimal(0)
    """List prices of the generated images."""
    checks_usd: Decimal | None = None
    """Estimate for Claude and Rekognition, as if every prompt and image had been checked. None per model."""
    aws_usd: Decimal = Decimal(0)
    """Estimate per image for Lambda, tables, queues and files."""

    @property
    def total_usd(self) -> Decimal:
        """Sum of all costs."""
        return self.models_usd + (self.checks_usd or 0) + self.aws_usd

    def to_dict(self) -> dict[str, object]:
        """Return a JSON-serialisable representation with amounts as decimal strings."""
        checks = {} if self.checks_usd is None else {"checks_usd": _plain(self.checks_usd)}
        return {
            "images": self.images,
            "models_usd": _plain(self.models_usd),
            **checks,
            "aws_usd": _plain(self.aws_usd),
            "total_usd": _plain(self.total_usd),
        }


@dataclass(frozen=True)
class Costs:
    """Costs of a period."""

    days: Mapping[str, Cost] = field(default_factory=dict)
    models: Mapping[str, Cost] = field(default_factory=dict)
    total: Cost = field(default_factory=Cost)


def costs(days: Mapping[str, Mapping[str, Any]]) -> Costs:
    """Return the costs of ``days`` from their counters."""
    together: defaultdict[str, Decimal] = defaultdict(Decimal)
    for counted in days.values():
        for name, amount in counted.items():
            together[name] += Decimal(amount)
    names = sorted({name.split("#")[1] for name in together if name.startswith("model#")})
    models = {name: _of_model(name, together) for name in names}
    return Costs(
        days={day: _of_all(counted) for day, counted in sorted(days.items())},
        models={name: cost for name, cost in models.items() if cost.images},
        total=_of_all(together),
    )


def _of_all(counted: Mapping[str, Any]) -> Cost:
    images = int(counted.get("images#generated", 0))
    prompts = int(counted.get("latency#moderation.prompt#count", 0))
    return Cost(
        images=images,
        models_usd=Decimal(counted.get("cost_usd", 0)),
        checks_usd=prompts * PRICES["prompt_check"] + images * PRICES["image_check"],
        aws_usd=images * PRICES["aws_per_image"],
    )


def _of_model(name: str, counted: Mapping[str, Any]) -> Cost:
    images = int(counted.get(f"model#{name}#images", 0))
    paid = Decimal(counted.get(f"model#{name}#cost_usd", 0))
    return Cost(images=images, models_usd=paid, aws_usd=images * PRICES["aws_per_image"])


def _plain(amount: Decimal) -> str:
    return f"{amount.quantize(Decimal('0.000001')).normalize():f}"
