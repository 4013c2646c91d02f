"""The API's session, with the function's own permissions."""

import boto3

from kit.publisher import Publisher
from services.operations.actions.repository import TrailTable
from services.operations.dead_letters.repository import NamedQueues, QuarantineTable, RequestTable
from services.operations.dead_letters.session import OperatorSession
from services.operations.settings import HealthSettings


def connect(settings: HealthSettings) -> OperatorSession:
    """Return a session at which nobody sits yet."""
    dynamodb = boto3.client("dynamodb")
    queues = NamedQueues(boto3.client("sqs"), settings.prefix, settings.queue_names)
    return OperatorSession(
        operator="",
        queues=queues,
        states=RequestTable(dynamodb, settings.requests_table),
        bus=Publisher(boto3.client("events"), settings.event_bus_name),
        quarantine=QuarantineTable(dynamodb, settings.operations_table, queues.pairs),
        trail=TrailTable(dynamodb, settings.operations_table),
    )
