"""The relay's fallback: publish what the bus refused when the stream was read, with retries and a dead-letter queue."""

from events.catalog.image_requested import ImageRequested
from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.catalog.request_status_changed import RequestStatusChanged
from events.envelope import Event
from kit.runtime import consumer


def repeat(event: Event) -> list[Event]:
    """Return the queued event itself, to be published."""
    return [event]


handler = consumer(
    step="intake.relay",
    accepts=[ImageRequested, RequestCancelled, RequestExpired, RequestStatusChanged],
    handle=repeat,
)
