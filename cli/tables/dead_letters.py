"""Dead letters as tables. Bodies of messages are never shown, because they contain prompts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich.text import Text

from cli.console import age, console, new_table
from cli.editing import Edited
from services.operations.dead_letters.letters import DeadLetter, Outcome, by_fingerprint
from services.operations.dead_letters.ports import Quarantined, RequestTimeline
from services.operations.dead_letters.replaying import VERDICTS, Planned
from services.operations.dead_letters.reservation import QueueSummary

STYLES: Final = {
    "replayed": "green",
    "edited": "green",
    "canary_passed": "green",
    "dropped": "yellow",
    "left": "yellow",
    "quarantined": "yellow",
    "discarded": "yellow",
    "purged": "yellow",
}
KINDS: Final = {"transient": "cyan", "poison": "red", "schema": "magenta", "permission": "yellow", "unknown": "white"}


def print_summaries(summaries: Sequence[QueueSummary]) -> None:
    """Print all dead-letter queues, with empty ones dimmed."""
    table = new_table("=step", "#dead", "#hidden", "oldest", "most frequent", "kind", "#waiting")
    for row in summaries:
        roughly = "~" if row.sampled else ""
        table.add_row(
            row.queue.step,
            str(row.dead.waiting),
            str(row.dead.in_flight),
            roughly + age(row.oldest) if row.oldest else "",
            Text(roughly + row.commonest if row.commonest else ""),
            Text(row.kind or "", style=KINDS.get(row.kind or "", "")),
            str(row.source.total) if row.source else "no source",
            style=None if row.dead.total else "dim",
        )
    out = console()
    out.print(table)
    dead = sum(row.dead.total for row in summaries)
    out.print(f"{dead} dead letters. `dlq show` shows the reasons." if dead else "No dead letters.")


def print_groups(letters: Sequence[DeadLetter], limit: int) -> None:
    """Print dead letters by fingerprint, up to ``limit`` of each."""
    out = console()
    for group in by_fingerprint(letters):
        head = group[0]
        copies = sum(len(letter.messages) for letter in group) - len(group)
        out.print(
            Text.assemble(
                (f"\n{head.queue.step}  {head.fingerprint}  ", "bold"),
                (f"{len(group)} x {head.error}", "bold red"),
                f"  {copies} duplicates" if copies else "",
            )
        )
        out.print(Text(f"{head.reason}  (dead-lettered by {head.origin})"))
        out.print(Text.assemble((head.kind, KINDS[head.kind]), f": {head.advice}"))
        if not limit:
            continue
        table = new_table("=request", "event", "#replays", "first seen")
        for letter in group[:limit]:
            table.add_row(
                letter.metadata.request_id if letter.metadata else Text(f"message {letter.messages[0].message_id}"),
                Text(letter.detail_type),
                str(letter.replays),
                f"{age(letter.first_seen)} ago",
            )
        out.print(table)
        if len(group) > limit:
            out.print(f"… and {len(group) - limit} more")
    if not letters:
        out.print("No matching dead letters.")


def print_letters(letters: Sequence[DeadLetter], timelines: Mapping[str, RequestTimeline]) -> None:
    """Print all details of each letter, and its request's timeline."""
    out = console()
    for letter in letters:
        known = letter.metadata
        timeline = timelines.get(known.request_id) if known else None
        out.print(Text.assemble((f"\n{letter.queue.step}  ", "bold"), (letter.error, "bold red"), f"  {letter.reason}"))
        out.print(Text.assemble((letter.kind, KINDS[letter.kind]), f": {letter.advice}"))
        table = new_table("", "")
        table.show_header = False
        rows = {
            "event": f"{letter.detail_type} {known.event_id}" if known else letter.detail_type,
            "request": f"{known.request_id}, {timeline.status if timeline else 'unknown'}" if known else "",
            "fingerprint": letter.fingerprint,
            "dead-lettered by": letter.origin,
            "first seen": f"{letter.first_seen:%Y-%m-%d %H:%M:%S} UTC, {age(letter.first_seen)} ago",
            "replays": str(letter.replays),
            "copies": str(len(letter.messages)),
            **letter.delivery,
        }
        for name, value in rows.items():
            if value:
                table.add_row(Text(name, style="dim"), Text(value))
        out.print(table)
        if timeline:
            out.print()
            history = new_table("time (UTC)", "event", "")
            for line in timeline.lines:
                is_this = known is not None and line.event_id == known.event_id
                note = Text(line.note or ("this dead letter" if is_this else ""))
                history.add_row(f"{line.at:%H:%M:%S.%f}"[:-3], line.event, note, style="bold" if is_this else None)
            out.print(history)
    if not letters:
        out.print("No matching dead letters.")


def print_plan(plan: Sequence[Planned]) -> None:
    """Print what a replay would do."""
    lines = Counter((item.letter.queue.step, item.letter.fingerprint, item.letter.error, item.verdict) for item in plan)
    table = new_table("=step", "=fingerprint", "error", "#messages", "")
    for (step, fingerprint, error, verdict), count in lines.most_common():
        style = None if verdict == "replay" else "yellow"
        table.add_row(step, fingerprint, Text(error), str(count), VERDICTS[verdict], style=style)
    console().print(table if plan else "No matching dead letters.")


def print_changes(edited: Edited, planned: Planned) -> None:
    """Print the changes of an edit. Text that may be a prompt is replaced by its length."""
    out = console()
    table = new_table("field", "before", "after")
    for change in edited.changes:
        table.add_row(Text(change.field), Text(change.before, style="red"), Text(change.after, style="green"))
    out.print(table)
    if planned.verdict == "replay":
        out.print(f"Valid. --send sends it to {planned.letter.queue.step} as event {edited.event_id}.")
    else:
        out.print(Text(f"It cannot be sent: {VERDICTS[planned.verdict]}", style="yellow"))


def print_quarantined(items: Sequence[Quarantined]) -> None:
    """Print the messages in quarantine."""
    table = new_table("step", "=request", "error", "#replays", "since", "by")
    for item in items:
        letter = item.letter
        table.add_row(
            letter.queue.step,
            letter.metadata.request_id if letter.metadata else Text(f"message {letter.messages[0].message_id}"),
            Text(letter.error),
            str(letter.replays),
            f"{age(item.since)} ago",
            Text(item.by.rsplit("/", 1)[-1].rsplit(":", 1)[-1]),
        )
    console().print(table if items else "The quarantine is empty.")


def print_outcome(outcome: Outcome) -> None:
    """Print the outcome of one letter."""
    letter = outcome.letter
    request = letter.metadata.request_id if letter.metadata else letter.messages[0].message_id
    line = f"{letter.queue.step}  {letter.detail_type}  {request}  {outcome.why}"
    console().print(Text.assemble((f"{outcome.action:14}", STYLES.get(outcome.action, "red")), line))
