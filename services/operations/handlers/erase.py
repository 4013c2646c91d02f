"""Answers the events of privacy: erases messages from quarantine and dead-letter queues, or exports the trail."""

from datetime import timedelta

import boto3

from events.catalog.erasure_started import ErasureStarted
from events.catalog.export_started import ExportStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.exporting import ExportBucket, Exporter, answers
from kit.trail_table import TrailTable
from services.operations.dead_letters.repository import NamedQueues, QuarantineTable
from services.operations.erasure import MessageEraser
from services.operations.exporting import TrailExport
from services.operations.settings import EraseSettings

settings = EraseSettings.load()
queues = NamedQueues(boto3.client("sqs"), settings.prefix, settings.queue_names)
dynamodb = boto3.client("dynamodb")
eraser = MessageEraser(
    QuarantineTable(dynamodb, settings.operations_table, queues.pairs),
    queues,
    SystemClock().now,
    timedelta(days=settings.trail_retention_days),
)
exporter = Exporter(
    "operations",
    TrailExport(TrailTable(dynamodb, settings.operations_table)).read,
    ExportBucket(boto3.client("s3"), settings.exports_bucket_name),
)
handler = sqs_consumer(
    "operations.erase",
    [ErasureStarted, ExportStarted],
    EachMessage(answers(erase=eraser.erase, export=exporter.export)),
)
