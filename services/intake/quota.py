"""Rate limits: how many requests a key may make, in a sliding window that stays right when many callers race.

The window slides by two counters, this window's and the one's before: a third into this window, what counts is its own
requests and two thirds of the previous one's. One conditional write on the current counter decides. The previous
counter is closed before it is weighed: a writer that comes late, or whose clock does, is sent on to the window that
follows, so what was weighed stays true.

Blocks are given back and counted the same way, against a cap of their own: a fifth of the limit.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

REMEMBERED_KEYS: Final = 1000

Refusal = Literal["rate_limited", "too_many_blocked"]


@dataclass(frozen=True)
class Window:
    """One window of one key. ``start`` in seconds since the epoch, a multiple of the length, ``seconds``."""

    key_id: str
    start: int
    seconds: int

    def matters(self, now: float) -> bool:
        """Tell whether it still weighs in what a key may do."""
        return now < self.start + 2 * self.seconds


@dataclass(frozen=True)
class Tally:
    """What happened in a window so far."""

    count: int = 0
    blocked: int = 0
    closed: bool = False


class RateStore(Protocol):
    """The counters, one item a window."""

    def take(self, window: Window, most: int, most_blocked: int) -> tuple[bool, Tally]:
        """Count one request where the window is open, has fewer than ``most``, and fewer than ``most_blocked`` blocks.

        Returns whether it was counted, and the tally: with it, or the one that refused it.
        """

    def close(self, window: Window) -> Tally:
        """Let nothing be counted in ``window`` any more, and return its tally."""

    def give_back(self, window: Window, request_id: str, *, blocked: bool) -> None:
        """Take a request out of the count again, once; ``blocked`` counts it as a block instead."""


@dataclass(frozen=True)
class Verdict:
    """What the limiter said of one request."""

    window: Window
    policy: Literal["default", "blocked"]
    limit: int
    remaining: int
    seconds: int
    """Until the quota is whole again; after a refusal, until the next request has a chance."""
    refusal: Refusal | None = None

    @property
    def headers(self) -> dict[str, str]:
        """As in the IETF's draft (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/)."""
        told = policy_headers(self.limit, self.window.seconds, self.policy)
        told["RateLimit"] = f'"{self.policy}";r={self.remaining};t={self.seconds}'
        if self.refusal:
            told["Retry-After"] = str(self.seconds)
        return told


def policy_headers(limit: int, seconds: int, policy: str = "default") -> dict[str, str]:
    """Return the header that says what the limit is."""
    return {"RateLimit-Policy": f'"{policy}";q={limit};w={seconds}'}


class RateLimiter:
    """Decides; remembers the closed windows it has seen, so that a request costs one write."""

    def __init__(self, store: RateStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._closed: dict[str, tuple[Window, Tally]] = {}

    def take(self, key_id: str, limit: int, seconds: int) -> Verdict:
        """Count a request of a key that may make ``limit`` of them in ``seconds``, or say why not."""
        now = self._clock()
        window = Window(key_id, int(now // seconds) * seconds, seconds)
        while True:
            before = self._before(window)
            elapsed = max(0, int((now - window.start) * 1000))
            most = room(limit, before.count, elapsed, seconds)
            most_blocked = room(blocked_limit(limit), before.blocked, elapsed, seconds)
            taken, tally = self._store.take(window, most, most_blocked)
            if taken:
                left = seconds - elapsed // 1000
                return Verdict(window, "default", limit, most - tally.count, max(1, left))
            if tally.closed:  # another container's clock is ahead
                window = Window(key_id, window.start + seconds, seconds)
                now = max(now, window.start)
            elif tally.count >= most:
                wait = seconds_until_room(limit, tally.count, before.count, elapsed, seconds)
                return Verdict(window, "default", limit, 0, wait, "rate_limited")
            else:
                cap = blocked_limit(limit)
                wait = seconds_until_room(cap, tally.blocked, before.blocked, elapsed, seconds)
                return Verdict(window, "blocked", cap, 0, wait, "too_many_blocked")

    def give_back(self, window: Window, request_id: str, *, blocked: bool) -> None:
        """Give a request back where that still makes a difference."""
        if window.matters(self._clock()):
            self._store.give_back(window, request_id, blocked=blocked)

    def _before(self, window: Window) -> Tally:
        previous = Window(window.key_id, window.start - window.seconds, window.seconds)
        known = self._closed.get(window.key_id)
        if known and known[0] == previous:
            return known[1]
        tally = self._store.close(previous)
        if len(self._closed) >= REMEMBERED_KEYS:
            self._closed.clear()
        self._closed[window.key_id] = previous, tally
        return tally


def blocked_limit(limit: int) -> int:
    """Return how many requests of a key may be rejected in a window before no more are taken."""
    return max(5, limit // 5)


def room(limit: int, before: int, elapsed_ms: int, seconds: int) -> int:
    """Return how many the current window may hold, ``elapsed_ms`` into it, after ``before`` in the previous one."""
    window = seconds * 1000
    return (limit * window - before * max(0, window - elapsed_ms)) // window


def seconds_until_room(limit: int, count: int, before: int, elapsed_ms: int, seconds: int) -> int:
    """Return when the next one has a chance, if nothing else happens until then."""
    window = seconds * 1000
    if limit < 1:
        return 2 * seconds
    if count < limit:  # as soon as the previous window weighs little enough
        wait = window - (limit - count - 1) * window // before - elapsed_ms
    else:  # in the next window, where today's count is the previous one
        wait = window - elapsed_ms + window - (limit - 1) * window // count
    return max(1, -(-wait // 1000))
