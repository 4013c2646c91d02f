"""The audit's report as tables, with ids, keys and reasons, never a prompt."""

from collections.abc import Sequence

from rich.text import Text

from cli.console import console, new_table
from services.operations.audit.records import Finding, Report
from services.operations.audit.rules import RULES


def print_report(report: Report, most: int) -> None:
    """Print all rules with their violations, then up to ``most`` findings of each rule."""
    out = console()
    broken = report.by_rule()
    within: dict[str, int] = {}
    for finding in report.within_bound:
        within[finding.rule] = within.get(finding.rule, 0) + 1
    table = new_table("rule", "#violations", "#within bound", "violation")
    for rule, meaning in RULES.items():
        count = broken.get(rule, 0)
        allowed = str(within[rule]) if rule in within else ""
        table.add_row(rule, str(count), allowed, meaning, style="bold red" if count else "dim")
    out.print(table)
    examined = ", ".join(f"{count} {name}" for name, count in report.examined.items())
    out.print(f"\nExamined {examined}.")
    if report.partly_read:
        out.print(f"Not all dead letters were read of {', '.join(report.partly_read)}.", style="yellow")
    if report.unsettled:
        out.print(f"{len(report.unsettled)} findings are still changing; run the audit again.", style="yellow")
    if not report.complete:
        out.print("The audit is incomplete: it ran out of time or found too much.", style="yellow")
    print_findings([*report.violations, *report.within_bound], most)
    verdict = f"{len(report.violations)} violations." if report.violations else "No violations."
    out.print(Text(verdict, "bold red" if report.violations else "bold green"))


def print_findings(findings: Sequence[Finding], most: int) -> None:
    """Print findings by rule."""
    out = console()
    for rule in RULES:
        broken = [finding for finding in findings if finding.rule == rule]
        if not broken:
            continue
        table = new_table(rule, "request", "reason", "repair")
        for finding in broken[:most]:
            style = "dim" if finding.within_bound else None
            table.add_row(finding.subject, finding.request_id or "", finding.why, finding.repair or "", style=style)
        out.print()
        out.print(table)
        if len(broken) > most:
            out.print(f"… and {len(broken) - most} more")
