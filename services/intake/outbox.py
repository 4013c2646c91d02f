"""The outbox: what a change of the request-state table means for the world. The table's stream feeds it."""

from datetime import datetime
from typing import Final

from events.catalog.image_requested import ImageRequested
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.catalog.request_expired import RequestExpired, RequestExpiredData
from events.catalog.request_status_changed import RequestStatusChanged, RequestStatusChangedData
from events.envelope import Event
from services.intake.lifecycle import Fact
from services.intake.service import State

OWN: Final = (RequestCancelled.detail_type, RequestExpired.detail_type)
"""Facts that nobody but intake knows until it says them."""


def announce_request(request: ImageRequested) -> list[Event]:
    """Return what an inserted request announces: itself."""
    return [request]


def announce_change(old: State, new: State) -> list[Event]:
    """Return what the step from ``old`` to ``new`` announces: the moved status, and facts that intake itself wrote."""
    events: list[Event] = [
        _own_event(new, fact)
        for event_id, fact in new.facts.items()
        if event_id not in old.facts and fact.detail_type in OWN
    ]
    if new.status != old.status:
        latest = max(fact.at for fact in new.facts.values())
        data = RequestStatusChangedData(
            status=new.status, previous=old.status, sequence=new.status_sequence, webhook_id=new.webhook_id
        )
        events.append(
            RequestStatusChanged.first(new.request_id, new.owner, data, occurred_at=latest, index=new.status_sequence)
        )
    return events


def _own_event(state: State, fact: Fact) -> Event:
    if fact.detail_type == RequestCancelled.detail_type:
        nothing = RequestCancelledData()
        return RequestCancelled.first(state.request_id, state.owner, nothing, occurred_at=fact.at)
    data = RequestExpiredData(
        last_status=fact.about["last_status"], deadline=datetime.fromisoformat(fact.about["deadline"])
    )
    return RequestExpired.first(state.request_id, state.owner, data, occurred_at=fact.at)
