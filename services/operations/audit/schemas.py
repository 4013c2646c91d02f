"""The response of `GET /v1/operations/audit`: the last reports of all segments, combined."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kit.schemas import Schema
from services.operations.audit.records import Repair
from services.operations.audit.rules import RULES


class AuditFinding(Schema):
    """A violation of a rule."""

    rule: str
    """Name of the rule."""
    subject: str
    """Id of a request, an image or a message, or the key of an object."""
    request_id: str | None = None
    """Id of the request, if one is concerned."""
    why: str
    """Description of the violation."""
    repair: Repair | None = None
    """What `audit --repair` would do. Absent if a person must decide."""


class AuditRule(Schema):
    """A rule and its violations."""

    rule: str
    """Name of the rule."""
    meaning: str
    """Description of a violation."""
    violations: int
    """Number of violations."""


class AuditReport(Schema):
    """The last audits. Each hour, a share of all data is audited."""

    segments: int
    """Number of shares; 0 before the first audit."""
    audited: int
    """Shares with a report."""
    complete: bool
    """Whether every share has a complete report."""
    oldest_at: datetime | None = None
    """When the oldest of these audits started."""
    newest_at: datetime | None = None
    """When the newest of these audits started."""
    violations: int
    """Number of violations of all rules."""
    within_bound: int
    """Images that were paid for again, within the allowed bound."""
    rules: list[AuditRule]
    """Every rule."""
    findings: list[AuditFinding]
    """The violations."""


def audit_report(kept: Sequence[Mapping[str, Any]]) -> AuditReport:
    """Return the combined reports of the newest division into segments."""
    newest = max(kept, key=lambda report: str(report["started_at"]), default=None)
    segments = int(newest["segments"]) if newest else 0
    reports = [report for report in kept if int(report["segments"]) == segments]
    counts = {rule: sum(report["by_rule"].get(rule, 0) for report in reports) for rule in RULES}
    times = sorted(datetime.fromisoformat(report["started_at"]) for report in reports)
    return AuditReport(
        segments=segments,
        audited=len(reports),
        complete=bool(reports) and len(reports) == segments and all(report["complete"] for report in reports),
        oldest_at=times[0] if times else None,
        newest_at=times[-1] if times else None,
        violations=sum(counts.values()),
        within_bound=sum(len(report["within_bound"]) for report in reports),
        rules=[AuditRule(rule=rule, meaning=RULES[rule], violations=count) for rule, count in counts.items()],
        findings=[AuditFinding.model_validate(finding) for report in reports for finding in report["violations"]],
    )
