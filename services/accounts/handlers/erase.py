"""Consumes ErasureStarted, publishes DataErased: deletes the keys and preferences of an owner."""

import boto3

from events.catalog.erasure_started import ErasureStarted
from kit.consumer import EachMessage, sqs_consumer
from services.accounts.erasure import OwnerEraser
from services.accounts.repository import OwnerTable
from services.accounts.settings import TableSettings

eraser = OwnerEraser(OwnerTable(boto3.client("dynamodb"), TableSettings.load().table_name))
handler = sqs_consumer("accounts.erase", [ErasureStarted], EachMessage(eraser.erase))
