"""What the command line prints for people. Nothing here shows a message's body: bodies hold prompts."""

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.operations.letters import DeadLetter, by_fingerprint
from services.operations.logic import VERDICTS, Outcome, Planned, QueueSummary

STYLES = {"replayed": "green", "canary_passed": "green", "dropped": "yellow", "left": "yellow"}


def console() -> Console:
    """Return where tables go; a pipe gets long lines rather than broken ones."""
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False)


def age(since: datetime) -> str:
    """Return how long ago ``since`` was, to two units: ``3d 4h``, ``12m 5s``."""
    seconds = max(0, int((datetime.now(UTC) - since).total_seconds()))
    units = [("d", seconds // 86_400), ("h", seconds // 3_600 % 24), ("m", seconds // 60 % 60), ("s", seconds % 60)]
    first = next((at for at, (_, count) in enumerate(units) if count), 3)
    return " ".join(f"{count}{unit}" for unit, count in units[first : first + 2])


def print_summaries(summaries: Sequence[QueueSummary]) -> None:
    """Print every dead-letter queue, the empty ones dimmed."""
    table = _table("step", "#dead", "#hidden", "oldest", "mostly", "#waiting at the source")
    for row in summaries:
        roughly = "~" if row.sampled else ""
        table.add_row(
            row.queue.step,
            str(row.dead.waiting),
            str(row.dead.in_flight),
            roughly + age(row.oldest) if row.oldest else "",
            Text(roughly + row.commonest if row.commonest else ""),
            str(row.source.total) if row.source else "no such queue",
            style=None if row.dead.total else "dim",
        )
    out = console()
    out.print(table)
    dead = sum(row.dead.total for row in summaries)
    out.print(f"{dead} dead letters. `dlq show` tells why." if dead else "No dead letters.")


def print_groups(letters: Sequence[DeadLetter], limit: int) -> None:
    """Print what failed, by fingerprint, with up to ``limit`` letters of each."""
    out = console()
    for group in by_fingerprint(letters):
        head = group[0]
        copies = sum(len(letter.messages) for letter in group) - len(group)
        out.print(
            Text.assemble(
                (f"\n{head.queue.step}  {head.fingerprint}  ", "bold"),
                (f"{len(group)} x {head.error}", "bold red"),
                f"  {copies} second copies" if copies else "",
            )
        )
        out.print(Text(head.reason))
        if not limit:
            continue
        table = _table("request", "event", "#replays", "first seen", "event id", "dead-lettered by")
        for letter in group[:limit]:
            table.add_row(
                letter.metadata.request_id if letter.metadata else "",
                Text(letter.detail_type),
                str(letter.replays),
                f"{age(letter.first_seen)} ago",
                letter.metadata.event_id if letter.metadata else letter.messages[0].message_id,
                letter.origin,
            )
        out.print(table)
        if len(group) > limit:
            out.print(f"… and {len(group) - limit} more")
    if not letters:
        out.print("Nothing that matches.")


def print_plan(plan: Sequence[Planned]) -> None:
    """Print what a replay would do."""
    lines = Counter((item.letter.queue.step, item.letter.fingerprint, item.letter.error, item.verdict) for item in plan)
    table = _table("step", "fingerprint", "error", "#messages", "")
    for (step, fingerprint, error, verdict), count in lines.most_common():
        style = None if verdict == "replay" else "yellow"
        table.add_row(step, fingerprint, Text(error), str(count), VERDICTS[verdict], style=style)
    console().print(table)


def print_outcome(outcome: Outcome) -> None:
    """Print one line for what was done with one letter."""
    letter = outcome.letter
    request = letter.metadata.request_id if letter.metadata else letter.messages[0].message_id
    line = f"{letter.queue.step}  {letter.detail_type}  {request}  {outcome.why}"
    console().print(Text.assemble((f"{outcome.action:14}", STYLES.get(outcome.action, "red")), line))


def _table(*columns: str) -> Table:
    """Return an empty table; a column whose name starts with # holds numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name.removeprefix("#"), justify="right" if name.startswith("#") else "left")
    return table
