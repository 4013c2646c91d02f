"""Consumes RequestCancelled and RequestExpired: a withdrawn request has no images in the gallery."""

from datetime import timedelta
from functools import partial

import boto3

from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from kit.consumer import EachMessage, sqs_consumer
from services.storage.repository.gallery import DynamoGallery
from services.storage.settings import GallerySettings
from services.storage.withdrawal import withdraw

_settings = GallerySettings.load()
_gallery = DynamoGallery(
    boto3.client("dynamodb"), _settings.table_name, timedelta(days=_settings.ledger_retention_days)
)

handler = sqs_consumer(
    "storage.tombstones", [RequestCancelled, RequestExpired], EachMessage(partial(withdraw, gallery=_gallery))
)
