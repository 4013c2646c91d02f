"""Consumes ErasureStarted, publishes DataErased: erases requests."""

from datetime import timedelta

import boto3

from events.catalog.erasure_started import ErasureStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.intake.erasure import RequestEraser
from services.intake.repository.erasure import ErasureTable
from services.intake.repository.requests import RequestTable
from services.intake.service import RequestService
from services.intake.settings import EraseSettings

settings = EraseSettings.load()
client, clock = boto3.client("dynamodb"), SystemClock()
requests = RequestService(RequestTable(client, settings.table_name), clock)
kept = timedelta(days=settings.ledger_retention_days)
eraser = RequestEraser(ErasureTable(client, settings.table_name, kept), requests, clock, kept)

handler = sqs_consumer("intake.erase", [ErasureStarted], EachMessage(eraser.erase))
