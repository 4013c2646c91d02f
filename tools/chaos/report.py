"""The printed report of a run."""

from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from tools.chaos.plan import percentile
from tools.chaos.run import Report

MAX_PROBLEMS_SHOWN = 8


def print_report(console: Console, report: Report) -> None:
    """Print all figures, all invariants and the result."""
    _print_faults(console, report)
    _print_rest(console, report)
    _print_dead_letters(console, report)
    _print_checks(console, report)


def _print_faults(console: Console, report: Report) -> None:
    table = titled_table("Faults injected", "service", "#calls", "#faults", "kinds")
    kinds: dict[str, Counter[str]] = {}
    for (service, kind), count in report.faults.items():
        kinds.setdefault(service, Counter())[kind] += count
    for service, found in sorted(kinds.items()):
        table.add_row(service, str(report.calls.get(service, 0)), str(found.total()), _counts(found))
    for operation in ("invoke", "converse", "detect"):
        injected = Counter({e: n for (what, e), n in report.model_faults.items() if what == operation})
        requests = sum(call["operation"] == operation for call in report.evidence.calls)
        table.add_row(f"models: {operation}", str(requests), str(injected.total()), _counts(injected))
    console.print(table)


def _print_rest(console: Console, report: Report) -> None:
    table = titled_table("Other faults and their effects", "what", "figure")
    evidence = report.evidence
    killed, idle = Counter(report.killed), Counter(report.killed_idle)
    table.add_row("workers killed while busy", f"{killed.total()}: {_counts(killed)}")
    table.add_row("workers killed while idle", f"{idle.total()}: {_counts(idle)}")
    if report.options.worker:
        table.add_row("workers stopped by SIGTERM while busy", _counts(Counter(report.stopped)) or "0")
    table.add_row("events published again", f"{sum(report.copies.values())}: {_counts(Counter(report.copies))}")
    table.add_row("delays of queues changed", str(report.late_delays))
    statuses = report.responses.statuses
    again = statuses.total() - sum(count for status, count in statuses.items() if status.startswith("2"))
    table.add_row("responses of the API", f"{_counts(statuses)}: {again} calls were retried")
    sent_twice = sum(case.sent_twice for case in report.run.cases)
    table.add_row("requests sent twice at the same time", str(sent_twice))
    nudged = sum(call["operation"] == "converse" for call in evidence.calls if call["paid"])
    verdicts = len(evidence.requests)
    table.add_row("paid calls to Claude", f"{nudged} for {verdicts} requests")
    seconds = [request.seconds for request in evidence.requests.values()]
    table.add_row(
        "accepted to terminal",
        f"p50 {percentile(seconds, 0.5):.1f} s, p95 {percentile(seconds, 0.95):.1f} s, "
        f"longest {max(seconds, default=0):.1f} s (stalled requests wait for the operator)",
    )
    table.add_row("time", ", ".join(f"{name} {value:.0f} s" for name, value in report.seconds.items()))
    console.print(table)


def _print_dead_letters(console: Console, report: Report) -> None:
    dead_letters = report.dead_letters
    table = titled_table("Dead letters, by fingerprint", "step", "fingerprint", "by", "#count", "why")
    for (step, fingerprint, origin, reason), count in sorted(dead_letters.found.items()):
        table.add_row(step, fingerprint[:8], origin, str(count), reason[:90])
    console.print(table)
    console.print(
        f"  replays: {_counts(dead_letters.actions) or 'none'}"
        + (f"; refused: {_counts(dead_letters.refused)}" if dead_letters.refused else "")
    )


def _print_checks(console: Console, report: Report) -> None:
    table = titled_table("Invariants", "", "invariant", "figure")
    for check in report.checks:
        table.add_row("[green]holds[/]" if check.holds else "[red]BROKEN[/]", check.name, check.figure)
    code, body = report.audit
    invariants = "clean" if code == 0 else f"exit code {code}"
    table.add_row("[green]holds[/]" if code == 0 else "[red]BROKEN[/]", "the operators' audit", invariants)
    console.print(table)
    for check in report.checks:
        for problem in check.problems[:MAX_PROBLEMS_SHOWN]:
            console.print(f"  [red]{check.name}[/]: {problem}")
        if len(check.problems) > MAX_PROBLEMS_SHOWN:
            console.print(f"  … and {len(check.problems) - MAX_PROBLEMS_SHOWN} more")
    if code:
        console.print(body)
    for line in report.stuck:
        console.print(f"  [red]stuck[/]: {line}")
    options = report.options
    console.print(
        f"[bold]{'Every invariant holds' if report.good else 'An invariant is broken'}[/] "
        f"(COUNT={options.count} SEED={options.seed}{' WORKER=process' if options.worker else ''})"
    )


def titled_table(title: str, *columns: str) -> Table:
    """Return an empty table. Prefix ``#`` marks a column of numbers."""
    table = Table(
        title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", title_style="bold cyan"
    )
    for name in columns:
        table.add_column(name.removeprefix("#"), justify="right" if name.startswith("#") else "left")
    return table


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(counts).most_common() if count)
