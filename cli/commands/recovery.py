"""`recovery`: backups of an installation, the switch that stops writes, and the drill that restores everything."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console

from cli.connection import Connection
from cli.console import console, print_json
from cli.options import EXIT_CODES, OK, REFUSED, acting, on_target
from cli.recovery.backups import RPO, RTO, Backups
from cli.recovery.drill import run
from cli.recovery.files import GalleryFiles
from cli.recovery.progress import CURRENT, BusyError, Progress
from cli.recovery.progress import Drill as Record
from cli.recovery.steps import Drill, Options
from cli.recovery.store import Store
from cli.recovery.tables import RestoreError, Tables
from cli.tables.recovery import losses, print_backups, print_drill, print_plan
from kit.trail import Action, recorded
from services.intake.repository.operator_signals import OperatorSignals
from services.intake.signals import PERIOD, StopSignal
from services.operations.audit.records import FILE_KEY
from services.storage.models import Entry, make_image_id
from services.storage.repository.gallery import DynamoGallery

KEEP = timedelta(days=35)
"""``BackupRetentionDays``, without a stack."""
GALLERY = "gallery"
"""The table of images."""


@click.group(epilog=EXIT_CODES)
def recovery() -> None:
    """Backups, and the drill that restores an installation from them."""


@recovery.command(epilog=EXIT_CODES)
@click.option("--files", is_flag=True, help="Also copy the files of the gallery that have no copy yet.")
@click.option("--accept-missing", is_flag=True, help="Back up although a table of the last backup is gone.")
@on_target
def backup(connection: Connection, *, files: bool, accept_missing: bool, as_json: bool) -> int:
    """Back up every table now. Delete backups older than BackupRetentionDays, and copies of files that were deleted."""
    copies = _files(connection)
    mirror = (lambda: copies.mirror(_silent).files) if files else None
    try:
        with Console(stderr=True).status("Backing up"):
            made = _backups(connection).make(datetime.now(UTC), mirror, accept_missing=accept_missing)
            if GALLERY in made.shapes:  # without it, nobody knows what was deleted
                copies.prune(_is_listed(connection), _silent)
    except RestoreError as error:
        raise click.ClickException(f"{error}.") from error
    if as_json:
        print_json({"backup": made.backup_id, "tables": sorted(made.shapes), "files": made.files})
    else:
        copied = "" if made.files is None else f", {made.files} files have a copy"
        console().print(f"Backup {made.backup_id}: {len(made.shapes)} tables{copied}.")
    return OK


@recovery.command(epilog=EXIT_CODES)
@on_target
def backups(connection: Connection, *, as_json: bool) -> int:
    """List the backups with their age beside the RPO."""
    found = _backups(connection).list()
    if as_json:
        now = datetime.now(UTC)
        print_json(
            [
                {
                    "backup": each.manifest.backup_id,
                    "seconds": int((now - each.manifest.created_at).total_seconds()),
                    "within_rpo": now - each.manifest.created_at <= RPO,
                    "tables": sorted(each.tables),
                    "files": each.manifest.files,
                }
                for each in found
            ]
        )
    else:
        print_backups(found)
    return OK


@recovery.command(epilog=EXIT_CODES)
@click.argument("state", type=click.Choice(["open", "stop"]))
@click.option("--reason", default="maintenance", show_default=True, help="Shown by GET /health/ready.")
@acting
@on_target
def writes(connection: Connection, *, state: str, reason: str, operator: str | None, yes: bool, as_json: bool) -> int:
    """Stop new requests, or open them again. It applies within 30 seconds."""
    stop = state == "stop"
    if not yes:
        click.confirm("Refuse new requests?" if stop else "Accept new requests again?", abort=True, err=True)
    action = Action.begin(connection.operator(operator), f"{state} writes", about={"reason": reason}, count=1)
    with recorded(connection.trail(), action) as outcomes:
        signals = OperatorSignals(connection.client("dynamodb"), connection.target.requests_table)
        signals.save_stop(StopSignal(reason, datetime.now(UTC)) if stop else None)
        outcomes["changed"] += 1
    if as_json:
        print_json({"writes": "stopped" if stop else "open"})
    else:
        console().print(f"Done. It applies everywhere within {PERIOD:.0f} s.")
    return OK


@recovery.command(epilog=EXIT_CODES)
@click.option("--dry-run", is_flag=True, help="Show what each step would do, and change nothing.")
@click.option("--accept-older", is_flag=True, help="Restore from backups that are older than the RPO.")
@click.option("--copy-missing", is_flag=True, help="Write what existing tables lack of their backups into them.")
@click.option("--accept-violations", is_flag=True, help="Open writes although the audit finds violations.")
@click.option("--worker-stopped", is_flag=True, help="You have stopped the worker of GenerationWorker=external.")
@click.option("--worker-started", is_flag=True, help="You have started it again.")
@click.option("--quiet-seconds", default=900.0, show_default=True, help="Time for the queues to become empty.")
@acting
@on_target
def drill(
    connection: Connection, *, dry_run: bool, operator: str | None, yes: bool, as_json: bool, **options: Any
) -> int:
    """Stop writes, restore everything, reconcile, and accept requests again. Interrupted, the same command continues.

    Tables that are gone are restored under their names. Tables that exist are restored as copies, compared and
    deleted, so that a drill changes nothing on a healthy installation.
    """
    tables, store = _tables(connection), _store(connection)
    steps = Drill(connection, tables, _backups(connection), Options(**options)).steps()
    if dry_run:
        found = store.read(CURRENT)
        print_plan(steps, Record.model_validate_json(found[0]) if found else None)
        return OK
    if not yes:
        click.confirm(f"Stop new requests and restore {connection.target.prefix}?", abort=True, err=True)
    name = connection.operator(operator).name
    try:
        progress = Progress.begin(store, name, _now)
        done = run(progress, steps, _now, lambda step: click.echo(f"{_now():%H:%M:%S}  {step}", err=True))
    except BusyError as error:
        click.echo(f"Refused: {error}.", err=True)
        return REFUSED
    except RestoreError as error:
        raise click.ClickException(f"{error}.") from error
    _add_to_trail(connection, operator, done)
    if as_json:
        print_json(_report(done))
    else:
        print_drill(done)
    return OK


def _add_to_trail(connection: Connection, operator: str | None, done: Record) -> None:
    """Record the drill when it has ended: before that, the audit trail may not exist."""
    facts = done.facts
    about = {"drill": done.drill_id, "restored": ", ".join(facts["lost"]) or "copies only"}
    action = Action.begin(connection.operator(operator), "drill", about=about, count=len(facts["manifest"]["shapes"]))
    with recorded(connection.trail(), action) as outcomes:
        outcomes["restored"] += len(facts["lost"])


def _report(done: Record) -> dict[str, Any]:
    facts = done.facts
    return {
        "drill": done.drill_id,
        "rto_seconds": facts["rto_seconds"],
        "rto_goal_seconds": RTO.total_seconds(),
        "rpo_seconds": facts["rpo_seconds"],
        "rpo_goal_seconds": RPO.total_seconds(),
        "restored": facts["lost"],
        "lake": facts.get("lake"),
        "audit": facts["audit"],
        "losses": losses(done),
        "steps": {
            name: {"seconds": (step.finished_at - step.started_at).total_seconds(), "result": step.result}
            for name, step in done.steps.items()
            if step.finished_at
        },
    }


def _now() -> datetime:
    return datetime.now(UTC)


def _tables(connection: Connection) -> Tables:
    return Tables(connection.client("dynamodb"), connection.client("lambda"), connection.target.prefix)


def _store(connection: Connection) -> Store:
    return Store(connection.client("s3"), connection.bucket("analytics"))


def _backups(connection: Connection) -> Backups:
    return Backups(_tables(connection), _store(connection), connection.retention("BackupRetentionDays", KEEP))


def _files(connection: Connection) -> GalleryFiles:
    return GalleryFiles(connection.client("s3"), connection.bucket("gallery"), connection.bucket("analytics"))


def _is_listed(connection: Connection) -> Callable[[str], bool]:
    """Return a function that says whether the gallery has the image of a file."""
    gallery = DynamoGallery(connection.client("dynamodb"), connection.target.gallery_table)

    def is_listed(key: str) -> bool:
        found = FILE_KEY.fullmatch(key)
        image = gallery.find(make_image_id(found[1], int(found[2]))) if found else None
        return isinstance(image, Entry) and key in image.keys

    return is_listed


def _silent() -> None:
    """Give no sign of life: nobody waits for a backup."""
