"""The slots of waiting calls, in DynamoDB on moto."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from services.intake.repository.waits import SLOT_SECONDS, WaitTable
from services.intake.waiting import MAX_SECONDS, MAX_WAITS
from tests.support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def waits(client: Any, clock: FakeClock) -> WaitTable:
    return WaitTable(client, "requests", clock)


@pytest.fixture
def abandon(waits: WaitTable) -> Iterator[Callable[[], bool]]:
    """Yield a function that takes a slot of ada and ends without releasing it before the test does."""
    abandoned = []

    def take() -> bool:
        abandoned.append(waits.slot("ada"))
        return abandoned[-1].__enter__()

    yield take
    for each in abandoned:  # else it is released when it is collected, by a call to AWS
        each.__exit__(None, None, None)


def test_each_owner_has_the_same_number_of_slots(waits: WaitTable) -> None:
    with ExitStack() as held:
        assert [held.enter_context(waits.slot("ada")) for _ in range(MAX_WAITS + 2)] == [True] * MAX_WAITS + [False] * 2
        assert held.enter_context(waits.slot("grace"))


def test_a_released_slot_can_be_taken_again(waits: WaitTable) -> None:
    for _ in range(3 * MAX_WAITS):
        with waits.slot("ada") as taken:
            assert taken


def test_a_slot_is_released_if_the_block_raises(waits: WaitTable) -> None:
    for _ in range(MAX_WAITS):
        with pytest.raises(ZeroDivisionError), waits.slot("ada"):
            _ = 1 / 0
    with waits.slot("ada") as taken:
        assert taken


def test_slots_that_were_never_released_expire(waits: WaitTable, abandon: Callable[[], bool], clock: FakeClock) -> None:
    assert [abandon() for _ in range(MAX_WAITS + 1)] == [True] * MAX_WAITS + [False]
    clock.advance(SLOT_SECONDS - 1)
    assert not abandon()
    clock.advance(1)
    with ExitStack() as held:
        assert [held.enter_context(waits.slot("ada")) for _ in range(MAX_WAITS + 1)] == [True] * MAX_WAITS + [False]


def test_expired_slots_are_freed_while_others_are_in_use(
    waits: WaitTable, abandon: Callable[[], bool], clock: FakeClock
) -> None:
    for _ in range(MAX_WAITS - 1):
        abandon()
    clock.advance(SLOT_SECONDS - 1)
    with waits.slot("ada") as first:
        clock.advance(1)
        with waits.slot("ada") as second:
            assert first
            assert second


def test_a_slot_outlives_every_wait_and_no_function_outlives_its_slot(service_template: Any) -> None:
    resources = service_template("intake")["Resources"]
    timeouts = [
        resources[name]["Properties"]["Timeout"] for name in ("apiFunction", "waitingFunction", "facadeFunction")
    ]
    assert MAX_SECONDS < max(timeouts) <= SLOT_SECONDS


def test_the_item_of_the_slots_expires(waits: WaitTable, client: Any, clock: FakeClock) -> None:
    with waits.slot("ada"):
        pass
    (item,) = client.scan(TableName="requests")["Items"]
    assert item.keys() == {"pk", "sk", "expires_at"}
    assert int(item["expires_at"]["N"]) == int(clock.now().timestamp()) + 3600
