"""The scheduled audit: every hour, a share of all data. It reports findings and repairs nothing.

It also reports how long ago the last drill of recovery was (ADR 36).
"""

from datetime import datetime
from functools import partial
from typing import Any

import boto3

from kit import startup
from kit.telemetry import logger, measure
from services.operations.audit.auditor import Auditor, Options
from services.operations.audit.letters import read_letters
from services.operations.audit.records import Report
from services.operations.audit.reports import FINDINGS_KEPT, ReportTable
from services.operations.audit.repository import AwsReader, Pace, SystemClock, pairs_of
from services.operations.audit.rules import Limits
from services.operations.dead_letters.repository import QuarantineTable, SqsQueues
from services.operations.drills import DrillTable
from services.operations.settings import AuditSettings

settings = AuditSettings.load()
dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")
queues = SqsQueues(sqs, settings.prefix)
pairs = partial(pairs_of, sqs, settings.prefix, settings.queue_names)
quarantine = QuarantineTable(dynamodb, settings.operations_table, pairs)
clock = SystemClock()
reports = ReportTable(dynamodb, settings.operations_table)
drills = DrillTable(dynamodb, settings.operations_table)
options = Options(limits=Limits.of_minutes(settings.deadline_minutes, 60), pause=15, timeout=60, time=settings.seconds)
auditor = Auditor(
    AwsReader(
        dynamodb=dynamodb,
        s3=boto3.client("s3"),
        letters=lambda: read_letters(queues, pairs(), quarantine),
        prefix=settings.prefix,
        gallery_bucket=settings.gallery_bucket_name,
        handoff_bucket=settings.handoff_bucket_name,
        pace=Pace(settings.read_units),
    ),
    clock,
    options,
)
startup.finished()


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Audit this hour's share and return the numbers of findings."""
    now = clock.now()
    measure("last drill", {"days_since_drill": drills.age(now).days}, {})  # even if the audit fails
    segment = segment_of(now, settings.segments)
    report = auditor.audit([segment], settings.segments)
    emit(report, segment)
    reports.keep(segment, report.to_dict(FINDINGS_KEPT), now)
    return {"segment": segment, "violations": len(report.violations), "complete": report.complete}


def segment_of(now: datetime, segments: int) -> int:
    """Return the segment of this hour."""
    return int(now.timestamp() // 3600) % segments


def emit(report: Report, segment: int) -> None:
    """Log each violation, with ids only, and emit the metrics of the alarms."""
    for finding in report.violations:
        logger.error("audit violation", **finding.to_dict())
    for rule, count in report.by_rule().items():
        measure("audit rule", {"audit_violations_by_rule": count}, {"rule": rule})
    measure(
        "audit",
        {
            "audit_violations": len(report.violations),
            "audit_within_bound": len(report.within_bound),
            "audit_unsettled": len(report.unsettled),
            "audit_records": sum(report.examined.values()),
            "audit_incomplete": 0 if report.complete else 1,
        },
        {},
        segment=segment,
        examined=report.examined,
        partly_read=report.partly_read,
    )
