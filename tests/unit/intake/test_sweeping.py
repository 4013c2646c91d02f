"""The sweeper: nudges and expiry, so that every request reaches a terminal status."""

from datetime import UTC, datetime, timedelta

from events.catalog.image_requested import ImageRequested
from kit.consumer import RetryPolicy
from services.intake.models import RequestState
from services.intake.settings import SweeperSettings
from services.intake.sweeping import Sweeper, SweepReport, SweepRules
from services.intake.tracking import add_event
from tests.support.clock import FakeClock
from tests.support.events import RecordingBus, sample
from tests.unit.intake.fakes import InMemoryRequests, accept

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
REQUEST = sample("ImageRequested").metadata.request_id
RULES = SweepRules(timedelta(minutes=15), timedelta(hours=3), timedelta(days=14))


def store_with_request() -> InMemoryRequests:
    store = InMemoryRequests()
    requested = sample("ImageRequested")
    assert isinstance(requested, ImageRequested)
    accept(store, REQUEST, "demo", requested.data.parameters, START)
    return store


def run(store: InMemoryRequests, bus: RecordingBus, at: datetime) -> SweepReport:
    refunded: list[RequestState] = []
    report = Sweeper(store, store, bus, RULES, refunded.append, FakeClock(at)).sweep()
    assert [state.status for state in refunded] == ["expired"] * report.expired
    return report


def test_a_request_without_progress_is_published_again() -> None:
    store, bus = store_with_request(), RecordingBus()
    assert run(store, bus, START + timedelta(minutes=15)).nudged == 1
    assert bus.events == [store.read_request(REQUEST)]
    assert run(store, bus, START + timedelta(minutes=16)).checked == 0, "it has time before the next nudge"
    assert run(store, bus, START + timedelta(minutes=30)).nudged == 1


def test_a_request_with_progress_is_not_nudged() -> None:
    store, bus = store_with_request(), RecordingBus()
    later = sample("PromptApproved")
    metadata = later.metadata.model_copy(update={"occurred_at": START + timedelta(minutes=10)})
    add_event(store, later.model_copy(update={"metadata": metadata}))
    report = run(store, bus, START + timedelta(minutes=16))
    assert (report.checked, report.nudged) == (1, 0)
    assert run(store, bus, START + timedelta(minutes=25)).nudged == 1


def test_past_its_deadline_a_request_expires_once() -> None:
    store, bus = store_with_request(), RecordingBus()
    assert run(store, bus, START + RULES.deadline).expired == 1
    assert store.read_state(REQUEST).status == "expired"
    assert run(store, bus, START + RULES.deadline + timedelta(days=1)).checked == 0


def test_a_stalled_request_has_its_own_deadline() -> None:
    store, bus = store_with_request(), RecordingBus()
    add_event(store, sample("ProcessingStalled"))
    assert store.read_state(REQUEST).status == "stalled"
    report = run(store, bus, START + RULES.deadline)
    assert (report.nudged, report.expired) == (0, 0)
    assert run(store, bus, START + RULES.stalled_deadline).expired == 1


def test_a_stalled_request_is_not_always_due() -> None:
    """Many stalled requests would crowd out requests that can be nudged."""
    store, bus = store_with_request(), RecordingBus()
    add_event(store, sample("ProcessingStalled"))
    later = START + timedelta(days=1)
    assert run(store, bus, later).checked == 1
    assert run(store, bus, later + timedelta(minutes=14)).checked == 0
    assert run(store, bus, later + timedelta(minutes=16)).checked == 1


def test_an_event_that_arrives_during_the_sweep_wins() -> None:
    class Late(InMemoryRequests):
        def recompute(self, old, new, entry):  # type: ignore[no-untyped-def]
            add_event(self, sample("ImageStored"))
            return super().recompute(old, new, entry)

    store, bus = Late(), RecordingBus()
    requested = sample("ImageRequested")
    assert isinstance(requested, ImageRequested)
    accept(store, REQUEST, "demo", requested.data.parameters, START)
    assert run(store, bus, START + RULES.deadline).expired == 0
    assert store.read_state(REQUEST).status == "succeeded"


def test_a_failure_with_one_request_does_not_affect_the_others() -> None:
    store, bus = store_with_request(), RecordingBus()
    store.checks["gone"] = START
    store.checks = dict(sorted(store.checks.items(), reverse=True))
    report = run(store, bus, START + timedelta(minutes=15))
    assert (report.checked, len(report.failures), report.nudged) == (2, 1, 1)


def test_the_deadline_is_longer_than_the_worst_retry_schedule() -> None:
    steps, lease_seconds = 4, 600
    worst = steps * RetryPolicy().worst_seconds() + lease_seconds
    settings = SweeperSettings(table_name="t", event_bus_name="b")
    assert settings.deadline_minutes * 60 > worst
    assert settings.nudge_after_minutes < settings.deadline_minutes


def test_a_request_that_was_erased_since_the_index_was_written_is_skipped() -> None:
    store, bus = store_with_request(), RecordingBus()
    due = store.checks.copy()
    assert store.erase(REQUEST, store.read_state(REQUEST).owner, START)
    store.checks = due

    report = run(store, bus, START + timedelta(minutes=15))

    assert (report.nudged, report.failures, bus.events) == (0, {}, [])
