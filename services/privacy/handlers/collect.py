"""Consumes ErasureStarted and DataErased: collects the receipt, destroys the key and erases the exports of an owner.

It also consumes DataExported: collects the parts of an export.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import boto3

from events.catalog.data_erased import DataErased
from events.catalog.data_exported import DataExported
from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.sealing import OwnerKeyTable
from services.privacy.exports import ExportCollector
from services.privacy.gateways import S3Exports
from services.privacy.platform import remains
from services.privacy.repository.erasures import ErasureTable
from services.privacy.repository.exports import ExportTable
from services.privacy.service import Collector
from services.privacy.settings import CollectSettings

_settings = CollectSettings.load()
_dynamodb = boto3.client("dynamodb")
_clock = SystemClock()
_exports = ExportCollector(
    ExportTable(_dynamodb, _settings.table_name, timedelta(days=_settings.export_retention_days)),
    S3Exports(boto3.client("s3"), _settings.exports_bucket_name),
    _clock,
)
_collector = Collector(
    ErasureTable(_dynamodb, _settings.table_name, timedelta(days=_settings.receipt_retention_days)),
    OwnerKeyTable(_dynamodb, _settings.owner_keys_table),
    _exports,
    partial(remains, retentions=_settings.retentions()),
    _clock,
)


def _collect(event: ErasureStarted | DataErased | DataExported) -> Sequence[Event]:
    return _exports.collect(event) if isinstance(event, DataExported) else _collector.collect(event)


handler = sqs_consumer("privacy.collect", [ErasureStarted, DataErased, DataExported], EachMessage(_collect))
