"""Average durations: recorded and estimated without a call per request."""

import pytest

from services.intake.durations import PERIOD, DurationRecorder, Estimates, average
from tests.support.clock import FakeClock
from tests.unit.intake.fakes import InMemoryDurations


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> InMemoryDurations:
    return InMemoryDurations()


def test_the_first_sample_is_the_average_and_later_ones_weigh_a_tenth() -> None:
    assert average(None, [10.0]) == 10.0
    assert average(10.0, [20.0]) == pytest.approx(11.0)
    assert average(10.0, [20.0] * 100) == pytest.approx(20.0, abs=0.01)


def test_a_hundred_durations_in_one_period_are_one_write(store: InMemoryDurations, clock: FakeClock) -> None:
    recorder = DurationRecorder(store, clock)
    for _ in range(100):
        recorder.record("core", 5.0)
    assert store.writes == 1
    clock.advance(PERIOD)
    recorder.record("core", 5.0)
    assert (store.reads, store.writes) == (2, 2)


def test_samples_between_two_writes_are_not_lost(store: InMemoryDurations, clock: FakeClock) -> None:
    store.averages = {"core": 10.0, "other": 3.0}
    recorder = DurationRecorder(store, clock)
    for _ in range(2):
        recorder.record("core", 20.0)
    clock.advance(PERIOD)
    recorder.record("ultra", 30.0)
    assert store.averages == {"core": pytest.approx(11.9), "other": 3.0, "ultra": 30.0}


def test_a_store_that_fails_is_not_called_for_every_request(clock: FakeClock) -> None:
    class Broken(InMemoryDurations):
        def read(self) -> dict[str, float]:
            self.reads += 1
            raise ConnectionError

    store = Broken()
    recorder = DurationRecorder(store, clock)
    with pytest.raises(ConnectionError):
        recorder.record("core", 5.0)
    recorder.record("core", 5.0)
    assert store.reads == 1


def test_an_estimate_is_whole_seconds_and_read_once_per_period(store: InMemoryDurations, clock: FakeClock) -> None:
    store.averages = {"core": 4.1}
    estimates = Estimates(store, clock)
    assert estimates.seconds(["unknown", "core"]) == 5
    store.averages = {"core": 9.0}
    assert estimates.seconds(["core"]) == 5
    clock.advance(PERIOD)
    assert estimates.seconds(["core"]) == 9
    assert store.reads == 2


def test_a_model_without_samples_has_no_estimate(store: InMemoryDurations, clock: FakeClock) -> None:
    assert Estimates(store, clock).seconds(["core"]) is None
