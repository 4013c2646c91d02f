"""Step notifications.erase: ErasureStarted → closed connections, no webhooks, DataErased."""

import boto3

from events.catalog.erasure_started import ErasureStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.notifications.erasure import SubscriberEraser
from services.notifications.gateways import WebSocketGateway
from services.notifications.repository.erasure import SubscriberErasureTable
from services.notifications.settings import SocketSettings

settings = SocketSettings.load()
eraser = SubscriberEraser(
    SubscriberErasureTable(boto3.client("dynamodb"), settings.table_name),
    WebSocketGateway(settings.management_url),
    SystemClock(),
)

handler = sqs_consumer("notifications.erase", [ErasureStarted], EachMessage(eraser.erase))
