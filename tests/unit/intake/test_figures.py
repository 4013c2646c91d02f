"""How long requests take of late, measured and promised without a call an image."""

import pytest

from services.intake.figures import PERIOD, Estimates, Stopwatch, weighted
from tests.unit.intake.fakes import InMemoryFigures


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def figures() -> InMemoryFigures:
    return InMemoryFigures()


def test_the_first_duration_is_the_figure_and_later_ones_weigh_a_tenth() -> None:
    assert weighted(None, [10.0]) == 10.0
    assert weighted(10.0, [20.0]) == pytest.approx(11.0)
    assert weighted(10.0, [20.0] * 100) == pytest.approx(20.0, abs=0.01)


def test_a_hundred_images_in_half_a_minute_are_written_once(figures: InMemoryFigures, clock: Clock) -> None:
    stopwatch = Stopwatch(figures, clock)
    for _ in range(100):
        stopwatch.note("core", 5.0)
    assert figures.writes == 1
    clock.now = PERIOD
    stopwatch.note("core", 5.0)
    assert (figures.reads, figures.writes) == (2, 2)


def test_what_was_gathered_meanwhile_is_not_lost(figures: InMemoryFigures, clock: Clock) -> None:
    figures.figures = {"core": 10.0, "other": 3.0}
    stopwatch = Stopwatch(figures, clock)
    for _ in range(2):
        stopwatch.note("core", 20.0)
    clock.now = PERIOD
    stopwatch.note("ultra", 30.0)
    assert figures.figures == {"core": pytest.approx(11.9), "other": 3.0, "ultra": 30.0}


def test_a_store_that_fails_is_not_asked_for_every_image(clock: Clock) -> None:
    class Broken(InMemoryFigures):
        def read(self) -> dict[str, float]:
            self.reads += 1
            raise ConnectionError

    figures = Broken()
    stopwatch = Stopwatch(figures, clock)
    with pytest.raises(ConnectionError):
        stopwatch.note("core", 5.0)
    stopwatch.note("core", 5.0)
    assert figures.reads == 1


def test_an_estimate_is_whole_seconds_read_twice_a_minute(figures: InMemoryFigures, clock: Clock) -> None:
    figures.figures = {"core": 4.1}
    estimates = Estimates(figures, clock)
    assert estimates.seconds(["ended", "core"]) == 5
    figures.figures = {"core": 9.0}
    assert estimates.seconds(["core"]) == 5
    clock.now = PERIOD
    assert estimates.seconds(["core"]) == 9
    assert figures.reads == 2


def test_nothing_is_promised_of_what_nobody_measured(figures: InMemoryFigures, clock: Clock) -> None:
    assert Estimates(figures, clock).seconds(["core"]) is None
