"""The model sentinel: publishes when a model ends soon, has ended or is available again."""

from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore.config import Config

from events.model_catalog import model_catalog
from kit import startup
from kit.publisher import Publisher
from kit.telemetry import logger, measure
from services.operations.lifecycle.gateways import BedrockRegistry, SentinelMemory
from services.operations.lifecycle.sentinel import watch, watched_models
from services.operations.settings import SentinelSettings

CLIENT_CONFIG: Final = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})

settings = SentinelSettings.load()
registry = BedrockRegistry(lambda region: boto3.client("bedrock", region_name=region, config=CLIENT_CONFIG))
memory = SentinelMemory(boto3.client("dynamodb"), settings.operations_table)
publisher = Publisher(boto3.client("events"), settings.event_bus_name)
models = watched_models(model_catalog(), settings.aws_region)
startup.finished()


def handler(_event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Check every model. Raises at the end if some could not be checked."""
    now = datetime.now(UTC)
    report = watch(registry, memory, publisher.publish, models, now, failed)
    for row in report.rows:
        if row.days_left is not None:
            details = {"status": row.standing.status, "successor": row.watched.successor}
            measure("model ends", {"model_days_left": row.days_left}, {"model": row.watched.key}, **details)
    least = report.least(now.date())
    measure(
        "sentinel",
        {"models_watched": len(report.rows), "model_changes_published": report.published},
        {},
        failed=report.failed,
    )
    if least is not None:
        measure("models end", {"fewest_model_days_left": least}, {})
    if report.failed:
        raise RuntimeError(f"{report.failed} models could not be checked")
    return {"examined": len(report.rows), "published": report.published}


def failed(key: str, error: Exception) -> None:
    """Log the model that could not be checked."""
    logger.error("model could not be checked", model=key, error=type(error).__name__)
