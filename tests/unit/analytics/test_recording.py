"""Each event is archived and counted exactly once."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from kit.consumer import Consumer, WholeBatch
from kit.errors import TransientError
from services.analytics.counters import Amounts
from services.analytics.report import Counts
from services.analytics.service import ITEMS_MAX, Addition, Generations, Recorder
from tests.support.events import RecordingBus, RecordingQueue, sample, sqs_record
from tests.unit.analytics.fakes import InMemoryArchive, InMemoryCounters
from tests.unit.analytics.stories import START, prompt_rejected, requested, stalled, story


@pytest.fixture
def archive() -> InMemoryArchive:
    return InMemoryArchive()


@pytest.fixture
def counters() -> InMemoryCounters:
    return InMemoryCounters()


@pytest.fixture
def recorder(archive: InMemoryArchive, counters: InMemoryCounters) -> Recorder:
    return Recorder(archive, counters)


def total(counters: InMemoryCounters, generation: str = "g1") -> Amounts:
    return Counts.total(counters.days(generation).values()).amounts


def test_a_batch_takes_one_transaction(recorder: Recorder, counters: InMemoryCounters) -> None:
    recorder.record([*story(0), *story(1)])
    assert counters.commits == 1
    assert total(counters)["status#accepted"] == 2


def test_many_requests_take_as_many_transactions_as_needed(
    recorder: Recorder, counters: InMemoryCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    commit = counters.commit

    def measured(additions: Sequence[Addition], expected: Generations, expires_at: int) -> None:
        sizes.append(1 + sum(len(addition.seen) + len(addition.days) for addition in additions))
        commit(additions, expected, expires_at)

    monkeypatch.setattr(counters, "commit", measured)
    counters.pointer = Generations().begin()  # two generations, the most that there are
    events = [event for number in range(200) for event in story(number)]
    recorder.record(events[::2])
    recorder.record(events)
    assert max(sizes) <= ITEMS_MAX
    assert total(counters) == total(counters, "g2")
    assert total(counters)["status#accepted"] == 200


def test_a_batch_delivered_twice_counts_once(recorder: Recorder, counters: InMemoryCounters) -> None:
    recorder.record(story(0))
    once = total(counters)
    recorder.record(story(0))
    assert total(counters) == once


def test_a_batch_counts_only_what_is_new_in_it(recorder: Recorder, counters: InMemoryCounters) -> None:
    recorder.record(story(0)[:2])
    recorder.record([*story(0), *story(4)])
    assert total(counters)["status#accepted"] == 2
    assert total(counters)["status#succeeded"] == 2


def test_copies_within_a_batch_count_once(recorder: Recorder, counters: InMemoryCounters) -> None:
    event = requested()
    recorder.record([event, event, event])
    assert total(counters)["status#accepted"] == 1


def test_the_earliest_copy_of_an_event_counts(recorder: Recorder, counters: InMemoryCounters) -> None:
    early = stalled(requested(), at=START)
    late = stalled(requested(), at=START.replace(day=24))
    recorder.record([late, early])
    assert list(counters.days("g1")) == ["2026-11-22"]


def test_an_event_without_counters_takes_no_transaction(
    recorder: Recorder, archive: InMemoryArchive, counters: InMemoryCounters
) -> None:
    recorder.record([sample("RequestCancelled")])
    assert len(archive.objects) == 1
    assert counters.commits == 0


def test_events_that_were_not_archived_are_not_counted(counters: InMemoryCounters) -> None:
    class Unreachable(InMemoryArchive):
        def append(self, events: object) -> None:
            raise ConnectionError("bucket unreachable")

    with pytest.raises(ConnectionError):
        Recorder(Unreachable(), counters).record(story(0))
    assert counters.days("g1") == {}


def test_during_a_rebuild_events_count_in_both_generations(recorder: Recorder, counters: InMemoryCounters) -> None:
    counters.move(Generations(), Generations().begin())
    recorder.record(story(0))
    assert total(counters, "g1") == total(counters, "g2") != {}


def test_an_event_counted_in_one_generation_counts_in_the_other(recorder: Recorder, counters: InMemoryCounters) -> None:
    recorder.record([requested()])
    counters.move(Generations(), Generations().begin())
    recorder.record([requested(), prompt_rejected(requested())])
    assert total(counters, "g1") == total(counters, "g2")


def test_the_recorder_reads_a_moved_pointer_once(recorder: Recorder, counters: InMemoryCounters) -> None:
    begun = Generations().begin()
    counters.move(Generations(), begun)
    counters.move(begun, begun.finish())
    recorder.record(story(0))
    recorder.record(story(4))
    assert counters.commits == 3
    assert list(counters.counts) == ["g2"]


def test_a_batch_whose_transactions_fail_is_retried_by_its_queue(
    recorder: Recorder, counters: InMemoryCounters
) -> None:
    def always_moving() -> None:
        counters.pointer = counters.pointer.abandon()

    counters.before_commit = always_moving
    with pytest.raises(TransientError):
        recorder.record(story(0))


def test_an_invalid_message_does_not_affect_its_batch(recorder: Recorder, counters: InMemoryCounters) -> None:
    queue, bus = RecordingQueue(), RecordingBus()
    consume = Consumer("analytics.record", None, WholeBatch(recorder.record), queue=queue, bus=bus)
    answer = consume({"Records": [sqs_record("not an event"), *map(sqs_record, story(0))]})
    assert answer == {"batchItemFailures": []}
    assert [attributes["error"] for _, attributes in queue.dead] == ["UnprocessableError"]
    assert total(counters)["status#succeeded"] == 1
    assert bus.events == []


def test_ids_of_events_are_kept_for_their_retention(
    archive: InMemoryArchive, counters: InMemoryCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    monkeypatch.setattr(counters, "commit", lambda _additions, _expected, expires_at: kept.append(expires_at))
    Recorder(archive, counters, now=lambda: 1_800_000_000.5, retention=timedelta(days=77)).record(story(0))

    assert kept == [1_800_000_000 + 77 * 24 * 3600]
