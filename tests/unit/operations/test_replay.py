"""Replays: refusals, order, rate, canaries and crashes."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.quarantine import purge_all
from events.catalog.message_replayed import MessageReplayed
from events.envelope import Event
from events.pipeline import STEPS_BY_NAME, TERMINAL
from services.operations.dead_letters.letters import Message, Outcome, QueuePair
from services.operations.dead_letters.replaying import (
    Replayer,
    ReplayOptions,
)
from services.operations.dead_letters.reservation import release, reserve, summarize
from tests.support.events import RecordingBus, sample
from tests.unit.operations.fakes import (
    ORPHAN,
    RECORD,
    START,
    STORE,
    FakeClock,
    FakeQuarantine,
    FakeQueues,
    FakeStates,
    approved,
    stalled,
)


class World:
    """An installation in memory with an operator session."""

    def __init__(self) -> None:
        self.queues = FakeQueues(STORE, RECORD, ORPHAN)
        self.states = FakeStates()
        self.bus = RecordingBus()
        self.quarantine = FakeQuarantine()
        self.clock = FakeClock()

    def replayer(self, **options: Any) -> Replayer:
        return Replayer(
            queues=self.queues,
            states=self.states,
            bus=self.bus,
            quarantine=self.quarantine,
            options=ReplayOptions(operator="on-call", **options),
            clock=self.clock,
            now=self.clock.now,
        )

    def replay(self, **options: Any) -> list[Outcome]:
        letters = reserve(self.queues, self.queues.pairs(), limit=1000)
        replayer = self.replayer(**options)
        try:
            return list(replayer.run(replayer.plan(letters)))
        finally:
            release(self.queues, letters)

    def sent_replays(self, queue: QueuePair = STORE) -> list[int]:
        return [json.loads(body)["detail"]["metadata"]["replays"] for body in self.queues.sent[str(queue.source_url)]]


@pytest.fixture
def world() -> World:
    return World()


def actions(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.action for outcome in outcomes]


def test_a_replay_is_published_sent_and_deleted(world: World) -> None:
    event = approved()
    world.queues.put(STORE, event, stalled())

    assert actions(world.replay()) == ["replayed"]
    assert world.sent_replays() == [1]
    assert world.queues.dead[STORE.url] == []
    (announced,) = world.bus.events
    assert isinstance(announced, MessageReplayed)
    assert announced.data.replays == 1
    assert announced.data.replayed_event_id == event.metadata.event_id
    assert (announced.data.step, announced.data.operator) == ("storage.store", "on-call")
    assert announced.metadata.request_id == event.metadata.request_id


def test_every_replay_is_an_event_of_its_own(world: World) -> None:
    world.queues.put(STORE, approved(), stalled())
    world.queues.put(RECORD, approved())
    world.replay()
    world.queues.put(STORE, approved(replays=1), stalled())
    world.replay()

    assert len({event.metadata.event_id for event in world.bus.events}) == 3


def test_copies_are_sent_once_and_deleted_together(world: World) -> None:
    world.queues.put(STORE, approved(), stalled())
    world.queues.put(STORE, approved(replays=1), stalled())

    world.replay()

    assert world.sent_replays() == [2]
    assert world.queues.dead[STORE.url] == []


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_step_is_not_repeated_for_a_terminal_request(world: World, status: str) -> None:
    world.states.default = status
    world.queues.put(STORE, approved(), stalled())

    (outcome,) = world.replay()

    assert outcome.action == "refused"
    assert "terminal status" in outcome.why
    assert world.sent_replays() == []
    assert len(world.queues.dead[STORE.url]) == 1
    assert world.bus.events == []


def test_messages_of_terminal_requests_are_deleted_on_request(world: World) -> None:
    world.states.default = "succeeded"
    world.queues.put(STORE, approved(), stalled())

    assert actions(world.replay(drop_terminal=True)) == ["dropped"]
    assert world.queues.dead[STORE.url] == []
    assert world.sent_replays() == []


def test_recording_steps_are_replayed_for_terminal_requests(world: World) -> None:
    world.states.default = "succeeded"
    world.queues.put(RECORD, sample("ImageStored"))

    assert actions(world.replay()) == ["replayed"]


def test_a_message_replayed_too_often_needs_force(world: World) -> None:
    world.queues.put(STORE, approved(replays=3), stalled())

    (outcome,) = world.replay()
    assert outcome.action == "refused"
    assert "replayed too often" in outcome.why
    assert actions(world.replay(force=True)) == ["replayed"]
    assert world.sent_replays() == [4]


def test_a_message_of_an_unknown_request_needs_force(world: World) -> None:
    world.states.default = None
    world.queues.put(STORE, approved(), stalled())

    assert actions(world.replay()) == ["refused"]
    assert actions(world.replay(force=True)) == ["replayed"]


def test_force_does_not_replay_a_terminal_request(world: World) -> None:
    world.states.default = "cancelled"
    world.queues.put(STORE, approved(), stalled())

    assert actions(world.replay(force=True)) == ["refused"]


def test_unreadable_letters_and_missing_sources_are_refused(world: World) -> None:
    world.queues.put(STORE, "poison")
    world.queues.put(ORPHAN, approved(1))
    world.queues.put(STORE, approved(2), stalled())

    assert sorted(actions(world.replay())) == ["refused", "refused", "replayed"]
    assert world.sent_replays() == [1]


def test_a_plan_changes_nothing(world: World) -> None:
    world.queues.put(STORE, approved(), stalled())
    letters = reserve(world.queues, [STORE], limit=10)

    (planned,) = world.replayer().plan(letters)

    assert (planned.verdict, planned.status) == ("replay", "stalled")
    assert (world.bus.events, world.sent_replays()) == ([], [])


def test_a_request_that_became_terminal_after_the_plan_is_refused(world: World) -> None:
    world.queues.put(STORE, approved(), stalled())
    replayer = world.replayer()
    plan = replayer.plan(reserve(world.queues, [STORE], limit=10))
    world.states.default = "expired"

    assert actions(list(replayer.run(plan))) == ["refused"]
    assert world.sent_replays() == []


def test_messages_are_sent_at_the_requested_rate(world: World) -> None:
    for number in range(11):
        world.queues.put(STORE, approved(number), stalled())

    world.replay(rate=2)

    assert world.clock.at == pytest.approx(5)  # ten pauses of half a second


def test_messages_stay_hidden_during_the_whole_replay(world: World) -> None:
    for number in range(100):
        world.queues.put(STORE, approved(number), stalled())

    world.replay(rate=0.1)

    assert max(world.queues.holds) >= 1000


def test_a_replay_that_takes_too_long_is_refused(world: World) -> None:
    for number in range(100):
        world.queues.put(STORE, approved(number), stalled())

    with pytest.raises(ValueError, match="twelve hours"):
        world.replay(rate=0.002)
    assert world.sent_replays() == []


class Canaries(World):
    """A world whose storage step works (or fails) one second after a message was sent."""

    def __init__(self, outcome: Callable[["Canaries", str], None]) -> None:
        super().__init__()
        self._outcome = outcome
        clock_sleep = self.clock.sleep

        def sleep(seconds: float, /) -> None:
            clock_sleep(seconds)
            for body in self.queues.sent[str(STORE.source_url)]:
                self._outcome(self, body)

        self.clock.sleep = sleep  # type: ignore[method-assign]


def succeed(world: Canaries, body: str) -> None:
    world.states.statuses[json.loads(body)["detail"]["metadata"]["request_id"]] = "succeeded"


def fail(world: Canaries, body: str) -> None:
    if not world.queues.dead[STORE.url] or all(body != message.body for message in world.queues.dead[STORE.url]):
        world.queues.put(STORE, body, stalled())


def ignore(_world: Canaries, _body: str) -> None:
    return


def three_of_a_kind(world: World, fingerprint: str = "aaaa") -> None:
    for number in range(3):
        world.queues.put(STORE, approved(int(fingerprint, 16) + number), stalled(fingerprint=fingerprint))


def test_the_rest_follows_after_the_canary_succeeded() -> None:
    world = Canaries(succeed)
    three_of_a_kind(world)

    outcomes = world.replay(canary=True)

    assert actions(outcomes)[:2] == ["replayed", "canary_passed"]
    assert actions(outcomes).count("replayed") == 3
    assert "advanced" in outcomes[1].why


def test_nothing_follows_a_canary_that_failed_again() -> None:
    world = Canaries(fail)
    three_of_a_kind(world)

    outcomes = world.replay(canary=True)

    assert actions(outcomes) == ["replayed", "canary_failed", "left", "left"]
    assert "dead-letter queue again" in outcomes[1].why
    assert len(world.queues.dead[STORE.url]) == 3


def test_nothing_follows_a_canary_without_a_result() -> None:
    world = Canaries(ignore)
    three_of_a_kind(world)

    outcomes = world.replay(canary=True, canary_seconds=30)

    assert actions(outcomes) == ["replayed", "canary_failed", "left", "left"]
    assert "30 s" in outcomes[1].why
    assert 30 <= world.clock.at < 35


def test_every_kind_of_failure_has_its_own_canary() -> None:
    world = Canaries(lambda world, body: (fail if "000043690" in body else succeed)(world, body))
    three_of_a_kind(world, "aaaa")  # 43690: its canary fails again
    three_of_a_kind(world, "bbbb")

    outcomes = world.replay(canary=True)

    by_kind: dict[str, list[str]] = {}
    for outcome in outcomes:
        by_kind.setdefault(outcome.letter.fingerprint, []).append(outcome.action)
    assert by_kind["aaaa"] == ["replayed", "canary_failed", "left", "left"]
    assert by_kind["bbbb"] == ["replayed", "canary_passed", "replayed", "replayed"]


def test_the_replay_event_alone_is_not_progress() -> None:
    # MessageReplayed ends the stall immediately; the status is then the one of the waiting step.
    world = Canaries(lambda world, _body: setattr(world.states, "default", STEPS_BY_NAME["storage.store"].status))
    three_of_a_kind(world)

    assert "canary_failed" in actions(world.replay(canary=True, canary_seconds=10))


def test_a_canary_of_another_consumer_passes_if_it_does_not_return(world: World) -> None:
    world.queues.put(RECORD, approved(1))
    world.queues.put(RECORD, approved(2))

    assert actions(world.replay(canary=True, canary_seconds=5)) == ["replayed", "canary_passed", "replayed"]


def test_the_listing_has_counts_age_and_the_most_frequent_error(world: World) -> None:
    world.queues.put(STORE, approved(1), stalled())
    world.queues.put(STORE, approved(2), stalled())
    world.queues.put(STORE, "poison")

    store, record, orphan = summarize(world.queues)

    assert (store.dead.total, store.commonest, store.sampled) == (3, "KeyError", False)
    assert store.oldest is not None
    assert (START - store.oldest).total_seconds() == 3600
    assert (record.dead.total, record.oldest) == (0, None)
    assert orphan.source is None
    assert world.queues.hidden == set()


def test_a_purge_keeps_messages_that_arrived_later(world: World) -> None:
    world.queues.put(STORE, approved(1), stalled())
    world.queues.put(STORE, approved(1), stalled())
    letters = reserve(world.queues, [STORE], limit=10)
    late = world.queues.put(STORE, approved(2), stalled())

    assert actions(list(purge_all(world.queues, letters))) == ["purged"]
    assert world.queues.dead[STORE.url] == [late]


class CrashError(BaseException):
    """The operator's process crashed."""


