"""The API's operator session, with the permissions of the function."""

from datetime import timedelta

import boto3

from kit.publisher import Publisher
from kit.trail import Operator
from kit.trail_table import TrailTable
from services.operations.dead_letters.repository import NamedQueues, QuarantineTable, RequestTable
from services.operations.dead_letters.session import OperatorSession
from services.operations.settings import ApiSettings


def connect(settings: ApiSettings) -> OperatorSession:
    """Return an operator session without an operator."""
    dynamodb = boto3.client("dynamodb")
    queues = NamedQueues(boto3.client("sqs"), settings.prefix, settings.queue_names)
    return OperatorSession(
        operator=Operator("", ""),
        queues=queues,
        states=RequestTable(dynamodb, settings.requests_table),
        bus=Publisher(boto3.client("events"), settings.event_bus_name),
        quarantine=QuarantineTable(
            dynamodb,
            settings.operations_table,
            queues.pairs,
            timedelta(days=settings.quarantine_retention_days),
        ),
        trail=TrailTable(dynamodb, settings.operations_table, timedelta(days=settings.trail_retention_days)),
    )
