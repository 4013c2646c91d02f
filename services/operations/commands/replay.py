"""`ops dlq replay` and `ops dlq edit`: sending dead letters back."""

import json
from typing import Any

import click

from services.operations.commands.desk import agreed, desk_of, in_hand, tell
from services.operations.commands.options import EXIT_CODES, OK, REFUSED, Asked, Rate, acting, on_target, selecting
from services.operations.connection import Connection
from services.operations.dead_letters import tables
from services.operations.dead_letters.editing import Edited, InvalidEditError, data_of, replace_data
from services.operations.dead_letters.editing import edit as edited_by
from services.operations.dead_letters.letters import DeadLetter, Selection
from services.operations.dead_letters.logic import ReplayOptions
from services.operations.printing import print_json


@click.command(epilog=EXIT_CODES)
@selecting
@click.option("--all", "everything", is_flag=True, help="All queues, all fingerprints.")
@click.option("--limit", type=click.IntRange(1), help="At most so many messages, oldest first.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent back, and do nothing.")
@click.option("--canary", is_flag=True, help="Send one of each fingerprint and wait until it got through.")
@click.option("--canary-wait", default=60.0, show_default=True, help="Seconds a canary is given.")
@click.option("--rate", type=Rate(), default="10/s", show_default=True, help="No faster than this.")
@click.option("--max-replays", default=3, show_default=True, help="Refuse what was sent back this often.")
@click.option("--quarantine", is_flag=True, help="Put what was sent back this often into quarantine.")
@click.option("--force", is_flag=True, help="Send even what came back too often or belongs to no known request.")
@click.option("--drop-ended", is_flag=True, help="Remove what its request, having ended, no longer needs.")
@acting
@on_target
def replay(
    connection: Connection,
    *,
    asked: Asked,
    everything: bool,
    limit: int | None,
    dry_run: bool,
    operator: str | None,
    yes: bool,
    as_json: bool,
    **how: Any,
) -> int:
    """Send dead letters back to the queues they came from."""
    if not (asked.anything or everything):
        raise click.UsageError("say what to replay: --queue, --fingerprint, --request, --event or --all")
    desk = desk_of(connection, operator)
    how["canary_seconds"] = how.pop("canary_wait")
    replayer = desk.replayer(ReplayOptions(operator=desk.operator, **how))
    with in_hand(desk.queues, asked, limit) as taken:
        plan = replayer.plan(taken.chosen)
        ends = agreed(plan, "Send {} messages back?", dry_run=dry_run, yes=yes, as_json=as_json)
        if ends is not None:
            return ends
        action = desk.action("replay", taken.chosen, asked.about())
        return tell((taken.note(done) for done in desk.carry_out(action, replayer.run(plan))), as_json=as_json)


@click.command(epilog=EXIT_CODES)
@click.argument("event_id")
@click.option("--queue", help="Its step or queue, where the event lies in several.")
@click.option(
    "--set", "settings", multiple=True, metavar="FIELD=JSON", help="Such as data.parameters.count=2; repeatable."
)
@click.option("--editor", is_flag=True, help="Open the event's data in $EDITOR. It may hold a prompt.")
@click.option("--send", is_flag=True, help="Send it; without, only say what would be changed.")
@click.option("--max-replays", default=3, show_default=True, help="Refuse what was sent back this often.")
@click.option("--force", is_flag=True, help="Send even what came back too often or belongs to no known request.")
@acting
@on_target
def edit(
    connection: Connection,
    *,
    event_id: str,
    queue: str | None,
    settings: tuple[str, ...],
    editor: bool,
    send: bool,
    operator: str | None,
    yes: bool,
    as_json: bool,
    **limits: Any,
) -> int:
    """Change what the dead letter of an event says, check it, and with --send send it to its step.

    It is sent as an event of its own, caused by the old one. Prompts are neither shown nor, once moderated, changed.
    """
    if bool(settings) == editor:
        raise click.UsageError("say what to change: --set FIELD=JSON, or --editor")
    values = dict(_setting(text) for text in settings)
    desk = desk_of(connection, operator)
    replayer = desk.replayer(ReplayOptions(operator=desk.operator, **limits))
    with in_hand(desk.queues, Asked(queue, Selection(event_id=event_id))) as taken:
        letter = _only(taken.chosen, event_id)
        try:
            edited = _with_editor(letter) if editor else edited_by(letter, values)
        except InvalidEditError as error:
            raise click.ClickException("\n".join(f"{field}: {rule}" for field, rule in error.errors)) from None
        planned = replayer.judge_edit(letter)
        if not as_json:
            tables.print_changes(edited, planned)
        if not send:
            if as_json:
                print_json([{**planned.facts(), **_facts(edited)}])
            return OK if planned.verdict == "replay" else REFUSED
        if planned.verdict == "replay" and not yes:
            click.confirm("Send it?", abort=True, err=True)
        about = {"step": letter.queue.step, "event_id": event_id, "fields": ", ".join(c.field for c in edited.changes)}
        action = desk.action("edit", [letter], {**about, "sent_as": edited.event_id})
        outcomes = desk.carry_out(action, (replayer.edit(letter, edited) for _ in range(1)))
        return tell((taken.note(done) for done in outcomes), as_json=as_json)


def _setting(text: str) -> tuple[str, Any]:
    """Return field and value of ``data.parameters.count=2``."""
    field, equals, value = text.partition("=")
    try:
        return (field.strip(), json.loads(value)) if equals else (field, json.loads(""))
    except ValueError:
        raise click.UsageError(
            f'--set {field}: wants FIELD=JSON, such as data.parameters.count=2 or a="text"'
        ) from None


def _only(letters: list[DeadLetter], event_id: str) -> DeadLetter:
    if not letters:
        raise click.ClickException(f"no dead letter has the event id {event_id}; `dlq show` lists them")
    if len(letters) > 1:
        steps = ", ".join(letter.queue.step for letter in letters)
        raise click.UsageError(f"it lies in several queues, say --queue: {steps}")
    return letters[0]


def _with_editor(letter: DeadLetter) -> Edited:
    written = click.edit(json.dumps(data_of(letter), indent=2, ensure_ascii=False), extension=".json")
    if written is None:
        raise InvalidEditError(("data", "nothing was saved"))
    try:
        return replace_data(letter, json.loads(written))
    except ValueError as error:
        raise InvalidEditError(("data", f"is not JSON: {getattr(error, 'msg', 'unreadable')}")) from None


def _facts(edited: Edited) -> dict[str, Any]:
    changes = [{"field": change.field, "before": change.before, "after": change.after} for change in edited.changes]
    return {"edited_event_id": edited.event_id, "changes": changes}
