"""Step notifications.erase: answers the events of privacy. Erases connections and webhooks, or exports webhooks."""

import boto3

from events.catalog.erasure_started import ErasureStarted
from events.catalog.export_started import ExportStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.exporting import ExportBucket, Exporter, answers
from services.notifications.erasure import SubscriberEraser
from services.notifications.exporting import WebhookExport
from services.notifications.gateways import WebSocketGateway
from services.notifications.repository.erasure import SubscriberErasureTable
from services.notifications.settings import EraseSettings

settings = EraseSettings.load()
subscribers, clock = SubscriberErasureTable(boto3.client("dynamodb"), settings.table_name), SystemClock()
eraser = SubscriberEraser(subscribers, WebSocketGateway(settings.management_url), clock)
exporter = Exporter(
    "notifications",
    WebhookExport(subscribers, clock).read,
    ExportBucket(boto3.client("s3"), settings.exports_bucket_name),
)

handler = sqs_consumer(
    "notifications.erase",
    [ErasureStarted, ExportStarted],
    EachMessage(answers(erase=eraser.erase, export=exporter.export)),
)
