"""Consumes ErasureStarted, publishes DataErased: erases messages from the quarantine and the dead-letter queues."""

from datetime import timedelta

import boto3

from events.catalog.erasure_started import ErasureStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.operations.dead_letters.repository import NamedQueues, QuarantineTable
from services.operations.erasure import MessageEraser
from services.operations.settings import EraseSettings

settings = EraseSettings.load()
queues = NamedQueues(boto3.client("sqs"), settings.prefix, settings.queue_names)
eraser = MessageEraser(
    QuarantineTable(boto3.client("dynamodb"), settings.operations_table, queues.pairs),
    queues,
    SystemClock().now,
    timedelta(days=settings.trail_retention_days),
)
handler = sqs_consumer("operations.erase", [ErasureStarted], EachMessage(eraser.erase))
