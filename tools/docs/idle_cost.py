"""What an installation costs per month without any request, computed from the templates and list prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from events.model_catalog import model_catalog
from kit.metrics import METRICS

PRICES_OF: Final = date(2026, 11, 28)
"""Day of the list prices below: us-west-2, in US dollars per month, with the permanent free tier."""
ALARM: Final = Decimal("0.10")  # per metric that a standard alarm watches
COMPOSITE: Final = Decimal("0.50")
DASHBOARD: Final = Decimal(3)
FREE_DASHBOARDS: Final = 3
METRIC: Final = Decimal("0.30")
SECRET: Final = Decimal("0.40")
KEY: Final = Decimal(1)  # and 1 more for each of its first two rotations, which are yearly
MILLION_SQS_REQUESTS: Final = Decimal("0.40")
FREE_SQS_REQUESTS: Final = 1_000_000
POLLS: Final = 5 * 3 * 60 * 24 * 30
"""Receive calls of one idle event source mapping per month: Lambda keeps five pollers, and a poll waits for 20 s."""
SCHEDULED: Final = ("sweeper_", "audit_", "models_watched", "model_changes_published", "fewest_model_days_left")
"""Beginnings of the metrics that scheduled functions emit without requests; ``model_days_left`` is one per model."""
PER_VIOLATION: Final = "audit_violations_by_rule"


@dataclass(frozen=True)
class Row:
    """One line of the bill."""

    item: str
    count: str
    each: str
    usd: Decimal


def idle_cost(resources: Sequence[Any]) -> list[Row]:
    """Return the lines of the bill that do not depend on requests."""
    alarms = sum(
        sum("MetricStat" in query for query in body["Properties"].get("Metrics", [])) or 1
        for body in _of(resources, "AWS::CloudWatch::Alarm")
    )
    composites = len(_of(resources, "AWS::CloudWatch::CompositeAlarm"))
    dashboards = len(_of(resources, "AWS::CloudWatch::Dashboard"))
    # Those with a condition belong to options that are off.
    secrets = sum("Condition" not in body for body in _of(resources, "AWS::SecretsManager::Secret"))
    keys = len(_of(resources, "AWS::KMS::Key"))
    metrics = sum(metric.name.startswith(SCHEDULED) and metric.name != PER_VIOLATION for metric in METRICS)
    metrics += sum(model.end_of_life is not None for model in model_catalog())
    mappings = sum("ScalingConfig" in body["Properties"] for body in _of(resources, "AWS::Lambda::EventSourceMapping"))
    polls = mappings * POLLS
    return [
        Row("CloudWatch: metrics that alarms watch", str(alarms), f"${ALARM}", alarms * ALARM),
        Row("CloudWatch: composite alarms", str(composites), f"${COMPOSITE}", composites * COMPOSITE),
        Row(
            "CloudWatch: dashboards",
            str(dashboards),
            f"${DASHBOARD} after the account's first {FREE_DASHBOARDS}",
            max(0, dashboards - FREE_DASHBOARDS) * DASHBOARD,
        ),
        Row(
            "CloudWatch: metrics of the sweeper, the audit and the sentinel",
            str(metrics),
            f"${METRIC}",
            metrics * METRIC,
        ),
        Row("Secrets Manager: secrets", str(secrets), f"${SECRET}", secrets * SECRET),
        Row("KMS: key of the alarm topic", str(keys), f"${KEY}", keys * KEY),
        Row(
            f"SQS: polls of {mappings} queues by Lambda",
            f"{polls:,}",
            f"${MILLION_SQS_REQUESTS} per million after the first",
            max(0, polls - FREE_SQS_REQUESTS) * MILLION_SQS_REQUESTS / 1_000_000,
        ),
    ]


def idle_cost_table(resources: Sequence[Any]) -> str:
    """Return the table of the document, with the day of its prices."""
    rows = idle_cost(resources)
    lines = [f"List prices of {PRICES_OF:%d %B %Y} in us-west-2, per month:", ""]
    lines += ["| item | count | price | US dollars |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.item} | {row.count} | {row.each} | {row.usd:.2f} |" for row in rows]
    lines.append(f"| **total** | | | **{sum(row.usd for row in rows):.2f}** |")
    return "\n".join(lines) + "\n"


def _of(resources: Sequence[Any], kind: str) -> list[Any]:
    return [body for body in resources if body["Type"] == kind]
