"""Consumes deletions from the table's stream: removes files and cached copies, publishes ImageDeleted."""

import boto3

from events.catalog.image_deleted import ImageDeleted
from kit.consumer import EachMessage, sqs_consumer
from services.storage.gateways import CloudFront
from services.storage.removal import FileRemoval
from services.storage.repository.files import S3GalleryFiles
from services.storage.repository.gallery import DynamoGallery
from services.storage.settings import RemoveSettings

_settings = RemoveSettings.load()
_removal = FileRemoval(
    gallery=DynamoGallery(boto3.client("dynamodb"), _settings.table_name),
    files=S3GalleryFiles(boto3.client("s3"), _settings.gallery_bucket_name),
    cdn=CloudFront(_settings.distribution_id),
)
handler = sqs_consumer("storage.remove", [ImageDeleted], EachMessage(_removal.remove))
