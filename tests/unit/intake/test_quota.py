"""A key may make so many requests in a sliding window, whoever races, and is told when the next one has a chance."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.quota import RateLimiter, Tally, Verdict, Window, blocked_limit, room, seconds_until_room
from tests.unit.intake.fakes import InMemoryRates

START, SECONDS = 1_795_000_500, 900
"""A window's first second."""


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Key:
    """One key's calls."""

    def __init__(self, limit: int = 100) -> None:
        self.rates, self.clock, self.limit = InMemoryRates(), Clock(), limit
        self.limiter = RateLimiter(self.rates, self.clock)

    def call(self) -> Verdict:
        return self.limiter.take("key", self.limit, SECONDS)

    def calls(self, count: int) -> int:
        """Call so many times and return how many were taken."""
        return sum(self.call().refusal is None for _ in range(count))


def test_a_hundred_of_a_hundred_and_fifty_are_taken() -> None:
    assert Key().calls(150) == 100


def test_the_caller_is_told_the_policy_what_is_left_and_until_when() -> None:
    key = Key()
    key.clock.now += 60
    assert key.call().headers == {"RateLimit-Policy": '"default";q=100;w=900', "RateLimit": '"default";r=99;t=840'}
    key.calls(99)
    refused = key.call()
    assert refused.refusal == "rate_limited"
    assert refused.headers["RateLimit"] == f'"default";r=0;t={refused.seconds}'
    assert refused.headers["Retry-After"] == str(refused.seconds)


def test_the_window_before_weighs_by_what_of_it_is_within_the_last_quarter_of_an_hour() -> None:
    key = Key()
    assert key.calls(150) == 100
    key.clock.now = START + SECONDS
    assert key.calls(10) == 0, "all of it is"
    key.clock.now = START + SECONDS * 1.25
    assert key.calls(100) == 25
    key.clock.now = START + SECONDS * 2
    assert key.calls(100) == 75


def test_two_keys_do_not_share_a_limit() -> None:
    key = Key(1)
    assert key.calls(2) == 1
    assert key.limiter.take("another", 1, SECONDS).refusal is None


def test_a_request_costs_one_write_once_the_window_before_is_known() -> None:
    class Watched(InMemoryRates):
        def close(self, window: Window) -> Tally:
            closed.append(window)
            return super().close(window)

    closed: list[Window] = []
    limiter = RateLimiter(Watched(), Clock())
    for _ in range(5):
        limiter.take("key", 100, SECONDS)
    assert closed == [Window("key", START - SECONDS, SECONDS)]


def test_what_failed_is_given_back_once() -> None:
    key = Key(2)
    window = key.call().window
    key.call()
    for _ in range(3):
        key.limiter.give_back(window, "request", blocked=False)
    assert key.calls(3) == 1


def test_what_was_blocked_is_given_back_but_only_so_many_times() -> None:
    key = Key()
    assert blocked_limit(key.limit) == 20
    for number in range(20):
        verdict = key.call()
        assert verdict.refusal is None
        key.limiter.give_back(verdict.window, f"request {number}", blocked=True)
    refused = key.call()
    assert refused.refusal == "too_many_blocked"
    assert refused.headers["RateLimit-Policy"] == '"blocked";q=20;w=900'
    assert int(refused.headers["Retry-After"]) > SECONDS


def test_what_is_long_over_is_not_given_back() -> None:
    key = Key()
    window = key.call().window
    key.clock.now = START + 2 * SECONDS
    key.limiter.give_back(window, "request", blocked=False)
    assert key.rates.tallies[window].count == 1


def test_a_late_writer_is_sent_on_to_the_window_that_follows() -> None:
    rates = InMemoryRates()
    ahead, behind = Clock(START + SECONDS), Clock(START + SECONDS - 1)
    late = RateLimiter(rates, behind)
    assert late.take("key", 10, SECONDS).window.start == START
    assert RateLimiter(rates, ahead).take("key", 10, SECONDS).window.start == START + SECONDS
    assert late.take("key", 10, SECONDS).window.start == START + SECONDS
    assert rates.tallies[Window("key", START, SECONDS)] == Tally(1, 0, closed=True)


@given(
    limit=st.integers(0, 200),
    count=st.integers(0, 200),
    before=st.integers(0, 200),
    elapsed=st.integers(0, SECONDS * 1000 - 1),
)
def test_who_waits_as_long_as_told_is_taken_and_a_second_earlier_not(
    limit: int, count: int, before: int, elapsed: int
) -> None:
    if count < room(limit, before, elapsed, SECONDS):
        return

    def has_room(wait: int) -> bool:
        later = elapsed + wait * 1000
        windows, into = divmod(later, SECONDS * 1000)
        now_count, now_before = [(count, before), (0, count), (0, 0)][min(windows, 2)]
        return now_count < room(limit, now_before, into, SECONDS)

    wait = seconds_until_room(limit, count, before, elapsed, SECONDS)
    assert 1 <= wait <= 2 * SECONDS
    assert has_room(wait) == (limit > 0)
    assert wait == 1 or not has_room(wait - 1)


class Interleaving(InMemoryRates):
    """Counters before each of whose writes others come in between, and which check what was promised of them."""

    def __init__(self, limit: int, between: Callable[[], None]) -> None:
        super().__init__()
        self.limit, self.between = limit, between
        self.clock = Clock()
        self.ahead = 0

    def take(self, window: Window, most: int, most_blocked: int) -> tuple[bool, Tally]:
        self.between()
        taken, tally = super().take(window, most, most_blocked)
        if taken:
            before = self.tallies.get(replace(window, start=window.start - SECONDS), Tally())
            elapsed = int((self.clock.now + self.ahead - window.start) * 1000)
            assert before.closed or not before.count, "what is weighed is final"
            assert tally.count <= room(self.limit, before.count, elapsed, SECONDS)
            assert tally.count <= self.limit
        return taken, tally

    def close(self, window: Window) -> Tally:
        self.between()
        return super().close(window)


@settings(max_examples=500, deadline=None)
@given(
    limit=st.integers(1, 12),
    skews=st.lists(st.integers(-30, 30), min_size=1, max_size=4),
    plan=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 0, 0, 1, 30, 200, 450, 899])), max_size=80),
    pauses=st.lists(st.integers(0, 2), max_size=80),
)
def test_no_interleaving_of_racing_containers_exceeds_the_limit(
    limit: int, skews: list[int], plan: list[tuple[int, int]], pauses: list[int]
) -> None:
    """Containers whose clocks differ call; any of them may be overtaken by others before each of its writes."""
    steps, gaps = iter(plan), iter(pauses)

    def call_some(count: int) -> None:
        for _ in range(count):
            if step := next(steps, None):
                container, seconds = step
                rates.clock.now += seconds
                limiters[container % len(limiters)].take("key", limit, SECONDS)

    rates = Interleaving(limit, lambda: call_some(next(gaps, 0)))
    rates.ahead = max(*skews, 0)
    limiters = [RateLimiter(rates, lambda skew=skew: rates.clock.now + skew) for skew in skews]  # type: ignore[misc]
    call_some(len(plan))


@pytest.mark.parametrize("limit", [1, 100])
def test_headers_are_structured_fields(limit: int) -> None:
    key = Key(limit)
    for verdict in (key.call(), key.call()):
        assert re.fullmatch(r'"[a-z]+";q=\d+;w=\d+', verdict.headers["RateLimit-Policy"])
        assert re.fullmatch(r'"[a-z]+";r=\d+;t=\d+', verdict.headers["RateLimit"])
