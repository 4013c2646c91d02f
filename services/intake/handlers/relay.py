"""The outbox relay: the table's stream in, events out.

It never raises for one record, which would hold up the whole shard: what the bus refuses goes to a queue of its own,
where it is retried and in the end dead-lettered. It raises only when that queue refuses as well; the stream then waits.
"""

from typing import Any

import boto3

from events.envelope import Event
from kit import startup
from kit.publisher import Publisher, PublishError
from kit.telemetry import logger
from services.intake.adapters import RelayQueue, request_of, state_of
from services.intake.outbox import announce_change, announce_request
from services.intake.settings import RelaySettings

settings = RelaySettings.load()
publisher = Publisher(boto3.client("events"), settings.event_bus_name)
fallback = RelayQueue(boto3.client("sqs"), settings.relay_queue_url)
startup.finished()


def handler(batch: dict[str, Any], _context: Any) -> None:
    """Publish what a batch of stream records announces."""
    events = [event for record in batch["Records"] for event in announced(record)]
    try:
        publisher.publish(events)
    except PublishError as error:
        refused = [event for event in events if event.metadata.event_id in error.event_ids]
        ids = [event.metadata.request_id for event in refused]
        logger.warning("bus refused events, queueing them", request_ids=ids, reason=str(error))
        for event in refused:
            fallback.send(event)


def announced(record: dict[str, Any]) -> list[Event]:
    """Return the events that one stream record stands for."""
    new = record["dynamodb"]["NewImage"]
    if new["sk"]["S"] == "REQUEST":
        return announce_request(request_of(new))
    return announce_change(state_of(record["dynamodb"]["OldImage"]), state_of(new))
