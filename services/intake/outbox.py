"""The outbox: the events that a change of the request table stands for. The relay reads the changes from its stream."""

from datetime import datetime
from typing import Final

from events.catalog.image_requested import ImageRequested
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.catalog.request_expired import RequestExpired, RequestExpiredData
from events.catalog.request_status_changed import RequestStatusChanged, RequestStatusChangedData
from events.envelope import Event
from events.pipeline import TimelineEntry
from services.intake.models import RequestState

PUBLISHED_FROM_TIMELINE: Final = (RequestCancelled.detail_type, RequestExpired.detail_type)
"""Timeline entries that intake itself writes. Other entries come from events that are published already."""


def events_of_new_request(request: ImageRequested) -> list[Event]:
    """Return the events to publish for a new request."""
    return [request]


def events_of_change(old: RequestState, new: RequestState) -> list[Event]:
    """Return the events to publish for a change of state: intake's own entries and the new status."""
    events: list[Event] = [
        _event_of_entry(new, entry)
        for event_id, entry in new.timeline.items()
        if event_id not in old.timeline and entry.detail_type in PUBLISHED_FROM_TIMELINE
    ]
    if new.status != old.status:
        latest = max(entry.at for entry in new.timeline.values())
        data = RequestStatusChangedData(
            status=new.status, previous=old.status, sequence=new.status_sequence, webhook_id=new.webhook_id
        )
        events.append(
            RequestStatusChanged.first(
                new.request_id,
                new.owner,
                data,
                occurred_at=latest,
                index=new.status_sequence,
                analytics_opt_out=new.analytics_opt_out,
            )
        )
    return events


def _event_of_entry(state: RequestState, entry: TimelineEntry) -> Event:
    if entry.detail_type == RequestCancelled.detail_type:
        return RequestCancelled.first(
            state.request_id,
            state.owner,
            RequestCancelledData(),
            occurred_at=entry.at,
            analytics_opt_out=state.analytics_opt_out,
        )
    data = RequestExpiredData(
        last_status=entry.details["last_status"], deadline=datetime.fromisoformat(entry.details["deadline"])
    )
    return RequestExpired.first(
        state.request_id, state.owner, data, occurred_at=entry.at, analytics_opt_out=state.analytics_opt_out
    )
