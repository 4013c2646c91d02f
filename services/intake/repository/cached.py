"""Rate limits and average durations in the cache. While it is unavailable, the request table has them (ADR 42)."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from kit.cache import Cache, CacheUnavailableError
from services.intake.durations import PERIOD, DurationStore
from services.intake.models import Window
from services.intake.quota import RateStore, WindowCounts
from services.intake.repository.rates import MAX_REFUNDS, SUFFIX

DURATIONS: Final = "intake:durations"
COUNTERS: Final = """
local function counters()
    local count, blocked, closed = unpack(redis.call('HMGET', KEYS[1], 'count', 'blocked', 'closed'))
    return {tonumber(count or 0), tonumber(blocked or 0), closed and 1 or 0}
end
"""
INCREMENT: Final = f"""{COUNTERS}
local images, max_count, max_blocked, seconds = unpack(ARGV)
local found = counters()
if found[3] == 1 or found[1] >= tonumber(max_count) or found[2] >= tonumber(max_blocked) then
    return {{0, found}}
end
redis.call('HINCRBY', KEYS[1], 'count', images)
redis.call('EXPIRE', KEYS[1], seconds)
return {{1, counters()}}
"""
CLOSE: Final = f"""{COUNTERS}
redis.call('HSET', KEYS[1], 'closed', 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return counters()
"""
REFUND: Final = """
local images, request, blocked, most = unpack(ARGV)
local count, refunds = unpack(redis.call('HMGET', KEYS[1], 'count', 'refunds'))
if not count or tonumber(count) < tonumber(images) then return 0 end
if tonumber(refunds or 0) >= tonumber(most) then return 1 end
if redis.call('HSETNX', KEYS[1], 'refunded:' .. request, 1) == 0 then return 1 end
redis.call('HINCRBY', KEYS[1], 'count', -images)
redis.call('HINCRBY', KEYS[1], 'refunds', 1)
redis.call('HINCRBY', KEYS[1], 'blocked', blocked)
return 1
"""


class CachedRates:
    """The counters of rate limits. Implements ``RateStore``.

    Each image is counted in the cache or in the table. So if the cache fails, or loses its data, within a window, a key
    may get up to its limit again, never more. A call that timed out may have counted twice, until the window ends.
    """

    def __init__(self, cache: Cache, table: RateStore) -> None:
        self._cache = cache
        self._table = table

    def increment(self, window: Window, images: int, max_count: int, max_blocked: int) -> tuple[bool, WindowCounts]:
        """Count images; see ``RateStore.increment``."""
        try:
            counted, counts = self._run(INCREMENT, window, images, max_count, max_blocked, _lifetime(window))
        except CacheUnavailableError:
            return self._table.increment(window, images, max_count, max_blocked)
        return counted == 1, _counts(counts)

    def close(self, window: Window) -> WindowCounts:
        """Close a window and return its final counts."""
        try:
            return _counts(self._run(CLOSE, window, _lifetime(window)))
        except CacheUnavailableError:
            return self._table.close(window)

    def refund(self, window: Window, request_id: str, images: int, *, blocked: bool) -> None:
        """Subtract the images of a request from the count, once per request. ``blocked``: count it as blocked.

        If the cache has not counted as many, it was unavailable then, or has lost its data since: the table may have.
        """
        try:
            has_counted = self._run(REFUND, window, images, request_id[-SUFFIX:], int(blocked), MAX_REFUNDS)
        except CacheUnavailableError:
            has_counted = 0
        if not has_counted:
            self._table.refund(window, request_id, images, blocked=blocked)

    def _run(self, script: str, window: Window, *arguments: int | str) -> Any:
        key = f"intake:rate:{window.key_id}:{window.start}"
        return self._cache.call(lambda client: client.eval(script, 1, key, *map(str, arguments)))


class CachedDurations:
    """The average durations. Implements ``DurationStore``. A copy in the cache saves the reads of the table."""

    def __init__(self, cache: Cache, table: DurationStore) -> None:
        self._cache = cache
        self._table = table

    def read(self) -> Mapping[str, float]:
        """Return the average seconds of each model."""
        try:
            copy = self._cache.call(lambda client: client.get(DURATIONS))
        except CacheUnavailableError:
            return self._table.read()
        if copy is None:
            averages = self._table.read()
            copy = json.dumps(averages)
            self._change(lambda client: client.set(DURATIONS, copy, ex=int(PERIOD)))
            return averages
        found: Mapping[str, float] = json.loads(copy)
        return found

    def write(self, averages: Mapping[str, float]) -> None:
        """Write averages; those of other models stay."""
        self._table.write(averages)
        self._change(lambda client: client.delete(DURATIONS))

    def _change(self, command: Callable[[Any], Any]) -> None:
        with suppress(CacheUnavailableError):  # a copy that is out of date expires
            self._cache.call(command)


def _lifetime(window: Window) -> int:
    """Return the seconds from a write on after which the window is certainly not relevant any more."""
    return 2 * window.seconds


def _counts(found: list[int]) -> WindowCounts:
    count, blocked, closed = found
    return WindowCounts(count, blocked, closed == 1)
