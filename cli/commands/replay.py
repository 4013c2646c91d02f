"""`dlq replay` and `dlq edit`: send dead letters to their steps again."""

import json
from typing import Any

import click

from cli import editing
from cli.connection import Connection
from cli.console import print_json
from cli.dead_letters import confirm_plan, print_outcomes, reserve_filtered, session_of
from cli.editing import Edited, EditReplayer, InvalidEditError
from cli.options import EXIT_CODES, OK, REFUSED, Filter, Rate, acting, on_target, selecting
from cli.tables import dead_letters as tables
from kit.sealing import OwnerKeyTable, Sealer
from services.operations.dead_letters.letters import DeadLetter, Selection
from services.operations.dead_letters.replaying import ReplayOptions


@click.command(epilog=EXIT_CODES)
@selecting
@click.option("--all", "everything", is_flag=True, help="All queues and fingerprints.")
@click.option("--limit", type=click.IntRange(1), help="Maximum number of messages, oldest first.")
@click.option("--dry-run", is_flag=True, help="Show what would be replayed, and change nothing.")
@click.option("--canary", is_flag=True, help="Send one message per fingerprint and wait until it succeeds.")
@click.option("--canary-wait", default=60.0, show_default=True, help="Seconds to wait for a canary.")
@click.option("--rate", type=Rate(), default="10/s", show_default=True, help="Maximum rate.")
@click.option("--max-replays", default=3, show_default=True, help="Refuse messages that were replayed this often.")
@click.option("--quarantine", is_flag=True, help="Move messages that were replayed this often into quarantine.")
@click.option("--force", is_flag=True, help="Also replay messages of unknown requests or with too many replays.")
@click.option("--drop-terminal", is_flag=True, help="Delete messages whose request has a terminal status.")
@acting
@on_target
def replay(
    connection: Connection,
    *,
    wanted: Filter,
    everything: bool,
    limit: int | None,
    dry_run: bool,
    operator: str | None,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Send dead letters to their source queues again."""
    if not (wanted.is_set or everything):
        raise click.UsageError("Select what to replay: --queue, --fingerprint, --request, --event or --all")
    session = session_of(connection, operator)
    options["canary_seconds"] = options.pop("canary_wait")
    replayer = session.replayer(ReplayOptions(operator=session.operator.name, **options))
    with reserve_filtered(session.queues, wanted, limit) as reservation:
        plan = replayer.plan(reservation.chosen)
        code = confirm_plan(plan, "Replay {} messages?", dry_run=dry_run, yes=yes, as_json=as_json)
        if code is not None:
            return code
        action = session.action("replay", reservation.chosen, wanted.about())
        outcomes = session.carry_out(action, replayer.run(plan))
        return print_outcomes(reservation.watch(outcomes), as_json=as_json)


@click.command(epilog=EXIT_CODES)
@click.argument("event_id")
@click.option("--queue", help="Step or queue, if several have a dead letter of the event.")
@click.option(
    "--set", "settings", multiple=True, metavar="FIELD=JSON", help="For example data.parameters.count=2. Repeatable."
)
@click.option("--editor", is_flag=True, help="Open the event's data, with readable prompts, in $EDITOR.")
@click.option("--send", is_flag=True, help="Send the edited message. Default: only show the changes.")
@click.option("--max-replays", default=3, show_default=True, help="Refuse messages that were replayed this often.")
@click.option("--force", is_flag=True, help="Also send messages of unknown requests or with too many replays.")
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
    """Edit the dead letter of an event, validate it, and with --send send it to its step.

    It is sent as a new event, caused by the original one. You need access to the owner's key, which seals prompts. They
    are never shown; moderated prompts cannot be changed.
    """
    if bool(settings) == editor:
        raise click.UsageError("Either --set FIELD=JSON or --editor is required")
    values = dict(_setting(text) for text in settings)
    session = session_of(connection, operator)
    sealer = Sealer(OwnerKeyTable(connection.client("dynamodb"), connection.target.owner_keys_table))
    replayer = EditReplayer.of(session, ReplayOptions(operator=session.operator.name, **limits))
    with reserve_filtered(session.queues, Filter(queue, Selection(event_id=event_id))) as reservation:
        letter = _only(reservation.chosen, event_id)
        try:
            edited = _with_editor(letter, sealer) if editor else editing.edit(letter, values, sealer)
        except InvalidEditError as error:
            raise click.ClickException("\n".join(f"{field}: {rule}" for field, rule in error.errors)) from None
        planned = replayer.judge_edit(letter)
        if not as_json:
            tables.print_changes(edited, planned)
        if not send:
            if as_json:
                print_json([{**planned.to_dict(), **_to_dict(edited)}])
            return OK if planned.verdict == "replay" else REFUSED
        if planned.verdict == "replay" and not yes:
            click.confirm("Send it?", abort=True, err=True)
        about = {"step": letter.queue.step, "event_id": event_id, "fields": ", ".join(c.field for c in edited.changes)}
        action = session.action("edit", [letter], {**about, "sent_as": edited.event_id})
        outcomes = session.carry_out(action, (replayer.edit(letter, edited) for _ in range(1)))
        return print_outcomes(reservation.watch(outcomes), as_json=as_json)


def _setting(text: str) -> tuple[str, Any]:
    """Return field and value of ``data.parameters.count=2``."""
    field, equals, value = text.partition("=")
    try:
        return (field.strip(), json.loads(value)) if equals else (field, json.loads(""))
    except ValueError:
        raise click.UsageError(
            f'--set {field}: must be FIELD=JSON, for example data.parameters.count=2 or a="text"'
        ) from None


def _only(letters: list[DeadLetter], event_id: str) -> DeadLetter:
    if not letters:
        raise click.ClickException(f"There is no dead letter of the event {event_id}. `dlq show` lists all.")
    if len(letters) > 1:
        steps = ", ".join(letter.queue.step for letter in letters)
        raise click.UsageError(f"Several queues have it. Select one with --queue: {steps}")
    return letters[0]


def _with_editor(letter: DeadLetter, sealer: Sealer) -> Edited:
    written = click.edit(json.dumps(editing.data_of(letter, sealer), indent=2, ensure_ascii=False), extension=".json")
    if written is None:
        raise InvalidEditError(("data", "nothing was saved"))
    try:
        return editing.replace_data(letter, json.loads(written), sealer)
    except ValueError as error:
        raise InvalidEditError(("data", f"is not JSON: {getattr(error, 'msg', 'unreadable')}")) from None


def _to_dict(edited: Edited) -> dict[str, Any]:
    changes = [{"field": change.field, "before": change.before, "after": change.after} for change in edited.changes]
    return {"edited_event_id": edited.event_id, "changes": changes}
