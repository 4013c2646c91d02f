"""The outbox: the events that a change of the request table stands for. The relay reads the changes from its stream."""

from datetime import datetime
from typing import Final

from events.catalog.image_requested import ImageRequested
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.catalog.request_expired import RequestExpired, RequestExpiredData
from events.catalog.request_status_changed import RequestStatusChanged, RequestStatusChangedData
from events.envelope import Event
from events.pipeline import TimelineEntry
from services.intake.models import Appeal, RequestState

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


def events_of_appeal(appeal: Appeal) -> list[Event]:
    """Return the event to publish for a new or decided appeal. A cold start does not import the rare events."""
    from events.catalog.appeal_decided import AppealDecided, AppealDecidedData  # noqa: PLC0415
    from events.catalog.request_appealed import RequestAppealed, RequestAppealedData  # noqa: PLC0415

    request_id, owner, opt_out = appeal.request_id, appeal.owner, appeal.analytics_opt_out
    if appeal.status == "pending" or appeal.decided_at is None:
        data = RequestAppealedData(
            subject=appeal.subject, category=appeal.category, policy_version=appeal.policy_version
        )
        at = appeal.appealed_at
        return [RequestAppealed.first(request_id, owner, data, occurred_at=at, analytics_opt_out=opt_out)]
    decision = AppealDecidedData(
        decision=appeal.status, granted_request_id=appeal.granted_request_id, webhook_id=appeal.webhook_id
    )
    at = appeal.decided_at
    return [AppealDecided.first(request_id, owner, decision, occurred_at=at, analytics_opt_out=opt_out)]


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
