"""Consumes RequestCancelled and RequestExpired, publishes GenerationWithdrawn: no further image is paid for."""

from datetime import timedelta
from functools import partial
from typing import Final

import boto3

from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.generation.repository.ledger import DynamoLedger
from services.generation.settings import LedgerSettings
from services.generation.withdrawal import withdraw

_settings: Final = LedgerSettings.load()
_ledger: Final = DynamoLedger(
    boto3.client("dynamodb"), _settings.table_name, timedelta(days=_settings.ledger_retention_days)
)

handler: Final = sqs_consumer(
    "generation.tombstones",
    [RequestCancelled, RequestExpired],
    EachMessage(partial(withdraw, tombstones=_ledger, clock=SystemClock())),
)
