"""Waiting for a request to end: what a caller may prefer, and how often the table is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.lifecycle import ACCEPTED, ENDINGS, STALLED
from services.intake.waiting import FIRST_INTERVAL, LAST_INTERVAL, MAX_SECONDS, preferred_wait, wait_for_end


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("wait=10", 10),
        ("Wait = 10", 10),
        ('wait="10"', 10),
        ("wait=010", 10),
        ("respond-async, wait=10", 10),
        ('return="a, wait=9", wait=10', 10),
        ("wait=10;strict=yes", 10),
        ("wait=10, wait=20", 10),
        ("wait=26", MAX_SECONDS),
        ("wait=999999999", MAX_SECONDS),
        ("wait=0", 0),
    ],
)
def test_a_caller_says_how_long_to_wait(header: str | None, seconds: int) -> None:
    assert preferred_wait(header) == seconds


@pytest.mark.parametrize(
    "header",
    ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=1e1", "wait=²", "waits=10", "wait=" + "9" * 5000],
)
def test_what_is_malformed_is_as_if_it_were_not_there(header: str) -> None:
    assert preferred_wait(header) == 0


def test_an_endpoint_may_give_a_wait_without_a_number_a_meaning() -> None:
    assert preferred_wait("respond-async, wait", unsaid=25) == 25
    assert preferred_wait("wait=3", unsaid=25) == 3
    assert preferred_wait("wait=", unsaid=25) == 0
    assert preferred_wait("respond-async", unsaid=25) == 0


@given(st.text(alphabet='wait=,;" \\0123456789x', max_size=60))
def test_no_header_makes_anybody_wait_longer_than_the_gateway_does(header: str) -> None:
    assert 0 <= preferred_wait(header, unsaid=MAX_SECONDS) <= MAX_SECONDS


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_whoever_waits_hears_of_an_ending_within_a_second(ending: str) -> None:
    time = Time()

    def status() -> str:
        return ending if time.now >= 1007.3 else ACCEPTED

    assert wait_for_end(status, 25, time.clock, time.sleep)
    assert 1007.3 <= time.now <= 1007.3 + LAST_INTERVAL


def test_what_has_ended_already_is_not_waited_for() -> None:
    time = Time()
    assert wait_for_end(lambda: "succeeded", 25, time.clock, time.sleep)
    assert time.slept == []


@pytest.mark.parametrize("status", [ACCEPTED, "storing", STALLED])
def test_waiting_ends_at_the_deadline_with_one_last_look(status: str) -> None:
    time, looks = Time(), list[float]()

    def look() -> str:
        looks.append(time.now)
        return status

    assert not wait_for_end(look, 10, time.clock, time.sleep)
    assert time.now == looks[-1] == 1010.0


def test_the_table_is_asked_less_and_less_often() -> None:
    time = Time()
    wait_for_end(lambda: ACCEPTED, 25, time.clock, time.sleep)
    assert time.slept[0] == FIRST_INTERVAL
    assert time.slept[:-1] == sorted(time.slept[:-1])
    assert max(time.slept) == LAST_INTERVAL
    assert len(time.slept) < 30


def test_nobody_waits_when_the_time_is_up_before_it_began() -> None:
    time = Time()
    assert not wait_for_end(lambda: ACCEPTED, -3, time.clock, time.sleep)
    assert time.slept == []
