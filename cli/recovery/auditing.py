"""The audit at the end of a drill, with the repairs that only a restore may make."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cli.commands.audit import connect
from cli.connection import Connection
from cli.recovery.progress import Progress
from cli.repairs import AwsRepairer, repair
from services.operations.audit.auditor import Auditor, Options
from services.operations.audit.records import Finding
from services.operations.audit.repository import SystemClock
from services.operations.audit.rules import Limits

ROUNDS: Final = 5
"""A repair can show the next finding, such as a file whose request was repaired."""
SEGMENTS: Final = 4
READ_UNITS: Final = 2000
PAUSE_SECONDS: Final = 2.0
RAW_KEY: Final = re.compile(r"raw/[0-9a-f-]{36}/.+", re.ASCII)


@dataclass
class Audited:
    """The result of all rounds."""

    repaired: Counter[str] = field(default_factory=Counter)
    """By rule."""
    left: str = ""
    """Violations that no repair removes, in words; empty if there is none."""

    def words(self) -> str:
        """Return the result in a few words."""
        done = ", ".join(f"{count} {rule}" for rule, count in sorted(self.repaired.items()))
        verdict = f"still {self.left}" if self.left else "clean"
        return f"{verdict}; repaired {done}" if done else verdict

    def to_dict(self) -> dict[str, object]:
        """Return a JSON-serialisable representation."""
        return {"clean": not self.left, "repaired": dict(self.repaired), "left": self.left}


def audit_until_clean(connection: Connection, repairer: AwsRepairer, progress: Progress, *, restored: bool) -> Audited:
    """Audit everything and repair what can be repaired, until there is nothing left to repair.

    ``restored``: tables come from backups, so files may belong to records that are lost.
    """
    # Nothing is on its way: the queues are empty.
    limits = Limits(settled_after=timedelta(0)) if restored else Limits()
    auditor = Auditor(
        connect(connection, READ_UNITS),
        SystemClock(),
        Options(limits=limits, pause=PAUSE_SECONDS),
        lambda _name, _count: progress.beat(),
    )
    result, s3, handoff = Audited(), connection.client("s3"), connection.bucket("handoff")
    for _ in range(ROUNDS):
        report = auditor.audit(range(SEGMENTS), SEGMENTS)
        repaired = 0
        for finding in report.violations:
            if restored and _is_unpaid_raw(finding):
                s3.delete_object(Bucket=handoff, Key=finding.subject)
                done = True
            else:
                done = repair(auditor, repairer, finding, datetime.now(UTC))
            if done:
                result.repaired[finding.rule] += 1
                repaired += 1
            progress.beat()
        if not repaired:
            parts = [f"{count} {rule}" for rule, count in sorted(report.by_rule().items())]
            parts += [] if report.complete else ["an incomplete audit"]
            result.left = ", ".join(parts)
            break
    else:
        result.left = "new violations after every repair"
    return result


def _is_unpaid_raw(finding: Finding) -> bool:
    """Return whether a raw image has lost its payment with the ledger: nothing refers to it, so nobody will read it."""
    return finding.rule == "raw-without-payment" and RAW_KEY.fullmatch(finding.subject) is not None
