"""The relay's fallback: publishes events that the bus refused, with retries and a dead-letter queue."""

from events.catalog.appeal_decided import AppealDecided
from events.catalog.image_requested import ImageRequested
from events.catalog.request_appealed import RequestAppealed
from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.catalog.request_status_changed import RequestStatusChanged
from events.envelope import Event
from kit.consumer import EachMessage, sqs_consumer


def republish(event: Event) -> list[Event]:
    """Return the queued event, so that it is published."""
    return [event]


handler = sqs_consumer(
    "intake.republish",
    [ImageRequested, RequestCancelled, RequestExpired, RequestStatusChanged, RequestAppealed, AppealDecided],
    EachMessage(republish),
)
