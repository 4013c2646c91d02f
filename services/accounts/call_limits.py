"""Limits the calls of each API key, whatever their route: a token bucket per key, in memory.

Several execution environments run at the same time, and each has its own buckets, so the limit of the installation is
that of one environment times their number (ADR 13). In return, it costs no call of another service.
"""

import math
import time
from collections.abc import Callable
from typing import Final

from services.accounts.keys import Key

MIN_PER_SECOND: Final = 10.0
"""Calls per second that every key may make. The web app needs about one."""
CALLS_PER_REQUEST: Final = 50
"""A key that may create many requests may also read them: calls per request that it may create."""
BURST_SECONDS: Final = 60
"""A full bucket holds the calls of a minute."""
MAX_KEYS: Final = 1000


class CallLimits:
    """Counts the calls of each key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        """Key id → the calls that were left at a time."""

    def seconds_to_wait(self, key: Key) -> int:
        """Count a call. Return 0 if it is allowed, otherwise the seconds until the next one is."""
        now, rate = self._clock(), calls_per_second(key)
        left, since = self._buckets.pop(key.key_id, (rate * BURST_SECONDS, now))
        left = min(rate * BURST_SECONDS, left + (now - since) * rate)
        allowed = left >= 1
        if len(self._buckets) >= MAX_KEYS:
            del self._buckets[next(iter(self._buckets))]  # the key that has not called for the longest time
        self._buckets[key.key_id] = (left - allowed, now)
        return 0 if allowed else math.ceil((1 - left) / rate)


def calls_per_second(key: Key) -> float:
    """Return the calls per second that a key may make for a long time."""
    return max(MIN_PER_SECOND, CALLS_PER_REQUEST * key.limit / key.window)
