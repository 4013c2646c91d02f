"""Query and response of the counters."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from kit.problems import field_error, invalid
from kit.schemas import QueryParameters, Schema
from services.analytics.counters import Amounts
from services.analytics.report import STATUSES, Counts

DAYS_MAX: Final = 92
"""A quarter."""
DAYS_DEFAULT: Final = 7


def _day(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("must be a day, for example 2026-11-22")
    return value


Day = Annotated[date, BeforeValidator(_day)]


class DailyQuery(QueryParameters):
    """A period of days (UTC), both included."""

    first: Day | None = Field(None, alias="from")
    """Default: six days before ``to``."""
    last: Day | None = Field(None, alias="to")
    """Default: today."""

    def days(self, today: date) -> list[date]:
        """Return every day of the period. Raises ``ApiProblem`` 422 if it is empty or too long."""
        last = (self.last or today).toordinal()
        first = self.first.toordinal() if self.first else max(1, last - DAYS_DEFAULT + 1)
        if first > last:
            rule = field_error("from", "must not be after to")
        elif last - first >= DAYS_MAX:
            rule = field_error("from", f"at most {DAYS_MAX} days", max_days=DAYS_MAX)
        else:
            return [date.fromordinal(day) for day in range(first, last + 1)]
        raise invalid(rule)


class ModelUse(Schema):
    """Requests, images and costs of a model."""

    requests: int
    """Accepted requests for this model."""
    images: int
    """Images that this model generated."""
    cost_usd: str
    """Costs of these images in US dollars."""


class Step(Schema):
    """Runs of a step and their durations in milliseconds. ``request`` is the whole request."""

    count: int
    """Number of runs."""
    mean_ms: float
    """Mean duration."""
    p50_ms: float
    """Estimated from a histogram, like ``p95_ms``."""
    p95_ms: float
    """Estimated 95th percentile."""
    stalled: int
    """Messages that went to the step's dead-letter queue."""
    replayed: int
    """Messages that operators replayed."""


class Numbers(Schema):
    """Counters of all owners."""

    requests: dict[str, int]
    """By status."""
    images: dict[str, int]
    """By result, for example generated, stored, deleted."""
    cost_usd: str
    """Costs of generation."""
    models: dict[str, ModelUse]
    """By key of the model."""
    styles: dict[str, int]
    """Requests by style."""
    rejections: dict[str, int]
    """Rejected requests by category."""
    failures: dict[str, int]
    """Failed requests by reason."""
    steps: dict[str, Step]
    """By name of the step."""


class DayNumbers(Numbers):
    """Counters of one day (UTC)."""

    day: date
    """The day."""


class DailyReport(Schema):
    """Counters of every day of the period, and their total."""

    days: list[DayNumbers]
    """One entry per day, oldest first."""
    total: Numbers
    """The sums of all days."""

    @classmethod
    def of(cls, days: list[date], counted: Mapping[str, Amounts]) -> "DailyReport":
        """Return the report of ``days``; ``counted`` is by ISO day."""
        return cls(
            days=[DayNumbers(day=day, **_numbers(Counts(counted.get(day.isoformat(), {})))) for day in days],
            total=Numbers(**_numbers(Counts.total(counted.values()))),
        )


def _numbers(counts: Counts) -> dict[str, Any]:
    return {
        "requests": {status: counts.number(f"status#{status}") for status in STATUSES},
        "images": counts.labels("images"),
        "cost_usd": f"{counts.cost_usd.normalize():f}",
        "models": {
            name: ModelUse(requests=use.requests, images=use.images, cost_usd=f"{use.cost_usd.normalize():f}")
            for name, use in counts.models().items()
        },
        "styles": counts.labels("style"),
        "rejections": counts.labels("rejection"),
        "failures": counts.labels("failure"),
        "steps": {step: _step(counts, step) for step in counts.steps()},
    }


def _step(counts: Counts, step: str) -> Step:
    taken = counts.latency(step)
    return Step(
        count=taken.count if taken else 0,
        mean_ms=round(taken.mean, 1) if taken else 0,
        p50_ms=round(taken.p50, 1) if taken else 0,
        p95_ms=round(taken.p95, 1) if taken else 0,
        stalled=counts.number(f"step#{step}#stalled"),
        replayed=counts.number(f"step#{step}#replayed"),
    )
