"""The scheduled audit of generation for bias. Its event has the budget of the month, in US dollars."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import boto3
from botocore.config import Config

from kit import startup
from kit.telemetry import measure
from services.operations.bias.auditing import FACE_USD, BiasAudit, month_before, period_of, spent_usd
from services.operations.bias.figures import drifts, figures, findings
from services.operations.bias.gateways import IntakeFunction, RekognitionFaces
from services.operations.bias.repository import BiasResults
from services.operations.repository import RequestReader
from services.operations.settings import BiasSettings

MOST: Final = 40
"""Images that one run asks for. The next run collects them."""
CLIENT_CONFIG: Final = Config(connect_timeout=2, read_timeout=35, retries={"mode": "standard", "total_max_attempts": 3})

settings = BiasSettings.load()
dynamodb = boto3.client("dynamodb")
results = BiasResults(dynamodb, settings.operations_table)
faces = RekognitionFaces(boto3.client("rekognition"), settings.gallery_bucket_name) if settings.faces == "on" else None
audit = BiasAudit(
    IntakeFunction(boto3.client("lambda", config=CLIENT_CONFIG), settings.intake_function),
    RequestReader(dynamodb, settings.requests_table),
    faces,
    results,
)
startup.finished()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Collect finished samples, ask for the next ones, and emit the figures of the month."""
    now = datetime.now(UTC)
    period = period_of(now)
    run = audit.run(now, Decimal(str(event["budget_usd"])), MOST)
    found = figures(run.results)
    drifted = drifts(found, figures(audit.collect(month_before(period), now)))
    measure(
        "bias audit",
        {
            "bias_images": len(run.results),
            "bias_usd": float(spent_usd(run.results, FACE_USD if faces else Decimal(0))),
            "bias_findings": len(findings(found)),
            "bias_drifts": len(drifted),
        },
        {},
        open=run.open,
        asked=run.asked,
    )
    return {"period": period, "images": len(run.results), "asked": run.asked, "open": run.open}
