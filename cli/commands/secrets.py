"""`secrets`: the keys of an installation that hash, sign and derive, and their versions."""

import secrets as random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Final
from uuid import UUID, uuid5

import click
from botocore.exceptions import BotoCoreError, ClientError

from cli import edge_key
from cli.connection import Connection
from cli.console import console, new_table, print_json
from cli.options import EXIT_CODES, OK, acting, bare, on_target
from kit.errors import error_code
from kit.keyring import Keyring, SecretVersion
from kit.secrets import ACTIVATION, REFRESH_SECONDS
from kit.signed_urls import EXPIRES_SECONDS
from kit.trail import Action, recorded
from services.accounts import edge
from services.accounts.repository.keys import KeyTable
from services.notifications.repository.webhooks import WebhookTable
from services.storage import image_link_keys
from services.storage.certificates import read_certificate

KEY_BYTES: Final = 48
CREDENTIALS: Final = "storage-content-credentials"
NEXT: Final = UUID("6f1c8d6e-0c0f-5a53-9d0a-5d0c3b0f6a51")
"""Namespace of the ids of values that replace another value."""
Uses = Mapping[int, int]


@dataclass(frozen=True)
class Kind:
    """What depends on a secret."""

    uses: Callable[[Connection, datetime], Uses] | None
    """Counts what needs each version. None if nothing stops working without it."""
    unit: str = ""
    after_rotation: str = ""
    activation: timedelta = ACTIVATION
    """Time until everything that needs a new version knows it."""
    announce: Callable[[Connection, Keyring], Keyring] = lambda _connection, keyring: keyring
    """Publishes the new version before it is stored, and returns the keyring to store."""
    withdraw: Callable[[Connection, Keyring], None] = lambda _connection, _keyring: None
    """Removes what is published of versions that are not in the stored keyring."""
    in_use_until: Callable[[Keyring, int, datetime], datetime | None] = lambda _keyring, _version, _now: None
    """Returns until when something is valid that a replaced version has made."""
    exists_with: str = ""
    """The parameter without which the installation does not have the secret. Empty if it always has it."""


def _keys(connection: Connection, now: datetime) -> Uses:
    return KeyTable(connection.client("dynamodb"), connection.target.accounts_table).secret_uses(now)


def _webhooks(connection: Connection, now: datetime) -> Uses:
    return WebhookTable(connection.client("dynamodb"), connection.target.notifications_table).master_uses(now)


def _announce_link_keys(connection: Connection, keyring: Keyring) -> Keyring:
    """Send the public keys to CloudFront. Without a CDN, CloudFront knows no version and needs none."""
    return _link_keys(connection).add(keyring).keyring if _is_published(keyring) else keyring


def _withdraw_link_keys(connection: Connection, keyring: Keyring) -> None:
    if _is_published(keyring):
        _link_keys(connection).publish(keyring)


def _link_keys(connection: Connection) -> image_link_keys.LinkKeys:
    return image_link_keys.LinkKeys(connection.client("cloudfront"), connection.target.prefix)


def _is_published(keyring: Keyring) -> bool:
    return any(each.public_key_id for each in keyring.versions)


def _announce_edge_key(connection: Connection, keyring: Keyring) -> Keyring:
    _publish_edge_key(connection, keyring)
    return keyring


def _publish_edge_key(connection: Connection, keyring: Keyring) -> None:
    """Send all versions to CloudFront, which sends them with every call."""
    distribution = connection.output("WebDistributionId")
    try:
        if distribution is None:
            raise LookupError(distribution)
        edge_key.send(connection.client("cloudfront"), distribution, keyring)
    except LookupError as error:
        raise click.ClickException("The stack has no CDN in front of the API. Deploy it with Edge=on first.") from error


KINDS: Final = {
    "accounts-key-hashing": Kind(_keys, "API keys", "A key moves to the new version when it is used, within an hour."),
    "accounts-edge-key": Kind(
        None,
        after_rotation="CloudFront sends both versions. Retire the old one when the new one is current.",
        activation=edge.ACTIVATION,
        announce=_announce_edge_key,
        withdraw=_publish_edge_key,
        exists_with="Edge=on",
    ),
    "notifications-webhook-master": Kind(
        _webhooks, "webhooks", "A webhook moves to the new version when its owner rotates its secret: ask the owners."
    ),
    "storage-prompt-hash-key": Kind(None, after_rotation="Hashes name their version. Those in stored files stay."),
    CREDENTIALS: Kind(
        None,
        after_rotation="Files that an older version has signed stay valid. Retire it if its key leaked: "
        "its files then count as signed by somebody else.",
    ),
    "storage-image-link-key": Kind(
        None,
        after_rotation=f"Links are valid for {EXPIRES_SECONDS // 60} minutes. Retire the old version after that.",
        activation=image_link_keys.ACTIVATION,
        announce=_announce_link_keys,
        withdraw=_withdraw_link_keys,
        in_use_until=image_link_keys.links_end,
    ),
}
"""Every secret, by its name without the prefix."""

