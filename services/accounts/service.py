"""Create and rotate API keys, for the API and the command line."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from services.accounts.keys import Key, Status, digest_of, new_key_id, new_text
from services.accounts.owners import Owner, OwnerChangedError

if TYPE_CHECKING:  # the authorizer does not import the API's models
    from kit.callers import Priority
    from kit.keyring import SecretVersion
    from services.accounts.schemas import NewKey


ATTEMPTS: Final = 5
"""How often a key is created again because its owner was created or changed at the same time."""


class NotActiveError(Exception):
    """The key is expired or revoked, so it cannot be rotated."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"the key is {status}")
        self.status = status


@dataclass(frozen=True)
class KeyPage:
    """Keys, newest first, without their hashes."""

    keys: Sequence[Key]
    last: str | None
    """Position of the next page; None on the last one."""


class KeyStore(Protocol):
    """Stores keys."""

    def owner_named(self, name: str, now: datetime) -> Owner:
        """Return the owner with this name. If there is none, return a new one, which is not stored yet."""

    def add(self, key: Key, owner: Owner) -> None:
        """Store a new key, and its owner if that is new: both or nothing.

        Raises ``KeyError`` if the key's id exists, ``OwnerChangedError`` if ``owner`` is no longer what is stored.
        """

    def rotate(self, key_id: str, digest: str, previous_until: datetime | None, now: datetime) -> Key:
        """Replace the hash and keep the old one until ``previous_until``, if given; return the key.

        Raises ``KeyError`` if the key is unknown, ``NotActiveError`` if it is not active at ``now``.
        """

    def revoke(self, key_id: str, now: datetime) -> Key:
        """Revoke a key. A second call changes nothing. Raises ``KeyError`` if the key is unknown."""

    def set_priority(self, key_id: str, priority: "Priority") -> Key:
        """Change the priority of a key and return the key. Raises ``KeyError`` if the key is unknown."""

    def page(self, limit: int, after: str | None) -> KeyPage:
        """Return at most ``limit`` keys after the position ``after``."""


def create(store: KeyStore, wanted: "NewKey", hash_secret: "SecretVersion", now: datetime) -> tuple[Key, str]:
    """Create a key and return it with its text, which is not stored.

    Keys for the same name have the same owner, also if they are created at the same time.
    Raises ``OwnerChangedError`` if the owner changed during every attempt.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(OwnerChangedError):
            return _create(store, wanted, hash_secret, now)
    return _create(store, wanted, hash_secret, now)


def _create(store: KeyStore, wanted: "NewKey", hash_secret: "SecretVersion", now: datetime) -> tuple[Key, str]:
    key_id, owner = new_key_id(), store.owner_named(wanted.owner, now)
    text = new_text(key_id)
    key = Key(
        key_id=key_id,
        digest=digest_of(text, hash_secret),
        owner=owner.owner_id,
        name=wanted.name,
        scopes=tuple(sorted(set(wanted.scopes))),
        limit=wanted.limit,
        window=wanted.window_seconds,
        created_at=now,
        owner_changes=max(1, owner.changes),
        analytics_opt_out=owner.analytics_opt_out,
        agreed=owner.agreed,
        priority=wanted.priority,
        expires_at=now + timedelta(days=wanted.expires_in_days) if wanted.expires_in_days else None,
    )
    store.add(key, owner)
    return key, text


def rotate(
    store: KeyStore, key_id: str, grace_seconds: int, hash_secret: "SecretVersion", now: datetime
) -> tuple[Key, str]:
    """Give a key a new text and return both. Owner, scopes, limits, priority and expiry stay.

    Raises ``KeyError`` if the key is unknown, ``NotActiveError`` if it is not active.
    """
    text = new_text(key_id)
    until = now + timedelta(seconds=grace_seconds) if grace_seconds else None
    return store.rotate(key_id, digest_of(text, hash_secret), until, now), text
