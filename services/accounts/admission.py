"""The authorizer's decision: who is calling with this key, or why nobody is."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.accounts.keys import Key, Refusal, digest_of, key_id_of

CACHE_SECONDS: Final = 30.0
"""How long a container trusts what it read of a key: half of the minute in which a revocation has to work."""
CACHED_MAX: Final = 1000
USE_NOTED_EVERY: Final = timedelta(hours=1)


class KeySource(Protocol):
    """Where keys are read."""

    def find(self, key_id: str) -> Key | None:
        """Return the key as it is now, None where there is none."""

    def note_use(self, key_id: str, at: datetime, unless_since: datetime) -> None:
        """Keep ``at`` as the last use, unless one since ``unless_since`` is kept already."""


class RefusedError(Exception):
    """Nobody is let in with this. ``key_id`` where the text had one."""

    def __init__(self, reason: Refusal, key_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.key_id = reason, key_id


def presented_key(headers: Mapping[str, str]) -> str | None:
    """Return the key that a request brings: ``x-api-key``, or ``Authorization: Bearer``. None where it has neither."""
    found = {name.lower(): value for name, value in headers.items()}
    if "x-api-key" in found:
        return found["x-api-key"].strip()
    scheme, _, credentials = found.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None


class Gate:
    """Admits keys, and remembers what it read of each for ``CACHE_SECONDS``.

    The record is remembered, not the verdict: a wrong secret for a known key costs no read and takes as long as the
    right one. Keys that do not exist are not remembered, so a new one works at once.
    """

    def __init__(
        self, keys: KeySource, hash_secret: Callable[[], bytes], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = keys
        self._hash_secret = hash_secret
        self._clock = clock
        self._cached: dict[str, tuple[float, Key]] = {}

    def admit(self, text: str | None, now: datetime) -> Key:
        """Return the key that ``text`` is. Raises ``RefusedError``."""
        if not text:
            raise RefusedError("missing")
        key_id = key_id_of(text)
        if key_id is None:
            raise RefusedError("malformed")
        digest = digest_of(text, self._hash_secret())
        key = self._find(key_id)
        if key is None:
            raise RefusedError("unknown", key_id)
        reason = key.refusal(digest, now)
        if reason is not None:
            raise RefusedError(reason, key_id)
        return key

    def note_use(self, key: Key, now: datetime) -> None:
        """Keep that ``key`` was used, at most once an hour: a read must not become a write."""
        since = now - USE_NOTED_EVERY
        if key.last_used_at is not None and key.last_used_at > since:
            return
        if key.key_id in self._cached:  # before the write: one that fails is not tried again with every request
            until, _ = self._cached[key.key_id]
            self._cached[key.key_id] = (until, replace(key, last_used_at=now))
        self._keys.note_use(key.key_id, now, unless_since=since)

    def _find(self, key_id: str) -> Key | None:
        at = self._clock()
        until, key = self._cached.get(key_id, (at, None))
        if key is not None and at < until:
            return key
        key = self._keys.find(key_id)
        self._cached.pop(key_id, None)
        if key is not None:
            if len(self._cached) >= CACHED_MAX:
                del self._cached[next(iter(self._cached))]  # the one read longest ago
            self._cached[key_id] = (at + CACHE_SECONDS, key)
        return key
