"""Consumes ErasureStarted and DataErased: collects the receipt, and destroys the key of an erased owner."""

from datetime import timedelta
from functools import partial

import boto3

from events.catalog.data_erased import DataErased
from events.catalog.erasure_started import ErasureStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.sealing import OwnerKeyTable
from services.privacy.platform import remains
from services.privacy.repository import ErasureTable
from services.privacy.service import Collector
from services.privacy.settings import CollectSettings

_settings = CollectSettings.load()
_dynamodb = boto3.client("dynamodb")
_collector = Collector(
    ErasureTable(_dynamodb, _settings.table_name, timedelta(days=_settings.receipt_retention_days)),
    OwnerKeyTable(_dynamodb, _settings.owner_keys_table),
    partial(remains, retentions=_settings.retentions()),
    SystemClock(),
)
handler = sqs_consumer("privacy.collect", [ErasureStarted, DataErased], EachMessage(_collector.collect))
