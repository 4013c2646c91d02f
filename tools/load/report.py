"""The printed report of a load test."""

from rich.console import Console
from rich.table import Table

from tools.chaos.plan import percentile
from tools.chaos.report import titled_table
from tools.load.run import Result

PROCESSES_SHOWN = 8
LOST_SHOWN = 8


def print_report(console: Console, result: Result) -> None:
    """Print what the users saw, the queues, the processes, and what holds."""
    console.print(routes(result))
    console.print(queues(result))
    if result.growths:
        console.print(processes(result))
    ended = ", ".join(f"{count} {status}" for status, count in result.statuses.most_common())
    console.print(f"{result.accepted} requests accepted; {ended}; all {result.ended_after:.0f} s after the last user.")
    for reason, count in result.failures.most_common():
        console.print(f"{count}x {reason}")
    for request_id in result.lost[:LOST_SHOWN]:
        console.print(f"[red]not ended:[/] {request_id}")
    if result.audit[0]:
        console.print(result.audit[1])
    for check, holds in result.checks.items():
        console.print(f"[green]✓[/] {check}" if holds else f"[red]✗[/] {check}")


def routes(result: Result) -> Table:
    """Return the table of all routes."""
    table = titled_table(f"{result.users} users for {result.minutes:g} minutes", "route", "#calls", "#errors")
    for name in ("p50", "p95", "p99"):
        table.add_column(f"{name}, ms", justify="right")
    for each in result.routes:
        figures = (f"{figure:,.0f}" for figure in (each.p50, each.p95, each.p99))
        table.add_row(f"{each.method} {each.name}".strip(), f"{each.calls:,}", f"{each.errors:,}", *figures)
    return table


def queues(result: Result) -> Table:
    """Return the table of the queues in which a message was ever found."""
    table = titled_table(
        "age of the oldest message of each queue", "queue", "#most messages", "#p50, s", "#p95, s", "#max, s"
    )
    for name, found in sorted(result.queues.items(), key=lambda each: -max(each[1].ages, default=0)):
        if found.ages:
            ages = (percentile(found.ages, 0.5), percentile(found.ages, 0.95), max(found.ages))
            table.add_row(name, str(found.most), *(f"{age:.1f}" for age in ages))
    return table


def processes(result: Result) -> Table:
    """Return the table of the processes that grew most."""
    table = titled_table("processes that grew most", "process", "#minutes", "#MB", "#files", "#sockets", "result")
    for each in result.growths[:PROCESSES_SHOWN]:
        before, after = (value / 1e6 for value in each.memory)
        table.add_row(
            each.name,
            f"{each.seconds / 60:.0f}",
            f"{before:.1f} to {after:.1f}",
            f"{each.files[0]:.0f} to {each.files[1]:.0f}",
            f"{each.sockets[0]:.0f} to {each.sockets[1]:.0f}",
            "[red]leaks[/]" if each.leaks else "",
        )
    return table
