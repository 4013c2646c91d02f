"""Relays deletion markers from the table's stream to the queue of storage.remove.

The relay only queues deletions, so that a failing deletion is retried and dead-lettered on its own and does not block
the stream. For the same reason, a record that cannot be read is dead-lettered immediately instead of raised.
"""

from typing import Any

import boto3

from kit import startup
from kit.telemetry import logger
from services.storage.gateways import RemovalQueue
from services.storage.models import DeletionMarker
from services.storage.removal import deletion_event
from services.storage.repository.items import read_record
from services.storage.settings import RelaySettings

_settings = RelaySettings.load()
_queue = RemovalQueue(boto3.client("sqs"), _settings.remove_queue_url, _settings.remove_dead_letter_queue_url)
startup.finished()


def handler(batch: dict[str, Any], _context: Any) -> None:
    """Queue a deletion for every marker in a batch of stream records. Raises if the queue is unavailable."""
    for record in batch["Records"]:
        try:
            event = deletion_event(_marker(record))
        except (KeyError, TypeError, ValueError) as error:
            logger.error("not a deletion marker", error=type(error).__name__, event_id=record.get("eventID"))
            _queue.dead_letter(record, type(error).__name__)
        else:
            _queue.send(event)


def _marker(record: dict[str, Any]) -> DeletionMarker:
    found = read_record(record["dynamodb"]["NewImage"])
    if not isinstance(found, DeletionMarker):
        raise TypeError("not a deletion marker")
    return found
