"""Compacts the finished days of the archive, on a schedule. What is left of a run is done by the next one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final

import boto3

from kit import startup
from kit.telemetry import logger
from services.analytics.compaction import Compactor
from services.analytics.repository.lake import EventLake
from services.analytics.repository.parquet import Parquet
from services.analytics.settings import CompactSettings

CHUNK_MS: Final = 240_000
"""Time that a chunk may take. With less, none is started."""

settings = CompactSettings.load()
folder = Path(gettempdir())
lake = EventLake(boto3.client("s3"), settings.archive_bucket_name)
compactor = Compactor(
    lake,
    Parquet(folder / "duckdb"),
    folder / "compaction",
    timedelta(days=settings.archive_retention_days),
)
startup.finished()


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Compact every finished day. Raises at the end if a day could not be compacted; the others are."""
    failed, events = [], 0
    days = compactor.days(datetime.now(UTC))
    for day in days:
        try:
            done = compactor.compact(day, lambda: context.get_remaining_time_in_millis() > CHUNK_MS)
        except Exception as error:
            failed.append(day)
            logger.exception("day not compacted", day=day, error=type(error).__name__)
            continue
        events += done.events
        logger.info("day compacted", day=day, **vars(done))
        if not done.is_finished:
            break
    if failed:
        raise RuntimeError(f"{len(failed)} days could not be compacted, the first is {failed[0]}")
    return {"days": len(days), "events": events}
