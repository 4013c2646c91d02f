"""Consumes RequestCancelled and RequestExpired: a withdrawn request is not paid for."""

from collections.abc import Sequence
from typing import Final

import boto3

from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from kit.consumer import EachMessage, sqs_consumer
from services.generation.repository import DynamoLedger
from services.generation.settings import LedgerSettings

_ledger: Final = DynamoLedger(boto3.client("dynamodb"), LedgerSettings.load().table_name)


def _add_tombstone(event: RequestCancelled | RequestExpired) -> Sequence[Event]:
    _ledger.add_tombstone(event.metadata.request_id, event.metadata.occurred_at)
    return []


handler: Final = sqs_consumer("generation.tombstones", [RequestCancelled, RequestExpired], EachMessage(_add_tombstone))
