"""Consumes ErasureStarted, publishes DataErased: deletes an owner with all keys."""

import boto3

from events.catalog.erasure_started import ErasureStarted
from kit.consumer import EachMessage, sqs_consumer
from services.accounts.erasure import OwnerEraser
from services.accounts.repository.erasure import OwnerErasureTable
from services.accounts.settings import EraseSettings

eraser = OwnerEraser(OwnerErasureTable(boto3.client("dynamodb"), EraseSettings.load().table_name))
handler = sqs_consumer("accounts.erase", [ErasureStarted], EachMessage(eraser.erase))
