"""The table's stream → the queue of storage.remove.

Queued, not done: what fails there is retried on its own and in the end dead-lettered, and the stream goes on. A record
is never raised for, or it would hold up all behind it; what nobody understands goes to the dead-letter queue at once.
"""

from typing import Any

import boto3

from kit import startup
from kit.telemetry import logger
from services.storage.adapters.catalog import recorded_of
from services.storage.adapters.files import RemovalQueue
from services.storage.gallery import Marker
from services.storage.removal import announce
from services.storage.settings import RelaySettings

_settings = RelaySettings.load()
_queue = RemovalQueue(boto3.client("sqs"), _settings.remove_queue_url, _settings.remove_dead_letter_queue_url)
startup.finished()


def handler(batch: dict[str, Any], _context: Any) -> None:
    """Queue a deletion for every marker in a batch of stream records. Raises where the queue cannot be reached."""
    for record in batch["Records"]:
        try:
            event = announce(_marker(record))
        except (KeyError, TypeError, ValueError) as error:
            logger.error("not a marker", error=type(error).__name__, event_id=record.get("eventID"))
            _queue.dead_letter(record, type(error).__name__)
        else:
            _queue.send(event)


def _marker(record: dict[str, Any]) -> Marker:
    found = recorded_of(record["dynamodb"]["NewImage"])
    if not isinstance(found, Marker):
        raise TypeError("an entry")
    return found
