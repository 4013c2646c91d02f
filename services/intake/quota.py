"""Rate limits per API key: a sliding-window counter of images. A request counts as many as it asks for.

The algorithm is described at https://blog.cloudflare.com/counting-things-a-lot-of-different-things/. Time is divided
into fixed windows. A third into the current window, the sliding window holds the images of the current one and about
two thirds of the images of the previous one:

    estimate = current count + previous count * share of the previous window that the sliding window still covers

Two properties make the limit exact although many containers count at once:

- One conditional write on the current counter decides and counts.
- The previous counter is closed before it is read. A writer that is late, or whose clock is, finds its window closed
  and counts in the next one. So the previous count never changes after it was used.

A rejected request is also counted as blocked, and its images are refunded if they were not generated. Blocked requests
have a limit of their own, a fifth of the key's limit.
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

from kit.clock import Clock
from kit.quotas import blocked_limit
from services.intake.models import Window

REMEMBERED_KEYS: Final = 1000

Refusal = Literal["rate_limited", "too_many_blocked"]


@dataclass(frozen=True)
class WindowCounts:
    """The counters of a window."""

    count: int = 0
    """Images that count against the limit."""
    blocked: int = 0
    """Requests that were rejected."""
    closed: bool = False
    """Nothing is counted in this window any more."""


class RateStore(Protocol):
    """The counters, one item per window."""

    def increment(self, window: Window, images: int, max_count: int, max_blocked: int) -> tuple[bool, WindowCounts]:
        """Count ``images``, if the window is open and has less than ``max_count`` images and ``max_blocked`` requests.

        Return whether they were counted, and the counts: after the increment, or those that prevented it.
        """

    def close(self, window: Window) -> WindowCounts:
        """Close a window and return its final counts."""

    def refund(self, window: Window, request_id: str, images: int, *, blocked: bool) -> None:
        """Subtract the images of a request from the count, once per request. ``blocked``: count it as blocked."""


@dataclass(frozen=True)
class Decision:
    """Whether a request is admitted, and the state of the quota."""

    window: Window
    policy: Literal["default", "blocked"]
    limit: int
    remaining: int
    reset_seconds: int
    """Until the window ends; after a refusal, until this request can be admitted."""
    refusal: Refusal | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/."""
        headers = policy_headers(self.limit, self.window.seconds, self.policy)
        headers["RateLimit"] = f'"{self.policy}";r={self.remaining};t={self.reset_seconds}'
        if self.refusal:
            headers["Retry-After"] = str(self.reset_seconds)
        return headers


def policy_headers(limit: int, seconds: int, policy: str = "default") -> dict[str, str]:
    """Return the header that states the limit."""
    return {"RateLimit-Policy": f'"{policy}";q={limit};w={seconds}'}


class RateLimiter:
    """Admits requests. It remembers the previous window of each key, so that a request costs one write."""

    def __init__(self, store: RateStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._closed: dict[str, tuple[Window, WindowCounts]] = {}

    def admit(self, key_id: str, limit: int, seconds: int, images: int = 1) -> Decision:
        """Count a request for ``images`` of a key that may have ``limit`` images per ``seconds``, or refuse it."""
        now = self._clock.now().timestamp()
        window = Window(key_id, int(now // seconds) * seconds, seconds)
        while True:
            previous = self._final_counts(window.previous)
            elapsed_ms = max(0, int((now - window.start) * 1000))
            max_count = capacity(limit - images + 1, previous.count, elapsed_ms, seconds)
            max_blocked = capacity(blocked_limit(limit), previous.blocked, elapsed_ms, seconds)
            counted, counts = self._store.increment(window, images, max_count, max_blocked)
            if counted:
                left = seconds - elapsed_ms // 1000
                remaining = max_count + images - 1 - counts.count
                return Decision(window, "default", limit, remaining, max(1, left))
            if counts.closed:  # the clock of another container is ahead
                window = window.next
                now = max(now, window.start)
            elif counts.count >= max_count:
                wait = seconds_until_capacity(limit - images + 1, counts.count, previous.count, elapsed_ms, seconds)
                remaining = max(0, max_count + images - 1 - counts.count)
                return Decision(window, "default", limit, remaining, wait, "rate_limited")
            else:
                limit = blocked_limit(limit)
                wait = seconds_until_capacity(limit, counts.blocked, previous.blocked, elapsed_ms, seconds)
                return Decision(window, "blocked", limit, 0, wait, "too_many_blocked")

    def refund(self, window: Window, request_id: str, images: int = 1, *, blocked: bool = False) -> None:
        """Refund the images of a request, if its window is still relevant. ``blocked``: count it as blocked."""
        if window.is_relevant(self._clock.now().timestamp()):
            self._store.refund(window, request_id, images, blocked=blocked)

    def _final_counts(self, window: Window) -> WindowCounts:
        known = self._closed.get(window.key_id)
        if known and known[0] == window:
            return known[1]
        counts = self._store.close(window)
        if len(self._closed) >= REMEMBERED_KEYS:
            self._closed.clear()
        self._closed[window.key_id] = window, counts
        return counts


def capacity(limit: int, previous: int, elapsed_ms: int, seconds: int) -> int:
    """Return how many images the current window may hold, ``elapsed_ms`` after its start.

    ``previous`` is the count of the previous window; the part of it that is still covered is subtracted.
    """
    window_ms = seconds * 1000
    return (limit * window_ms - previous * max(0, window_ms - elapsed_ms)) // window_ms


def seconds_until_capacity(limit: int, count: int, previous: int, elapsed_ms: int, seconds: int) -> int:
    """Return the seconds until one more image can be admitted, if none is requested until then."""
    window_ms = seconds * 1000
    if limit < 1:
        return 2 * seconds
    if count < limit:  # in this window, once little enough of the previous one is covered
        wait_ms = window_ms - (limit - count - 1) * window_ms // previous - elapsed_ms
    else:  # in the next window, whose previous count is the current one
        wait_ms = window_ms - elapsed_ms + window_ms - (limit - 1) * window_ms // count
    return max(1, -(-wait_ms // 1000))
