"""Long polling: the preferred wait, and how often the status is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.pipeline import TERMINAL, Status
from services.intake.waiting import (
    FIRST_INTERVAL,
    LAST_INTERVAL,
    MAX_PREFER,
    MAX_SECONDS,
    PREFERENCE,
    preferred_wait,
    wait_for_result,
)
from tests.support.clock import FakeClock


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
def test_the_preferred_wait_is_read_from_the_header(header: str | None, seconds: int) -> None:
    assert preferred_wait(header) == seconds


@pytest.mark.parametrize(
    "header",
    ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=1e1", "wait=²", "waits=10", "wait=" + "9" * 5000],
)
def test_a_malformed_preference_is_ignored(header: str) -> None:
    assert preferred_wait(header) == 0


@pytest.mark.parametrize("header", ["wait=10" + " " * MAX_PREFER, 'a="b, wait=10', '"' * 501 + ", wait=10", 'a="\\'])
def test_a_long_header_and_an_open_quote_are_ignored(header: str) -> None:
    assert preferred_wait(header) == 0


@given(st.text(alphabet='=,;" \\x', max_size=60))
def test_every_character_of_a_header_is_read_once(header: str) -> None:
    """A preference never ends before its open quote is read to the end, so no quote is searched for twice."""
    assert set(PREFERENCE.sub("", header)) <= {","}


def test_a_wait_without_a_number_is_the_default_of_the_route() -> None:
    assert preferred_wait("respond-async, wait", default=25) == 25
    assert preferred_wait("wait=3", default=25) == 3
    assert preferred_wait("wait=", default=25) == 0
    assert preferred_wait("respond-async", default=25) == 0


@given(st.text(alphabet='wait=,;" \\0123456789x', max_size=60))
def test_no_header_waits_longer_than_the_gateway_allows(header: str) -> None:
    assert 0 <= preferred_wait(header, default=MAX_SECONDS) <= MAX_SECONDS


@pytest.mark.parametrize("terminal", sorted(TERMINAL))
def test_a_terminal_status_is_noticed_within_a_second(terminal: Status) -> None:
    clock = FakeClock()
    start = clock.monotonic()

    def status() -> Status:
        return terminal if clock.monotonic() >= start + 7.3 else Status.ACCEPTED

    assert wait_for_result(status, 25, clock) == terminal
    assert start + 7.3 <= clock.monotonic() <= start + 7.3 + LAST_INTERVAL


def test_a_finished_request_is_not_waited_for() -> None:
    clock = FakeClock()
    assert wait_for_result(lambda: "succeeded", 25, clock) == "succeeded"
    assert clock.slept == []


def test_a_stalled_request_is_not_waited_for() -> None:
    clock = FakeClock()
    statuses = iter([Status.ACCEPTED, Status.STALLED])
    assert wait_for_result(lambda: next(statuses), 25, clock) == Status.STALLED
    assert clock.slept == [FIRST_INTERVAL]


@pytest.mark.parametrize("status", [Status.ACCEPTED, "storing"])
def test_waiting_stops_at_the_deadline_after_a_last_read(status: str) -> None:
    clock, reads = FakeClock(), list[float]()
    start = clock.monotonic()

    def read() -> str:
        reads.append(clock.monotonic())
        return status

    assert wait_for_result(read, 10, clock) == status
    assert clock.monotonic() == reads[-1] == start + 10.0


def test_the_status_is_read_less_and_less_often() -> None:
    clock = FakeClock()
    wait_for_result(lambda: Status.ACCEPTED, 25, clock)
    assert clock.slept[0] == FIRST_INTERVAL
    assert clock.slept[:-1] == sorted(clock.slept[:-1])
    assert max(clock.slept) == LAST_INTERVAL
    assert len(clock.slept) < 30


def test_after_the_deadline_nothing_waits() -> None:
    clock = FakeClock()
    assert wait_for_result(lambda: Status.ACCEPTED, -3, clock) == Status.ACCEPTED
    assert clock.slept == []
