"""Step notifications.push: RequestStatusChanged, ExportReady → the owner's connections, the queue of their webhooks."""

import boto3

from events.catalog.export_ready import ExportReady
from events.catalog.request_status_changed import RequestStatusChanged
from kit.consumer import EachMessage, sqs_consumer
from services.notifications.gateways import SqsDueQueue, WebSocketGateway
from services.notifications.push import Push
from services.notifications.repository.webhooks import SubscriberTable
from services.notifications.settings import PushSettings

settings = PushSettings.load()
push = Push(
    SubscriberTable(boto3.client("dynamodb"), settings.table_name),
    WebSocketGateway(settings.management_url),
    SqsDueQueue(boto3.client("sqs"), settings.webhook_queue_url),
)

handler = sqs_consumer(
    "notifications.push", [RequestStatusChanged, ExportReady], EachMessage(push, begin=push.begin_batch)
)
