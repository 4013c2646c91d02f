"""Answers the events of privacy: erases images with their files and cached copies, or exports them."""

from datetime import timedelta

import boto3

from events.catalog.erasure_started import ErasureStarted
from events.catalog.export_started import ExportStarted
from kit.clock import SystemClock
from kit.consumer import EachMessage, sqs_consumer
from kit.exporting import ExportBucket, Exporter, answers
from services.storage.erasure import ImageEraser
from services.storage.exporting import ImageExport
from services.storage.gateways import CloudFront
from services.storage.repository.files import S3GalleryFiles
from services.storage.repository.gallery import DynamoGallery
from services.storage.repository.index import DynamoGalleryIndex
from services.storage.settings import EraseSettings

_settings = EraseSettings.load()
_dynamodb, _s3, _clock = boto3.client("dynamodb"), boto3.client("s3"), SystemClock()
_kept = timedelta(days=_settings.ledger_retention_days)
_gallery = DynamoGallery(_dynamodb, _settings.table_name, _kept)
_index = DynamoGalleryIndex(_dynamodb, _settings.table_name)
_eraser = ImageEraser(
    listings=_index,
    gallery=_gallery,
    files=S3GalleryFiles(_s3, _settings.gallery_bucket_name),
    cdn=CloudFront(_settings.distribution_id),
    clock=_clock,
    markers_kept=_kept,
)
_exporter = Exporter(
    "storage",
    ImageExport(_index, _gallery, _clock).read,
    ExportBucket(_s3, _settings.exports_bucket_name),
)
handler = sqs_consumer(
    "storage.erase",
    [ErasureStarted, ExportStarted],
    EachMessage(answers(erase=_eraser.erase, export=_exporter.export)),
)
