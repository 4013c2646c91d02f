"""What the command line prints for people. Nothing here shows a message's body: bodies hold prompts."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from services.operations.dead_letters.letters import DeadLetter, by_fingerprint
from services.operations.dead_letters.logic import VERDICTS, Outcome, Planned, QueueSummary
from services.operations.printing import age, console, new_table

STYLES = {"replayed": "green", "canary_passed": "green", "dropped": "yellow", "left": "yellow"}


def print_summaries(summaries: Sequence[QueueSummary]) -> None:
    """Print every dead-letter queue, the empty ones dimmed."""
    table = new_table("step", "#dead", "#hidden", "oldest", "mostly", "#waiting at the source")
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
        table = new_table("request", "event", "#replays", "first seen", "event id", "dead-lettered by")
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
    table = new_table("step", "fingerprint", "error", "#messages", "")
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
