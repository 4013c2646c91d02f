"""Making, listing, rotating and revoking keys: one logic behind the command line and the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.accounts.keys import Key, Status, digest_of, new_key_id, new_text

if TYPE_CHECKING:  # the authorizer, which is in everybody's way, makes do without the API's models
    from services.accounts.parameters import NewKey


class NotActiveError(Exception):
    """The key expired or was revoked, and only an active one can be rotated."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"the key is {status}")
        self.status = status


@dataclass(frozen=True)
class KeyPage:
    """Keys in the order in which they were made, newest first, without their hashes."""

    keys: Sequence[Key]
    last: str | None
    """Where the next page begins; None on the last page."""


class KeyStore(Protocol):
    """Where keys are kept."""

    def add(self, key: Key) -> None:
        """Keep a new key. Raises ``KeyError`` where its id is taken."""

    def rotate(self, key_id: str, digest: str, previous_until: datetime | None, now: datetime) -> Key:
        """Replace the hash, keeping the old one until ``previous_until`` (None: not at all); return the key.

        Raises ``KeyError`` for an unknown key, ``NotActiveError`` for one that does not work at ``now``.
        """

    def revoke(self, key_id: str, now: datetime) -> Key:
        """Keep that the key was revoked, once: the first time counts. Raises ``KeyError`` for an unknown key."""

    def page(self, limit: int, after: str | None) -> KeyPage:
        """Return at most ``limit`` keys that come after ``after``, a page's ``last``."""


def create(store: KeyStore, wanted: "NewKey", hash_secret: bytes, now: datetime) -> tuple[Key, str]:
    """Make a key and return it with its text, which cannot be told again."""
    key_id = new_key_id()
    text = new_text(key_id)
    key = Key(
        key_id=key_id,
        digest=digest_of(text, hash_secret),
        owner=wanted.owner,
        name=wanted.name,
        scopes=tuple(sorted(set(wanted.scopes))),
        limit=wanted.limit,
        window=wanted.window_seconds,
        created_at=now,
        expires_at=now + timedelta(days=wanted.expires_in_days) if wanted.expires_in_days else None,
    )
    store.add(key)
    return key, text


def rotate(store: KeyStore, key_id: str, grace_seconds: int, hash_secret: bytes, now: datetime) -> tuple[Key, str]:
    """Give a key a new text and return both. Owner, scopes, limits and expiry stay.

    Raises ``KeyError`` for an unknown key, ``NotActiveError`` for one that no longer works.
    """
    text = new_text(key_id)
    until = now + timedelta(seconds=grace_seconds) if grace_seconds else None
    return store.rotate(key_id, digest_of(text, hash_secret), until, now), text
