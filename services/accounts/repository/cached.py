"""Copies of preferences in the cache. The table has them as well, and is written first (ADR 42).

accounts:preferences:<owner id>  revision, and the preferences as JSON; empty after an erasure
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from kit.cache import Cache, CacheUnavailableError
from kit.clock import Clock
from services.accounts.owners import PreferenceStore

SECONDS: Final = 60
"""For which a copy is used at most. Longer than a function runs: after an erasure, it keeps late copies out as long."""
ERASED: Final = 2**53
"""A revision that is higher than that of any preferences, and that Lua still represents exactly."""
COPY: Final = """
local revision, preferences, seconds = unpack(ARGV)
local known = redis.call('HGET', KEYS[1], 'revision')
if known and tonumber(known) > tonumber(revision) then return 0 end
redis.call('HSET', KEYS[1], 'revision', revision, 'preferences', preferences)
redis.call('EXPIRE', KEYS[1], seconds)
return 1
"""
"""A reader that is late does not replace what a later writer copied."""


def _key(owner_id: str) -> str:
    return f"accounts:preferences:{owner_id}"


def _copy(cache: Cache, owner_id: str, revision: int, preferences: str) -> None:
    """Copy preferences, unless a later revision is there. Raises ``CacheUnavailableError``."""
    cache.call(lambda client: client.eval(COPY, 1, _key(owner_id), str(revision), preferences, str(SECONDS)))


class CachedPreferences:
    """The preferences. Implements ``PreferenceStore``."""

    def __init__(self, cache: Cache, table: PreferenceStore) -> None:
        self._cache = cache
        self._table = table

    def preferences(self, owner_id: str) -> tuple[dict[str, Any], int]:
        """Return an owner's preferences as plain values with their revision: empty and 0 if none are set."""
        with suppress(CacheUnavailableError):
            preferences, revision = self._cache.call(
                lambda client: client.hmget(_key(owner_id), ["preferences", "revision"])
            )
            if preferences and revision:
                return json.loads(preferences), int(revision)
        found = self._table.preferences(owner_id)
        self._keep(owner_id, *found)
        return found

    def replace_preferences(self, owner_id: str, wanted: Mapping[str, Any], revision: int | None) -> int:
        """Replace an owner's preferences if they are at ``revision`` (None: at any).

        Returns the new revision. Raises ``StaleError`` or ``UnknownOwnerError``.
        """
        written = self._table.replace_preferences(owner_id, wanted, revision)
        self._keep(owner_id, wanted, written)
        return written

    def _keep(self, owner_id: str, preferences: Mapping[str, Any], revision: int) -> None:
        with suppress(CacheUnavailableError):  # an older copy expires
            _copy(self._cache, owner_id, revision, json.dumps(preferences))


class PreferenceCopies:
    """The copies, for an erasure. Implements ``erasure.PreferenceErasure``."""

    def __init__(self, cache: Cache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    def delete(self, owner_id: str) -> datetime | None:
        """Delete the copy, and keep late ones out. Return when it expires if the cache is unavailable, else None."""
        try:
            _copy(self._cache, owner_id, ERASED, "")
        except CacheUnavailableError:
            return self._clock.now() + timedelta(seconds=SECONDS)
        return None
