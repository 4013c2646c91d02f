"""The API's desk, with the function's own permissions."""

import boto3

from kit.publisher import Publisher
from services.operations.actions.adapters import TrailTable
from services.operations.dead_letters.adapters import NamedQueues, QuarantineTable, RequestTable
from services.operations.dead_letters.desk import Desk
from services.operations.settings import HealthSettings


def connect(settings: HealthSettings) -> Desk:
    """Return a desk at which nobody sits yet."""
    dynamodb = boto3.client("dynamodb")
    queues = NamedQueues(boto3.client("sqs"), settings.prefix, settings.queue_names)
    return Desk(
        operator="",
        queues=queues,
        states=RequestTable(dynamodb, settings.requests_table),
        bus=Publisher(boto3.client("events"), settings.event_bus_name),
        quarantine=QuarantineTable(dynamodb, settings.operations_table, queues.pairs),
        trail=TrailTable(dynamodb, settings.operations_table),
    )
