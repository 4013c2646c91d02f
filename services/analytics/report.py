"""Read counters: requests, images, costs and steps by day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from events.pipeline import STEPS, TERMINAL, Status
from services.analytics.counters import LATENCY_BOUNDS_MS, Amounts, add

STATUSES: Final = (
    Status.ACCEPTED,
    *(status for status in Status if status in TERMINAL),
    Status.STALLED,
)
"""Statuses that are counted, in the order of a report."""
STEPS_IN_ORDER: Final = (*(step.name for step in STEPS), "request")
"""The steps of the pipeline; ``request`` is the whole request."""


@dataclass(frozen=True)
class Latency:
    """Durations of a step in milliseconds. Percentiles are estimated from a histogram."""

    count: int
    mean: float
    p50: float
    p95: float


@dataclass(frozen=True)
class ModelUse:
    """Requests, images and costs of a model. After a failover, requests and images belong to different models."""

    requests: int
    images: int
    cost_usd: Decimal


@dataclass(frozen=True)
class Counts:
    """Counters of one or several days."""

    amounts: Amounts

    @classmethod
    def total(cls, days: Iterable[Mapping[str, int | Decimal]]) -> "Counts":
        """Return the sum of days."""
        amounts: Amounts = {}
        for day in days:
            add(amounts, day)
        return cls(amounts)

    def number(self, counter: str) -> int:
        """Return a counter; 0 if it was never counted."""
        return int(self.amounts.get(counter, 0))

    @property
    def cost_usd(self) -> Decimal:
        """Costs of generation."""
        return Decimal(self.amounts.get("cost_usd", 0))

    def labels(self, family: str) -> dict[str, int]:
        """Return a family of counters by label, for example ``rejection`` by category, largest first."""
        found = {
            name.removeprefix(f"{family}#"): int(amount)
            for name, amount in self.amounts.items()
            if name.startswith(f"{family}#") and name.count("#") == 1
        }
        return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))

    def models(self) -> dict[str, ModelUse]:
        """Return requests, images and costs by model."""
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
        """Return every step with counters, in the order of the pipeline."""
        names = {name.split("#")[1] for name in self.amounts if name.startswith(("latency#", "step#"))}
        return [*(step for step in STEPS_IN_ORDER if step in names), *sorted(names.difference(STEPS_IN_ORDER))]

    def latency(self, step: str) -> Latency | None:
        """Return the durations of ``step``, or None if it never ran."""
        count = self.number(f"latency#{step}#count")
        if not count:
            return None
        mean = self.number(f"latency#{step}#sum_ms") / count
        return Latency(count, mean, self._percentile(step, 0.5, count), self._percentile(step, 0.95, count))

    def _percentile(self, step: str, share: float, count: int) -> float:
        """Interpolate within the bucket of the rank. Beyond the last bound, return the bound."""
        rank, passed, lower = share * count, 0, 0
        for bound in LATENCY_BOUNDS_MS:
            here = self.number(f"latency#{step}#le_{bound}")
            if here and passed + here >= rank:
                return lower + (bound - lower) * (rank - passed) / here
            passed, lower = passed + here, bound
        return float(LATENCY_BOUNDS_MS[-1])
