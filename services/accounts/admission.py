"""The authorizer's decision: the key of a call, or the reason for a refusal."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from kit.keyring import Keyring
from services.accounts.keys import Key, Refusal, key_id_of

CACHE_SECONDS: Final = 30.0
"""Seconds for which a container caches a key: half of the minute in which a revocation must take effect."""
CACHED_MAX: Final = 1000
USE_RECORDED_EVERY: Final = timedelta(hours=1)


class KeySource(Protocol):
    """Reads keys."""

    def find(self, key_id: str) -> Key | None:
        """Return the current state of a key, or None if it is unknown."""

    def note_use(self, key: Key, at: datetime, unless_since: datetime, new_digest: str | None) -> None:
        """Record ``at`` as the last use, unless one after ``unless_since`` is recorded.

        With ``new_digest``, it replaces the digest of ``key`` in the same write.
        """


class RefusedError(Exception):
    """The key is refused. ``key_id`` is None if its text had none."""

    def __init__(self, reason: Refusal, key_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.key_id = reason, key_id


def presented_key(headers: Mapping[str, str]) -> str | None:
    """Return the key in ``x-api-key`` or ``Authorization: Bearer``, or None without either."""
    found = {name.lower(): value for name, value in headers.items()}
    if "x-api-key" in found:
        return found["x-api-key"].strip()
    scheme, _, credentials = found.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None


class Gate:
    """Admits keys, and caches each record for ``CACHE_SECONDS``.

    The record is cached, not the decision: a wrong secret for a known key needs no read and takes as long as the right
    one. Unknown keys are not cached, so a new key works immediately.
    """

    def __init__(
        self,
        keys: KeySource,
        hash_secrets: Callable[[], Keyring],
        clock: Callable[[], float] = time.monotonic,
        is_reusable: Callable[[Key], bool] = lambda _: True,
    ) -> None:
        """``is_reusable``: whether a cached record may be used. It is read again otherwise."""
        self._keys = keys
        self._is_reusable = is_reusable
        self._hash_secrets = hash_secrets
        self._clock = clock
        self._cached: dict[str, tuple[float, Key]] = {}

    def admit(self, text: str | None, now: datetime) -> Key:
        """Return the key with this text. Raises ``RefusedError``."""
        if not text:
            raise RefusedError("missing")
        key_id = key_id_of(text)
        if key_id is None:
            raise RefusedError("malformed")
        key = self._find(key_id)
        if key is None:
            raise RefusedError("unknown", key_id)
        reason = key.refusal(text, self._hash_secrets(), now)
        if reason is not None:
            raise RefusedError(reason, key_id)
        return key

    def note_use(self, key: Key, text: str, now: datetime) -> None:
        """Record the use of ``key``, at most once per hour, so that reads do not become writes.

        The same write moves the key's digest to the current secret.
        """
        since = now - USE_RECORDED_EVERY
        if key.last_used_at is not None and key.last_used_at > since:
            return
        if key.key_id in self._cached:  # before the write, so that a failing one is not repeated with every request
            until, _ = self._cached[key.key_id]
            self._cached[key.key_id] = (until, replace(key, last_used_at=now))
        self._keys.note_use(key, now, since, key.new_digest(text, self._hash_secrets(), now))

    def _find(self, key_id: str) -> Key | None:
        at = self._clock()
        until, key = self._cached.get(key_id, (at, None))
        if key is not None and at < until and self._is_reusable(key):
            return key
        key = self._keys.find(key_id)
        self._cached.pop(key_id, None)
        if key is not None:
            if len(self._cached) >= CACHED_MAX:
                del self._cached[next(iter(self._cached))]  # the oldest entry
            self._cached[key_id] = (at + CACHE_SECONDS, key)
        return key
