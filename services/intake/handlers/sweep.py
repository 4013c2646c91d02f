"""The sweeper, on a schedule: every accepted request reaches a terminal status, and too many are not accepted."""

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
from services.intake.repository.open_requests import OpenRequestTable
from services.intake.repository.rates import rate_store
from services.intake.repository.requests import RequestTable
from services.intake.repository.signals import SignalTable
from services.intake.settings import SweeperSettings
from services.intake.shedding import LoadShedding, bounds_of
from services.intake.sweeping import Sweeper, SweepRules

settings = SweeperSettings.load()
client, clock = boto3.client("dynamodb"), SystemClock()
rules = SweepRules(
    nudge_after=timedelta(minutes=settings.nudge_after_minutes),
    deadline=timedelta(minutes=settings.deadline_minutes),
    stalled_deadline=timedelta(minutes=settings.stalled_deadline_minutes),
)
open_requests = OpenRequestTable(client, settings.table_name)
sweeper = Sweeper(
    open_requests,
    RequestTable(client, settings.table_name),
    Publisher(boto3.client("events"), settings.event_bus_name),
    rules,
    partial(refund_quota, RateLimiter(rate_store(client, settings), clock)),
    clock,
)
shedding = LoadShedding(
    open_requests,
    SignalTable(client, settings.table_name),
    bounds_of(settings.shed_after_seconds),
    clock,
)
startup.finished()


def handler(_event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Decide whose requests are refused, run one sweep and return its counts. Raise at the end if something failed.

    The decision comes first: with many requests, a sweep takes long.
    """
    try:
        if shed := shedding.update():
            logger.warning("requests are shed", up_to=shed.up_to, step=shed.step, seconds=shed.seconds)
    finally:
        counts = sweep()
    return counts


def sweep() -> dict[str, int]:
    """Run one sweep and return its counts. Raise at the end if it failed for some requests."""
    report = sweeper.sweep()
    measure(
        "sweep",
        {
            "sweeper_checked": report.checked,
            "sweeper_nudged": report.nudged,
            "sweeper_expired": report.expired,
        },
        failed=len(report.failures),
    )
    for request_id, error in report.failures.items():
        logger.error("request could not be swept", request_id=request_id, error=type(error).__name__)
    if report.failures:
        raise RuntimeError(f"{len(report.failures)} of {report.checked} requests could not be swept")
    return {"checked": report.checked, "nudged": report.nudged, "expired": report.expired}
