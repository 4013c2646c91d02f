"""Consumes ErasureStarted, publishes DataErased: erases the verdicts about requests."""

import boto3

from events.catalog.erasure_started import ErasureStarted
from kit.consumer import EachMessage, sqs_consumer
from services.moderation.erasure import VerdictEraser
from services.moderation.repository import VerdictErasureTable
from services.moderation.settings import EraseSettings

eraser = VerdictEraser(VerdictErasureTable(boto3.client("dynamodb"), EraseSettings.load().table_name))
handler = sqs_consumer("moderation.erase", [ErasureStarted], EachMessage(eraser.erase))