name_argument = click.argument("name", type=click.Choice(list(KINDS)))


@click.group("secrets", invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def secrets(context: click.Context) -> Any:
    """List, rotate and retire the secrets of an installation."""
    return bare(list_, context) if context.invoked_subcommand is None else None


@secrets.command("list", epilog=EXIT_CODES)
@on_target
def list_(connection: Connection, *, as_json: bool) -> int:
    """List the versions of every secret and how much depends on each. Keys themselves are never shown."""
    now = datetime.now(UTC)
    rings = {name: found[1] for name in KINDS if (found := _find(connection, name))}
    rows = [row for name, ring in rings.items() for row in _rows(name, ring, _uses(connection, name, now), now)]
    if as_json:
        print_json(rows)
        return OK
    table = new_table("=secret", "version", "state", "active from", "needed by")
    for row in rows:
        table.add_row(row["secret"], str(row["version"]), row["state"], row["active_from"] or "", _needed_by(row))
    console().print(table)
    return OK


@secrets.command(epilog=EXIT_CODES)
@name_argument
@click.option("--now", "at_once", is_flag=True, help="Use the new version at once. See the runbook before.")
@click.option(
    "--certificate",
    type=click.File("rb"),
    help=f"Of {CREDENTIALS}: a PEM file with a private key, its certificate and the certificates of its issuers.",
)
@acting
@on_target
def rotate(
    connection: Connection,
    *,
    name: str,
    at_once: bool,
    certificate: IO[bytes] | None,
    operator: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Add a new version to the secret NAME. It is used in ten minutes, when every function knows it.

    A version of storage-image-link-key or accounts-edge-key is used in an hour, when CloudFront has it everywhere.
    Older versions remain valid until you retire them.
    """
    key = random.token_urlsafe(KEY_BYTES).encode() if certificate is None else _certificate(name, certificate.read())
    now, (base, keyring) = datetime.now(UTC), _read(connection, name)
    if (newest := keyring.versions[-1]) != keyring.current(now):
        raise click.ClickException(
            f"Version {newest.number} of {name} is not active before {newest.active_from:%Y-%m-%d %H:%M:%S} UTC. "
            f"Rotate again after that, or retire version {newest.number} first."
        )
    active_from = now if at_once else now + KINDS[name].activation
    rotated = keyring.rotated(key, active_from)
    _confirm(f"Add version {rotated.versions[-1].number} to {name}?", yes=yes)
    with _recorded(connection, name, operator, "secret rotate", rotated.versions[-1].number):
        rotated = KINDS[name].announce(connection, rotated)
        _store(connection, name, base, rotated)
    proof = _overlap(connection, name, rotated)
    return _report(connection, name, rotated, f"{KINDS[name].after_rotation}\n{proof}", as_json=as_json)


@secrets.command(epilog=EXIT_CODES)
@name_argument
@click.argument("version", type=int)
@click.option("--force", is_flag=True, help="Retire it although keys, webhooks or links need it. They stop working.")
@acting
@on_target
def retire(
    connection: Connection, *, name: str, version: int, force: bool, operator: str | None, yes: bool, as_json: bool
) -> int:
    """Delete a version of the secret NAME. Every function forgets it within five minutes. This cannot be undone."""
    now, (base, keyring) = datetime.now(UTC), _read(connection, name)
    if keyring.get(version) is None:
        KINDS[name].withdraw(connection, keyring)  # a retirement may have been interrupted here
        raise click.ClickException(
            f"{name} has no version {version} any more, or never had. `secrets list` shows its versions."
        )
    if keyring.current(now).number == version:
        raise click.ClickException(f"Version {version} is the current one. Run `secrets rotate {name}` first.")
    needed = _uses(connection, name, now).get(version, 0)
    if needed and not force:
        raise click.ClickException(
            f"{needed} {KINDS[name].unit} need version {version}. {KINDS[name].after_rotation} "
            "With --force, they stop working."
        )
    until = KINDS[name].in_use_until(keyring, version, now)
    if until and until > now and not force:
        raise click.ClickException(
            f"Links that version {version} has signed are valid until {until:%H:%M:%S} UTC. "
            "With --force, they stop working."
        )
    _confirm(f"Delete version {version} of {name}?", yes=yes)
    with _recorded(connection, name, operator, "secret retire", version):
        _store(connection, name, base, keyring.without(version))
        KINDS[name].withdraw(connection, keyring.without(version))
    done = f"Functions forget it within {REFRESH_SECONDS // 60} minutes."
    return _report(connection, name, keyring.without(version), done, as_json=as_json)


def _overlap(connection: Connection, name: str, rotated: Keyring) -> str:
    """Read a secret back after its rotation, and return in words that the old and the new version are valid.

    Raise ``ClickException`` if it is not what was stored, such as without a version that something still needs.
    """
    *_, old, new = rotated.versions
    if _read(connection, name)[1] != rotated:
        raise click.ClickException(
            f"Secrets Manager returns another value of {name} than was stored. Another command may have changed it. "
            "Look at `secrets list`, and retire nothing before you know why."
        )
    now = datetime.now(UTC)
    is_current = rotated.current(now) == new
    begins = "now" if is_current else f"from {new.active_from:%Y-%m-%d %H:%M:%S} UTC on"
    return f"Read back: version {new.number} is current {begins}, version {old.number} stays valid."


def _certificate(name: str, text: bytes) -> bytes:
    """Return a PEM file that can be a version of a secret."""
    if name != CREDENTIALS:
        raise click.UsageError(f"--certificate is for {CREDENTIALS} only. The keys of {name} are random.")
    try:
        read_certificate(text)
    except ValueError as error:
        raise click.ClickException(f"--certificate: {error}.") from error
    return text


def _read(connection: Connection, name: str) -> tuple[str, Keyring]:
    """Return what ``_find`` does, of a secret that the installation must have."""
    found = _find(connection, name)
    if found is None:
        raise click.ClickException(
            f"The installation has no secret {name}. It has one if it is deployed with {KINDS[name].exists_with}."
        )
    return found


def _find(connection: Connection, name: str) -> tuple[str, Keyring] | None:
    """Return the keyring of a secret, and the id of the value that it was read from.

    None if the installation has no such secret because of its parameters.
    """
    try:
        answer = connection.client("secretsmanager").get_secret_value(SecretId=connection.target.secret(name))
    except ClientError as error:
        if KINDS[name].exists_with and error_code(error) == "ResourceNotFoundException":
            return None
        raise
    return answer["VersionId"], Keyring.parse(answer["SecretString"])


def _store(connection: Connection, name: str, base: str, keyring: Keyring) -> None:
    """Replace the value ``base`` of a secret.

    The id of the new value follows from that of the old one. Secrets Manager refuses a second value with the same id,
    so of two commands at once one stores its version and the other one stores nothing.
    """
    client = connection.client("secretsmanager")
    try:
        client.put_secret_value(
            SecretId=connection.target.secret(name),
            SecretString=keyring.to_text(),
            ClientRequestToken=str(uuid5(NEXT, base)),
        )
    except client.exceptions.ResourceExistsException as error:
        raise click.ClickException(
            f"{name} was changed by another command at the same time. Nothing was stored. Look at `secrets list` first."
        ) from error


@contextmanager
def _recorded(connection: Connection, name: str, operator: str | None, verb: str, version: int) -> Iterator[None]:
    """Write the change to the audit trail, and say how to go on if it is interrupted."""
    about: dict[str, str | None] = {"secret": name, "version": str(version)}
    action = Action.begin(connection.operator(operator), verb, about=about, count=1)
    try:
        with recorded(connection.trail(), action) as outcomes:
            yield
            outcomes["changed"] += 1
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(
            f"The {verb} of {name} was interrupted: {error}. All versions that `secrets list` shows are valid. "
            "Run the same command again."
        ) from error


def _uses(connection: Connection, name: str, now: datetime) -> Uses:
    count = KINDS[name].uses
    return {} if count is None else count(connection, now)


def _rows(name: str, keyring: Keyring, uses: Uses, now: datetime) -> list[dict[str, Any]]:
    counted = KINDS[name].uses is not None
    return [
        {
            "secret": name,
            "version": each.number,
            "state": _state(each, keyring.current(now)),
            "active_from": each.active_from.isoformat(timespec="seconds") if each.active_from else None,
            "needed_by": uses.get(each.number, 0) if counted else None,
        }
        for each in keyring.versions
    ]


def _state(version: SecretVersion, current: SecretVersion) -> str:
    if version.number == current.number:
        return "current"
    return "pending" if version.number > current.number else "valid"


def _needed_by(row: Mapping[str, Any]) -> str:
    return "" if row["needed_by"] is None else f"{row['needed_by']} {KINDS[row['secret']].unit}"


def _confirm(question: str, *, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True, err=True)


def _report(connection: Connection, name: str, keyring: Keyring, advice: str, *, as_json: bool) -> int:
    now = datetime.now(UTC)
    for row in _rows(name, keyring, _uses(connection, name, now), now):
        if as_json:
            print_json(row)
        else:
            console().print(f"{name} version {row['version']}: {row['state']}")
    if not as_json:
        console().print(advice)
    return OK
