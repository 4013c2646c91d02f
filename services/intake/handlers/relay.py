"""The outbox relay: publishes the events that the changes in the table's stream stand for.

It never raises because of one event, since that would block the whole shard. Events that the bus refuses are sent to a
queue, where they are retried and finally dead-lettered. It raises only if the queue fails too; then the stream waits.
"""

from typing import Any

import boto3

from events.envelope import Event
from kit import startup
from kit.publisher import Publisher, PublishError
from kit.telemetry import logger
from services.intake.gateways import RelayQueue
from services.intake.outbox import events_of_appeal, events_of_change, events_of_new_request
from services.intake.repository.items import appeal_from, request_from, state_from
from services.intake.settings import RelaySettings

settings = RelaySettings.load()
publisher = Publisher(boto3.client("events"), settings.event_bus_name)
fallback = RelayQueue(boto3.client("sqs"), settings.relay_queue_url)
startup.finished()


def handler(batch: dict[str, Any], _context: Any) -> None:
    """Publish the events of a batch of stream records."""
    events = [event for record in batch["Records"] for event in events_of(record)]
    try:
        publisher.publish(events)
    except PublishError as error:
        refused = [event for event in events if event.metadata.event_id in error.event_ids]
        ids = [event.metadata.request_id for event in refused]
        logger.warning("bus refused events; sending them to the queue", request_ids=ids, reason=str(error))
        for event in refused:
            fallback.send(event)


def events_of(record: dict[str, Any]) -> list[Event]:
    """Return the events that a stream record stands for."""
    new = record["dynamodb"]["NewImage"]
    if new["sk"]["S"] == "REQUEST":
        return events_of_new_request(request_from(new))
    if new["sk"]["S"] == "APPEAL":
        return events_of_appeal(appeal_from(new))
    return events_of_change(state_from(record["dynamodb"]["OldImage"]), state_from(new))
