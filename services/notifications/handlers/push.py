"""Step notifications.push: the status of a request moved → its owner's connections, and the queue of their webhooks."""

import boto3

from events.catalog.request_status_changed import RequestStatusChanged
from kit.consumer import EachMessage, sqs_consumer
from services.notifications.adapters.gateway import Gateway
from services.notifications.adapters.outside import SqsDueQueue
from services.notifications.adapters.webhooks import AudienceTable
from services.notifications.settings import PushSettings
from services.notifications.telling import Push

settings = PushSettings.load()

handler = sqs_consumer(
    "notifications.push",
    [RequestStatusChanged],
    EachMessage(
        Push(
            AudienceTable(boto3.client("dynamodb"), settings.table_name),
            Gateway(settings.management_url),
            SqsDueQueue(boto3.client("sqs"), settings.webhook_queue_url),
        )
    ),
)
