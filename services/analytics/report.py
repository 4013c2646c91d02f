"""Reading the counters: what happened on which day, in numbers people ask for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from services.analytics.counters import LATENCY_BOUNDS_MS, Amounts, add

STATUSES: Final = ("accepted", "succeeded", "rejected", "failed", "cancelled", "expired", "stalled")
STEPS: Final = ("moderation.prompt", "generation.generate", "moderation.image", "storage.store", "request")
"""In the order of a request; ``request`` is from end to end."""


@dataclass(frozen=True)
class Latency:
    """How long a step took. Milliseconds; the percentiles are estimated from a histogram, within its buckets."""

    count: int
    mean: float
    p50: float
    p95: float


@dataclass(frozen=True)
class ModelUse:
    """What one model was asked for and drew; after a failover these are two models."""

    requests: int
    images: int
    cost_usd: Decimal


@dataclass(frozen=True)
class Counts:
    """The counters of a day, or of several together."""

    amounts: Amounts

    @classmethod
    def total(cls, days: Iterable[Mapping[str, int | Decimal]]) -> "Counts":
        """Add days up."""
        amounts: Amounts = {}
        for day in days:
            add(amounts, day)
        return cls(amounts)

    def number(self, counter: str) -> int:
        """Return a counter, 0 where it was never counted."""
        return int(self.amounts.get(counter, 0))

    @property
    def cost_usd(self) -> Decimal:
        """What all drawing cost."""
        return Decimal(self.amounts.get("cost_usd", 0))

    def labels(self, family: str) -> dict[str, int]:
        """Return a family of counters by label, such as ``rejection`` by category, the largest first."""
        found = {
            name.removeprefix(f"{family}#"): int(amount)
            for name, amount in self.amounts.items()
            if name.startswith(f"{family}#") and name.count("#") == 1
        }
        return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))

    def models(self) -> dict[str, ModelUse]:
        """Return what each model was asked for and drew, by name."""
        names = sorted({name.split("#")[1] for name in self.amounts if name.startswith("model#")})
        return {
            name: ModelUse(
                self.number(f"model#{name}#requests"),
                self.number(f"model#{name}#images"),
                Decimal(self.amounts.get(f"model#{name}#cost_usd", 0)),
            )
            for name in names
        }

    def steps(self) -> list[str]:
        """Return every step that was measured, stalled or replayed, in the order of a request."""
        names = {name.split("#")[1] for name in self.amounts if name.startswith(("latency#", "step#"))}
        return [*(step for step in STEPS if step in names), *sorted(names.difference(STEPS))]

    def latency(self, step: str) -> Latency | None:
        """Return how long ``step`` took, None where it never ran."""
        count = self.number(f"latency#{step}#count")
        if not count:
            return None
        mean = self.number(f"latency#{step}#sum_ms") / count
        return Latency(count, mean, self._percentile(step, 0.5, count), self._percentile(step, 0.95, count))

    def _percentile(self, step: str, share: float, count: int) -> float:
        """Interpolate within the bucket that holds the rank; beyond the last bound there is nothing to go by but it."""
        rank, passed, lower = share * count, 0, 0
        for bound in LATENCY_BOUNDS_MS:
            here = self.number(f"latency#{step}#le_{bound}")
            if here and passed + here >= rank:
                return lower + (bound - lower) * (rank - passed) / here
            passed, lower = passed + here, bound
        return float(LATENCY_BOUNDS_MS[-1])
