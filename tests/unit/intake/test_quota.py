"""The sliding-window counter: exact under races, with headers that say when to try again."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.quotas import blocked_limit
from services.intake.models import Window
from services.intake.quota import Decision, RateLimiter, WindowCounts, capacity, seconds_until_capacity
from tests.support.clock import FakeClock
from tests.unit.intake.fakes import InMemoryRates

START, SECONDS = 1_795_000_500, 900
"""The first second of a window, and its length."""


def clock_at(seconds: float) -> FakeClock:
    """Return a clock that shows ``seconds`` since the epoch."""
    return FakeClock(datetime.fromtimestamp(seconds, UTC))


class Key:
    """The calls of one key."""

    def __init__(self, limit: int = 100) -> None:
        self.rates, self.clock, self.limit = InMemoryRates(), clock_at(START), limit
        self.limiter = RateLimiter(self.rates, self.clock)

    def call(self, images: int = 1) -> Decision:
        return self.limiter.admit("key", self.limit, SECONDS, images)

    def calls(self, count: int) -> int:
        """Call ``count`` times and return how many were admitted."""
        return sum(self.call().refusal is None for _ in range(count))


def test_of_150_requests_100_are_admitted() -> None:
    assert Key().calls(150) == 100


def test_the_headers_have_the_limit_the_rest_and_the_reset() -> None:
    key = Key()
    key.clock.advance(60)
    assert key.call().headers == {"RateLimit-Policy": '"default";q=100;w=900', "RateLimit": '"default";r=99;t=840'}
    key.calls(99)
    refused = key.call()
    assert refused.refusal == "rate_limited"
    assert refused.headers["RateLimit"] == f'"default";r=0;t={refused.reset_seconds}'
    assert refused.headers["Retry-After"] == str(refused.reset_seconds)


def test_the_previous_window_counts_by_the_share_that_is_covered() -> None:
    key = Key()
    assert key.calls(150) == 100
    key.clock.advance(SECONDS)
    assert key.calls(10) == 0, "all of it is covered"
    key.clock.advance(SECONDS / 4)
    assert key.calls(100) == 25
    key.clock.advance(SECONDS * 3 / 4)
    assert key.calls(100) == 75


def test_a_request_counts_as_many_as_its_images() -> None:
    key = Key(10)
    assert [key.call(4).headers["RateLimit"] for _ in range(2)] == ['"default";r=6;t=900', '"default";r=2;t=900']
    refused = key.call(4)
    assert (refused.refusal, refused.remaining) == ("rate_limited", 2)
    assert key.call(2).refusal is None, "fewer images fit"

    key.clock.advance(refused.reset_seconds)
    assert key.call(4).refusal == "rate_limited", "two more were counted meanwhile"


@given(
    limit=st.integers(4, 40), images=st.integers(1, 4), before=st.integers(0, 40), elapsed=st.integers(0, 2 * SECONDS)
)
def test_a_refused_request_is_admitted_after_its_retry_after(
    limit: int, images: int, before: int, elapsed: int
) -> None:
    key = Key(limit)
    key.calls(before)
    key.clock.advance(elapsed)
    refused = key.call(images)
    if refused.refusal is None:
        return
    key.clock.advance(refused.reset_seconds)
    assert key.call(images).refusal is None


def test_every_key_has_its_own_limit() -> None:
    key = Key(1)
    assert key.calls(2) == 1
    assert key.limiter.admit("another", 1, SECONDS).refusal is None


def test_a_request_is_one_write_if_the_previous_window_is_known() -> None:
    class Watched(InMemoryRates):
        def close(self, window: Window) -> WindowCounts:
            closed.append(window)
            return super().close(window)

    closed: list[Window] = []
    limiter = RateLimiter(Watched(), clock_at(START))
    for _ in range(5):
        limiter.admit("key", 100, SECONDS)
    assert closed == [Window("key", START - SECONDS, SECONDS)]


def test_a_request_is_refunded_once() -> None:
    key = Key(2)
    window = key.call().window
    key.call()
    for _ in range(3):
        key.limiter.refund(window, "request")
    assert key.calls(3) == 1


def test_blocked_requests_are_refunded_and_have_their_own_limit() -> None:
    key = Key()
    assert blocked_limit(key.limit) == 20
    for number in range(20):
        decision = key.call()
        assert decision.refusal is None
        key.limiter.refund(decision.window, f"request {number}", blocked=True)
    refused = key.call()
    assert refused.refusal == "too_many_blocked"
    assert refused.headers["RateLimit-Policy"] == '"blocked";q=20;w=900'
    assert int(refused.headers["Retry-After"]) > SECONDS


def test_a_window_that_is_not_relevant_has_no_refunds() -> None:
    key = Key()
    window = key.call().window
    key.clock.advance(2 * SECONDS)
    key.limiter.refund(window, "request")
    assert key.rates.counts[window].count == 1


def test_a_late_writer_counts_in_the_next_window() -> None:
    rates = InMemoryRates()
    ahead, behind = clock_at(START + SECONDS), clock_at(START + SECONDS - 1)
    late = RateLimiter(rates, behind)
    assert late.admit("key", 10, SECONDS).window.start == START
    assert RateLimiter(rates, ahead).admit("key", 10, SECONDS).window.start == START + SECONDS
    assert late.admit("key", 10, SECONDS).window.start == START + SECONDS
    assert rates.counts[Window("key", START, SECONDS)] == WindowCounts(1, 0, closed=True)


@given(
    limit=st.integers(0, 200),
    count=st.integers(0, 200),
    previous=st.integers(0, 200),
    elapsed=st.integers(0, SECONDS * 1000 - 1),
)
def test_retry_after_is_the_first_second_with_capacity(limit: int, count: int, previous: int, elapsed: int) -> None:
    if count < capacity(limit, previous, elapsed, SECONDS):
        return

    def has_capacity(wait: int) -> bool:
        later = elapsed + wait * 1000
        windows, into = divmod(later, SECONDS * 1000)
        now_count, now_previous = [(count, previous), (0, count), (0, 0)][min(windows, 2)]
        return now_count < capacity(limit, now_previous, into, SECONDS)

    wait = seconds_until_capacity(limit, count, previous, elapsed, SECONDS)
    assert 1 <= wait <= 2 * SECONDS
    assert has_capacity(wait) == (limit > 0)
    assert wait == 1 or not has_capacity(wait - 1)


class Interleaving(InMemoryRates):
    """Counters that let other calls happen before each write, and check every count."""

    def __init__(self, limit: int, between: Callable[[], None]) -> None:
        super().__init__()
        self.limit, self.between = limit, between
        self.clock = clock_at(START)
        self.ahead = 0

    def increment(self, window: Window, images: int, max_count: int, max_blocked: int) -> tuple[bool, WindowCounts]:
        self.between()
        counted, counts = super().increment(window, images, max_count, max_blocked)
        if counted:
            previous = self.counts.get(window.previous, WindowCounts())
            elapsed = int((self.clock.monotonic() + self.ahead - window.start) * 1000)
            assert previous.closed or not previous.count, "the previous count is final"
            assert counts.count <= capacity(self.limit, previous.count, elapsed, SECONDS)
            assert counts.count <= self.limit
        return counted, counts

    def close(self, window: Window) -> WindowCounts:
        self.between()
        return super().close(window)


class SkewedClock(FakeClock):
    """A clock that differs from another one by some seconds."""

    def __init__(self, clock: FakeClock, skew: int) -> None:
        super().__init__()
        self.clock, self.skew = clock, timedelta(seconds=skew)

    def now(self) -> datetime:
        return self.clock.now() + self.skew


@settings(max_examples=500, deadline=None)
@given(
    limit=st.integers(1, 12),
    skews=st.lists(st.integers(-30, 30), min_size=1, max_size=4),
    plan=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0, 0, 0, 1, 30, 200, 450, 899]), st.integers(1, 4)), max_size=80
    ),
    pauses=st.lists(st.integers(0, 2), max_size=80),
)
def test_no_interleaving_of_containers_exceeds_the_limit(
    limit: int, skews: list[int], plan: list[tuple[int, int, int]], pauses: list[int]
) -> None:
    """Containers with different clocks make calls. Before each write, other containers may make some."""
    steps, gaps = iter(plan), iter(pauses)

    def call_some(count: int) -> None:
        for _ in range(count):
            if step := next(steps, None):
                container, seconds, images = step
                rates.clock.advance(seconds)
                limiters[container % len(limiters)].admit("key", limit, SECONDS, images)

    rates = Interleaving(limit, lambda: call_some(next(gaps, 0)))
    rates.ahead = max(*skews, 0)
    limiters = [RateLimiter(rates, SkewedClock(rates.clock, skew)) for skew in skews]
    call_some(len(plan))


@pytest.mark.parametrize("limit", [1, 100])
def test_headers_are_structured_fields(limit: int) -> None:
    key = Key(limit)
    for decision in (key.call(), key.call()):
        assert re.fullmatch(r'"[a-z]+";q=\d+;w=\d+', decision.headers["RateLimit-Policy"])
        assert re.fullmatch(r'"[a-z]+";r=\d+;t=\d+', decision.headers["RateLimit"])
