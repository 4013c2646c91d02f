"""The sweeper, on a schedule: every erasure is completed."""

from datetime import timedelta
from typing import Any

import boto3

from kit import startup
from kit.clock import SystemClock
from kit.publisher import Publisher
from kit.telemetry import logger, measure
from services.privacy.repository import ErasureTable
from services.privacy.service import Sweeper
from services.privacy.settings import PublisherSettings

_settings = PublisherSettings.load()
_dynamodb = boto3.client("dynamodb")
_sweeper = Sweeper(
    ErasureTable(_dynamodb, _settings.table_name, timedelta(days=_settings.receipt_retention_days)),
    Publisher(boto3.client("events"), _settings.event_bus_name),
    SystemClock(),
)
startup.finished()


def handler(_event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Run once and return the counts. Raise at the end if it failed for some erasures."""
    report = _sweeper.run()
    counts = {
        "checked": report.checked,
        "repeated": report.repeated,
        "sweeps": report.sweeps,
        "completed": report.completed,
    }
    if report.checked:
        measure("erasures swept", {}, {}, **counts, failed=len(report.failures))
    for erasure_id, error in report.failures.items():
        logger.error("erasure could not be swept", erasure_id=erasure_id, error=type(error).__name__)
    if report.failures:
        raise RuntimeError(f"{len(report.failures)} of {report.checked} erasures could not be swept")
    return counts
