"""Limits the calls of each API key, whatever their route: a token bucket per key, in memory.

Several execution environments run at the same time, and each has its own buckets, so the limit of the installation is
that of one environment times their number (ADR 13). In return, it costs no call of another service.
"""

import math
import time
from collections.abc import Callable
from typing import Final

from kit.token_buckets import TokenBuckets
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
        self._buckets = TokenBuckets(MAX_KEYS, clock)

    def seconds_to_wait(self, key: Key) -> int:
        """Count a call. Return 0 if it is allowed, otherwise the seconds until the next one is."""
        rate = calls_per_second(key)
        left = self._buckets.left(key.key_id, rate, rate * BURST_SECONDS)
        allowed = left >= 1
        self._buckets.take(key.key_id, allowed, rate, rate * BURST_SECONDS)
        return 0 if allowed else math.ceil((1 - left) / rate)


def calls_per_second(key: Key) -> float:
    """Return the calls per second that a key may make for a long time."""
    return max(MIN_PER_SECOND, CALLS_PER_REQUEST * key.limit / key.window)
