"""`keys`: API keys. Works with AWS credentials, so it creates the first key of an installation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args

import click
from pydantic import ValidationError
from rich.text import Text

from cli.connection import Connection
from cli.console import console, new_table, print_json
from cli.options import EXIT_CODES, OK, bare, on_target
from kit.callers import PRIORITIES, Priority, Scope
from kit.keyring import SecretVersion
from kit.problems import field_errors
from kit.secrets import CachedKeyring
from services.accounts import service
from services.accounts.keys import Key
from services.accounts.recorded_keys import RecordedKeys
from services.accounts.repository.keys import RETENTION, KeyTable
from services.accounts.schemas import USER_SCOPES, KeyView, KeyWithText, NewKey, Rotation

PAGE: Final = 100


@dataclass(frozen=True)
class Keys:
    """The API keys of an installation, and the secret with which they are hashed."""

    store: service.KeyStore
    hash_secret: Callable[[], SecretVersion]

    @classmethod
    def of(cls, connection: Connection, operator: str | None = None) -> "Keys":
        """Return the keys of the installation of ``connection``. Changes are in its audit trail."""
        return cls(
            RecordedKeys(key_table(connection), connection.trail(), connection.operator(operator)),
            CachedKeyring(connection.client("secretsmanager"), connection.target.key_hash_secret).current,
        )


def key_table(connection: Connection) -> KeyTable:
    """Return the keys of an installation."""
    return KeyTable(
        connection.client("dynamodb"),
        connection.target.accounts_table,
        connection.retention("KeyRetentionDays", RETENTION),
    )


@click.group(invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def keys(context: click.Context) -> Any:
    """API keys of an installation."""
    return bare(list_, context) if context.invoked_subcommand is None else None


@keys.command(epilog=EXIT_CODES)
@click.option("--owner", required=True, help="Name of the owner of its requests and images.")
@click.option("--name", help="What the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(get_args(Scope)),
    help="A permission; repeatable. Default: all except admin and analytics:read, which shows all owners' figures.",
)
@click.option("--limit", default=100, show_default=True, help="Images per window.")
@click.option("--window", default=900, show_default=True, help="Length of the window in seconds.")
@click.option("--expires-in-days", type=int, help="Default: the key does not expire.")
@click.option(
    "--priority",
    default="normal",
    show_default=True,
    type=click.Choice(PRIORITIES),
    help="While too many requests wait, new ones of the lowest priority are refused first.",
)
@click.option("--operator", help="Your name in the audit trail. Default: your AWS identity.")
@on_target
def create(
    connection: Connection,
    *,
    owner: str,
    name: str | None,
    scopes: tuple[Scope, ...],
    limit: int,
    window: int,
    expires_in_days: int | None,
    priority: Priority,
    operator: str | None,
    as_json: bool,
) -> int:
    """Create a key. Its text is shown only this once."""
    now = datetime.now(UTC)
    try:
        wanted = NewKey(
            owner=owner,
            name=name or f"created with the command line on {now:%Y-%m-%d}",
            scopes=list(scopes or USER_SCOPES),
            limit=limit,
            window_seconds=window,
            expires_in_days=expires_in_days,
            priority=priority,
        )
    except ValidationError as error:
        raise _usage_error(error) from error
    found = Keys.of(connection, operator)
    key, text = service.create(found.store, wanted, found.hash_secret(), now)
    return _show(KeyWithText.with_text(key, text, {key.owner: owner}, now), as_json=as_json)


@keys.command("list", epilog=EXIT_CODES)
@on_target
def list_(connection: Connection, *, as_json: bool) -> int:
    """List all keys, newest first."""
    table, now = key_table(connection), datetime.now(UTC)
    page = table.page(PAGE, None)
    found: list[Key] = [*page.keys]
    while page.last:
        page = table.page(PAGE, page.last)
        found += page.keys
    names = table.owners.names({key.owner for key in found})
    views = [KeyView.of(key, names, now) for key in found]
    if as_json:
        print_json([_json(view) for view in views])
    else:
        _print(views)
    return OK


@keys.command(epilog=EXIT_CODES)
@click.argument("key_id")
@click.option("--grace", default=0, show_default=True, help="Seconds for which the old text remains valid.")
@click.option("--operator", help="Your name in the audit trail. Default: your AWS identity.")
@on_target
def rotate(connection: Connection, *, key_id: str, grace: int, operator: str | None, as_json: bool) -> int:
    """Replace the text of a key. The new text is shown only this once."""
    found, now = Keys.of(connection, operator), datetime.now(UTC)
    try:
        grace_seconds = Rotation(grace_seconds=grace).grace_seconds
    except ValidationError as error:
        raise _usage_error(error) from error
    try:
        key, text = service.rotate(found.store, key_id, grace_seconds, found.hash_secret(), now)
    except KeyError as error:
        raise _unknown(key_id, connection) from error
    except service.NotActiveError as error:
        raise click.ClickException(str(error)) from error
    return _show(KeyWithText.with_text(key, text, _names(connection, key), now), as_json=as_json)


@keys.command(epilog=EXIT_CODES)
@click.argument("key_id")
@click.argument("priority", type=click.Choice(PRIORITIES))
@click.option("--operator", help="Your name in the audit trail. Default: your AWS identity.")
@on_target
def prioritize(connection: Connection, *, key_id: str, priority: Priority, operator: str | None, as_json: bool) -> int:
    """Change the priority of a key, within a minute.

    While too many requests wait, new ones of the lowest priority are refused first.
    """
    now = datetime.now(UTC)
    try:
        changed = Keys.of(connection, operator).store.set_priority(key_id, priority)
    except KeyError as error:
        raise _unknown(key_id, connection) from error
    return _show(KeyView.of(changed, _names(connection, changed), now), as_json=as_json)


@keys.command(epilog=EXIT_CODES)
@click.argument("key_id")
@click.option("--operator", help="Your name in the audit trail. Default: your AWS identity.")
@on_target
def revoke(connection: Connection, *, key_id: str, operator: str | None, as_json: bool) -> int:
    """Revoke a key permanently, within a minute."""
    now = datetime.now(UTC)
    try:
        revoked = Keys.of(connection, operator).store.revoke(key_id, now)
    except KeyError as error:
        raise _unknown(key_id, connection) from error
    return _show(KeyView.of(revoked, _names(connection, revoked), now), as_json=as_json)


def _names(connection: Connection, key: Key) -> dict[str, str]:
    return key_table(connection).owners.names({key.owner})


def _unknown(key_id: str, connection: Connection) -> click.ClickException:
    return click.ClickException(f"{connection.target.prefix} has no key {key_id}")


def _usage_error(error: ValidationError) -> click.UsageError:
    return click.UsageError("; ".join(f"{wrong['field']}: {wrong['rule']}" for wrong in field_errors(error)))


def _show(view: KeyView, *, as_json: bool) -> int:
    if as_json:
        print_json(_json(view))
    else:
        _print([view])
    return OK


def _json(view: KeyView) -> dict[str, Any]:
    return view.model_dump(mode="json", exclude_none=True)


def _print(views: Sequence[KeyView]) -> None:
    table = new_table(
        "=key id", "owner", "=owner id", "name", "scopes", "limit", "priority", "status", "expires", "last used"
    )
    for view in views:
        table.add_row(
            view.key_id,
            view.owner,
            view.owner_id,
            Text(view.name),
            " ".join(view.scopes),
            f"{view.limit} per {view.window_seconds} s",
            view.priority,
            view.status,
            f"{view.expires_at:%Y-%m-%d}" if view.expires_at else "never",
            f"{view.last_used_at:%Y-%m-%d %H:%M}" if view.last_used_at else "never",
        )
    console().print(table)
    for view in views:
        if isinstance(view, KeyWithText):
            click.echo(f"\n{view.key}\n\nStore this key now. Only its hash is kept, so it cannot be shown again.")
