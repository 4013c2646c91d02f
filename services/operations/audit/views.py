"""What `GET /v1/operations/audit` answers: the last report of every segment, taken together."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.operations.audit.rules import RULES


class _View(BaseModel):
    model_config = ConfigDict(defer_build=True)


class AuditFinding(_View):
    """One thing that breaks a rule."""

    rule: str
    subject: str
    """A request's, a image's or a message's id, or an object's key."""
    request_id: str | None = None
    why: str
    mend: str | None = None
    """What `ops audit --mend` would do about it: ``wake``, ``close`` or ``delete_file``."""


class AuditRule(_View):
    """A rule and how often it is broken."""

    rule: str
    meaning: str
    """Of its being broken."""
    violations: int


class AuditReport(_View):
    """The last audit of everything, a share of it an hour."""

    segments: int
    """Shares that everything is read in; 0 before the first audit."""
    audited: int
    """Shares of which there is a report."""
    complete: bool
    """Every share has a report, and each looked at all of its share."""
    oldest_at: datetime | None = None
    newest_at: datetime | None = None
    violations: int
    within_bound: int
    """Images that were paid for again, within what the design allows."""
    rules: list[AuditRule]
    findings: list[AuditFinding]


def audit_report(kept: Sequence[Mapping[str, Any]]) -> AuditReport:
    """Return what the kept reports of the newest division into segments amount to."""
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