class CrashingQueues(FakeQueues):
    """Queues that crash at the ``fuse``-th change."""

    fuse = -1

    def burn(self) -> None:
        self.fuse -= 1
        if self.fuse == -1:
            raise CrashError

    def send(self, queue: QueuePair, body: str, trace_header: str | None) -> None:
        self.burn()
        super().send(queue, body, trace_header)

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        self.burn()
        super().delete(queue, messages)


class CrashingBus(RecordingBus):
    """A bus with the same fuse."""

    def __init__(self, queues: CrashingQueues) -> None:
        super().__init__()
        self._queues = queues

    def publish(self, events: Sequence[Event]) -> None:
        self._queues.burn()
        super().publish(events)


@given(count=st.integers(1, 4), fuse=st.integers(0, 14), canary=st.booleans())
def test_a_crash_anywhere_loses_nothing_and_publishes_once(count: int, fuse: int, canary: bool) -> None:
    world = World()
    world.queues = CrashingQueues(STORE)
    world.bus = CrashingBus(world.queues)
    for number in range(count):
        world.queues.put(STORE, approved(number), stalled())
    world.queues.fuse = fuse
    try:
        world.replay(canary=canary, canary_seconds=0)
    except CrashError:
        sent = {json.loads(body)["detail"]["metadata"]["event_id"] for body in world.queues.sent[str(STORE.source_url)]}
        dead = {json.loads(m.body)["detail"]["metadata"]["event_id"] for m in world.queues.dead[STORE.url]}
        assert len(sent | dead) == count
        announced = {event.data.replayed_event_id for event in world.bus.events}
        assert sent <= announced, "something was sent without a trace"

    world.queues.fuse = -1
    world.replay()

    assert set(world.sent_replays()) == {1}
    assert len({event.metadata.event_id for event in world.bus.events}) == count
    assert world.queues.dead[STORE.url] == []
