"""A rebuilt generation equals the old one, whatever happens in the meantime."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.envelope import Event
from kit.errors import TransientError
from services.analytics.counters import Amounts, add, amounts, day_of
from services.analytics.rebuild import Rebuilt, rebuild
from services.analytics.service import Generations, Recorder, SupersededError
from tests.unit.analytics.fakes import InMemoryArchive, InMemoryCounters
from tests.unit.analytics.stories import START, requested, stalled, story


def no_pause(_: float) -> None:
    """Do not wait."""


def expected_counts(events: list[Event]) -> dict[str, Amounts]:
    """Count distinct events directly."""
    days: dict[str, Amounts] = {}
    for event in {event.metadata.event_id: event for event in events}.values():
        if counted := amounts(event):
            add(days.setdefault(day_of(event), {}), counted)
    return days


def recorded(*events: Event) -> tuple[InMemoryArchive, InMemoryCounters]:
    """Return the archive and counters of an installation that recorded ``events``."""
    archive, counters = InMemoryArchive(), InMemoryCounters()
    Recorder(archive, counters).record(events)
    return archive, counters


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), requests=st.integers(1, 8), copies=st.integers(1, 3))
def test_order_duplicates_crashes_and_live_traffic_do_not_matter(seed: int, requests: int, copies: int) -> None:
    random = Random(seed)
    events = [event for number in range(requests) for event in story(number)]
    waiting = _batches([event for event in events for _ in range(copies)], random)
    archive, counters = InMemoryArchive(), InMemoryCounters()
    recorders = [Recorder(archive, counters) for _ in range(3)]  # containers, each with its own cached pointer
    done: list[Rebuilt] = []

    def deliver() -> None:
        """Deliver a batch to one of the containers, which may crash between archiving and counting it."""
        batch = waiting.pop()
        try:
            random.choice(recorders).record(batch)
        except TransientError:
            waiting.insert(random.randrange(len(waiting) + 1), batch)

    def something_else() -> None:
        """Concurrent changes between two steps."""
        if random.random() < 0.1:
            raise TransientError("crashed")
        if waiting and random.random() < 0.4:
            deliver()

    def traffic_during_rebuild() -> None:
        if waiting and random.random() < 0.5:
            deliver()

    counters.before_commit = something_else
    archive.before_read = traffic_during_rebuild
    for _ in range(random.randrange(len(waiting) + 1)):
        if waiting:
            deliver()
    counters.before_commit = traffic_during_rebuild
    done.append(rebuild(archive, counters, accept_differences=True, sleep=no_pause))
    counters.before_commit = something_else
    while waiting:
        deliver()
    assert done[0].current
    assert counters.days(counters.pointer.current) == expected_counts(events)
    counters.before_commit = archive.before_read = lambda: None
    again = rebuild(archive, counters, sleep=no_pause)
    assert again.current
    assert again.differences == []
    assert counters.days(again.generation) == expected_counts(events)


def _batches(events: list[Event], random: Random) -> list[list[Event]]:
    random.shuffle(events)
    batches = []
    while events:
        size = random.randint(1, 10)
        batches.append(events[:size])
        events = events[size:]
    return batches


@pytest.mark.parametrize("hook", ["before_append", "before_commit"])
def test_a_rebuild_between_any_two_steps_of_a_recorder_misses_nothing(hook: str) -> None:
    archive, counters = InMemoryArchive(), InMemoryCounters()
    results: list[Rebuilt] = []

    def rebuild_meanwhile() -> None:
        archive.before_append = counters.before_commit = lambda: None
        results.append(rebuild(archive, counters, accept_differences=True, sleep=no_pause))

    setattr(archive if hook == "before_append" else counters, hook, rebuild_meanwhile)
    Recorder(archive, counters).record(story(0))
    assert results[0].current
    assert counters.days("g2") == expected_counts(story(0))


def test_the_fresh_generation_becomes_current_and_the_old_one_expires() -> None:
    archive, counters = recorded(*story(0), *story(1))
    done = rebuild(archive, counters, sleep=no_pause)
    assert (done.current, done.differences) == (True, [])
    assert counters.pointer == Generations("g2", None, 3)
    assert set(counters.retired) == {"g1"}


def test_a_generation_that_differs_does_not_become_current() -> None:
    archive, counters = recorded(*story(0))
    archive.objects.popitem()
    done = rebuild(archive, counters, sleep=no_pause)
    assert not done.current
    assert {difference.day for difference in done.differences} == {"2026-11-22"}
    assert counters.pointer.active == ("g1",)
    assert set(counters.retired) == {"g2"}


def test_differences_can_be_accepted_because_the_archive_is_the_truth() -> None:
    archive, counters = recorded(*story(0))
    archive.append(story(4))
    done = rebuild(archive, counters, accept_differences=True, sleep=no_pause)
    assert done.current
    assert done.differences
    assert counters.days("g2") == expected_counts([*story(0), *story(4)])


def test_a_rebuild_waits_for_batches_in_progress() -> None:
    archive, counters = recorded(*story(0))
    archive.append(story(4))
    pauses: list[float] = []

    def its_message_comes_back(seconds: float) -> None:
        pauses.append(seconds)
        Recorder(archive, counters).record(story(4))

    done = rebuild(archive, counters, sleep=its_message_comes_back)
    assert done.current
    assert len(pauses) == 1


def test_an_interrupted_rebuild_leaves_one_generation_active() -> None:
    archive, counters = recorded(*story(0))
    archive.before_read = _interrupt
    with pytest.raises(KeyboardInterrupt):
        rebuild(archive, counters, sleep=no_pause)
    assert counters.pointer.active == ("g1",)


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_a_rebuild_left_behind_by_a_crash_is_superseded_by_the_next() -> None:
    archive, counters = recorded(*story(0))
    counters.move(Generations(), Generations().begin())
    done = rebuild(archive, counters, sleep=no_pause)
    assert done.generation == "g3"
    assert set(counters.retired) == {"g1", "g2"}


def test_the_later_of_two_concurrent_rebuilds_wins() -> None:
    archive, counters = recorded(*story(0))

    def another_begins() -> None:
        archive.before_read = lambda: None
        assert rebuild(archive, counters, sleep=no_pause).current

    archive.before_read = another_begins
    with pytest.raises(SupersededError):
        rebuild(archive, counters, sleep=no_pause)
    assert counters.pointer.active == ("g3",)
    assert counters.days("g3") == expected_counts(story(0))


@pytest.mark.parametrize("order", [list, lambda copies: list(reversed(copies))])
def test_a_rebuild_counts_the_copy_of_the_earliest_day(
    order: Callable[[list[Event]], list[Event]],
) -> None:
    """The documented limitation: live, the first copy to arrive counts."""
    copies: list[Event] = [stalled(requested(), at=START), stalled(requested(), at=START.replace(day=24))]
    archive, counters = InMemoryArchive(), InMemoryCounters()
    for copy in order(copies):
        Recorder(archive, counters).record([copy])
    rebuild(archive, counters, accept_differences=True, sleep=no_pause)
    assert list(counters.days("g2")) == ["2026-11-22"]
