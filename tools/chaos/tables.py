"""What a fault test prints."""

from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from tools.chaos.plan import percentile
from tools.chaos.run import Report

MOST_PROBLEMS = 8


def print_report(console: Console, report: Report) -> None:
    """Print every figure, then every invariant, then the verdict."""
    _print_faults(console, report)
    _print_rest(console, report)
    _print_dead_letters(console, report)
    _print_checks(console, report)


def _print_faults(console: Console, report: Report) -> None:
    table = _table("Faults injected", "service", "#calls", "#faults", "of what kinds")
    kinds: dict[str, Counter[str]] = {}
    for (service, kind), count in report.faults.items():
        kinds.setdefault(service, Counter())[kind] += count
    for service, found in sorted(kinds.items()):
        table.add_row(service, str(report.calls.get(service, 0)), str(found.total()), _counts(found))
    for operation in ("invoke", "converse", "detect"):
        struck = Counter({e: n for (what, e), n in report.model_faults.items() if what == operation})
        asked = sum(call["operation"] == operation for call in report.evidence.calls)
        table.add_row(f"models: {operation}", str(asked), str(struck.total()), _counts(struck))
    console.print(table)


def _print_rest(console: Console, report: Report) -> None:
    table = _table("Everything else that went wrong, and what came of it", "what", "figure")
    evidence = report.evidence
    killed, idle = Counter(report.killed), Counter(report.killed_idle)
    table.add_row("workers killed at work", f"{killed.total()}: {_counts(killed)}")
    table.add_row("workers killed while idle", f"{idle.total()}: {_counts(idle)}")
    table.add_row("events published again", f"{sum(report.copies.values())}: {_counts(Counter(report.copies))}")
    table.add_row("delays of queues changed", str(report.late_delays))
    statuses = report.told.statuses
    again = statuses.total() - sum(count for status, count in statuses.items() if status.startswith("2"))
    table.add_row("answers of the API", f"{_counts(statuses)}: {again} calls were tried again")
    raced = sum(case.raced for case in report.storm.cases)
    table.add_row("requests sent twice at once", str(raced))
    nudged = sum(call["operation"] == "converse" for call in evidence.calls if call["paid"])
    verdicts = len(evidence.requests)
    table.add_row("opinions of Claude paid for", f"{nudged} for {verdicts} requests")
    seconds = [request.seconds for request in evidence.requests.values()]
    table.add_row(
        "accepted to ended",
        f"p50 {percentile(seconds, 0.5):.1f} s, p95 {percentile(seconds, 0.95):.1f} s, "
        f"longest {max(seconds, default=0):.1f} s (stalled ones wait for the operator)",
    )
    table.add_row("time", ", ".join(f"{name} {value:.0f} s" for name, value in report.seconds.items()))
    console.print(table)


def _print_dead_letters(console: Console, report: Report) -> None:
    handled = report.handled
    table = _table("Dead letters, by fingerprint", "step", "fingerprint", "by", "#count", "why")
    for (step, fingerprint, origin, reason), count in sorted(handled.found.items()):
        table.add_row(step, fingerprint[:8], origin, str(count), reason[:90])
    console.print(table)
    console.print(
        f"  the operator's replays: {_counts(handled.actions) or 'none'}"
        + (f"; refused: {_counts(handled.refused)}" if handled.refused else "")
    )


def _print_checks(console: Console, report: Report) -> None:
    table = _table("Invariants", "", "what has to hold", "figure")
    for check in report.checks:
        table.add_row("[green]holds[/]" if check.holds else "[red]BROKEN[/]", check.name, check.figure)
    code, said = report.audit
    verdict = "clean" if code == 0 else f"exit code {code}"
    table.add_row("[green]holds[/]" if code == 0 else "[red]BROKEN[/]", "the operators' audit", verdict)
    console.print(table)
    for check in report.checks:
        for problem in check.problems[:MOST_PROBLEMS]:
            console.print(f"  [red]{check.name}[/]: {problem}")
        if len(check.problems) > MOST_PROBLEMS:
            console.print(f"  … and {len(check.problems) - MOST_PROBLEMS} more")
    if code:
        console.print(said)
    for line in report.hanging:
        console.print(f"  [red]hangs[/]: {line}")
    options = report.options
    console.print(
        f"[bold]{'Everything held' if report.good else 'Something broke'}[/] "
        f"(COUNT={options.count} SEED={options.seed})"
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", title_style="bold cyan"
    )
    for name in columns:
        table.add_column(name.removeprefix("#"), justify="right" if name.startswith("#") else "left")
    return table


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(counts).most_common() if count)
