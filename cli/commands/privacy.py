"""`privacy`: erase an owner, show receipts, and search all stores for what must be gone."""

from collections import Counter
from datetime import datetime
from typing import Any

import click

from cli.commands.events import Time
from cli.commands.keys import key_table
from cli.connection import Connection
from cli.console import console, new_table, print_json
from cli.erasures import Searcher
from cli.event_replays.search import UnfinishedError
from cli.options import BROKEN, EXIT_CODES, OK, on_target
from kit.clock import SystemClock
from kit.publisher import Publisher
from kit.trail import Action, recorded
from services.privacy.models import Erasure
from services.privacy.repository.erasures import ErasureTable
from services.privacy.schemas import ErasureView
from services.privacy.service import Erasures
from services.storage.repository.index import DynamoGalleryIndex


@click.group(epilog=EXIT_CODES)
def privacy() -> None:
    """Erasures of personal data."""


@privacy.command(epilog=EXIT_CODES)
@click.option("--owner", required=True, help="The name or the id of the owner whose data is erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_target
def erase(connection: Connection, *, owner: str, yes: bool, as_json: bool) -> int:
    """Erase everything of an owner. It cannot be undone."""
    owner_id = _owner_id(connection, owner)
    if not yes:
        click.confirm(f"Erase all requests, images, keys and webhooks of {owner!r} permanently?", abort=True, err=True)
    # The id, because entries of the trail are kept longer than the name.
    action = Action.begin(connection.operator(), "erase owner", about={"owner": owner_id}, count=1)
    with recorded(connection.trail(), action) as outcomes:
        erasure, token = _erasures(connection).start(owner_id)
        outcomes["started"] += 1
    if as_json:
        print_json({"id": erasure.erasure_id, "receipt_token": token})
    else:
        console().print(f"Erasure {erasure.erasure_id} runs. Its receipt: privacy show {erasure.erasure_id}")
        console().print(f"The owner can read it with this token: {token}")
    return OK


@privacy.command(epilog=EXIT_CODES)
@click.argument("erasure_id")
@on_target
def show(connection: Connection, *, erasure_id: str, as_json: bool) -> int:
    """Show the receipt of an erasure."""
    erasures = _erasures(connection)
    try:
        erasure, _ = _table(connection).find(erasure_id)
    except KeyError:
        raise click.ClickException(f"No erasure has the id {erasure_id!r}. `privacy list` lists them.") from None
    view = ErasureView.of(erasures.with_receipt(erasure))
    if as_json:
        print_json(view.model_dump(mode="json", exclude_none=True))
        return OK
    table = new_table("store", "erased", "remains", "until", "why")
    for store in view.stores:
        until = f"{store.until:%Y-%m-%d}" if store.until else ""
        table.add_row(store.store, str(store.erased), store.remains or "", until, store.reason or "")
    console().print(_line(erasure))
    console().print(table)
    return OK


@privacy.command("list", epilog=EXIT_CODES)
@click.option("--limit", default=50, show_default=True, help="How many of the newest.")
@on_target
def list_(connection: Connection, *, limit: int, as_json: bool) -> int:
    """List the newest erasures."""
    found = list(_table(connection).latest(limit))
    if as_json:
        print_json([ErasureView.of(erasure).model_dump(mode="json", exclude_none=True) for erasure in found])
        return OK
    for erasure in found:
        console().print(_line(erasure))
    return OK


@privacy.command(epilog=EXIT_CODES)
@click.option("--text", "texts", multiple=True, required=True, help="A text that must be gone. Repeatable.")
@click.option(
    "--archived-since",
    type=Time(),
    metavar="TIME",
    help="Also search the events that the bus has archived since then. They are replayed into a queue of their own.",
)
@on_target
def verify(connection: Connection, *, texts: tuple[str, ...], archived_since: datetime | None, as_json: bool) -> int:
    """Search the raw content of every table, bucket, queue and log for texts, and print where they are.

    Buckets are searched with all versions, also in ReplicaRegion. Backups cannot be searched.
    """
    try:
        found = list(Searcher(connection, texts, archived_since).search())
    except UnfinishedError as error:
        raise click.ClickException(f"--archived-since: {error}.") from None
    if as_json:
        print_json([{"store": each.store, "where": each.where, "text": each.text} for each in found])
    else:
        for store, count in sorted(Counter(each.store for each in found).items()):
            console().print(f"{store}: {count}")
        console().print(f"{len(found)} places contain one of the texts.")
    return BROKEN if found else OK


def _line(erasure: Erasure) -> str:
    status = f"completed {erasure.completed_at:%Y-%m-%d %H:%M}" if erasure.completed_at else f"sweep {erasure.sweep}"
    at = f"{erasure.requested_at:%Y-%m-%d %H:%M}"
    return f"{erasure.erasure_id}  {at}  {erasure.scope} of {erasure.owner}  {status}"


def _table(connection: Connection) -> ErasureTable:
    return ErasureTable(connection.client("dynamodb"), f"{connection.target.prefix}-privacy")


def _erasures(connection: Connection) -> Erasures:
    bus: Any = Publisher(connection.client("events"), connection.target.bus_name)
    return Erasures(_table(connection), bus, SystemClock())


def _owner_id(connection: Connection, owner: str) -> str:
    """Return the id of an owner by name, or an id of which anything is left."""
    found = key_table(connection).owners.find(owner)
    if found is not None:
        return found.owner_id
    gallery = DynamoGalleryIndex(connection.client("dynamodb"), connection.target.gallery_table)
    if next(gallery.image_ids(owner), None) is None and _table(connection).running(owner) is None:
        raise click.ClickException(f"--owner: no owner has the name {owner!r}, and no image or erasure has it as id.")
    return owner
