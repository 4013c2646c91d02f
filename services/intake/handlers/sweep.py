"""The sweeper, on a schedule: every accepted request reaches a terminal status."""

from datetime import timedelta
from functools import partial
from typing import Any

import boto3

from kit import startup
from kit.clock import SystemClock
from kit.publisher import Publisher
from kit.telemetry import logger, measure
from services.intake.quota import RateLimiter
from services.intake.refunds import refund_quota
from services.intake.repository.rates import RateTable
from services.intake.repository.requests import RequestTable
from services.intake.settings import SweeperSettings
from services.intake.sweeping import Sweeper, SweepRules

settings = SweeperSettings.load()
client, clock = boto3.client("dynamodb"), SystemClock()
rules = SweepRules(
    nudge_after=timedelta(minutes=settings.nudge_after_minutes),
    deadline=timedelta(minutes=settings.deadline_minutes),
    stalled_deadline=timedelta(minutes=settings.stalled_deadline_minutes),
)
sweeper = Sweeper(
    RequestTable(client, settings.table_name),
    Publisher(boto3.client("events"), settings.event_bus_name),
    rules,
    partial(refund_quota, RateLimiter(RateTable(client, settings.table_name), clock)),
    clock,
)
startup.finished()


def handler(_event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Run one sweep and return its counts. Raise at the end if it failed for some requests."""
    report = sweeper.sweep()
    counts = {"looked_at": report.looked_at, "nudged": report.nudged, "expired": report.expired}
    measure(
        "sweep",
        {f"sweeper_{name}": (count, "Count") for name, count in counts.items()},
        {},
        failed=len(report.failures),
    )
    for request_id, error in report.failures.items():
        logger.error("request could not be swept", request_id=request_id, error=type(error).__name__)
    if report.failures:
        raise RuntimeError(f"{len(report.failures)} of {report.looked_at} requests could not be swept")
    return counts
