"""Step notifications.push: status changes, decided appeals, exports → the owner's connections and webhooks."""

import boto3

from kit.consumer import EachMessage, sqs_consumer
from services.notifications.gateways import SqsDueQueue, WebSocketGateway
from services.notifications.push import Push
from services.notifications.repository.webhooks import SubscriberTable
from services.notifications.settings import PushSettings
from services.notifications.webhooks import ANNOUNCED

settings = PushSettings.load()
push = Push(
    SubscriberTable(boto3.client("dynamodb"), settings.table_name),
    WebSocketGateway(settings.management_url),
    SqsDueQueue(boto3.client("sqs"), settings.webhook_queue_url),
)

handler = sqs_consumer("notifications.push", ANNOUNCED, EachMessage(push, begin=push.begin_batch))
