"""The sweeper, on a schedule: every accepted request reaches an end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from kit import startup
from kit.publisher import Publisher
from kit.telemetry import logger, measure
from services.intake.adapters import RequestTable
from services.intake.quota import RateLimiter
from services.intake.service import State, SweepRules, settle, sweep
from services.intake.settings import SweeperSettings
from services.intake.tables import RateTable

settings = SweeperSettings.load()
client = boto3.client("dynamodb")
table = RequestTable(client, settings.table_name)
limiter = RateLimiter(RateTable(client, settings.table_name))
publisher = Publisher(boto3.client("events"), settings.event_bus_name)
rules = SweepRules(
    nudge_after=timedelta(minutes=settings.nudge_after_minutes),
    deadline=timedelta(minutes=settings.deadline_minutes),
    stalled_deadline=timedelta(minutes=settings.stalled_deadline_minutes),
)
startup.finished()


def handler(_event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Run one sweep and return what it did. Raises after all were looked at where some could not be helped."""
    report = sweep(table, publisher.publish, rules, datetime.now(UTC), failed, expired)
    figures = {"looked_at": report.looked_at, "nudged": report.nudged, "expired": report.expired}
    measure("sweep", {f"sweeper_{name}": (count, "Count") for name, count in figures.items()}, {}, failed=report.failed)
    if report.failed:
        raise RuntimeError(f"{report.failed} of {report.looked_at} requests could not be swept")
    return figures


def expired(state: State) -> None:
    """Give back what a request was charged that did not end in time."""
    settle(limiter, state)


def failed(request_id: str, error: Exception) -> None:
    """Say which request could not be swept."""
    logger.error("request could not be swept", request_id=request_id, error=type(error).__name__)
