"""Intake, generation and storage agree on cancelled and expired requests, whatever the order of messages."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalog.image_approved import ImageApproved
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_requested import ImageRequested
from events.catalog.prompt_approved import PromptApproved, PromptApprovedData
from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from events.pipeline import Status
from kit.errors import InProgressError
from services.generation.withdrawal import withdraw as stop_generation
from services.intake.models import RequestState, TooLateToCancelError
from services.intake.outbox import events_of_change
from services.intake.request_views import request_view
from services.intake.sweeping import expiry
from services.intake.tracking import add_event
from services.storage.models import DeletionMarker
from services.storage.removal import deletion_event
from services.storage.withdrawal import withdraw as remove_images
from tests.support.events import sample
from tests.support.sealing import SAMPLE_TEXTS
from tests.unit.generation.fakes import Harness
from tests.unit.intake.fakes import InMemoryRequests, accept, cancel
from tests.unit.storage.fakes import NOON, REQUEST, StorageHarness, approved, encode, gradient

REQUESTED = sample("ImageRequested")
RAW = encode(gradient(8, 8))
MESSAGES_MAX = 60


class System:
    """The steps of one request with fakes for all ports. Messages wait until they are delivered, in any order."""

    def __init__(self) -> None:
        assert isinstance(REQUESTED, ImageRequested)
        self.requests, self.generation, self.storage = InMemoryRequests(), Harness(parallel=1), StorageHarness()
        parameters = REQUESTED.data.parameters.model_copy(update={"count": 1})
        accept(self.requests, REQUEST, "ada", parameters, NOON)
        prompt_approved = PromptApproved.follow(
            REQUESTED.model_copy(update={"metadata": REQUESTED.metadata.model_copy(update={"request_id": REQUEST})}),
            PromptApprovedData(policy_version="1", layers=["keywords"], parameters=parameters),
            occurred_at=NOON + timedelta(seconds=1),
        )
        self.raw = self.storage.handoff.put(RAW).model_copy(update={"width": 8, "height": 8})
        self.waiting: list[tuple[Callable[[Any], Sequence[Event]], Event]] = []
        self.publish([prompt_approved])

    def publish(self, events: Sequence[Event]) -> None:
        """Send each event to the queues of its consumers."""
        for event in events:
            self.waiting.append((self.track, event))
            match event:
                case PromptApproved():
                    self.waiting.append((self.generation.generate, event))
                case ImageGenerated():
                    self.waiting.append((lambda _: [approved(self.raw)], event))
                case ImageApproved():
                    self.waiting.append((self.storage.store, event))
                case RequestCancelled() | RequestExpired():
                    ledger, clock = self.generation.ledger, self.generation.clock
                    self.waiting.append((partial(stop_generation, tombstones=ledger, clock=clock), event))
                    self.waiting.append((partial(remove_images, gallery=self.storage.gallery), event))

    def track(self, event: Event) -> list[Event]:
        """Add an event to the state of the request."""
        add_event(self.requests, event)
        return []

    def deliver(self, position: int, *, twice: bool) -> None:
        """Deliver one waiting message. A message that is in progress elsewhere returns to its queue."""
        consumer, event = self.waiting[position] if twice else self.waiting.pop(position)
        try:
            self.publish(consumer(event))
        except InProgressError:
            self.waiting.append((consumer, event))
        self.remove_files()

    def remove_files(self) -> None:
        """Delete the files of images with a deletion marker, as the table's stream has it done."""
        for record in list(self.storage.gallery.recorded.values()):
            if isinstance(record, DeletionMarker) and any(key in self.storage.files.objects for key in record.keys):
                self.storage.files.delete(record.keys)
                self.waiting.append((self.track, deletion_event(record)))

    def withdraw(self, how: str) -> bool:
        """Cancel or expire the request. Return whether that was acknowledged."""
        before = self.requests.read_state(REQUEST)
        if how == "cancel":
            try:
                _, after = cancel(self.requests, REQUEST, "ada", NOON + timedelta(seconds=2))
            except TooLateToCancelError:
                return False
        else:
            if before.is_terminal:
                return False
            after = self._expire(before)
        self.publish(events_of_change(before, after))
        return True

    def _expire(self, before: RequestState) -> RequestState:
        entry = expiry(before, NOON, NOON + timedelta(hours=3))
        after = before.with_entry(entry)
        assert self.requests.recompute(before, after, entry)
        return after


@pytest.mark.parametrize("how", ["cancel", "expire"])
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_withdrawn_request_never_shows_an_image_in_the_end(how: str, data: st.DataObject) -> None:
    system = System()
    withdrawn_at = data.draw(st.integers(0, 8), label="messages before the withdrawal")
    acknowledged, statuses = False, []
    for number in range(MESSAGES_MAX):
        if number == withdrawn_at:
            acknowledged = system.withdraw(how)
        if not system.waiting:
            break
        twice = number < MESSAGES_MAX // 3 and data.draw(st.booleans(), label="twice")
        system.deliver(data.draw(st.integers(0, len(system.waiting) - 1)), twice=twice)
        statuses.append(system.requests.read_state(REQUEST).status)
    while system.waiting:
        system.deliver(0, twice=False)

    state = system.requests.read_state(REQUEST)
    view = request_view(system.requests.requests[REQUEST], state, SAMPLE_TEXTS, str)
    if acknowledged:
        final = Status.CANCELLED if how == "cancel" else Status.EXPIRED
        assert (state.status, view.images) == (final, [])
        assert final not in statuses or set(statuses[statuses.index(final) :]) == {final}
        assert (system.storage.gallery.entries, system.storage.files.objects) == ({}, {})
        paid = system.generation.models.paid
        assert view.billed in ({"true"} if paid else {"false", "unknown"})
    else:
        assert state.status == Status.SUCCEEDED
        assert len(system.storage.gallery.entries) == len(view.images) == 1
    assert system.generation.models.paid <= 1
