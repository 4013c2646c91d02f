"""The consumer, operations and intake agree on stalls and replays without importing each other."""

import itertools
from collections.abc import Sequence

from events.catalog.image_approved import ImageApproved
from events.envelope import Event
from events.pipeline import status_of
from kit.consumer import Consumer, EachMessage
from services.intake.timeline import timeline_entry
from services.operations.dead_letters.letters import Message, read_letter
from services.operations.dead_letters.replaying import Replayer, ReplayOptions
from services.operations.dead_letters.reservation import reserve
from tests.support.events import RecordingBus, RecordingQueue, sample, sqs_record
from tests.unit.operations.fakes import START, STORE, FakeClock, FakeQuarantine, FakeQueues, FakeStates

APPROVED = sample("ImageApproved")


def storing(body_or_event: Event | str) -> tuple[Event, tuple[str, dict[str, str]]]:
    """Let storage's consumer fail; return the stall that it publishes and its dead letter."""

    def fail(_event: Event) -> Sequence[Event]:
        raise KeyError("x")

    bus, queue = RecordingBus(), RecordingQueue()
    consumer = Consumer("storage.store", [ImageApproved], EachMessage(fail), queue=queue, bus=bus)
    consumer({"Records": [sqs_record(body_or_event)]})
    return bus.events[0], queue.dead[0]


def replayed(letter: tuple[str, dict[str, str]]) -> tuple[Event, str]:
    """Replay a dead letter; return the published event and the body that is sent."""
    queues, bus, clock = FakeQueues(STORE), RecordingBus(), FakeClock()
    queues.put(STORE, letter[0], letter[1])
    replayer = Replayer(
        queues=queues,
        states=FakeStates(),
        bus=bus,
        quarantine=FakeQuarantine(),
        options=ReplayOptions(operator="on-call"),
        clock=clock,
        now=clock.now,
    )
    list(replayer.run(replayer.plan(reserve(queues, [STORE], limit=10))))
    (body,) = queues.sent[str(STORE.source_url)]
    return bus.events[0], body


def test_a_stall_lasts_until_its_own_replay() -> None:
    first_stall, first_letter = storing(APPROVED)
    first_replay, body = replayed(first_letter)
    second_stall, second_letter = storing(body)
    second_replay, _ = replayed(second_letter)

    story = [
        (APPROVED, "storing"),
        (first_stall, "stalled"),
        (first_replay, "storing"),
        (second_stall, "stalled"),
        (second_replay, "storing"),
        (sample("ImageStored"), "succeeded"),
    ]
    for length in range(1, len(story) + 1):
        seen = [timeline_entry(event) for event, _ in story[:length]]
        expected = story[length - 1][1]
        assert {status_of(order) for order in itertools.permutations(seen)} == {expected}
    assert len({event.metadata.event_id for event, _ in story}) == len(story)


def test_operations_reads_the_attributes_that_the_consumer_writes() -> None:
    stall, (body, attributes) = storing(APPROVED)
    letter = read_letter(STORE, Message("m", "r", body, START, attributes))

    assert letter.origin == "consumer"
    assert (letter.error, letter.reason, letter.fingerprint) == (
        stall.data.error,
        stall.data.reason,
        stall.data.fingerprint,
    )
    assert letter.first_seen != START
