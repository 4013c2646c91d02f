"""The sweeper, on a schedule: every erasure is completed, and every export completed or abandoned."""

from datetime import timedelta
from typing import Any

import boto3

from kit import startup
from kit.clock import SystemClock
from kit.publisher import Publisher
from kit.telemetry import logger, measure
from services.privacy.exports import ExportSweeper
from services.privacy.repository.erasures import ErasureTable
from services.privacy.repository.exports import ExportTable
from services.privacy.service import Sweeper
from services.privacy.settings import PublisherSettings

_settings = PublisherSettings.load()
_dynamodb = boto3.client("dynamodb")
_bus, _clock = Publisher(boto3.client("events"), _settings.event_bus_name), SystemClock()
_sweeper = Sweeper(
    ErasureTable(_dynamodb, _settings.table_name, timedelta(days=_settings.receipt_retention_days)), _bus, _clock
)
_export_sweeper = ExportSweeper(
    ExportTable(_dynamodb, _settings.table_name), _bus, _clock, timedelta(days=_settings.export_retention_days)
)
startup.finished()


def handler(_event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Run once and return the counts. Raise at the end if it failed for some erasures or exports."""
    report, exports = _sweeper.run(), _export_sweeper.run()
    counts = {
        "checked": report.checked,
        "repeated": report.repeated,
        "sweeps": report.sweeps,
        "completed": report.completed,
        **exports.counts(),
    }
    failures = report.failures | exports.failures
    if report.checked or exports.checked:
        measure("erasures swept", {}, {}, **counts, failed=len(failures))
    for subject_id, error in failures.items():
        logger.error("erasure or export could not be swept", subject_id=subject_id, error=type(error).__name__)
    if failures:
        raise RuntimeError(f"{len(failures)} of {report.checked + exports.checked} could not be swept")
    return counts
