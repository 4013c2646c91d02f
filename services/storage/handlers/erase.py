"""Consumes ErasureStarted, publishes DataErased: erases images with their files and cached copies."""

from datetime import timedelta

import boto3

from events.catalog.erasure_started import ErasureStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from services.storage.erasure import ImageEraser
from services.storage.gateways import CloudFront
from services.storage.repository.files import S3GalleryFiles
from services.storage.repository.gallery import DynamoGallery
from services.storage.repository.index import DynamoGalleryIndex
from services.storage.settings import RemoveSettings

_settings = RemoveSettings.load()
_dynamodb = boto3.client("dynamodb")
_kept = timedelta(days=_settings.ledger_retention_days)
_eraser = ImageEraser(
    listings=DynamoGalleryIndex(_dynamodb, _settings.table_name),
    gallery=DynamoGallery(_dynamodb, _settings.table_name, _kept),
    files=S3GalleryFiles(boto3.client("s3"), _settings.gallery_bucket_name),
    cdn=CloudFront(_settings.distribution_id),
    clock=SystemClock(),
    markers_kept=_kept,
)
handler = sqs_consumer("storage.erase", [ErasureStarted], EachMessage(_eraser.erase))
