"""Consumes ExportCollected, publishes ExportReady: builds the files of an export."""

from datetime import timedelta

import boto3

from events.catalog.export_collected import ExportCollected
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.privacy.building import Builder
from services.privacy.gateways import S3Exports
from services.privacy.repository.exports import ExportTable
from services.privacy.settings import BuildSettings

_settings = BuildSettings.load()
_kept = timedelta(days=_settings.export_retention_days)
_builder = Builder(
    ExportTable(boto3.client("dynamodb"), _settings.table_name, _kept),
    S3Exports(boto3.client("s3"), _settings.exports_bucket_name, _settings.gallery_bucket_name),
    SystemClock(),
    _kept,
)
handler = sqs_consumer("privacy.build", [ExportCollected], EachMessage(_builder.build))
