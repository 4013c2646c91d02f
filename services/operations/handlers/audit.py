"""The audit, on a schedule: a share of everything an hour. It only reads; findings are told and kept, not mended."""

from datetime import datetime
from functools import partial
from typing import Any

import boto3

from kit import startup
from kit.telemetry import logger, measure
from services.operations.audit.adapters import AwsReader, Pace, SystemClock, pairs_of
from services.operations.audit.letters import read_letters
from services.operations.audit.logic import Auditor, Options
from services.operations.audit.records import Report
from services.operations.audit.reports import FINDINGS_KEPT, ReportTable
from services.operations.audit.rules import Limits
from services.operations.dead_letters.adapters import QuarantineTable, SqsQueues
from services.operations.settings import AuditSettings

settings = AuditSettings.load()
dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")
queues = SqsQueues(sqs, settings.prefix)
pairs = partial(pairs_of, sqs, settings.prefix, settings.queue_names)
quarantine = QuarantineTable(dynamodb, settings.operations_table, pairs)
clock = SystemClock()
reports = ReportTable(dynamodb, settings.operations_table)
options = Options(limits=Limits.of_minutes(settings.deadline_minutes, 60), pause=15, patience=60, time=settings.seconds)
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
    """Audit the share that is this hour's, and return what was found in numbers."""
    now = clock.now()
    segment = segment_of(now, settings.segments)
    report = auditor.audit([segment], settings.segments)
    tell(report, segment)
    reports.keep(segment, report.facts(FINDINGS_KEPT), now)
    return {"segment": segment, "violations": len(report.violations), "complete": report.complete}


def segment_of(now: datetime, segments: int) -> int:
    """Return whose turn it is: one segment an hour, one after the other."""
    return int(now.timestamp() // 3600) % segments


def tell(report: Report, segment: int) -> None:
    """Write a line a violation, ids only, and the figures that the alarm watches."""
    for finding in report.violations:
        logger.error("audit violation", **finding.facts())
    for rule, count in report.by_rule().items():
        measure("audit rule", {"audit_violations_by_rule": count}, {"rule": rule})
    measure(
        "audit",
        {
            "audit_violations": len(report.violations),
            "audit_within_bound": len(report.within_bound),
            "audit_unsettled": len(report.unsettled),
            "audit_records": sum(report.looked_at.values()),
            "audit_incomplete": 0 if report.complete else 1,
        },
        {},
        segment=segment,
        looked_at=report.looked_at,
        partly_read=report.partly_read,
    )
