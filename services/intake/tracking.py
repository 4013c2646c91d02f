"""Tracking: add every event of a request to its timeline, and act when the request is finished."""

from collections.abc import Callable
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from events.catalog.image_stored import ImageStoredData
from events.catalog.processing_stalled import ProcessingStalled
from events.envelope import Event
from events.pipeline import Status, TimelineEntry
from kit.clock import Clock
from kit.errors import RetriableError
from kit.request_age import may_have_expired
from kit.telemetry import logger, measure
from services.intake.durations import DurationRecorder
from services.intake.models import RequestState
from services.intake.timeline import timeline_entry


class StateStore(Protocol):
    """The states in the request table."""

    def advance(self, request_id: str, entry: TimelineEntry) -> RequestState | None:
        """Add an entry that moves the status forward, with one conditional write and without reading.

        Return None if that succeeded and the request continues. Otherwise return the stored state: with the entry if
        the request is finished by it or contained it already, without it if the state has to be recomputed. Raise
        ``KeyError`` if the request is unknown.
        """

    def read_state(self, request_id: str) -> RequestState:
        """Return the state of a request. Raise ``KeyError`` if it is unknown."""

    def recompute(self, old: RequestState, new: RequestState, entry: TimelineEntry) -> bool:
        """Write ``new``, if the stored revision is still that of ``old``. Return whether it was."""

    def is_erased(self, request_id: str) -> bool:
        """Return whether a request was erased, with a consistent read."""


def add_event(store: StateStore, event: Event) -> RequestState | None:
    """Add an event to the timeline of its request and move the status, whatever the order of events.

    Return the state if the request is finished (or if the state had to be read), None if it continues or was erased.
    Raise ``RetriableError`` if the table does not contain the request.
    """
    entry = timeline_entry(event)
    request_id = event.metadata.request_id
    try:
        state = store.advance(request_id, entry) if entry.status else store.read_state(request_id)
        while state is not None and entry.event_id not in state.timeline:
            new = state.with_entry(entry)
            state = new if store.recompute(state, new, entry) else store.read_state(request_id)
    except KeyError as error:
        if store.is_erased(request_id):
            return None
        raise RetriableError(f"request {request_id} is not in the table") from error
    return state


class Tracker:
    """Tracks the events of requests."""

    def __init__(
        self,
        store: StateStore,
        durations: DurationRecorder,
        refund: Callable[[RequestState], None],
        clock: Clock,
    ) -> None:
        self._store = store
        self._durations = durations
        self._refund = refund
        self._clock = clock

    def track(self, event: Event) -> list[Event]:
        """Add an event to its request. The events that follow are published from the table's stream.

        Images may outlive their request: its retention is limited. The deletion of such an image is not recorded.
        """
        request_id = event.metadata.request_id
        try:
            state = add_event(self._store, event)
        except RetriableError:
            if not may_have_expired(request_id, self._clock.now()):
                raise
            logger.info("the request was deleted at the end of its retention", request_id=request_id)
            return []
        if state is not None and state.is_terminal:
            self._refund(state)
            self._record_duration(event, state)
        return []

    def _record_duration(self, event: Event, state: RequestState) -> None:
        measured = measured_duration(event, state)
        if measured is None:
            return
        model, seconds = measured
        measure("request succeeded", {"request_seconds": seconds}, {}, request_id=state.request_id, model=model)
        try:
            self._durations.record(model, seconds)
        except (ClientError, BotoCoreError) as error:  # an estimate is not worth retrying the event
            logger.warning("duration not recorded", error=type(error).__name__)


def measured_duration(event: Event, state: RequestState) -> tuple[str, float] | None:
    """Return the model and the seconds from accepted to succeeded. None if the request stalled or did not succeed."""
    succeeded = isinstance(event.data, ImageStoredData) and state.status == Status.SUCCEEDED
    if not succeeded or state.has(ProcessingStalled.detail_type):
        return None
    return event.data.images[0].model, (event.metadata.occurred_at - state.created_at).total_seconds()
