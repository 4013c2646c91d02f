"""Consumes ErasureStarted, publishes DataErased: erases the ledger's items and the raw images of requests."""

from datetime import timedelta
from typing import Final

import boto3

from events.catalog.erasure_started import ErasureStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.generation.erasure import GenerationEraser
from services.generation.repository.handoff import S3RawImages
from services.generation.repository.ledger import DynamoLedger
from services.generation.settings import EraseSettings

_settings: Final = EraseSettings.load()
_kept: Final = timedelta(days=_settings.ledger_retention_days)
_eraser: Final = GenerationEraser(
    DynamoLedger(boto3.client("dynamodb"), _settings.table_name, _kept),
    S3RawImages(boto3.client("s3"), _settings.handoff_bucket_name),
    SystemClock(),
    _kept,
)

handler: Final = sqs_consumer("generation.erase", [ErasureStarted], EachMessage(_eraser.erase))
