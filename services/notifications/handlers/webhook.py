"""Step notifications.webhook: one signed attempt of a delivery."""

from datetime import timedelta

import boto3

from kit.consumer import EachMessage, sqs_consumer
from kit.secrets import CachedKeyring
from services.notifications.addresses import TargetPolicy
from services.notifications.deliveries import Deliver
from services.notifications.gateways import WebhookCaller
from services.notifications.repository.webhooks import WebhookTable
from services.notifications.settings import WebhookSettings
from services.notifications.webhooks import WebhookDue

settings = WebhookSettings.load()
secrets = boto3.client("secretsmanager")

handler = sqs_consumer(
    "notifications.webhook",
    [WebhookDue],
    EachMessage(
        Deliver(
            WebhookTable(
                boto3.client("dynamodb"), settings.table_name, timedelta(days=settings.delivery_retention_days)
            ),
            WebhookCaller(TargetPolicy(loopback=settings.webhook_loopback)),
            CachedKeyring(secrets, settings.master_secret_id),
        ),
        workers=5,
    ),
)
