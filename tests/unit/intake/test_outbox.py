"""The outbox: the events that the changes of the request table stand for."""

from datetime import UTC, datetime, timedelta

from events.catalog.image_requested import ImageRequested
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.catalog.request_status_changed import RequestStatusChangedData
from services.intake.models import entry_without_details
from services.intake.outbox import events_of_change, events_of_new_request
from services.intake.sweeping import expiry
from services.intake.timeline import timeline_entry
from services.intake.tracking import add_event
from tests.support.events import sample
from tests.unit.intake.fakes import InMemoryRequests, accept

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
DEADLINE = START + timedelta(hours=3)
REQUEST = sample("ImageRequested").metadata.request_id


def store_with_request() -> InMemoryRequests:
    store = InMemoryRequests()
    requested = sample("ImageRequested")
    assert isinstance(requested, ImageRequested)
    accept(store, REQUEST, "demo", requested.data.parameters, START)
    return store


def test_a_new_request_is_published_unchanged() -> None:
    store = store_with_request()
    (event,) = events_of_new_request(store.read_request(REQUEST))
    assert event == store.read_request(REQUEST)


def test_a_new_status_is_published_with_its_sequence() -> None:
    store = store_with_request()
    before = store.read_state(REQUEST)
    add_event(store, sample("PromptApproved"))
    (event,) = events_of_change(before, store.read_state(REQUEST))
    assert event.data == RequestStatusChangedData(status="generating", previous="accepted", sequence=1)


def test_every_event_of_intake_keeps_the_opt_out_of_the_request() -> None:
    store, requested = InMemoryRequests(), sample("ImageRequested")
    assert isinstance(requested, ImageRequested)
    accept(store, REQUEST, "demo", requested.data.parameters, START, analytics_opt_out=True)
    before = store.read_state(REQUEST)
    cancelled = RequestCancelled.first(REQUEST, "demo", RequestCancelledData(), occurred_at=START)
    for entry in (expiry(before, DEADLINE, DEADLINE), entry_without_details(cancelled)):
        events = [
            *events_of_new_request(store.read_request(REQUEST)),
            *events_of_change(before, before.with_entry(entry)),
        ]
        assert [event.metadata.analytics_opt_out for event in events] == [True] * 3


def test_every_status_event_names_the_webhook_of_the_request() -> None:
    store, requested = InMemoryRequests(), sample("ImageRequested")
    assert isinstance(requested, ImageRequested)
    accept(store, REQUEST, "demo", requested.data.parameters, START, webhook_id="w3bhookexample22")
    before = store.read_state(REQUEST)
    add_event(store, sample("PromptApproved"))

    (event,) = events_of_change(before, store.read_state(REQUEST))
    assert event.data.webhook_id == "w3bhookexample22"


def test_the_same_change_is_published_with_the_same_id() -> None:
    store = store_with_request()
    before = store.read_state(REQUEST)
    add_event(store, sample("PromptApproved"))
    assert events_of_change(before, store.read_state(REQUEST)) == events_of_change(before, store.read_state(REQUEST))


def test_an_entry_without_a_new_status_publishes_nothing() -> None:
    store = store_with_request()
    add_event(store, sample("ImageStored"))
    before = store.read_state(REQUEST)
    add_event(store, sample("PromptApproved"))
    assert events_of_change(before, store.read_state(REQUEST)) == []


def test_an_expiry_is_published_as_an_event_and_as_a_status() -> None:
    state = store_with_request().read_state(REQUEST)
    entry = expiry(state, DEADLINE, START + timedelta(hours=4))
    events = events_of_change(state, state.with_entry(entry))
    assert [event.detail_type for event in events] == ["RequestExpired", "RequestStatusChanged"]
    assert events[0].data.last_status == "accepted"
    assert timeline_entry(events[0]) == entry, "the sweeper writes the same entry as the tracker"
