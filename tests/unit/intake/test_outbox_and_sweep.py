"""What intake tells the world, and how it sees to it that every request ends."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from events.catalog.image_requested import ImageRequested
from events.catalog.request_status_changed import RequestStatusChangedData
from events.envelope import Event
from kit.consumer import RetryPolicy
from services.intake.facts import fact_of
from services.intake.outbox import announce_change, announce_request
from services.intake.service import State, SweepReport, SweepRules, accept, expiry, sweep, track, with_fact
from services.intake.settings import SweeperSettings
from tests.support.events import sample
from tests.unit.intake.fakes import InMemoryRequests

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
REQUEST = sample("ImageRequested").metadata.request_id
RULES = SweepRules(timedelta(minutes=15), timedelta(hours=3), timedelta(days=14))


class Bus:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, events: Sequence[Event]) -> None:
        self.events += events


def store_with_request() -> InMemoryRequests:
    store = InMemoryRequests()
    requested = sample("ImageRequested")
    assert isinstance(requested, ImageRequested)
    accept(store, REQUEST, "demo", requested.data.parameters, START)
    return store


def run(store: InMemoryRequests, bus: Bus, at: datetime) -> SweepReport:
    problems: list[Exception] = []
    expired: list[State] = []
    report = sweep(store, bus, RULES, at, lambda _id, error: problems.append(error), expired.append)
    assert len(problems) == report.failed
    assert [state.status for state in expired] == ["expired"] * report.expired
    return report


def test_an_inserted_request_announces_itself_unchanged() -> None:
    store = store_with_request()
    (event,) = announce_request(store.request(REQUEST))
    assert event == store.request(REQUEST)


def test_a_moved_status_is_announced_with_its_number() -> None:
    store = store_with_request()
    before = store.state(REQUEST)
    track(store, sample("PromptApproved"))
    (event,) = announce_change(before, store.state(REQUEST))
    assert event.data == RequestStatusChangedData(status="generating", previous="accepted", sequence=1)


def test_every_move_names_the_webhook_that_the_request_named() -> None:
    store, requested = InMemoryRequests(), sample("ImageRequested")
    assert isinstance(requested, ImageRequested)
    accept(store, REQUEST, "demo", requested.data.parameters, START, webhook_id="w3bhookexample22")
    before = store.state(REQUEST)
    track(store, sample("PromptApproved"))

    (event,) = announce_change(before, store.state(REQUEST))
    assert event.data.webhook_id == "w3bhookexample22"


def test_the_same_change_is_announced_with_the_same_id() -> None:
    store = store_with_request()
    before = store.state(REQUEST)
    track(store, sample("PromptApproved"))
    assert announce_change(before, store.state(REQUEST)) == announce_change(before, store.state(REQUEST))


def test_a_fact_that_moves_nothing_announces_nothing() -> None:
    store = store_with_request()
    track(store, sample("ImageStored"))
    before = store.state(REQUEST)
    track(store, sample("PromptApproved"))
    assert announce_change(before, store.state(REQUEST)) == []


def test_an_expiry_is_announced_as_an_event_and_as_a_status() -> None:
    state = store_with_request().state(REQUEST)
    fact = expiry(state, START + RULES.deadline, START + timedelta(hours=4))
    events = announce_change(state, with_fact(state, fact))
    assert [event.detail_type for event in events] == ["RequestExpired", "RequestStatusChanged"]
    assert events[0].metadata.event_id == fact.event_id
    assert events[0].data.last_status == "accepted"


def test_a_request_without_progress_is_published_again() -> None:
    store, bus = store_with_request(), Bus()
    assert run(store, bus, START + timedelta(minutes=15)).nudged == 1
    assert bus.events == [store.request(REQUEST)]
    assert run(store, bus, START + timedelta(minutes=16)).looked_at == 0, "it is given time before the next nudge"
    assert run(store, bus, START + timedelta(minutes=30)).nudged == 1


def test_a_request_that_moves_is_left_alone() -> None:
    store, bus = store_with_request(), Bus()
    later = sample("PromptApproved")
    metadata = later.metadata.model_copy(update={"occurred_at": START + timedelta(minutes=10)})
    track(store, later.model_copy(update={"metadata": metadata}))
    report = run(store, bus, START + timedelta(minutes=16))
    assert (report.looked_at, report.nudged) == (1, 0)
    assert run(store, bus, START + timedelta(minutes=25)).nudged == 1


def test_past_its_deadline_a_request_expires_once() -> None:
    store, bus = store_with_request(), Bus()
    assert run(store, bus, START + RULES.deadline).expired == 1
    assert store.state(REQUEST).status == "expired"
    assert run(store, bus, START + RULES.deadline + timedelta(days=1)).looked_at == 0


def test_a_stalled_request_waits_for_an_operator_as_long_as_its_message_does() -> None:
    store, bus = store_with_request(), Bus()
    track(store, sample("ProcessingStalled"))
    assert store.state(REQUEST).status == "stalled"
    report = run(store, bus, START + RULES.deadline)
    assert (report.nudged, report.expired) == (0, 0)
    assert run(store, bus, START + RULES.stalled_deadline).expired == 1


def test_a_stalled_request_is_not_due_all_the_time() -> None:
    """Many of them would keep the others, which are less overdue, from being looked at."""
    store, bus = store_with_request(), Bus()
    track(store, sample("ProcessingStalled"))
    later = START + timedelta(days=1)
    assert run(store, bus, later).looked_at == 1
    assert run(store, bus, later + timedelta(minutes=14)).looked_at == 0
    assert run(store, bus, later + timedelta(minutes=16)).looked_at == 1


def test_an_ending_that_arrives_while_the_sweeper_looks_wins() -> None:
    class Late(InMemoryRequests):
        def replace(self, old, new, added):  # type: ignore[no-untyped-def]
            track(self, sample("ImageStored"))
            return super().replace(old, new, added)

    store, bus = Late(), Bus()
    requested = sample("ImageRequested")
    assert isinstance(requested, ImageRequested)
    accept(store, REQUEST, "demo", requested.data.parameters, START)
    assert run(store, bus, START + RULES.deadline).expired == 0
    assert store.state(REQUEST).status == "succeeded"


def test_one_broken_request_does_not_keep_the_others_from_being_swept() -> None:
    store, bus = store_with_request(), Bus()
    store.checks["gone"] = START
    store.checks = dict(sorted(store.checks.items(), reverse=True))
    report = run(store, bus, START + timedelta(minutes=15))
    assert (report.looked_at, report.failed, report.nudged) == (2, 1, 1)


def test_the_deadline_is_longer_than_the_worst_retry_schedule() -> None:
    steps, lease_seconds = 4, 600
    worst = steps * RetryPolicy().worst_seconds() + lease_seconds
    settings = SweeperSettings(table_name="t", event_bus_name="b")
    assert settings.deadline_minutes * 60 > worst
    assert settings.nudge_after_minutes < settings.deadline_minutes


def test_the_timeline_remembers_every_event_once() -> None:
    store = store_with_request()
    for _ in range(2):
        track(store, sample("PromptApproved"))
    assert list(store.state(REQUEST).facts.values())[1:] == [fact_of(sample("PromptApproved"))]
