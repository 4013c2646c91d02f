"""Consumes RequestCancelled and RequestExpired: a withdrawn request stores no images."""

import boto3

from events.catalog.request_cancelled import RequestCancelled
from events.catalog.request_expired import RequestExpired
from events.envelope import Event
from kit.consumer import EachMessage, sqs_consumer
from services.storage.repository.gallery import DynamoGallery
from services.storage.service import tombstone_for
from services.storage.settings import GallerySettings

_gallery = DynamoGallery(boto3.client("dynamodb"), GallerySettings.load().table_name)


def _add_tombstone(event: RequestCancelled | RequestExpired) -> list[Event]:
    _gallery.add_tombstone(tombstone_for(event))
    return []


handler = sqs_consumer("storage.tombstones", [RequestCancelled, RequestExpired], EachMessage(_add_tombstone))
