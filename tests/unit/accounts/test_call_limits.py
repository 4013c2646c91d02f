"""The limit on the calls of a key: bursts, refill, fairness between keys, and bounded memory."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.accounts.call_limits import MAX_KEYS, CallLimits, calls_per_second
from services.accounts.keys import Key
from services.accounts.schemas import NewKey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
USUAL = NewKey(owner="ada", name="test", scopes=["requests:read"])
KEY = Key("k-1", "digest", "ada", "test", ("requests:read",), USUAL.limit, USUAL.window_seconds, NOW)


class Clock:
    """A clock in seconds that tests advance."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> CallLimits:
    return CallLimits(clock)


def test_a_usual_key_may_make_600_calls_at_once_and_10_per_second(limits: CallLimits, clock: Clock) -> None:
    assert [limits.seconds_to_wait(KEY) for _ in range(602)] == [0] * 600 + [1, 1]
    clock.seconds += 0.5
    assert [limits.seconds_to_wait(KEY) for _ in range(6)] == [0] * 5 + [1]


def test_refused_calls_do_not_postpone_the_next_allowed_one(limits: CallLimits, clock: Clock) -> None:
    for _ in range(600):
        limits.seconds_to_wait(KEY)
    for _ in range(90):
        clock.seconds += 0.001
        assert limits.seconds_to_wait(KEY) == 1
    clock.seconds += 0.02
    assert limits.seconds_to_wait(KEY) == 0


def test_an_idle_key_has_a_full_bucket_and_not_more(limits: CallLimits, clock: Clock) -> None:
    limits.seconds_to_wait(KEY)
    clock.seconds += 24 * 3600
    assert sum(limits.seconds_to_wait(KEY) == 0 for _ in range(1000)) == 600


def test_one_key_does_not_use_the_calls_of_another(limits: CallLimits) -> None:
    while not limits.seconds_to_wait(KEY):
        pass
    assert limits.seconds_to_wait(replace(KEY, key_id="k-2")) == 0


def test_a_key_that_may_create_more_may_call_more() -> None:
    assert calls_per_second(replace(KEY, limit=9000, window=900)) == 500
    assert calls_per_second(replace(KEY, limit=1, window=86_400)) == calls_per_second(KEY) == 10


def test_after_the_wait_a_call_is_allowed(limits: CallLimits, clock: Clock) -> None:
    while not (seconds := limits.seconds_to_wait(KEY)):
        pass
    clock.seconds += seconds
    assert limits.seconds_to_wait(KEY) == 0


def test_the_memory_is_bounded_and_drops_the_longest_idle_key(limits: CallLimits) -> None:
    while not limits.seconds_to_wait(KEY):
        pass
    for number in range(MAX_KEYS - 1):
        limits.seconds_to_wait(replace(KEY, key_id=f"other-{number}"))
    assert limits.seconds_to_wait(KEY) > 0
    for number in range(MAX_KEYS):
        limits.seconds_to_wait(replace(KEY, key_id=f"more-{number}"))
    assert limits.seconds_to_wait(KEY) == 0, "its bucket was dropped, so it starts again"
